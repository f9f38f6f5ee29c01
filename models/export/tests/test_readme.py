"""The commands of README.md, "Your own model", as they stand there: install, export, verify, serve."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


def commands() -> list[list[str]]:
    """Return the indented lines of the section."""
    section = (REPOSITORY / "README.md").read_text(encoding="utf-8").partition("## Your own model")[2].partition("\n## ")[0]
    return [shlex.split(line) for line in section.splitlines() if line.startswith("    ")]


def test_commands_of_the_readme(checkpoint, tmp_path):
    if not (REPOSITORY / "bin" / "assay").exists():
        pytest.fail("bin/assay is missing; make parity builds it first")
    install, export, verify, serve = commands()
    place = tmp_path / "place"
    shutil.copytree(REPOSITORY / "models" / "export", place / "models" / "export", ignore=shutil.ignore_patterns("__pycache__", "parity", "tests"))
    (place / "bin").symlink_to(REPOSITORY / "bin")
    checkpoint("qwen3").rename(place / "my-checkpoint")
    # The requirements are there already, and the environment stays as it is.
    subprocess.run([sys.executable, "-m", *install, "--quiet", "--no-deps", "--target", tmp_path / "packages"], cwd=place, check=True)
    own = {**os.environ, "PYTHONPATH": str(tmp_path / "packages")}
    assert export[0] == "assay-export" and (tmp_path / "packages" / "bin" / "assay-export").exists()
    subprocess.run([sys.executable, "-P", "-m", "assay_export", *export[1:]], cwd=place, env=own, check=True)
    runtime = {**os.environ, "ASSAY_ONNXRUNTIME": str(next((REPOSITORY / ".runtime" / "lib").glob("libonnxruntime.so.*")))}
    subprocess.run(verify, cwd=place, env=runtime, check=True)
    server = subprocess.Popen([*serve, "--listen", "127.0.0.1:0"], cwd=place, env=runtime, stdout=subprocess.PIPE, text=True)
    try:
        assert "my-bundle (reward)" in server.stdout.readline()
    finally:
        server.terminate()
    assert server.wait(timeout=60) == 0
