"""The files of a checkpoint directory: texts, JSON objects, safetensors, and the digest over what was read."""

import hashlib
import json
import stat
from pathlib import Path

import torch
from safetensors import safe_open

from ..errors import ExportError
from .foreign import why_no_weights

POINTER = b"version https://git-lfs.github.com/spec/"
"""How a file begins that only names what git-lfs would fetch."""


def check_directory(directory: Path) -> None:
    """Refuse what is no directory, and one with pipes, sockets or devices in it, on which reading may wait for ever."""
    if not directory.is_dir():
        what = "is a file, and a checkpoint is a directory" if directory.is_file() else "is not a directory"
        if not directory.exists() and len(directory.parts) == 2 and not directory.is_absolute():
            what += f"; if it is a name on the hub, hf download {directory} --local-dir DIR fetches it"
        raise ExportError(f"{directory} {what}")
    try:
        for path in sorted(directory.iterdir()):
            if path.exists() and not path.is_file() and not path.is_dir():
                raise ExportError(f"{path} is no regular file, and nothing else is read; move it out of the checkpoint")
    except OSError as error:
        raise ExportError(f"{error.filename or directory} cannot be read: {error.strerror}") from None


def check_file(path: Path) -> None:
    """Refuse a file that is missing, that is no regular one, or that git-lfs has not fetched."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ExportError(f"{path} is no regular file")
        with path.open("rb") as opened:
            begins = opened.read(len(POINTER))
    except FileNotFoundError:
        if path.is_symlink():
            raise ExportError(f"{path} is a link to {path.readlink()}, which is not there; copy the files that links lead to") from None
        raise ExportError(f"{path} is missing") from None
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}") from None
    if begins == POINTER:
        raise ExportError(f"{path} is a pointer of git-lfs and not the file itself, which the command git lfs pull fetches")


def read_text(path: Path) -> str:
    """Return a file's text; ExportError when it cannot be read."""
    check_file(path)
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ExportError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None


def read_json(path: Path) -> dict:
    """Return a JSON file's object; ExportError when it is absent or broken."""
    content = read_any(path, "object")
    if not isinstance(content, dict):
        raise ExportError(f"{path} holds {json.dumps(content)[:40]}, and a JSON object is wanted")
    return content


def read_list(path: Path) -> list:
    """Return a JSON file's list; ExportError when it is absent, broken or empty."""
    content = read_any(path, "list")
    if not isinstance(content, list) or not content:
        raise ExportError(f"{path} holds {json.dumps(content)[:40]}, and a JSON list is wanted")
    return content


def read_any(path: Path, wanted: str):
    """Return what a JSON file holds, which is to be an object or a list; ExportError when it is absent or broken."""
    text = read_text(path)
    if not text.strip():
        raise ExportError(f"{path} is empty, and a JSON {wanted} is wanted")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{path} is not JSON: {error}") from None


def weight_files(directory: Path) -> list[Path]:
    """Return the checkpoint's safetensors files: the single one first, as transformers does; else every shard of the
    index must be there."""
    single, index = directory / "model.safetensors", directory / "model.safetensors.index.json"
    if single.exists() or single.is_symlink():
        return [single]
    if not index.exists():
        raise ExportError(why_no_weights(directory))
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ExportError(f"{index}: weight_map is missing or empty")
    strange = next((value for value in places.values() if not isinstance(value, str) or not value), None)
    if strange is not None:
        raise ExportError(f"{index}: weight_map names {json.dumps(strange)[:40]}, and a shard's name is a text")
    names = sorted(set(places.values()))
    for name in names:
        if Path(name).name != name:
            raise ExportError(f"{index}: shard name {name!r} leaves the directory")
        if not (directory / name).exists():
            raise ExportError(f"{directory / name} is missing: {index.name} names it; fetch or save the checkpoint again")
    return [directory / name for name in names]


def index_notices(files: list[Path]) -> list[str]:
    """Say which weights are taken where a directory has them twice."""
    return [f"{file} is taken, as transformers does, and {index.name} beside it is not"
            for file in files if file.name == "model.safetensors" and (index := file.with_name("model.safetensors.index.json")).exists()]


def read_weights(files: list[Path]) -> dict[str, torch.Tensor]:
    """Return every tensor of the files by name, as stored."""
    weights: dict[str, torch.Tensor] = {}
    for file in files:
        check_file(file)
        try:
            with safe_open(file, framework="pt") as opened:
                own = {name: opened.get_tensor(name) for name in opened.keys()}
        except Exception as error:  # a header that lies ends in many ways, also when its type of numbers is none of torch's
            raise ExportError(f"{file} is not a safetensors file that can be read: {type(error).__name__}: {str(error)[:200]}; "
                              "fetch or save it again") from None
        twice = sorted(set(own) & set(weights))
        if twice:
            raise ExportError(f"{file} has the weight {twice[0]}, which another of the checkpoint's files has too; save the checkpoint again")
        weights |= own
    if not weights:
        raise ExportError(f"{files[0]} has no weights")
    return weights


def digest(files: list[Path]) -> str:
    """Return "sha256:…" over the names and contents of the files."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.name.encode() + b"\0")
        with file.open("rb") as opened:
            whole.update(hashlib.file_digest(opened, "sha256").digest())
    return "sha256:" + whole.hexdigest()
