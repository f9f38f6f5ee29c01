"""The nodes of an encoder's layers as operators of domain `assay`: nine a layer, and eight in the last of a body with
norms of the root mean square, whose last norm is float32 and stock. T tokens; a forward's own keys and values are the
pool that attention reads."""

from functools import partial

import onnx_ir as ir
import torch

from ...errors import ExportError
from ...operators import DOMAIN, EVERY_KEY, Form
from ..described import Attention, Gated
from ..linear import linear
from ..nodes import FLOAT, Nodes
from .described import Body, FeedForward, Layer, LayerNorm, Norm
from .layer import Flow, vector
from .layer import add_norm as stock_add_norm
from .tiles import Given

GATES = {"silu": "SwiGLU", "swish": "SwiGLU", "gelu": "GeGLU"}
"""Operators of gates, by the name that config.json has for what a gate goes through."""


def check(body: Body, kind: str) -> None:
    """Refuse a body with a layer that the operators do not compute."""
    def refuse(what: str) -> None:
        raise ExportError(f"model_type {kind!r} has {what}, which no operator of domain assay computes; leave --operators out")

    for given in body.layers:
        known = GATES if isinstance(given.inner, Gated) else ("gelu",)
        if given.inner.activation not in known:
            refuse(f"the activation {given.inner.activation!r}")
        if body.behind and not all(isinstance(norm, LayerNorm) for norm in given.norms):
            refuse("norms of the root mean square behind its layers' parts")
        rotation = given.attention.rotation
        if rotation is not None and not body.tables[rotation].twice:
            refuse("positions that are not turned half by half")


def form_of(nodes: Nodes, body: Body) -> Form:
    """Return the form of the operators of a body."""
    attention = body.layers[0].attention
    return Form(nodes.type.value, head_norm=attention.query_norm is not None, turns=attention.rotation is not None,
                softcap=attention.softcap is not None, causal=False)


def layer(nodes: Nodes, given: Layer, flow: Flow, own: Given, body: Body, name: str, read: ir.Value | None, last: bool) -> Flow:
    """Add one layer; return what it leaves. What is normed is of the type that is computed in, but behind the last
    layer, where it is float32. read: the rows with which that layer goes on behind its attention."""
    attention, tiles, total = given.attention, own.tiles, flow.total
    qkv = linear(nodes, attention.qkv, nodes.cast(flow.normed, nodes.type), f"{name}.qkv")
    queries, keys, values = turned(nodes, attention, qkv, own, body, name)
    result = nodes.one(
        "TileAttention", [queries, own.position_ids, tiles.query_index, tiles.key_index, own.key_len, tiles.scatter_index, keys, values], f"{name}.mixed",
        nodes.type, DOMAIN, scale=attention.scale, window=attention.window or EVERY_KEY, causal=0, softcap=attention.softcap or 0.0)
    if read is not None:
        total, result = (nodes.one("Gather", [value, read], f"{value.name}.read", value.dtype, axis=0) for value in (total, result))
    flow = add_norm(nodes, total, linear(nodes, attention.out, result, f"{name}.out"), given.norms[0], body.behind, f"{name}.behind_attention")
    summand, norm = inner(nodes, given.inner, flow.normed, name), given.norms[1]
    if last and not isinstance(norm, LayerNorm):
        return stock_add_norm(nodes, flow.total, summand, None, norm, False, "states")
    flow = add_norm(nodes, flow.total, summand, norm, body.behind or last, f"{name}.behind_inner")
    return Flow(flow.total, flow.total) if last else flow


def turned(nodes: Nodes, given: Attention, qkv: ir.Value, own: Given, body: Body, name: str) -> list[ir.Value]:
    """Return queries [T, H · d], and keys and values [T, G, d]."""
    norms = [nodes.ones(given.head_dim) if norm is None else vector(nodes, norm.weight, f"{name}.{side}_norm.weight")
             for side, norm in (("query", given.query_norm), ("key", given.key_norm))]
    if given.rotation is None:
        turns, size = [nodes.ones(given.head_dim)] * 2, 0  # which nothing looks at
    else:
        table = body.tables[given.rotation]
        size = 2 * table.cos.shape[1]
        turns = [nodes.weight(".".join(filter(None, (part, given.rotation))), tuple(table.cos.shape), partial(getattr, table, part), FLOAT)
                 for part in ("cos", "sin")]
    return nodes.many("RotateQkv", [qkv, own.position_ids, *turns, *norms], [f"{name}.queries", f"{name}.keys", f"{name}.values"], nodes.type, DOMAIN,
                      heads=[given.heads, given.kv_heads, given.kv_heads], turned=[size, given.head_dim - size],
                      normed=int(given.query_norm is not None), epsilon=given.query_norm.eps if given.query_norm is not None else 0.0)


def add_norm(nodes: Nodes, total: ir.Value, summand: ir.Value, norm: Norm, behind: bool, name: str) -> Flow:
    """Add what a part gives to what flows; behind: the norm of the sum flows on, and not the sum."""
    weight = vector(nodes, norm.weight, f"{name}.weight")
    if isinstance(norm, LayerNorm):
        width = norm.weight.shape[0]
        bias = nodes.weight(f"no_bias.{width}", (width,), lambda: torch.zeros(width), FLOAT) if norm.bias is None else vector(
            nodes, norm.bias, f"{name}.norm.bias")
        both = nodes.many("AddLayerNorm", [total, summand, weight, bias], [name, f"{name}.flows"], nodes.type, DOMAIN, epsilon=norm.eps, behind=int(behind))
    else:
        both = nodes.many("AddRmsNorm", [total, summand, weight], [name, f"{name}.flows"], nodes.type, DOMAIN, epsilon=norm.eps)
    both[1].type = ir.TensorType(FLOAT)
    return Flow(both[1], both[0])


def inner(nodes: Nodes, given: FeedForward | Gated, value: ir.Value, name: str) -> ir.Value:
    """Return the feed-forward part of rows [X, hidden]."""
    if isinstance(given, Gated):
        opened = nodes.one(GATES[given.activation], [linear(nodes, given.gate_up, value, f"{name}.gate_up")], f"{name}.opened", nodes.type, DOMAIN)
    else:
        opened = nodes.one("Gelu", [linear(nodes, given.up, value, f"{name}.up")], f"{name}.opened", nodes.type, DOMAIN)
    return linear(nodes, given.down, opened, f"{name}.down")
