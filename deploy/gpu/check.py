#!/usr/bin/env python3
"""Checks Assay on this machine's GPU, and measures it. Without a GPU it fails. Run it in the folder that folder.sh
made:

    check.py                 every part, ten minutes at most; gpu-DEVICE.json and its page gpu-DEVICE.html are here, and written after every part
    check.py scores served   these parts
    check.py --rehearse      the same steps on a machine without a GPU, with drivers for tests: the kernels run on these, the server on the
                             processors. It proves these scripts and nothing else.

A part that takes longer than it may is ended, and those behind it are run: a run that is cut leaves what it had.
parts.py says what each part does.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import machine
import page
import parts
from machine import HERE
from parts import say


def one(name, rehearse, environment):
    """Runs a part in a process group of its own, and gives how it ended, its seconds and what it found."""
    with tempfile.TemporaryDirectory() as folder:
        out, most = pathlib.Path(folder) / "found.json", parts.PARTS[name][1]
        command = [sys.executable, HERE / "check.py", "--part", name, "--found", out, *(["--rehearse"] if rehearse else [])]
        start = time.monotonic()
        process = subprocess.Popen(command, env=environment, start_new_session=True)
        try:
            status = process.wait(most)
            ended = "failed" if status else "held"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            ended = f"cut after {most} s"
        found = json.loads(out.read_text(encoding="utf-8")) if out.exists() else None
        return {"ended": ended, "seconds": time.monotonic() - start, "found": found}


def arguments():
    """Gives the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts.PARTS))
    parser.add_argument("--rehearse", action="store_true", help="without a GPU, with drivers for tests in LD_LIBRARY_PATH")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--found", help=argparse.SUPPRESS)
    given = parser.parse_args()
    for name in given.parts:
        if name not in parts.PARTS:
            parser.error(f"{name} is no part: {', '.join(parts.PARTS)}")
    return given


def main():
    given = arguments()
    if given.part:
        parts.main(given.part, given.rehearse, dict(os.environ), given.found)
        return
    try:
        name, version = machine.driver()
    except machine.Missing as missing:
        sys.exit(f"gpu-check: {missing}")
    say(f"{name}, driver for CUDA {version // 1000}.{version % 1000 // 10}")
    results = {"device": name, "cuda": version, "commit": (HERE / "commit").read_text().strip(), "bytes_per_second": machine.bandwidth(), "parts": {}}
    out = HERE / f"gpu-{re.sub('[^a-z0-9]+', '-', name.lower())}.json"
    environment = machine.environment(machine.libraries(given.rehearse))
    for part in given.parts or parts.PARTS:
        results["parts"][part] = one(part, given.rehearse, environment)
        say(f"{part}: {results['parts'][part]['ended']} in {results['parts'][part]['seconds']:.0f} s")
        drawn = page.page(results)
        if not given.rehearse:
            out.write_text(json.dumps(results, indent=1) + "\n")
            out.with_suffix(".html").write_text(drawn, encoding="utf-8")
    wrong = [part for part, told in results["parts"].items() if told["ended"] != "held"]
    if wrong:
        sys.exit(f"gpu-check: these do not hold: {', '.join(wrong)}")
    say("the rehearsal is over: nothing of it says anything of a GPU" if given.rehearse else f"all of it holds; {out.name} goes to bench/results")


if __name__ == "__main__":
    main()
