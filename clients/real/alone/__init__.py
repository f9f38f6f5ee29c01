"""What clients need whose packages bring torch, ray or vllm with them, though the file that speaks to a server needs none
of it: the package is installed without what it asks for, and the file runs as it is."""

import ast
import importlib
import json
import pathlib
import subprocess
import sys
import types
import urllib.request


def folder(requirement: str) -> pathlib.Path:
    """Where a package of PyPI lies, pinned, without what it asks for."""
    made = pathlib.Path(sys.prefix) / "alone" / requirement
    if not made.is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(made), requirement]
        subprocess.run(command, check=True, timeout=600)
    return made


def module(requirement: str, name: str) -> types.ModuleType:
    """A module of a package whose __init__ files are passed over."""
    parents = name.split(".")[:-1]
    for n in range(1, len(parents) + 1):
        parent = types.ModuleType(".".join(parents[:n]))
        parent.__path__ = [str(folder(requirement).joinpath(*parents[:n]))]
        sys.modules[parent.__name__] = parent
    return importlib.import_module(name)


def functions(requirement: str, path: str, names: list[str], known: dict[str, object]) -> dict[str, object]:
    """Functions of a file, of its classes too, as they stand there; known are the names that they use."""
    tree = ast.parse((folder(requirement) / path).read_text())
    kept = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name in names]
    assert sorted(n.name for n in kept) == sorted(names), (path, names)
    scope = dict(known)
    exec(compile(ast.Module(kept, []), path, "exec"), scope)
    return {name: scope[name] for name in names}


def ask(base: str, path: str, body: dict[str, object]) -> dict[str, object]:
    """A native call."""
    request = urllib.request.Request(f"{base}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def raw(base: str, text: str) -> float:
    """The raw reward of a rendered text, by the native route."""
    return ask(base, "/v1/score", {"model": "arith-rm", "items": [{"text": text}]})["results"][0]["raw"]
