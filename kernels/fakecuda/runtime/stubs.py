"""Makes the CUDA libraries that ONNX Runtime's CUDA provider loads, of what the provider itself asks of them.

Usage: stubs.py PROVIDER FOLDER, where PROVIDER is libonnxruntime_providers_cuda.so. Each library of NVIDIA's that it
needs is made in FOLDER, with the symbols that it imports from there under the version that it wants them in. What a
source NAME.cpp beside this file defines is done; everything else is refused, with a line in the trace (trace.hpp).
"""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NVIDIA = re.compile(r"lib(cu|nv)\w+\.so\.\d+$")
REFUSALS = {"libcudart": 801, "libcublas": 15, "libcublasLt": 15, "libcudnn": 3000, "libcufft": 16}
"""What each library answers when it does not support something. A library that is not here must have no symbol."""


def objdump(option: str, provider: str) -> list[str]:
    """Return what objdump says of the provider, line by line."""
    return subprocess.run(["objdump", option, provider], check=True, capture_output=True, text=True).stdout.splitlines()


def imports(provider: str) -> dict[str, list[str]]:
    """Return the libraries of NVIDIA's that the provider needs, each with the symbols that it imports from it.

    The libraries are built to give every symbol a version that is the library's own name.
    """
    needed = [line.split()[1] for line in objdump("-p", provider) if line.split()[:1] == ["NEEDED"]]
    found: dict[str, list[str]] = {library: [] for library in needed if NVIDIA.match(library)}
    for line in objdump("-T", provider):
        match = re.search(r"\*UND\*.*\((\S+)\)\s+(\S+)$", line)
        if match and NVIDIA.match(match[1]):
            found[match[1]].append(match[2])
    return found


def make(library: str, symbols: list[str], folder: Path) -> str:
    """Compile one library, and return how many of its symbols are done."""
    name = library.split(".")[0]
    work = folder / "work" / name
    work.mkdir(parents=True, exist_ok=True)
    exported = "global: " + "; ".join(sorted(symbols)) + "; " if symbols else ""
    (work / "versions.map").write_text(f"{library} {{ {exported}local: *; }};\n", encoding="utf-8")
    refusals = [f'__attribute__((weak)) int {symbol}(void) {{ return fakecuda_refused("{symbol}", {REFUSALS[name]}); }}' for symbol in sorted(symbols)]
    (work / "refusals.c").write_text("\n".join(["int fakecuda_refused(const char *, int);", *refusals, ""]), encoding="utf-8")
    source = HERE / f"{name.removeprefix('lib')}.cpp"
    sources = [str(source if source.is_file() else HERE / "nothing.cpp")]
    subprocess.run(["gcc", "-O1", "-fPIC", "-c", "-o", str(work / "refusals.o"), str(work / "refusals.c")], check=True)
    command = ["g++", "-std=c++17", "-O1", "-Wall", "-fPIC", "-shared", "-Wl,-z,defs"]
    command += [f"-Wl,-soname,{library}", f"-Wl,--version-script={work / 'versions.map'}"]
    subprocess.run([*command, "-o", str(folder / library), *sources, str(work / "refusals.o")], check=True)
    undone = subprocess.run(["nm", "-D", "--defined-only", str(folder / library)], check=True, capture_output=True, text=True).stdout.count(" W ")
    return f"{library}: {len(symbols) - undone} of {len(symbols)} symbols"


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    provider, folder = sys.argv[1], Path(sys.argv[2])
    found = imports(provider)
    folder.mkdir(parents=True, exist_ok=True)
    for library, symbols in found.items():
        print(f"provider: {make(library, symbols, folder)}")


if __name__ == "__main__":
    main()
