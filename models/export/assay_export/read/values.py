"""Values of config.json with which no body can be made, or no names of labels, or only a body that cannot be
exported."""

import json
import math
from pathlib import Path

import torch
from transformers.activations import ACT2FN

from ..errors import ExportError
from . import mxfp4


def check_values(raw: dict, path: Path) -> None:
    """Refuse such values by name."""
    if not isinstance(raw.get("model_type"), str):
        raise ExportError(f"{path}: model_type is {short(raw.get('model_type'))}, and must be the name of a kind of model, such as llama")
    for name, least in (("pad_token_id", None), ("vocab_size", 1), ("num_labels", 1), ("max_position_embeddings", 1)):
        value = raw.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least)):
            raise ExportError(f"{path}: {name} is {short(value)}, and must be a whole number{'' if least is None else f' of {least} or more'}")
    pad, size = raw.get("pad_token_id"), raw.get("vocab_size")
    if pad is not None and size is not None and pad >= size:
        raise ExportError(f"{path}: pad_token_id is {pad}, and vocab_size {size}; ids must be below it")
    heads, keys = raw.get("num_attention_heads"), raw.get("num_key_value_heads")
    if isinstance(heads, int) and isinstance(keys, int) and (keys < 1 or heads % keys):
        raise ExportError(f"{path}: num_key_value_heads is {keys}, and num_attention_heads {heads}, which must be a multiple of it")
    heads, keys = raw.get("linear_num_value_heads"), raw.get("linear_num_key_heads")
    if isinstance(heads, int) and isinstance(keys, int) and (keys < 1 or heads % keys):
        raise ExportError(f"{path}: linear_num_value_heads is {heads}, and linear_num_key_heads {keys}, of which it must be a multiple")
    for name in ("dtype", "torch_dtype"):
        value = raw.get(name)
        if value not in (None, "auto") and not (isinstance(value, str) and isinstance(getattr(torch, value.removeprefix("torch."), None), torch.dtype)):
            raise ExportError(f"{path}: {name} is {short(value)}, and no type of numbers that torch has; write what the weights are stored as")
    for name in ("rope_scaling", "rope_parameters"):
        if not isinstance(raw.get(name) or {}, dict):
            raise ExportError(f"{path}: {name} is {short(raw[name])}, and must be an object")
        kind = (raw.get(name) or {}).get("rope_type", (raw.get(name) or {}).get("type"))
        if kind == "su":
            raise ExportError(f"{path}: {name}: type 'su' is longrope's old name, which transformers does not read; write longrope in its place")
    for name in ("hidden_act", "hidden_activation", "activation_function"):
        if isinstance(raw.get(name), str) and raw[name] not in ACT2FN:
            raise ExportError(f"{path}: {name} is {short(raw[name])}, and no activation that transformers has")
    for name, value in (*raw.items(), *(raw.get("rope_parameters") or {}).items(), *(raw.get("rope_scaling") or {}).items()):
        if isinstance(value, float) and not math.isfinite(value):
            raise ExportError(f"{path}: {name} is {value}, and no number to compute with")
    label_names(raw, path)
    check_quantized(raw, path)


def check_quantized(raw: dict, path: Path) -> None:
    """Refuse weights that stand for others, but those that are widened here."""
    for name in ("quantization_config", "quantization"):
        value = raw.get(name)
        if value is not None and not mxfp4.used(raw):
            method = value.get("quant_method") if isinstance(value, dict) else None
            how = f" ({method})" if isinstance(method, str) else ""
            raise ExportError(f"{path}: {name}: quantized weights are not supported{how}; take the checkpoint that they were made from, or "
                              "transformers' dequantize() and save_pretrained()")


def label_names(raw: dict, path: Path) -> list[str] | None:
    """Return id2label's names in order, or None when it is absent or holds only transformers' placeholders; ExportError
    when they are none."""
    names = raw.get("id2label")
    if names is None or names == {}:
        return None
    try:
        keys = sorted(map(int, names))
        ordered = [names[str(key)] for key in keys]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ExportError(f"{path}: id2label is {short(names)}, and must give each number from 0 on a name") from None
    if keys != list(range(len(keys))):
        raise ExportError(f"{path}: id2label names the outputs {', '.join(map(str, keys))}, and must name each from 0 to {len(keys) - 1}")
    ordered = [str(name) for name in ordered]
    twice = next((name for name in ordered if ordered.count(name) > 1), None)
    if twice is not None:
        raise ExportError(f"{path}: id2label names two outputs {twice!r}; give each a name of its own")
    return None if all(name.startswith("LABEL_") for name in ordered) else ordered


def short(value) -> str:
    """Return the beginning of a value as JSON has it."""
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
