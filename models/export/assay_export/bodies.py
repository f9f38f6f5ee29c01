"""What the exporter must know of each kind of body, read from the checkpoint's config."""

from dataclasses import dataclass

from .errors import ExportError

DECODERS = {"qwen2": "Qwen2", "qwen3": "Qwen3", "llama": "Llama", "mistral": "Mistral", "gemma": "Gemma", "gemma2": "Gemma2", "phi3": "Phi3",
            "gpt2": "GPT2", "opt": "OPT", "gpt_neox": "GPTNeoX", "internlm2": "InternLM2"}
"""Supported `model_type` values of config.json whose tokens see what stands before them, each with the prefix of its class names."""

ENCODERS = {"bert": "Bert", "roberta": "Roberta", "xlm-roberta": "XLMRoberta", "modernbert": "ModernBert", "deberta": "Deberta",
            "deberta-v2": "DebertaV2"}
"""Those whose tokens see each other."""


@dataclass(frozen=True)
class Body:
    """The sizes and windows of a body that a graph's inputs depend on."""

    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    hidden: int
    """Size of a last hidden state."""
    vocab_size: int
    windows: frozenset[int | None]
    """Sliding windows in use; None stands for a layer that sees everything before it."""


def check_type(model_type: str | None, where: str = "config.json") -> None:
    """Refuse a kind of body that is not supported."""
    if model_type not in DECODERS and model_type not in ENCODERS:
        raise ExportError(f"{where}: model_type {model_type!r} is not supported; supported are {', '.join([*DECODERS, *ENCODERS])}")


def describe(config) -> Body:
    """Return the body's description from a transformers config; ExportError when a feature is not supported."""
    check_type(config.model_type)
    check_sight(config)
    heads = config.num_attention_heads
    shared = config.model_type not in ("gpt2", "opt", "gpt_neox", *ENCODERS)
    kv_heads = shared and getattr(config, "num_key_value_heads", None) or heads
    head_dim = shared and getattr(config, "head_dim", None) or config.hidden_size // heads
    hidden = getattr(config, "word_embed_proj_dim", None) or config.hidden_size
    return Body(config.num_hidden_layers, heads, kv_heads, head_dim, hidden, config.vocab_size, windows(config))


def check_sight(config) -> None:
    """Refuse a config that turns round what its tokens see, which transformers heeds."""
    if config.model_type in DECODERS and getattr(config, "is_causal", None) is False:
        raise ExportError(f"config.json: is_causal: false, so that tokens see what follows them, is not supported for {config.model_type}")
    if config.model_type in ENCODERS:
        for name in ("is_decoder", "add_cross_attention"):
            if getattr(config, name, False):
                raise ExportError(f"config.json: {name}: true is not supported for {config.model_type}, whose tokens see each other here")


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
