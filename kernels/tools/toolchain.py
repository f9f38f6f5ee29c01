"""Fetches wheels into the checkout's .cuda folder, which git ignores, and unpacks what is used.

Usage: toolchain.py headers | nvrtc | ptxas | provider; prints the path. What is already there is left alone, so a
second run needs no network. The wheels are pinned in wheels.txt, and those that a server loads too in
models/native/cuda.txt.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parent.parent
CACHE = ROOT / ".cuda"
PINS = (TOOLS / "wheels.txt", ROOT / "models/native/cuda.txt")

PARTS = {
    "headers": ("nvidia-cuda-runtime-cu12", "nvidia/cuda_runtime/include/", ""),
    "nvrtc": ("nvidia-cuda-nvrtc-cu12", "nvidia/cuda_nvrtc/lib/", "libnvrtc.so.12"),
    "ptxas": ("nvidia-cuda-nvcc-cu12", "nvidia/cuda_nvcc/bin/ptxas", "ptxas"),
    "provider": ("onnxruntime-gpu", "onnxruntime/capi/libonnxruntime", "libonnxruntime_providers_cuda.so"),
}
"""Each part: its wheel, what to take out of it (a folder where it ends in a slash, else every file whose path begins
so), and the file that is asked for in there."""


def requirement(wheel: str) -> str:
    """Return the line that pins a wheel."""
    lines = [line for pins in PINS for line in pins.read_text(encoding="utf-8").replace("\\\n", "").splitlines()]
    (line,) = (line for line in lines if line.startswith(f"{wheel}=="))
    return line


def download(wheel: str, into: Path) -> Path:
    """Fetch one wheel with pip, which holds it to its hash."""
    pinned = into / "requirements.txt"
    pinned.write_text(requirement(wheel), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", "--python-version", "3.12", "--implementation", "cp", "--abi", "cp312", "--abi", "none"]
    for glibc in ("manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28"):
        command += ["--platform", f"{glibc}_x86_64"]
    if subprocess.run([*command, "--dest", str(into), "--requirement", str(pinned)], check=False, stdout=sys.stderr).returncode:
        sys.exit(f"cuda: the wheel {pinned.read_text(encoding='utf-8').split()[0]} could not be had; pip says why above")
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
