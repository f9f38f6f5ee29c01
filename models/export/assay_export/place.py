"""Where a bundle is put: written beside its directory and moved there whole, and nothing deleted but what an earlier bundle's manifest names."""

import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import onnx
import yaml

from .errors import ExportError

MANIFEST = "assay.yaml"


@contextmanager
def beside(out: Path) -> Iterator[Path]:
    """Give an empty directory beside `out` to write into; at the end it becomes `out`, and when something goes wrong it is removed.

    An earlier bundle in `out` stays whole until then.
    """
    check_place(out)
    with parents_of(out) as place:
        whole = out.resolve()
        part = place / f"{whole.name}.part-{os.getpid()}"
        try:
            part.mkdir()
        except OSError as error:
            raise ExportError(f"{part} cannot be made: {error.strerror}") from None
        try:
            yield part
            put(part, whole)
        except ExportError as error:
            raise ExportError(str(error).replace(str(part), str(out))) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def parents_of(out: Path) -> Iterator[Path]:
    """Give the directory that `out` lies in, made where it was not there; when something goes wrong, what was made goes again."""
    place = out.resolve().parent
    made = [folder for folder in (place, *place.parents) if not folder.exists()]
    try:
        place.mkdir(parents=True, exist_ok=True)
        yield place
    except OSError as error:
        remove(made)
        raise ExportError(f"{error.filename or place} cannot be written: {error.strerror}") from error
    except BaseException:
        remove(made)
        raise


def remove(folders: list[Path]) -> None:
    """Remove folders that are empty, the innermost first."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def check_place(out: Path) -> None:
    """Refuse a place where something else than a bundle lies."""
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out} is a file, and a bundle is a directory")
    above = next((folder for folder in out.absolute().parents if folder.exists()), None)
    if above is not None and not above.is_dir():
        raise ExportError(f"{out} lies below {above}, which is no directory")
    try:
        filled = out.is_dir() and any(out.iterdir())
    except OSError as error:
        raise ExportError(f"{out} cannot be read: {error.strerror}") from None
    if filled and not (out / MANIFEST).is_file():
        raise ExportError(f"{out} is not empty and holds no {MANIFEST}, so it is no bundle; give an empty or a new directory")
    if filled:
        named(out)


def check_out(out: Path, source: Path) -> None:
    """Refuse to write over a checkpoint, or into it."""
    whole, kept = out.resolve(), source.resolve()
    if whole == kept:
        raise ExportError(f"{out} is the checkpoint's own directory; write the bundle to another")
    if whole.is_relative_to(kept):
        raise ExportError(f"{out} lies in the checkpoint's directory {source}; write the bundle to another")


def put(part: Path, out: Path) -> None:
    """Move a bundle to its place: what the earlier one's manifest names goes, and the new manifest comes last."""
    old = named(out) if out.is_dir() and any(out.iterdir()) else set()
    strange = sorted(file.name for file in part.iterdir() if (out / file.name).exists() and file.name not in old
                     and not ((out / file.name).is_file() and filecmp.cmp(file, out / file.name, shallow=False)))
    if strange:
        raise ExportError(f"{out / strange[0]} is none of the bundle that is there, and would be overwritten; move it away")
    if not old:
        part.rename(out)
        return
    for name in sorted(old, key=lambda name: name != MANIFEST):
        (out / name).unlink(missing_ok=True)
    for file in sorted(part.iterdir(), key=lambda file: file.name == MANIFEST):
        file.rename(out / file.name)


def named(bundle: Path) -> set[str]:
    """Return the files in a bundle's directory that its manifest names, itself and its graphs' external data among
    them."""
    path = bundle / MANIFEST
    try:
        manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
        graph = manifest["graph"]
        graphs = [stage["file"] for stage in graph.get("stages") or [graph]]
        entries = [MANIFEST, *graphs, *manifest["source"].get("licences", []), *(part.get("file") for part in (
            graph.get("head") or {}, *(manifest.get(name) or {} for name in ("tokenizer", "template", "golden"))))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ExportError(f"{path} is no manifest that can be read ({type(error).__name__}), so what may be replaced is unknown") from None
    files = {entry for entry in [*entries, *(name for file in graphs for name in external(bundle / file))] if isinstance(entry, str)}
    return {name for name in files if Path(name).name == name and (bundle / name).is_file()}


def external(graph: Path) -> list[str]:
    """Return the files that hold a graph's external data."""
    if not graph.is_file():
        return []
    try:
        model = onnx.load(graph, load_external_data=False)
    except Exception:  # what cannot be read names nothing
        return []
    return [entry.value for tensor in model.graph.initializer for entry in tensor.external_data if entry.key == "location"]
