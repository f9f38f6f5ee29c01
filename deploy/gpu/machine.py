"""What a machine has: its driver, and the libraries that ONNX Runtime's CUDA provider asks for."""

import ctypes
import os
import pathlib
import re
import subprocess
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
FETCHED = HERE / ".runtime" / "cuda"
RUNTIME = "libonnxruntime.so.1.27.0"
PEAKS = {"B200": 2250, "H200": 989, "GH200": 989, "H100 PCIe": 756, "H100 NVL": 835, "H100": 989, "A100": 312, "A30": 165, "A40": 150, "A10": 125,
         "L40S": 362, "L40": 181, "L4": 121, "RTX 4090": 165, "RTX 3090": 71}
"""Tflop/s by the word that a device's name has in it; the first that fits."""


class Missing(Exception):
    """The machine lacks what the check needs; the message is one sentence."""


def driver():
    """Asks the driver for its device: its name, and the driver's version as CUDA counts it."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as problem:
        raise Missing(f"this machine has no GPU that its driver can use: the driver cannot be loaded: {problem}") from None
    count, version, device, name = ctypes.c_int(), ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(256)
    for status in (cuda.cuInit(0), cuda.cuDeviceGetCount(ctypes.byref(count)), cuda.cuDriverGetVersion(ctypes.byref(version))):
        if status:
            raise Missing(f"this machine has no GPU that its driver can use: the driver answers with error {status}")
    if not count.value:
        raise Missing("this machine has no GPU that its driver can use: the driver finds no device")
    cuda.cuDeviceGet(ctypes.byref(device), 0)
    cuda.cuDeviceGetName(name, 256, device)
    return name.value.decode(), version.value


def bandwidth():
    """Gives the bytes a second that the first device's memory can move, by its clock and its width; 0 where the driver
    does not tell."""
    cuda = ctypes.CDLL("libcuda.so.1")
    kilohertz, bits = ctypes.c_int(), ctypes.c_int()
    for value, attribute in ((kilohertz, 36), (bits, 37)):
        if cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, 0):
            return 0
    return 2e3 * kilohertz.value * bits.value / 8


def memory():
    """Gives the bytes of the first device's memory that are taken, by whatever process; the one that asks takes some of
    them from its first question on."""
    cuda, device, context = ctypes.CDLL("libcuda.so.1"), ctypes.c_int(), ctypes.c_void_p()
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    for status in (cuda.cuInit(0), cuda.cuDeviceGet(ctypes.byref(device), 0), cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device),
                   cuda.cuCtxSetCurrent(context), cuda.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))):
        if status:
            raise Missing(f"the driver does not tell how much memory is taken: it answers with error {status}")
    return total.value - free.value


def peak(name):
    """Gives the operations a second of a device's products of 16 bits that are summed in float32, dense, as NVIDIA's
    data sheets have them; None of a device that is not in the table."""
    return next((1e12 * tera for known, tera in PEAKS.items() if re.search(rf"\b{known}\b", name)), None)


def libraries(rehearse):
    """Gives the folders for LD_LIBRARY_PATH, the one with ONNX Runtime first.

    What wheels.py fetched is taken; or else the pieces are put together and CUDA and cuDNN come from this Python's
    packages; or else wheels.py fetches all, 1.5 GB. A rehearsal, which needs none of CUDA's, takes ONNX Runtime for
    processors instead of that.
    """
    joined, pieces = HERE / ".runtime" / "pieces", sorted((HERE / "pieces").glob("onnxruntime.tar.gz.*"))
    if not (FETCHED / RUNTIME).exists() and pieces:
        if not (joined / RUNTIME).exists():
            joined.mkdir(parents=True, exist_ok=True)
            whole = joined / "onnxruntime.tar.gz"
            with whole.open("wb") as out:
                for piece in pieces:
                    out.write(piece.read_bytes())
            with tarfile.open(whole) as archive:
                archive.extractall(joined)
            whole.unlink()
        found = {file.parent for root in map(pathlib.Path, sys.path) for file in root.glob("nvidia/**/lib*.so*")}
        return [joined, *sorted(found)]
    if not (FETCHED / RUNTIME).exists() and rehearse:
        return [HERE / ".runtime" / "lib"]
    if not (FETCHED / RUNTIME).exists():
        subprocess.run([sys.executable, HERE / "models" / "native" / "wheels.py", "cuda"], check=True)
    return [FETCHED]


def environment(folders):
    """Gives the environment in which the server finds these libraries."""
    known = os.environ.get("LD_LIBRARY_PATH")
    return os.environ | {"LD_LIBRARY_PATH": ":".join([*map(str, folders), *([known] if known else [])]), "ASSAY_DRIVERS": known or ""}
