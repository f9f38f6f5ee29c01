"""One case in one variant: write, export, put the reference's golden pairs in, and let the Go server verify the bundle.

A variant is a layout with the head inside the graph or in one of its own.
"""

import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from assay_export import cli
from assay_export.errors import ExportError
from assay_export.text.golden import write_pairs

from .case import Case, every_case

LEAST_SPREAD = 1e-3
"""Scores of a case's items must lie this far apart at least; else they would prove nothing."""


@dataclass
class Result:
    """What came of one case in one layout."""

    case: str
    family: str
    layout: str
    head: str = "inside"
    """Or separate."""
    class_name: str = ""
    pairs: int = 0
    worst: float | None = None
    """Largest difference between the server's and the reference's scores; None when the case failed."""
    error: str = ""
    seconds: float = 0.0

    @property
    def bundle(self) -> str:
        """Name of the bundle's folder."""
        return f"{self.case}-{self.layout}" + ("-separate" if self.head == "separate" else "")


def run_layout(name: str, layout: str, head: str, assay: Path, out: Path) -> Result:
    """Run one case by name and return its result; what goes wrong is in the result."""
    torch.set_num_threads(1)
    disable_progress_bar()
    set_verbosity_error()
    case = next(case for case in every_case() if case.name == name)
    result, start = Result(case.name, case.family, layout, head), time.monotonic()
    try:
        attempt(case, assay, out, result)
    except Exception as error:  # a case that fails must not stop the others
        lines = (str(error).strip() or repr(error)).splitlines()
        result.error = lines[0] if isinstance(error, ExportError | Failed) else f"{type(error).__name__}: {lines[0]}"
    result.seconds = time.monotonic() - start
    return result


class Failed(Exception):
    """A case that does not hold, in one sentence."""


def attempt(case: Case, assay: Path, out: Path, result: Result) -> None:
    """Fill the result; Failed or ExportError says in a sentence why the case does not hold."""
    bundle = out / result.bundle
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / case.name
        case.write(source)
        pairs = case.reference(source, case.items)
        prove_spread(pairs)
        other = source / "reference"
        cli.export(cli.arguments().parse_args([
            str(source), str(bundle), "--family", case.family, "--layout", result.layout, "--head", result.head, "--name", case.name,
            "--licence", "Apache-2.0", "--description", "Tiny random weights, for tests", "--assay", str(assay),
            *(["--reference", str(other)] if other.is_dir() else []), *case.options]))
    result.class_name = yaml.safe_load((bundle / "assay.yaml").read_text(encoding="utf-8"))["source"]["class"]
    put_pairs(bundle, pairs)
    verified = subprocess.run([assay, "verify", bundle], capture_output=True, text=True, timeout=300)
    said = verified.stdout + verified.stderr
    if verified.returncode != 0:
        wrong = [line for line in said.splitlines() if line.startswith("✗")] or said.strip().splitlines()[-1:]
        raise Failed(f"assay verify: {wrong[0] if wrong else 'no word'}")
    found = re.search(r"(\d+) pairs.*largest difference ([0-9.e+-]+)", said)
    if not found or int(found[1]) != len(pairs):
        raise Failed(f"assay verify did not hold the {len(pairs)} golden pairs: {said.strip().splitlines()[-1]}")
    result.pairs, result.worst = len(pairs), float(found[2])


def prove_spread(pairs: list[dict]) -> None:
    """Refuse golden pairs that all score the same."""
    numbers = [number for pair in pairs for number in
               pair.get("steps") or pair.get("vector") or pair.get("logits") or [pair.get("score", pair.get("probability"))]]
    known = [number for number in numbers if number is not None]
    if len(pairs) < 3 or max(known) - min(known) < LEAST_SPREAD:
        raise Failed(f"the reference's scores of {len(pairs)} items lie within {LEAST_SPREAD}, so they would prove nothing")


def put_pairs(bundle: Path, pairs: list[dict]) -> None:
    """Replace the bundle's golden pairs; the exporter writes none for a model that takes only ids or text."""
    write_pairs(bundle / "golden.jsonl", pairs)
    path = bundle / "assay.yaml"
    text = path.read_text(encoding="utf-8")
    if "golden" not in yaml.safe_load(text):
        path.write_text(text + "golden: {file: golden.jsonl, tolerance: 0.0001}\n", encoding="utf-8")
