"""Reading a checkpoint directory: config, weights and head, without running anything that lies in it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers import AutoConfig, AutoModel
from transformers.initialization import no_init_weights

from . import families, heads
from .errors import ExportError
from .rope import position_limit

IGNORED = ("lm_head.weight", "rotary_emb.inv_freq")
"""Endings of weights that a reward never uses: the next-token head, and a buffer that old versions of transformers saved."""


@dataclass
class Checkpoint:
    """A checkpoint in memory, in float32."""

    body: nn.Module
    head: nn.Module
    class_name: str
    label_names: list[str] | None
    """Names of the head's outputs when config.json gives them a meaning."""
    digest: str


def load(directory: Path) -> Checkpoint:
    """Load a checkpoint directory. ExportError names the file, field or weight that is missing or does not fit."""
    raw = read_json(directory / "config.json")
    class_name = (raw.get("architectures") or [None])[0]
    if class_name is None:
        raise ExportError(f"{directory / 'config.json'}: architectures is missing, so the kind of head is unknown")
    families.kind_of(class_name)
    if "quantization_config" in raw:
        raise ExportError(f"{directory / 'config.json'}: quantization_config: quantized weights are not supported")
    config = body_config(raw, directory)
    families.describe(config)
    position_limit(config)
    files = weight_files(directory)
    weights = read_weights(files)
    head, used = heads.head_from_weights(weights, config.hidden_size)
    body = build_body(config, {name: value for name, value in weights.items() if name not in used})
    return Checkpoint(body, head, class_name, label_names(raw), digest([directory / "config.json", *files]))


def read_json(path: Path) -> dict:
    """Return a JSON file's object; ExportError when it is absent or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExportError(f"{path} is missing") from None
    except ValueError as error:
        raise ExportError(f"{path} is not JSON: {error}") from None


def body_config(raw: dict, directory: Path):
    """Return the transformers config of the body. References to code (`auto_map`) are dropped, never followed."""
    model_type = raw.get("model_type")
    if model_type not in families.MODEL_TYPES:
        raise ExportError(f"{directory / 'config.json'}: model_type {model_type!r} is not supported; supported are "
                          f"{', '.join(families.MODEL_TYPES)}")
    kept = {key: value for key, value in raw.items() if key not in ("auto_map", "model_type", "architectures", "dtype", "torch_dtype")}
    try:
        return AutoConfig.for_model(model_type, **kept)
    except Exception as error:  # transformers raises many kinds here; each means the same to the caller
        raise ExportError(f"{directory / 'config.json'}: {str(error).strip().splitlines()[0]}") from error


def weight_files(directory: Path) -> list[Path]:
    """Return the checkpoint's safetensors files; every shard that the index names must be there."""
    single, index = directory / "model.safetensors", directory / "model.safetensors.index.json"
    if index.exists():
        names = sorted(set(read_json(index).get("weight_map", {}).values()))
        for name in names:
            if Path(name).name != name:
                raise ExportError(f"{index}: shard name {name!r} leaves the directory")
            if not (directory / name).exists():
                raise ExportError(f"{directory / name} is missing: {index.name} names it")
        return [directory / name for name in names]
    if single.exists():
        return [single]
    if any(directory.glob("*.bin")) or any(directory.glob("*.pt")):
        raise ExportError(f"{directory} has only pickled weights, which can run code; convert them to safetensors")
    raise ExportError(f"{single} is missing")


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


def build_body(config, weights: dict[str, torch.Tensor]) -> nn.Module:
    """Build the decoder body and fill every parameter from weights; ExportError names the first that is missing or extra."""
    with no_init_weights():
        body = AutoModel.from_config(config, dtype=torch.float32, attn_implementation="eager", trust_remote_code=False)
    prefix = "model." if any(name.startswith("model.") for name in weights) else ""
    given = {name.removeprefix(prefix): value for name, value in weights.items() if not name.endswith(IGNORED)}
    wanted = body.state_dict()
    for name, value in wanted.items():
        if name not in given:
            raise ExportError(f"the checkpoint has no weight {prefix}{name}")
        if given[name].shape != value.shape:
            raise ExportError(f"weight {prefix}{name} has shape {list(given[name].shape)}, and config.json asks for {list(value.shape)}")
    extra = sorted(set(given) - set(wanted))
    if extra:
        raise ExportError(f"the checkpoint has a weight {prefix}{extra[0]} that {type(body).__name__} does not use")
    body.load_state_dict({name: value.float() for name, value in given.items()}, assign=True)
    return body.eval()


def label_names(raw: dict) -> list[str] | None:
    """Return id2label's names in order, or None when it is absent or holds only transformers' placeholders."""
    names = raw.get("id2label")
    if not names:
        return None
    ordered = [str(names[key]) for key in sorted(names, key=int)]
    return None if all(name.startswith("LABEL_") for name in ordered) else ordered


def digest(files: list[Path]) -> str:
    """Return "sha256:…" over the names and contents of the files."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.name.encode() + b"\0")
        with file.open("rb") as opened:
            whole.update(hashlib.file_digest(opened, "sha256").digest())
    return "sha256:" + whole.hexdigest()
