"""Makes the PTX of the kernels with NVRTC, and holds it to limits with ptxas. Needs neither a GPU nor a driver.

Usage: ptx.py           writes kernels/ptx/NAME.compute_80.ptx for every kernels/cuda/NAME.cu
       ptx.py --check   compares instead, and fails with the name of each file that differs

Either way ptxas then assembles each file for every architecture of DEVICES and a table is printed. A kernel that spills
registers or keeps local memory fails, and so does one that needs more than its file's REGISTERS a thread.
"""

import ctypes
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from toolchain import part

KERNELS = Path(__file__).resolve().parent.parent
ARCHITECTURE = 80
"""The lowest compute capability. Its PTX is what later devices load too: that of 9.0 differed in the line that names
the target only."""
DEVICES = (80, 90)
REGISTERS = {"attention": 255}
MOST_REGISTERS = 64
"""A multiprocessor has 65,536 registers and runs 2,048 threads: with 64 a thread, half of them can be there at once.
Attention keeps its sums in registers, as many as a thread may have; two blocks of it are there at once."""


class Compiler:
    """NVRTC, out of its library."""

    def __init__(self, library: Path):
        self.nvrtc = ctypes.CDLL(str(library))
        self.nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p

    def compile(self, source: Path, headers: list[Path]) -> bytes:
        """Return the PTX of one source.

        The names given to NVRTC hold no folder, so the result depends on content only.
        """
        program = ctypes.c_void_p()
        texts = (ctypes.c_char_p * len(headers))(*(header.read_bytes() for header in headers))
        names = (ctypes.c_char_p * len(headers))(*(header.name.encode() for header in headers))
        self.check(self.nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.read_bytes(), source.name.encode(), len(headers), texts, names))
        options = [f"--gpu-architecture=compute_{ARCHITECTURE}".encode(), b"--std=c++17"]
        try:
            status = self.nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
            if status:
                sys.exit(f"{source.name}, compute_{ARCHITECTURE}:\n{self.text(program, 'ProgramLog').decode()}")
            return self.text(program, "PTX")
        finally:
            self.nvrtc.nvrtcDestroyProgram(ctypes.byref(program))

    def text(self, program: ctypes.c_void_p, what: str) -> bytes:
        """Return the program's PTX or ProgramLog."""
        size = ctypes.c_size_t()
        self.check(getattr(self.nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
        buffer = ctypes.create_string_buffer(size.value)
        self.check(getattr(self.nvrtc, f"nvrtcGet{what}")(program, buffer))
        return buffer.raw[:-1]

    def check(self, status: int) -> None:
        if status:
            sys.exit(f"nvrtc: {self.nvrtc.nvrtcGetErrorString(status).decode()}")


def measure(ptxas: Path, ptx: Path, architecture: int) -> list[str]:
    """Assemble a file, print a row of the table for each kernel, and return what is wrong with them."""
    with tempfile.TemporaryDirectory() as work:
        command = [str(ptxas), "-v", f"-arch=sm_{architecture}", "-o", f"{work}/cubin", str(ptx)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return [f"{ptx.name}: {done.stderr.strip()}"]
    threads = dict(re.findall(r"\.entry (\w+)\(.*?\.maxntid (\d+)", ptx.read_text(encoding="utf-8"), re.DOTALL))
    found = re.findall(r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads"
                       r".*?Used (\d+) registers(?:, (\d+) bytes smem)?", done.stderr, re.DOTALL)
    if {name for name, *_ in found} != set(threads):
        return [f"{ptx.name}: ptxas speaks of {sorted(name for name, *_ in found)}, and the file has {sorted(threads)}"]
    wrong = []
    for name, stack, stores, loads, registers, shared in sorted(found):
        spills = int(stores) + int(loads)
        print(f"{name:20} sm_{architecture} {threads[name]:>8} {registers:>10} {shared or '0':>8} {spills:7} {stack:>6}")
        if spills or int(stack):
            wrong.append(f"{ptx.name}: {name} spills {spills} bytes and has a stack of {stack} bytes; both must be 0")
        limit = REGISTERS.get(ptx.name.partition(".")[0], MOST_REGISTERS)
        if int(registers) > limit:
            wrong.append(f"{ptx.name}: {name} needs {registers} registers a thread, and the limit is {limit}")
    return wrong


def main() -> None:
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    compiler, ptxas = Compiler(part("nvrtc")), part("ptxas")
    headers = sorted((KERNELS / "cuda").glob("*.cuh"))
    wrong, made = [], set()
    print(f"{'kernel':20} {'for':5} {'threads':>8} {'registers':>10} {'shared':>8} {'spills':>7} {'stack':>6}")
    for source in sorted((KERNELS / "cuda").glob("*.cu")):
        target = KERNELS / "ptx" / f"{source.stem}.compute_{ARCHITECTURE}.ptx"
        ptx = compiler.compile(source, headers)
        made.add(target)
        if check and (not target.is_file() or target.read_bytes() != ptx):
            wrong.append(f"kernels/ptx/{target.name} differs from what kernels/cuda/{source.name} compiles to: run make ptx")
            continue
        if not check:
            target.write_bytes(ptx)
        for device in DEVICES:
            wrong += measure(ptxas, target, device)
    wrong += [f"kernels/ptx/{stray.name} has no source" for stray in sorted(set((KERNELS / "ptx").glob("*.ptx")) - made)]
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
