"""Attention over a latent of keys and values (MLA, DeepSeek-V2 and -V3), without what a graph cannot say well.

Keys and values are what the layers make of the latent, of all heads, so the packed graph caches them as it caches any
others; where they have not one size, zeros fill up the shorter there.
"""

from functools import partial
from types import MethodType

import torch
from torch import nn
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3Attention

LATENT = ("deepseek_v2", "deepseek_v3")
"""Kinds of body, by model_type."""


def head_sizes(config) -> tuple[int, int]:
    """Return the sizes of a head's key and of its value."""
    return config.qk_nope_head_dim + config.qk_rope_head_dim, config.v_head_dim


def made_plain(body: nn.Module) -> nn.Module:
    """Change the attention of a body in place, if it is one of these; return the body.

    Keys are put together by one concatenation, and not written into empty memory. DeepSeek-V2 rotates by complex
    numbers, which ONNX has not: it is given the forward of V3, which computes the same from cosines and sines and has
    weights of the same names.
    """
    if body.config.model_type not in LATENT:
        return body
    for layer in body.layers:
        attention = layer.self_attn
        attention.expand_kv = partial(expanded, attention)
        if not isinstance(attention, DeepseekV3Attention):
            attention.forward = MethodType(DeepseekV3Attention.forward, attention)
            attention.config.rope_interleave = True
    return body


def expanded(attention: nn.Module, latent: torch.Tensor, rotated: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return keys and values [B, heads, S, .].

    They are made from the latent [B, 1, S, rank] and the part of the keys that is rotated, [B, 1, S, .].
    """
    both = attention.kv_b_proj(latent[:, 0]).unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
    key, value = both.split((attention.qk_nope_head_dim, attention.v_head_dim), -1)
    return torch.cat((key, rotated.expand(-1, attention.num_heads, -1, -1)), -1), value
