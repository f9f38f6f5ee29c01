"""Runs every curl, echo and printf command of README.md against a running server and holds each answer to the one printed there. What
reads whole files runs in a folder of its own, where data/ has some, and must leave the file that it names.

Usage: python3 .ci/readme.py URL BINARY. One line a command, `ok` or `FAIL`; the exit status tells.

The JSON block after a command is part of its answer: what it names must be there; numbers may differ by a hundredth, since
processors differ in the last digits, and an ellipsis stands for anything, in a string, or at the end of a list for the rest of it.
"""

import gzip
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ELLIPSIS = "…"


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of a Markdown text as (language, content)."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


# What a server gives here depends on what it was asked before.
HISTORY = {"shared_tokens", "cached_tokens", "computed_tokens"}


def differs(want, got, where: str = "answer") -> str | None:
    """Return where and how an answer differs from the printed part of it, or None."""
    if want == ELLIPSIS:
        return None
    if isinstance(want, dict) and isinstance(got, dict):
        missing = [key for key in want if key not in got]
        if missing:
            return f"{where} has no {missing[0]}"
        return next(filter(None, (differs(want[key], got[key], f"{where}.{key}") for key in want if key not in HISTORY)), None)
    if isinstance(want, list) and isinstance(got, list):
        rest = want[-1:] == [ELLIPSIS]
        want = want[:-1] if rest else want
        if len(want) > len(got) or not rest and len(want) != len(got):
            return f"{where} has {len(got)} entries, not {len(want)}"
        return next(filter(None, (differs(a, b, f"{where}[{i}]") for i, (a, b) in enumerate(zip(want, got, strict=False)))), None)
    number = (int, float)
    if isinstance(want, number) and isinstance(got, number) and not isinstance(want, bool) and not isinstance(got, bool):
        return None if abs(want - got) <= 0.01 else f"{where} is {got}, and README.md prints {want}"
    if isinstance(want, str) and isinstance(got, str) and want.endswith(ELLIPSIS):
        return None if got.startswith(want[:-1]) else f"{where} is {got!r}, and README.md prints {want!r}"
    return None if want == got else f"{where} is {got!r}, and README.md prints {want!r}"


def run(command: str, want: str | None) -> str | None:
    """Run one command; return what is wrong, or None."""
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    if done.returncode:
        return f"status {done.returncode}: {done.stdout[:300]}{done.stderr[:300]}"
    return differs(json.loads(want), json.loads(done.stdout)) if want else None


def whole_files(command: str) -> str | None:
    """Run a command over whole files; return what is wrong, or None."""
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder, "data")
        data.mkdir()
        for name in "a", "b":
            row = json.dumps({"question": "What is 12 + 30?", "answer": f"{name}: 12 + 30 = 42"})
            (data / f"{name}.jsonl.gz").write_bytes(gzip.compress(row.encode()))
        wrong = run(f"cd {folder} && {command}", None)
        made = pathlib.Path(folder, command.split("--out ")[1].split()[0])
        return wrong or (None if made.exists() and made.stat().st_size else f"{made.name} is not there")


def main(url: str, binary: str) -> int:
    parts = blocks(pathlib.Path("README.md").read_text(encoding="utf-8"))
    failed = ran = 0
    for at, (language, content) in enumerate(parts):
        if language != "sh" or not re.match(r"(curl|echo|printf|bin/assay) ", content):
            continue
        after = parts[at + 1] if at + 1 < len(parts) else ("", "")
        command = content.replace("http://127.0.0.1:8080", url).replace("bin/assay", str(pathlib.Path(binary).resolve()))
        wrong = whole_files(command) if "--out " in command else run(command, after[1] if after[0] == "json" else None)
        ran += 1
        failed += wrong is not None
        print("FAIL " if wrong else "ok   ", "README:", content.splitlines()[0][:90], f"\n       {wrong}" if wrong else "")
    if ran < 7:
        print(f"FAIL  README.md has {ran} commands, and at least 7 are expected")
        failed += 1
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
