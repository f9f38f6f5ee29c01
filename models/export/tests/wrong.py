"""What every export of a directory of a wrong kind must end in: one sentence, and nothing written."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from assay_export import tiny
from assay_export.command import main

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
"""What a clone without git-lfs has in a file's place."""


@dataclass
class Wrong:
    """One kind: what is done to a directory that is right, and what the sentence must have in it."""

    kind: str
    spoil: Callable[[Path], object]
    said: tuple[str, ...]
    model_type: str = "qwen3"
    options: tuple[str, ...] = ()


def table(*wrong: Wrong):
    """Return a parameter of a test for a table of kinds."""
    return pytest.mark.parametrize("wrong", wrong, ids=[one.kind for one in wrong])


def state(directory: Path) -> dict[str, object]:
    """Return what lies in a directory: contents of files, targets of links, kinds of all else."""
    found = {}
    for path in sorted(directory.rglob("*")):
        found[str(path.relative_to(directory))] = (
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else path.lstat().st_mode)
    return found


def sentence(monkeypatch, capfd, source, out, *options: str) -> str:
    """Run the command, and return the one sentence that it ends in; it must exit with 1, write nothing, and say nothing else."""
    place = Path(out).parent
    while not place.is_dir():
        place = place.parent
    before = state(place)
    monkeypatch.setattr("sys.argv", ["assay-export", str(source), str(out), *options])
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    said = ended.value.code
    assert isinstance(said, str) and said.startswith("assay-export: "), f"it ended with {said}: {capfd.readouterr().err}"
    assert capfd.readouterr() == ("", "")
    assert "\n" not in said and len(said) <= 500, said
    assert "Traceback" not in said and state(place) == before
    return said


def hold(wrong: Wrong, right: Path, tmp_path: Path, monkeypatch, capfd) -> None:
    """Spoil a copy of a right directory, export it, and hold the sentence to the kind's words, of which the first is a path."""
    source = tmp_path / "source"
    shutil.copytree(right, source)
    wrong.spoil(source)
    said = sentence(monkeypatch, capfd, source, tmp_path / "out", *wrong.options)
    file, *words = wrong.said
    assert str(source / file) in said, said
    for word in words:
        assert word in said, said


def edit(name: str, **fields) -> Callable[[Path], None]:
    """Return what sets fields of a JSON file."""
    return lambda source: tiny.edit_json(source / name, **fields)


def config(**fields) -> Callable[[Path], None]:
    """Return what sets fields of config.json."""
    return edit("config.json", **fields)


def drop(name: str, *fields: str) -> Callable[[Path], None]:
    """Return what takes fields out of a JSON file."""
    def spoil(source: Path) -> None:
        content = json.loads((source / name).read_text(encoding="utf-8"))
        for field in fields:
            del content[field]
        (source / name).write_text(json.dumps(content), encoding="utf-8")
    return spoil


def write(name: str, content: str | bytes) -> Callable[[Path], None]:
    """Return what writes a file."""
    def spoil(source: Path) -> None:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).unlink(missing_ok=True)
        (source / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return spoil


def cut(name: str, size: int) -> Callable[[Path], None]:
    """Return what cuts a file short: to its first bytes, or with a negative size, its last ones off."""
    return lambda source: (source / name).write_bytes((source / name).read_bytes()[:size])


def instead(name: str, made: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return what puts something else in a file's place."""
    def spoil(source: Path) -> None:
        (source / name).unlink(missing_ok=True)
        made(source / name)
    return spoil


def gone(*names: str) -> Callable[[Path], None]:
    """Return what removes files."""
    return lambda source: [(source / name).unlink() for name in names]


def weights(change: Callable[[dict], object]) -> Callable[[Path], None]:
    """Return what rewrites the weights after they were changed in place."""
    def spoil(source: Path) -> None:
        given = load_file(source / "model.safetensors")
        change(given)
        save_file(given, source / "model.safetensors", metadata={"format": "pt"})
    return spoil


def all_of(*spoils: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return what does several things."""
    return lambda source: [spoil(source) for spoil in spoils] and None
