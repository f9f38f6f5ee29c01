"""The files of a checkpoint directory: JSON objects, safetensors, and the digest over what was read."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from .errors import ExportError


def read_json(path: Path) -> dict:
    """Return a JSON file's object; ExportError when it is absent or broken."""
    content = read_any(path)
    if not isinstance(content, dict):
        raise ExportError(f"{path} holds {json.dumps(content)[:40]}, and a JSON object is wanted")
    return content


def read_list(path: Path) -> list:
    """Return a JSON file's list; ExportError when it is absent, broken or empty."""
    content = read_any(path)
    if not isinstance(content, list) or not content:
        raise ExportError(f"{path} holds {json.dumps(content)[:40]}, and a JSON list is wanted")
    return content


def read_any(path: Path):
    """Return what a JSON file holds; ExportError when it is absent or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExportError(f"{path} is missing") from None
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{path} is not JSON: {error}") from None


def weight_files(directory: Path) -> list[Path]:
    """Return the checkpoint's safetensors files: the single one first, as transformers does; else every shard of the index must be there."""
    single, index = directory / "model.safetensors", directory / "model.safetensors.index.json"
    if single.exists():
        return [single]
    if index.exists():
        places = read_json(index).get("weight_map")
        if not isinstance(places, dict) or not places:
            raise ExportError(f"{index}: weight_map is missing or empty")
        strange = next((value for value in places.values() if not isinstance(value, str)), None)
        if strange is not None:
            raise ExportError(f"{index}: weight_map names {json.dumps(strange)[:40]}, and a shard's name is a text")
        names = sorted(set(places.values()))
        for name in names:
            if Path(name).name != name:
                raise ExportError(f"{index}: shard name {name!r} leaves the directory")
            if not (directory / name).exists():
                raise ExportError(f"{directory / name} is missing: {index.name} names it")
        return [directory / name for name in names]
    if any(directory.glob("*.bin")) or any(directory.glob("*.pt")):
        raise ExportError(f"{directory} has only pickled weights, which can run code; convert them to safetensors")
    raise ExportError(f"{single} is missing")


def index_notices(files: list[Path]) -> list[str]:
    """Say which weights are taken where a directory has them twice."""
    return [f"{file} is taken, as transformers does, and {index.name} beside it is not"
            for file in files if file.name == "model.safetensors" and (index := file.with_name("model.safetensors.index.json")).exists()]


def read_weights(files: list[Path]) -> dict[str, torch.Tensor]:
    """Return every tensor of the files by name, as stored."""
    weights = {}
    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                weights.update({name: opened.get_tensor(name) for name in opened.keys()})
        except SafetensorError as error:
            raise ExportError(f"{file} is not a safetensors file: {error}") from None
    return weights


def digest(files: list[Path]) -> str:
    """Return "sha256:…" over the names and contents of the files."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.name.encode() + b"\0")
        with file.open("rb") as opened:
            whole.update(hashlib.file_digest(opened, "sha256").digest())
    return "sha256:" + whole.hexdigest()
