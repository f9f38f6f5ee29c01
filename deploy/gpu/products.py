"""Products of matrices on the device by cuBLAS, as ONNX Runtime's provider asks for them: their rates, and whether a
row has the same bits in every batch. It is told what the provider is told: cublasGemmEx, sums in float32, the workspace
as the environment has it.

    products.py [--quick]      prints one JSON object; CUBLAS_WORKSPACE_CONFIG is looked at by cuBLAS alone
"""

import argparse
import ctypes
import json
import os
import random
import sys

ROWS = (1, 2, 16, 64, 100, 256, 1000, 4096, 8192)
SHAPES = {"qkv": (4096, 6144), "out": (4096, 4096), "gate_up": (4096, 28672), "down": (14336, 4096)}
"""Inner and outer size of the products of a layer of Llama 3 8B."""
TYPES = {"float16": (2, range(0x2c, 0x3c)), "bfloat16": (14, range(0x3d, 0x40))}
"""cudaDataType, and the upper bytes of numbers between 2⁻⁴ and 1, or 2⁻⁵ and 2."""
SUMS_FLOAT32, DEFAULT_ALGORITHM, TRANSPOSED, AS_IT_IS = 68, -1, 1, 0
LEAST_SECONDS, MOST_RUNS = 0.05, 200


class Cuda:
    """The runtime and cuBLAS. Every call that fails raises."""

    def __init__(self):
        self.runtime, self.blas = ctypes.CDLL("libcudart.so.13"), ctypes.CDLL("libcublas.so.13")
        self.handle = ctypes.c_void_p()
        self.ask(self.blas.cublasCreate_v2, ctypes.byref(self.handle))

    def ask(self, function, *arguments):
        """Calls a function, whose status must be 0."""
        status = function(*arguments)
        if status:
            raise RuntimeError(f"{function.__name__} gives status {status}")

    def room(self, size):
        """Gives memory of the device."""
        address = ctypes.c_void_p()
        self.ask(self.runtime.cudaMalloc, ctypes.byref(address), ctypes.c_size_t(size))
        return address

    def put(self, data):
        """Gives memory of the device that holds bytes."""
        address = self.room(len(data))
        self.ask(self.runtime.cudaMemcpy, address, (ctypes.c_char * len(data)).from_buffer(data), ctypes.c_size_t(len(data)), 1)
        return address

    def get(self, address, size):
        """Gives bytes of the device."""
        into = ctypes.create_string_buffer(size)
        self.ask(self.runtime.cudaMemcpy, into, address, ctypes.c_size_t(size), 2)
        return into.raw

    def free(self, *addresses):
        """Gives memory back."""
        for address in addresses:
            self.ask(self.runtime.cudaFree, address)

    def multiply(self, kind, rows, inner, outer, x, weight, y):
        """Puts y [rows, outer] = x [rows, inner] · weight [inner, outer] on the stream, all of them by rows."""
        one, none = ctypes.c_float(1), ctypes.c_float(0)
        self.ask(self.blas.cublasGemmEx, self.handle, AS_IT_IS, AS_IT_IS, outer, rows, inner, ctypes.byref(one), weight, kind, outer, x, kind, inner,
                 ctypes.byref(none), y, kind, outer, SUMS_FLOAT32, DEFAULT_ALGORITHM)

    def seconds(self, run, runs):
        """Gives the seconds of one run, as the device counts them."""
        events = [ctypes.c_void_p(), ctypes.c_void_p()]
        for event in events:
            self.ask(self.runtime.cudaEventCreate, ctypes.byref(event))
        self.ask(self.runtime.cudaEventRecord, events[0], None)
        for _ in range(runs):
            run()
        self.ask(self.runtime.cudaEventRecord, events[1], None)
        self.ask(self.runtime.cudaEventSynchronize, events[1])
        milliseconds = ctypes.c_float()
        self.ask(self.runtime.cudaEventElapsedTime, ctypes.byref(milliseconds), *events)
        return milliseconds.value / 1e3 / runs


def numbers(rng, count, upper):
    """Gives random numbers of 16 bits with either sign and such upper bytes."""
    table = bytes(upper[i % len(upper)] | i & 0x80 for i in range(256))  # the sign does not hang on the size
    made = bytearray(2 * count)
    made[0::2], made[1::2] = rng.randbytes(count), rng.randbytes(count).translate(table)
    return made


def product(cuda, name, typed, rows):
    """Gives the rates of one product by its number of rows, and the numbers of rows for which the first rows have other
    bits than alone."""
    kind, upper = TYPES[typed]
    inner, outer = SHAPES[name]
    rng = random.Random(f"{name} {typed}")
    most = max(rows)
    x, weight, y = cuda.put(numbers(rng, most * inner, upper)), cuda.put(numbers(rng, inner * outer, upper)), cuda.room(2 * most * outer)
    rates, alone, other = {}, None, []
    for count in rows:
        def run(count=count):
            cuda.multiply(kind, count, inner, outer, x, weight, y)

        run()
        first = cuda.get(y, 2 * outer)
        alone = first if alone is None else alone
        if first != alone:
            other.append(count)
        once = cuda.seconds(run, 1)
        runs = max(1, min(MOST_RUNS, int(LEAST_SECONDS / max(once, 1e-6))))
        rates[count] = 2 * count * inner * outer / max(cuda.seconds(run, runs), 1e-9) / 1e12
    cuda.free(x, weight, y)
    return {"product": name, "type": typed, "inner": inner, "outer": outer, "tflops": rates, "other_bits": other}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few rows, to try the program itself")
    quick = parser.parse_args().quick
    rows = (1, 2) if quick else ROWS
    cuda = Cuda()
    found = [product(cuda, name, typed, rows) for typed in TYPES for name in (["out"] if quick else SHAPES)]
    json.dump({"workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG", "cuBLAS's own"), "products": found}, sys.stdout)


if __name__ == "__main__":
    main()
