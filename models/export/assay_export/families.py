"""What the exporter must know of each model family, read from the checkpoint's config."""

from dataclasses import dataclass

from .errors import ExportError

MODEL_TYPES = {"qwen2": "Qwen2", "qwen3": "Qwen3", "llama": "Llama", "mistral": "Mistral", "gemma2": "Gemma2", "phi3": "Phi3"}
"""Supported `model_type` values of config.json, each with the prefix of its class names."""

REWARD_CLASSES = {f"{prefix}ForSequenceClassification" for prefix in MODEL_TYPES.values()} | {"Qwen2ForRewardModel"}
PROCESS_CLASSES = {f"{prefix}ForTokenClassification" for prefix in MODEL_TYPES.values()} | {"Qwen2ForProcessRewardModel"}


@dataclass(frozen=True)
class Body:
    """The sizes and windows of a decoder body that a graph's inputs depend on."""

    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab_size: int
    windows: frozenset[int | None]
    """Sliding windows in use; None stands for a layer that sees everything before it."""


def kind_of(class_name: str) -> str:
    """Return "reward" or "process" for a checkpoint's class name; ExportError when the class is not supported."""
    if class_name in REWARD_CLASSES:
        return "reward"
    if class_name in PROCESS_CLASSES:
        return "process"
    known = ", ".join(sorted(REWARD_CLASSES | PROCESS_CLASSES))
    raise ExportError(f"class {class_name!r} is not supported; supported are {known}")


def describe(config) -> Body:
    """Return the body's description from a transformers config; ExportError when a feature is not supported."""
    if config.model_type not in MODEL_TYPES:
        raise ExportError(f"config.json: model_type {config.model_type!r} is not supported; supported are "
                          f"{', '.join(MODEL_TYPES)}")
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return Body(config.num_hidden_layers, config.num_attention_heads, config.num_key_value_heads, head_dim, config.vocab_size,
                windows(config))


def windows(config) -> frozenset[int | None]:
    """Return the set of sliding windows over the layers."""
    kinds = getattr(config, "layer_types", None)
    if kinds is None:
        return frozenset({getattr(config, "sliding_window", None) or None})
    kinds = set(kinds[:config.num_hidden_layers])
    strange = kinds - {"full_attention", "sliding_attention"}
    if strange:
        raise ExportError(f"config.json: layer_types has {sorted(strange)[0]!r}; supported are full_attention and sliding_attention")
    return frozenset(config.sliding_window if kind == "sliding_attention" else None for kind in kinds)
