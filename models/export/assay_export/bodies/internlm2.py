"""InternLM2 as the Llama that it is: its fused query-key-value weight taken apart, its names changed."""

import torch

from ..errors import ExportError

NAMES = {
    "tok_embeddings.": "embed_tokens.", "attention.wo.": "self_attn.o_proj.", "feed_forward.w1.": "mlp.gate_proj.",
    "feed_forward.w2.": "mlp.down_proj.", "feed_forward.w3.": "mlp.up_proj.", "attention_norm.": "input_layernorm.",
    "ffn_norm.": "post_attention_layernorm.",
}
"""Parts of InternLM2's names, and Llama's. The first layer of `w1` meets the activation, `w3` is the factor beside
it."""


def llama_config(raw: dict) -> dict:
    """Return config.json's fields in Llama's words."""
    bias = bool(raw.get("bias"))
    return raw | {"model_type": "llama", "attention_bias": bias, "mlp_bias": False}


def llama_weights(weights: dict[str, torch.Tensor], config) -> dict[str, torch.Tensor]:
    """Return the body's weights under Llama's names; config is the Llama config of the same sizes.

    A fused weight has, for each key head, the rows of the queries that share it, then its key, then its value.
    """
    heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
    group, dim = heads // kv_heads, config.hidden_size // heads
    found = {}
    for name, value in weights.items():
        for old, new in NAMES.items():
            name = name.replace(old, new)
        if ".attention.wqkv." not in name:
            found[name] = value
            continue
        if value.shape[0] != (heads + 2 * kv_heads) * dim:
            raise ExportError(f"weight {name} has {value.shape[0]} rows, and config.json asks for {(heads + 2 * kv_heads) * dim}")
        parts = value.reshape(kv_heads, group + 2, dim, *value.shape[1:])
        for key, part in (("q_proj", parts[:, :group]), ("k_proj", parts[:, group]), ("v_proj", parts[:, group + 1])):
            found[name.replace("attention.wqkv", f"self_attn.{key}")] = part.reshape(-1, *value.shape[1:])
    return found
