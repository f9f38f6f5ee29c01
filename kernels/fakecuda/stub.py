"""Writes a C file with every entry point of the CUDA driver, each of which answers CUDA_ERROR_STUB_LIBRARY (34).

Usage: stub.py CUDA_H OUT_C. A library made of it links programs where there is no driver. The symbols are weak, so the
fake driver takes it for what it does not define itself.
"""

import re
import sys
from pathlib import Path


def entry_points(header: str) -> list[str]:
    """Return the driver's symbols that a header declares, and those that its macros rename them to."""
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    declared = re.findall(r"CUDAAPI\s+(cu[A-Z]\w+)\s*\(", header)
    renamed = re.findall(r"#\s*define\s+cu[A-Z]\w+\s+(?:__CUDA_API_PT\w+\()?(cu[A-Z]\w+)", header)
    return sorted({*declared, *renamed})


def main(header: str, target: str) -> None:
    names = entry_points(Path(header).read_text(encoding="utf-8"))
    if len(names) < 400:
        sys.exit(f"{header}: {len(names)} entry points, and at least 400 are expected")
    Path(target).write_text("".join(f"__attribute__((weak)) int {name}(void) {{ return 34; }}\n" for name in names), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
