"""Falcon, whose layers compute attention by themselves: a module of our own hands it to the attention that graphs
have."""

import torch
from torch import nn
from transformers.models.falcon.modeling_falcon import apply_rotary_pos_emb

from ..errors import ExportError
from .attention import IMPLEMENTATION, layer_attention

MODEL_TYPE = "falcon"


def key_heads(config) -> int:
    """Return how many key heads a Falcon has: one that all queries share, one for each group of them, or one for each.

    ExportError names what the class cannot compute.
    """
    heads, keys, grouped = config.num_attention_heads, config.num_kv_heads, config.new_decoder_architecture
    if grouped and not config.parallel_attn:
        raise ExportError("config.json: parallel_attn is false, and with new_decoder_architecture the layers are always parallel; write true")
    if grouped and (keys < 1 or heads % keys):
        raise ExportError(f"config.json: num_kv_heads is {keys}, and num_attention_heads {heads}, which must be a multiple of it")
    if not grouped and not config.multi_query and keys != heads:
        raise ExportError(f"config.json: num_kv_heads is {keys}, and without multi_query and new_decoder_architecture it must be "
                          f"num_attention_heads, {heads}")
    return keys if grouped or not config.multi_query else 1


class Attention(nn.Module):
    """Stands in for a FalconAttention: the same fused product, rotation and output, and keys that are not repeated."""

    def __init__(self, given: nn.Module):
        super().__init__()
        self.query_key_value, self.dense, self.layer_idx = given.query_key_value, given.dense, given.layer_idx
        self.heads, self.kv_heads, self.scaling = given.num_heads, key_heads(given.config), given.head_dim ** -0.5

    def forward(self, hidden: torch.Tensor, position_embeddings: tuple[torch.Tensor, torch.Tensor], **_) -> tuple[torch.Tensor, None]:
        """hidden is [B, S, hidden]. Each key head's rows of the product are those of its queries, its key and its
        value."""
        parts = self.query_key_value(hidden).unflatten(-1, (self.kv_heads, self.heads // self.kv_heads + 2, -1))
        query, key, value = parts[..., :-2, :].flatten(2, 3), parts[..., -2, :], parts[..., -1, :]
        query, key = apply_rotary_pos_emb(query.transpose(1, 2), key.transpose(1, 2), *position_embeddings)
        mixed, _ = layer_attention(self, query, key, value.transpose(1, 2), None)
        return self.dense(mixed.flatten(2)), None


def hand_over(body: nn.Module) -> None:
    """Put Attention in the place of a body's own; the mask of its config is none, as that of every graph."""
    body.config._attn_implementation = IMPLEMENTATION
    for layer in body.h:
        layer.self_attention = Attention(layer.self_attention)
