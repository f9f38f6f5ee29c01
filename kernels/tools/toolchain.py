"""Fetches the wheels of wheels.txt into the checkout's .cuda folder, which git ignores, and unpacks what is used.

Usage: toolchain.py headers | nvrtc | ptxas; prints the path. What is already there is left alone, so a second run needs
no network.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
CACHE = TOOLS.parent.parent / ".cuda"

PARTS = {
    "headers": ("nvidia-cuda-runtime-cu12", "nvidia/cuda_runtime/include/", ""),
    "nvrtc": ("nvidia-cuda-nvrtc-cu12", "nvidia/cuda_nvrtc/lib/", "libnvrtc.so.12"),
    "ptxas": ("nvidia-cuda-nvcc-cu12", "nvidia/cuda_nvcc/bin/ptxas", "ptxas"),
}
"""Each part: its wheel, what to take out of it (a folder where it ends in a slash), and the file that is asked for in there."""


def requirement(wheel: str) -> str:
    """Return the line of wheels.txt that pins a wheel."""
    lines = (TOOLS / "wheels.txt").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith(f"{wheel}=="))
    return line


def download(wheel: str, into: Path) -> Path:
    """Fetch one wheel with pip, which holds it to its hash."""
    pinned = into / "requirements.txt"
    pinned.write_text(requirement(wheel), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", "--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_17_x86_64"]
    subprocess.run([*command, "--dest", str(into), "--requirement", str(pinned)], check=True, stdout=sys.stderr)
    (path,) = into.glob("*.whl")
    return path


def part(name: str) -> Path:
    """Return the path of a part, fetched if it is not there in the pinned version."""
    wheel, prefix, file = PARTS[name]
    version = requirement(wheel).split()[0].split("==")[1]
    folder = CACHE / f"{name}-{version}"
    if not folder.is_dir():
        CACHE.mkdir(exist_ok=True)
        print(f"cuda: fetching {wheel} {version}", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            unpack(download(wheel, Path(work)), prefix, Path(work) / "out")
            os.rename(Path(work) / "out", folder)
    return folder / file


def unpack(wheel: Path, prefix: str, into: Path) -> None:
    """Write the files under a prefix of a wheel into a folder, and make the programs among them such."""
    root = prefix if prefix.endswith("/") else prefix.rpartition("/")[0] + "/"
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(prefix) and not name.endswith("/"):
                target = into / name.removeprefix(root)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
                if "/bin/" in name:
                    target.chmod(0o755)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PARTS:
        sys.exit(__doc__)
    print(part(sys.argv[1]))
