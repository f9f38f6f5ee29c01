"""Lets torch's Linux wheel load without the 3 GB of CUDA libraries that it is linked against: `torch_cpu.py PACKAGES`.

For every library that torch's own ask for and that is not there, one is put beside them that has the functions they name and ends the
process when one is called. None is, on a machine whose models stay on the processor. Needs gcc and binutils.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
from collections import defaultdict


def said(*command) -> str:
    """Return what a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def asked(library: pathlib.Path, missing: list[str]) -> list[tuple[str, str, str]]:
    """Return (missing library, version or "", function) for each function of the missing libraries that this one names.

    A function without a version belongs to the library whose name it begins with: ncclSend to libnccl.so.2.
    """
    origin, versions = "", {}
    for file, name in re.findall(r" File: (\S+)| Name: (\S+) ", said("readelf", "--wide", "--version-info", library).partition("Version needs")[2]):
        origin = file or origin
        versions[name] = origin
    stems = {name: re.sub(r"^lib|\.so.*$", "", name).lower() for name in missing}
    found = []
    for function, version in re.findall(r" GLOBAL +DEFAULT +UND (\w+)(?:@(\S+))?", said("readelf", "--wide", "--dyn-syms", library)):
        owners = [versions[version]] if version else [name for name, stem in stems.items() if function.lower().startswith(stem)]
        found += [(name, version, function) for name in owners if name in missing]
    return found


def stand_in(path: pathlib.Path, functions: dict[str, set[str]]) -> None:
    """Compile a library that has the functions of each version."""
    with tempfile.TemporaryDirectory() as work:
        source, script = pathlib.Path(work, "stand_in.c"), pathlib.Path(work, "versions")
        source.write_text("".join(f"void {name}(void) {{ __builtin_trap(); }}\n" for name in sorted(set().union(*functions.values()))))
        script.write_text("".join(f"{version} {{ global: {'; '.join(sorted(names))}; }};\n" for version, names in functions.items() if version))
        versioned = [f"-Wl,--version-script={script}"] if any(functions) else []
        subprocess.run(["gcc", "-shared", "-fPIC", "-fno-builtin", "-o", path, f"-Wl,-soname,{path.name}", *versioned, source], check=True)


def main() -> None:
    """Make every library that is missing."""
    folder = pathlib.Path(sys.argv[1], "torch", "lib")
    first = folder / "libtorch_python.so"
    listed = said("ldd", first)
    missing = sorted(set(re.findall(r"^\s*(\S+) => not found", listed, re.MULTILINE)))
    wanted: dict[str, dict[str, set[str]]] = {name: defaultdict(set) for name in missing}
    for library in [first, *map(pathlib.Path, re.findall(r"=> (\S+/torch/lib/[^/\s]+) ", listed))]:
        for name, version, function in asked(library, missing):
            wanted[name][version].add(function)
    for name, functions in wanted.items():
        stand_in(folder / name, functions)


if __name__ == "__main__":
    main()
