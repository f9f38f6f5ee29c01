"""What half precision changes in every family with a graph for GPUs: `python -m parity.half FILE` writes docs/HALF.md.

Each case's checkpoint is exported with --compute float16 and bfloat16, which holds the float32 twin of the graph's
nodes to PyTorch and measures the drift; beside it is what the authors' class loses in that type. With --add the page
keeps the lines that it has of other cases.
"""

import argparse
import json
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from assay_export import ExportError
from assay_export.cli import arguments, export
from assay_export.fused import HALVES, Lost

from . import trained
from .case import Case, every_case
from .halved import Watch

PAGE = """# Half precision, family by family

Written by `python -m parity.half docs/HALF.md`, from tiny random checkpoints of every family that
[has a graph for GPUs](BUNDLE.md#graphs-for-gpus). Random weights spread what they round more than trained ones do.

- *twin*: how far the same nodes in float32 are from PyTorch, relative above 1. It is held to 1e-4.
- *score*, *order*: `graph.drift` of the bundle: the largest difference of a score from float32, relative above 1, and
  the share of pairs of about 75 items that keep their order.
- *theirs*: the same of the authors' class in PyTorch, with weights and activations of that type, as users run it.

"""


@dataclass
class Row:
    """One line of the page."""

    case: str
    family: str
    kind: str = ""
    """model_type of config.json."""
    twin: str = ""
    drifts: dict[str, tuple[dict, Lost]] = field(default_factory=dict)
    """By type the manifest's `graph.drift`, and what PyTorch's own loses."""


def exported(case: Case, source: Path, out: Path, compute: str) -> tuple[dict, str]:
    """Export a case's checkpoint for GPUs; return the manifest and what the command says."""
    reference = ["--reference", str(source / "reference")] if (source / "reference").exists() else []
    family = [] if "--family" in case.options else ["--family", case.family]
    said = export(arguments().parse_args([str(source), str(out), "--layout", "packed", "--compute", compute, *family, *reference, *case.options]))
    return yaml.safe_load((out / "assay.yaml").read_text(encoding="utf-8")), said


def measured(case: Case, folder: Path) -> Row | None:
    """Return a case's line; None where its body has no graph for GPUs."""
    source, row = folder / "checkpoint", Row(case.name, case.family)
    case.write(source)
    if not (source / "config.json").exists():
        return None  # an adapter: its base is of a kind that has lines of its own
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    row.kind = config.get("text_config", config)["model_type"]
    for compute in HALVES:
        try:
            with Watch() as watch:
                manifest, said = exported(case, source, folder / compute, compute)
        except ExportError as error:
            if "has no graph for --compute" in str(error) or "no operator for --compute" in str(error):
                return None
            raise
        row.drifts[compute] = manifest["graph"]["drift"], watch.found[-1]
        row.twin = re.search(r"largest difference from PyTorch (\S+)", said).group(1)
    return row


def line(row: Row) -> str:
    """Return a line of the table."""
    halves = [f"{own['score']:g} | {own['order']:g} | {theirs.score:g} | {theirs.order:g}" for own, theirs in (row.drifts[half] for half in HALVES)]
    return f"| {row.family} | {row.kind} | {row.case} | {row.twin} | {' | '.join(halves)} |"


def kept(page: Path, measured: set[str]) -> list[str]:
    """Return a page's lines of cases that are not measured anew."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [line for line in lines[1:] if line.split(" | ")[2] not in measured]


def main() -> None:
    """Measure every case, or those whose names begin as asked; write the page."""
    parser = argparse.ArgumentParser("python -m parity.half", description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--only", default="", metavar="START,...", help="cases whose names begin so")
    parser.add_argument("--add", action="store_true", help="keep the page's lines of other cases")
    options = parser.parse_args()
    rows = []
    for case in every_case():
        if "packed" not in case.layouts or not case.name.startswith(tuple(options.only.split(","))):
            continue
        with tempfile.TemporaryDirectory() as folder:
            row = measured(case, Path(folder))
        if row is not None:
            rows.append(row)
            print(line(row), flush=True)
    head = ["| family | body | case | twin | float16: score | order | theirs: score | order | bfloat16: score | order | theirs: score | order |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    lines = [*(line(row) for row in rows), *(kept(options.page, {row.case for row in rows}) if options.add else [])]
    lines.sort(key=lambda line: (line.split(" | ")[0], line.split(" | ")[2]))
    with tempfile.TemporaryDirectory() as folder:
        page = PAGE + trained.section(trained.orders(Path(folder))) + "\n"
    options.page.write_text(page + "\n".join([*head, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
