"""The nodes of one layer: T tokens, R tiles of Q queries and K keys, H heads of queries, G of keys, d numbers each."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import onnx_ir as ir
import torch

from ..bodies.rope import RotaryTable
from ..read import weights
from ..store import int4
from .described import Attention, Gated, Layer, Norm, Product
from .nodes import FLOAT, MICROSOFT, Nodes
from .tiles import Tiles

ACTIVATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "silu": ("QuickGelu", MICROSOFT, {"alpha": 1.0}), "swish": ("QuickGelu", MICROSOFT, {"alpha": 1.0}),
    "gelu_pytorch_tanh": ("Gelu", "", {"approximate": "tanh"}), "gelu_new": ("Gelu", "", {"approximate": "tanh"}),
    "gelu": ("Gelu", "", {"approximate": "none"}), "relu": ("Relu", "", {})}
"""What a gate or an inner state goes through, by its name in config.json: an operator, its domain and its attributes.
QuickGelu with alpha 1 is x · sigmoid(x)."""

Table = tuple[ir.Value, ir.Value]
"""Cosines and sines [max_tokens, half of the numbers of a head that turn]."""


@dataclass(frozen=True)
class Stream:
    """What the layers add up, of which the last summand is not added yet: the next norm does both."""

    total: ir.Value
    """[T, hidden], of the type of residuals."""
    summand: ir.Value | None = None
    """[T, hidden], of the type that is computed in."""
    multiplier: float = 1.0
    """Of the summand."""

    def rows(self, nodes: Nodes, index: ir.Value | None) -> "Stream":
        """Return the rows that are read."""
        summand = None if self.summand is None else nodes.one("Gather", [self.summand, index], f"{self.summand.name}.read")
        return replace(self, total=nodes.one("Gather", [self.total, index], f"{self.total.name}.read"), summand=summand)


def product(nodes: Nodes, given: Product, value: ir.Value, name: str) -> ir.Value:
    """Return value [X, inputs] times the weights, and the biases added, [X, outputs]."""
    def read() -> torch.Tensor:
        return torch.cat([weights.load(part) for part in given.weights])

    inner, outer = given.shape
    if nodes.int4:
        stored = nodes.levels(f"{name}.weight", (outer, inner), read)
        result = nodes.one("MatMulNBits", [value, *stored], name, domain=MICROSOFT, K=inner, N=outer, bits=int4.BITS, block_size=int4.BLOCK)
    else:
        result = nodes.one("MatMul", [value, nodes.weight(f"{name}.weight", given.shape, lambda: read().T)], name)
    if not given.biases:
        return result
    bias = nodes.weight(f"{name}.bias", given.shape[1:], lambda: torch.cat([weights.load(part) for part in given.biases]))
    return nodes.one("Add", [result, bias], f"{name}.biased")


def scale_of(nodes: Nodes, norm: Norm, name: str, dtype: ir.DataType) -> ir.Value:
    """Return what a norm multiplies by."""
    return nodes.weight(f"{name}.weight", tuple(norm.weight.shape), lambda: weights.load(norm.weight) + norm.offset, dtype)


def normed(nodes: Nodes, value: ir.Value, norm: Norm, name: str, dtype: ir.DataType) -> ir.Value:
    """Return the norm of the rows of a value, in a type; sums are float32."""
    return nodes.one("SimplifiedLayerNormalization", [value, scale_of(nodes, norm, name, dtype)], name, dtype, axis=-1, epsilon=norm.eps, stash_type=1)


def add_norm(nodes: Nodes, stream: Stream, norm: Norm | None, name: str, dtype: ir.DataType) -> tuple[ir.Value, Stream]:
    """Add the last summand; return the sum's norm in a type (None: the sum itself), and the sum.

    Where dtype is not what is computed in, as for readings, all is computed in float32.
    """
    wide = nodes.wide or dtype != nodes.type
    total = nodes.cast(stream.total, FLOAT) if wide else stream.total
    if stream.summand is None:
        return (nodes.cast(total, dtype) if norm is None else normed(nodes, total, norm, name, dtype)), Stream(total)
    summand = nodes.cast(stream.summand, total.dtype)
    if stream.multiplier != 1:
        summand = nodes.one("Mul", [summand, nodes.scalar(stream.multiplier, total.dtype)], f"{name}.summand")
    if nodes.wide or norm is None:
        total = nodes.one("Add", [total, summand], f"{name}.total")
        return (nodes.cast(total, dtype) if norm is None else normed(nodes, total, norm, name, dtype)), Stream(total)
    scale = scale_of(nodes, norm, name, total.dtype)
    both = nodes.many("SkipSimplifiedLayerNormalization", [summand, total, scale], [name, "", "", f"{name}.total"], total.dtype, MICROSOFT,
                      epsilon=norm.eps)
    return both[0], Stream(both[3])


def table_of(nodes: Nodes, given: RotaryTable, name: str) -> Table:
    """Return a rotation's cosines and sines as weights."""
    cos, sin = (nodes.weight(f"{name}.{part}", tuple(given.cos.shape), partial(getattr, given, part)) for part in ("cos", "sin"))
    return cos, sin


def turned(nodes: Nodes, given: Attention, value: ir.Value, heads: int, norm: Norm | None, table: Table | None, tiles: Tiles, name: str) -> ir.Value:
    """Return queries or keys [T, heads · d], normed and turned by their positions, in some shape of as many numbers."""
    if norm is not None and not given.norms_turned:
        value = head_normed(nodes, value, norm, heads, given.head_dim, name)
    if table is not None:
        turning = 2 * table[0].shape[1]
        more = {"rotary_embedding_dim": turning} if turning != given.head_dim else {}
        value = nodes.one("Reshape", [value, nodes.ints(-1, 1, heads * given.head_dim)], f"{name}.column")
        value = nodes.one("RotaryEmbedding", [value, tiles.positions, *table], f"{name}.turned", domain=MICROSOFT, num_heads=heads,
                          interleaved=int(given.neighbours), **more)
    return head_normed(nodes, value, norm, heads, given.head_dim, name) if norm is not None and given.norms_turned else value


def head_normed(nodes: Nodes, value: ir.Value, norm: Norm, heads: int, dim: int, name: str) -> ir.Value:
    """Return queries or keys normed head by head, or all heads of a token at once where the norm's weight is as
    long."""
    each = norm.weight.shape[0] == dim
    value = nodes.one("Reshape", [value, nodes.ints(-1, heads, dim) if each else nodes.ints(-1, heads * dim)], f"{name}.heads")
    return normed(nodes, value, norm, f"{name}.norm", nodes.type)


def projected(nodes: Nodes, given: Attention, value: ir.Value, tiles: Tiles, tables: dict[str, Table], name: str) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Return the queries of each tile [R, Q, H · d], and the keys and values of all tokens in some shape of T · G · d
    numbers."""
    width, narrow = given.heads * given.head_dim, given.kv_heads * given.head_dim
    query, key, own = nodes.many("Split", [product(nodes, given.qkv, value, f"{name}.qkv"), nodes.ints(width, narrow, narrow)],
                                 [f"{name}.query", f"{name}.key", f"{name}.value"], nodes.type, axis=1)
    table = None if given.rotation is None else tables[given.rotation]
    query = turned(nodes, given, query, given.heads, given.query_norm, table, tiles, f"{name}.query")
    key = turned(nodes, given, key, given.kv_heads, given.key_norm, table, tiles, f"{name}.key")
    query = nodes.one("Reshape", [query, nodes.ints(-1, width)], f"{name}.queries")
    return nodes.one("Gather", [query, tiles.query_index], f"{name}.query.tiles", axis=0), key, own


def mixed(nodes: Nodes, given: Attention, parts: list[ir.Value], tiles: Tiles, index: ir.Value, name: str) -> ir.Value:
    """Return attention's result [X, H · d] at index [X] of the R · Q rows. parts are the queries, keys and values of
    each tile."""
    cap: dict[str, Any] = {} if given.softcap is None else {"softcap": float(given.softcap)}
    rows = nodes.one("Attention", [*parts, tiles.see[given.window]], f"{name}.mixed", q_num_heads=given.heads, kv_num_heads=given.kv_heads,
                     scale=float(given.scale), **cap)
    rows = nodes.one("Reshape", [rows, nodes.ints(-1, given.heads * given.head_dim)], f"{name}.mixed.rows")
    return nodes.one("Gather", [rows, index], f"{name}.mixed.tokens", axis=0)


def attended(nodes: Nodes, given: Attention, value: ir.Value, tiles: Tiles, past: tuple[ir.Value, ir.Value], tables: dict[str, Table], name: str,
             last: bool) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Return attention's result [T, H · d], of the tokens that are read where this is the last layer, and the keys and
    values [T, G, d]."""
    query, *both = projected(nodes, given, value, tiles, tables, name)
    present, gathered = [], []
    for part, own, before in zip(("key", "value"), both, past, strict=True):
        own = nodes.one("Reshape", [own, nodes.ints(-1, given.kv_heads, given.head_dim)], f"{name}.{part}.present")
        every = nodes.one("Concat", [before, own], f"{name}.{part}.all", axis=0)
        every = nodes.one("Reshape", [every, nodes.ints(-1, given.kv_heads * given.head_dim)], f"{name}.{part}.rows")
        gathered.append(nodes.one("Gather", [every, tiles.key_index], f"{name}.{part}.tiles", axis=0))
        present.append(own)
    result = mixed(nodes, given, [query, *gathered], tiles, tiles.read_scatter if last else tiles.scatter_index, name)
    return result, present[0], present[1]


def gated(nodes: Nodes, given: Gated, value: ir.Value, name: str) -> ir.Value:
    """Return the feed-forward part of rows [X, hidden]."""
    kind, domain, attributes = ACTIVATIONS[given.activation]
    size = given.gate_up.shape[1] // 2
    gate, up = nodes.many("Split", [product(nodes, given.gate_up, value, f"{name}.gate_up"), nodes.ints(size, size)], [f"{name}.gate", f"{name}.up"],
                          nodes.type, axis=1)
    active = nodes.one(kind, [gate], f"{name}.active", domain=domain, **attributes)
    return product(nodes, given.down, nodes.one("Mul", [active, up], f"{name}.inner"), f"{name}.down")


def layer(nodes: Nodes, given: Layer, stream: Stream, tiles: Tiles, past: tuple[ir.Value, ir.Value], tables: dict[str, Table], name: str,
          last: bool) -> tuple[Stream, ir.Value, ir.Value]:
    """Add one layer; return what it leaves, and its keys and values. The last one goes on with the rows that are read
    alone."""
    value, stream = add_norm(nodes, stream, given.before[0], f"{name}.before_attention", nodes.type)
    result, key, own = attended(nodes, given.attention, value, tiles, past, tables, f"{name}.attention", last)
    if last:
        stream = stream.rows(nodes, tiles.read_index)
    summand = product(nodes, given.attention.out, result, f"{name}.attention.out")
    if given.after[0] is not None:
        summand = normed(nodes, summand, given.after[0], f"{name}.after_attention", nodes.type)
    value, stream = add_norm(nodes, replace(stream, summand=summand, multiplier=given.multiplier), given.before[1], f"{name}.before_gated", nodes.type)
    summand = gated(nodes, given.gated, value, f"{name}.gated")
    if given.after[1] is not None:
        summand = normed(nodes, summand, given.after[1], f"{name}.after_gated", nodes.type)
    return replace(stream, summand=summand, multiplier=given.multiplier), key, own
