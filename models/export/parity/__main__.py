"""Runs the parity cases: `cd models/export && python -m parity`; exits with 1 when one fails."""

import argparse
import fnmatch
import multiprocessing
import os
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from assay_export.fixtures import write_readme
from assay_export.read.family import families

from .case import Case, every_case
from .pages import models_page
from .run import Result, run_layout

PARTS = 10
"""Into which the cases are cut by turns, so that each part has about as many of every kind."""


def arguments() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser("python -m parity", description="Hold every family to its authors' code, through the Go server.")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="cases, by case or family name; * stands for anything")
    parser.add_argument("--part", type=int, metavar="N", help="one of ten parts of the cases: part N, counted modulo 10")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the bundles there")
    parser.add_argument("--fixtures", type=Path, metavar="DIR", help="make this folder afresh: each case's bundle in its first layout")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the page of supported models")
    parser.add_argument("--assay", type=Path, default=Path("../../bin/assay"), help="the server's binary (default: ../../bin/assay)")
    parser.add_argument("--processes", type=int, default=2)
    return parser


def chosen(only: list[str] | None, part: int | None = None) -> list[Case]:
    """Return the cases that a pattern of `only` names by case or family, or those of a part; all without either.

    Ten parts in a row have every case once.
    """
    cases = [case for case in every_case()
             if only is None or any(fnmatch.fnmatch(name, pattern) for pattern in only for name in (case.name, case.family))]
    return cases if part is None else cases[part % PARTS::PARTS]


def run_all(cases: list[Case], assay: Path, out: Path, processes: int) -> list[Result]:
    """Run every case in each of its variants; print a line for each as it ends. Results come in the order of the
    cases."""
    wanted = [(case.name, *variant) for case in cases for variant in case.variants()]
    width, results = max(len(name) for name, *_ in wanted), {}
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(run_layout, *key, assay, out): key for key in wanted}
        for done in as_completed(waiting):
            result = results[waiting[done]] = done.result()
            told = f"FAILED {result.error}" if result.worst is None else f"{result.pairs:2d} pairs, largest difference {result.worst:.1e}"
            print(f"{result.case:{width}}  {result.family}, {result.class_name}, {result.layout}, head {result.head}: {told} "
                  f"({result.seconds:.0f} s)", flush=True)
    return [results[key] for key in wanted]


def keep_fixtures(folder: Path, out: Path, results: list[Result]) -> None:
    """Make the folder afresh from each case's first layout; results are those with the head inside."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    first = {result.case: result for result in reversed(results)}
    for result in first.values():
        shutil.copytree(out / result.bundle, folder / result.case)
    write_readme(folder, "Bundles of every family with tiny random weights, and golden pairs of the authors' code.",
                 "cd models/export && python -m parity --fixtures ../testdata/families",
                 "Seeds are in parity/cases. Each case's largest difference between server and authors' code when made:",
                 [f"{name}: {first[name].family}, {first[name].layout}, {first[name].worst:.1e}" for name in sorted(first)])


def main() -> None:
    """Run the cases asked for."""
    given = arguments().parse_args()
    cases = chosen(given.only, given.part)
    if given.part is not None:
        print(f"part {given.part % PARTS} of {PARTS}: {', '.join(case.name for case in cases)}", flush=True)
    if not cases:
        sys.exit(f"parity: no case is named {' or '.join(given.only or [])}")
    lacking = sorted(set(families()) - {case.family for case in cases})
    if lacking and not given.only and given.part is None:
        sys.exit(f"parity: no case is of family {lacking[0]}")
    if not given.assay.exists():
        sys.exit(f"parity: {given.assay} is missing; build the server first")
    if (given.only or given.part is not None) and (given.fixtures or given.docs):
        sys.exit("parity: --fixtures and --docs are of all cases, and --only and --part leave some out")
    with tempfile.TemporaryDirectory() as scratch:
        out = given.out or Path(scratch)
        results = run_all(cases, given.assay.resolve(), out, given.processes)
        failed = [result for result in results if result.worst is None]
        inside = [result for result in results if result.head == "inside"]
        if not failed and given.fixtures:
            keep_fixtures(given.fixtures, out, inside)
        if not failed and given.docs:
            given.docs.write_text(models_page(inside), encoding="utf-8")
    worst = max((result.worst for result in results if result.worst is not None), default=0.0)
    print(f"{len(cases)} cases of {len({case.family for case in cases})} families, {len(results)} bundles: {len(results) - len(failed)} hold, "
          f"{len(failed)} fail; largest difference {worst:.1e}")
    for name in sorted({result.case for result in failed}):
        print(f"alone: make .venv/lock.txt build && cd models/export && ../../.venv/bin/python -m parity --only {name}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
