"""Attention as the exported graphs compute it, plugged into unchanged transformers bodies.

A transformers decoder calls the attention function that its config names, once per layer, with that layer's queries,
keys and values after the rotary embedding. This module registers one such function. What surrounds the layer (which
keys a query may see, where results go) is held by a View made once per forward, and passed down as the keyword `view`
or, since some layers hand no keyword on, by `seen_by`.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import torch
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

IMPLEMENTATION = "assay"
MASKED = torch.finfo(torch.float32).min
"""Added to the logit of a key that a query may not see. Its exponential is exactly zero after the row maximum is taken
off."""

DOT_BLOCK = 128
"""Longest dot product that ONNX Runtime's CPU matrix product sums in one chain whatever the other sizes are.

Beyond it the chain is cut at places that depend on the number of keys, which would let a tile's size change a score."""

VALUE_COLUMNS = 16
"""Columns of the value product that are computed together.

ONNX Runtime's CPU matrix product may give its threads a share of the columns each, never fewer than 16, and cuts the
sum over the keys at places that depend on the share. With 16 columns there is one share, so the sum is the same for any
number of threads."""


class View(Protocol):
    """How one forward's queries meet its keys. `masks` maps a sliding window (None: no window) to a mask of
    `attend`."""

    masks: dict[int | None, torch.Tensor]

    def __call__(self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attend) -> torch.Tensor:
        """Arrange one layer's query [B, S, heads, d], key [B, S, kv_heads, d] and value [B, S, kv_heads, e]; return [B,
        S, heads · e]."""


VIEW: ContextVar[View | None] = ContextVar("view", default=None)
"""The view of the forward that runs, for layers that hand no keyword on."""


@contextmanager
def seen_by(view: View) -> Iterator[None]:
    """Have layers find a view that are not given one."""
    before = VIEW.set(view)
    try:
        yield
    finally:
        VIEW.reset(before)


def masks_by_window(query_position: torch.Tensor, key_position: torch.Tensor, usable: torch.Tensor,
                    windows: set[int | None]) -> dict[int | None, torch.Tensor]:
    """Return one mask [R, 1, Q, K] per window size, holding 0 where the key may be seen and MASKED elsewhere.

    query_position is [R, Q], key_position [R, K], usable [R, K] (false: the place holds no key of this row).
    A key is seen when it is usable, not after the query and, with a window w, fewer than w positions before it.
    """
    distance = query_position[:, :, None] - key_position[:, None, :]
    causal = (distance >= 0) & usable[:, None, :]
    masks = {}
    for window in sorted(windows, key=lambda w: w or 0):
        seen = causal if window is None else causal & (distance < window)
        masks[window] = torch.where(seen, 0.0, MASKED)[:, None]
    return masks


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scaling: float,
           softcap: float | None, sinks: torch.Tensor | None = None) -> torch.Tensor:
    """Return softmax(cap(query·key·scaling) + mask)·value as [R, Q, heads · e].

    query is [R, Q, heads, d]; key is [R, K, kv_heads, d], value [R, K, kv_heads, e]; mask is [R, 1, Q, K]. Heads that
    share a key head are stacked as rows of one matrix product, so keys are never repeated. sinks [heads] are logits
    that take their share and give nothing.
    """
    rows, length, heads, dim = query.shape
    places, kv_heads = key.shape[1:3]
    group = heads // kv_heads
    stacked = query.reshape(rows, length, kv_heads, group, dim).permute(0, 2, 3, 1, 4)
    logits = dot(stacked.reshape(rows, kv_heads, group * length, dim) * scaling, key.transpose(1, 2))
    logits = logits.reshape(rows, heads, length, places)
    if softcap is not None:
        logits = torch.tanh(logits / softcap) * softcap
    weights = softmax(logits + mask, sinks)
    mixed = mix(weights.reshape(rows, kv_heads, 1, group * length, places), value)
    mixed = mixed.reshape(rows, kv_heads, mixed.shape[2], group, length, mixed.shape[4])
    return mixed.permute(0, 4, 1, 3, 2, 5).reshape(rows, length, heads * value.shape[3])


def softmax(logits: torch.Tensor, sinks: torch.Tensor | None) -> torch.Tensor:
    """Return the softmax of logits [R, heads, Q, K] over the keys and each head's sink.

    A sink stands in front of the keys, so that a key's place in the sum still means its position, whatever lies behind
    the last.
    """
    if sinks is None:
        return torch.softmax(logits, dim=-1)
    rows, heads, length, _ = logits.shape
    front = sinks[None, :, None, None].expand(rows, heads, length, 1)
    return torch.softmax(torch.cat([front, logits], -1), dim=-1)[..., 1:]


def dot(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Return query·keyᵀ as [R, H, Q, K] from query [R, H, Q, d] and key [R, H, K, d], DOT_BLOCK of d at a time."""
    key = key.transpose(2, 3)
    dim = query.shape[-1]
    if dim <= DOT_BLOCK:
        return torch.matmul(query, key)
    starts = range(0, dim, DOT_BLOCK)
    blocks = [torch.matmul(query[..., at:at + DOT_BLOCK], key[:, :, at:at + DOT_BLOCK]) for at in starts]
    return sum(blocks[1:], start=blocks[0])


def mix(weights: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Return weights·value as [R, H, d / w, Q, w], w = VALUE_COLUMNS, from weights [R, H, 1, Q, K] and value [R, K, H,
    d]."""
    rows, places, heads, dim = value.shape
    width = math.gcd(dim, VALUE_COLUMNS)
    return torch.matmul(weights, value.reshape(rows, places, heads, dim // width, width).permute(0, 2, 3, 1, 4))


def layer_attention(module, query, key, value, attention_mask, scaling=None, softcap=None, view=None, s_aux=None, **kwargs):
    """The function that transformers calls in each layer, with query [B, heads, S, d], key [B, kv_heads, S, d] and
    value [B, kv_heads, S, e].

    It returns [B, S, heads, e], as GPT-2 wants it; the other bodies would take the last two as one, too. s_aux are
    gpt-oss's sinks.
    """
    scaling = module.scaling if scaling is None else scaling
    view = VIEW.get() if view is None else view
    mask = view.masks[kwargs.get("sliding_window", getattr(module, "sliding_window", None))]  # Qwen2-MoE's layers have it and hand it not on
    tokens = (part.transpose(1, 2) for part in (query, key, value))
    mixed = view(getattr(module, "layer_idx", None), *tokens, lambda q, k, v: attend(q, k, v, mask, scaling, softcap, s_aux))
    return mixed.unflatten(-1, (query.shape[1], value.shape[3])), None


AttentionInterface.register(IMPLEMENTATION, layer_attention)
AttentionMaskInterface.register(IMPLEMENTATION, lambda *_, **__: None)
