"""The nodes of one encoder layer: T tokens, R tiles of Q queries and K keys, H heads of d numbers."""

from dataclasses import dataclass, replace

import onnx_ir as ir
import torch
from torch import nn

from ...read import weights
from ..described import Gated, Product
from ..layer import ACTIVATIONS, Table, gated, mixed, product, projected
from ..nodes import FLOAT, MICROSOFT, Nodes
from ..tiles import Tiles
from .described import FeedForward, Layer, LayerNorm, Norm

BIASED = {"gelu": "BiasGelu", "gelu_pytorch_tanh": "FastGelu", "gelu_new": "FastGelu"}
"""Activations that have an operator of ONNX Runtime's which adds a bias first."""


@dataclass(frozen=True)
class Flow:
    """What flows through the layers, float32 [T, hidden]."""

    total: ir.Value
    """What the next part's result is added to."""
    normed: ir.Value
    """What the next part reads."""


def vector(nodes: Nodes, given: nn.Parameter, name: str) -> ir.Value:
    """Return a weight [width] in float32."""
    return nodes.weight(name, tuple(given.shape), lambda: weights.load(given), FLOAT)


def bias_of(nodes: Nodes, given: Product, name: str, dtype: ir.DataType) -> ir.Value | None:
    """Return a product's biases as one in a type; None where it has none."""
    return nodes.weight(f"{name}.bias", given.shape[1:], lambda: torch.cat([weights.load(part) for part in given.biases]), dtype) if given.biases else None


def normed(nodes: Nodes, value: ir.Value, norm: Norm, name: str) -> ir.Value:
    """Return the norm of the rows of a value, float32."""
    kind, parts = parts_of(nodes, norm, name)
    return nodes.one(f"{kind}LayerNormalization", [value, *parts], name, FLOAT, axis=-1, epsilon=norm.eps, stash_type=1)


def parts_of(nodes: Nodes, norm: Norm, name: str) -> tuple[str, list[ir.Value | None]]:
    """Return how the operator's name begins, and a norm's weights."""
    weight = vector(nodes, norm.weight, f"{name}.weight")
    if not isinstance(norm, LayerNorm):
        return "Simplified", [weight]
    return "", [weight, None if norm.bias is None else vector(nodes, norm.bias, f"{name}.norm.bias")]


def add_norm(nodes: Nodes, total: ir.Value, summand: ir.Value, bias: ir.Value | None, norm: Norm, behind: bool, name: str) -> Flow:
    """Add what a part gives, and its last bias, to what flows; behind: the norm of the sum flows on, and not the
    sum."""
    kind, parts = parts_of(nodes, norm, name)
    names = [name] if behind else [name, "", "", f"{name}.total"]
    values = nodes.many(f"Skip{kind}LayerNormalization", [nodes.cast(summand, FLOAT), total, *parts, bias], names, FLOAT, MICROSOFT, epsilon=norm.eps)
    return Flow(values[0] if behind else values[3], values[0])


def inner(nodes: Nodes, given: FeedForward | Gated, value: ir.Value, name: str) -> ir.Value:
    """Return the feed-forward part of rows [X, hidden], without its last bias."""
    given = replace(given, down=replace(given.down, biases=()))
    if isinstance(given, Gated):
        return gated(nodes, given, value, name)
    up = product(nodes, replace(given.up, biases=()), value, f"{name}.up")
    bias = bias_of(nodes, given.up, f"{name}.up", nodes.type)
    if bias is not None and given.activation in BIASED:
        active = nodes.one(BIASED[given.activation], [up, bias], f"{name}.active", domain=MICROSOFT)
    else:
        kind, domain, attributes = ACTIVATIONS[given.activation]
        up = up if bias is None else nodes.one("Add", [up, bias], f"{name}.up.biased")
        active = nodes.one(kind, [up], f"{name}.active", domain=domain, **attributes)
    return product(nodes, given.down, active, f"{name}.down")


def layer(nodes: Nodes, given: Layer, flow: Flow, tiles: Tiles, tables: dict[str, Table], behind: bool, name: str, read: ir.Value | None) -> Flow:
    """Add one layer; return what it leaves. read: the rows with which the last layer goes on behind its attention."""
    attention, narrow = given.attention, given.attention.kv_heads * given.attention.head_dim
    query, *both = projected(nodes, attention, nodes.cast(flow.normed, nodes.type), tiles, tables, f"{name}.attention")
    gathered = []
    for part, own in zip(("key", "value"), both, strict=True):
        own = nodes.one("Reshape", [own, nodes.ints(-1, narrow)], f"{name}.attention.{part}.rows")
        gathered.append(nodes.one("Gather", [own, tiles.key_index], f"{name}.attention.{part}.tiles", axis=0))
    index, total = tiles.scatter_index, flow.total
    if read is not None:
        index, total = tiles.read_scatter, nodes.one("Gather", [total, read], f"{name}.read", axis=0)
    result = mixed(nodes, attention, [query, *gathered], tiles, index, f"{name}.attention")
    out = product(nodes, replace(attention.out, biases=()), result, f"{name}.attention.out")
    bias = bias_of(nodes, attention.out, f"{name}.attention.out", FLOAT)
    flow = add_norm(nodes, total, out, bias, given.norms[0], behind, f"{name}.behind_attention")
    summand = inner(nodes, given.inner, nodes.cast(flow.normed, nodes.type), f"{name}.inner")
    return add_norm(nodes, flow.total, summand, bias_of(nodes, given.inner.down, f"{name}.inner.down", FLOAT), given.norms[1], behind,
                    f"{name}.behind_inner")
