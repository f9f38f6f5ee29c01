"""Packed decoder graphs of the operators of domain `assay`: nine nodes a layer, and keys and values in pools that are
written where they are.

The inputs are those of `docs/BUNDLE.md` but for keys: each token is given a slot of the pools, and a tile lists the
slots of its keys, so that nothing is gathered, kept or copied. T tokens, S slots, R tiles of Q queries and K keys, N
readings.
"""

from dataclasses import dataclass
from functools import partial

import onnx_ir as ir

from ..errors import ExportError
from ..graph.graph import output_name
from ..models.model import Model
from ..models.reference import float32_copy
from ..operators import DOMAIN, EVERY_KEY, Form
from ..read import weights
from . import encoders
from .described import Body, Layer, Norm
from .graph import head
from .integers import products
from .kinds import reader
from .layer import Stream, add_norm
from .linear import Multiply, linear, linear8
from .nodes import FLOAT, Nodes
from .stages import WHOLE, Stage, left, taken
from .tiles import INT64

STEP, MOST_INPUTS = 16, 1 << 17
"""Sizes of an integer product."""

SILU = ("silu", "swish")
"""The names that config.json has for the one gate that SwiGLU has."""


@dataclass(frozen=True)
class Places:
    """The graph's inputs that every layer looks at."""

    positions: ir.Value
    slots: ir.Value
    query_index: ir.Value
    key_slots: ir.Value
    key_len: ir.Value
    scatter_index: ir.Value
    read_index: ir.Value | None
    """None in a stage that is not the last, which reads no token."""


def build_pooled(model: Model, max_tokens: int, compute: str, separate: bool = False, stage: Stage = WHOLE, integers: bool = False) -> ir.Model:
    """Return a model's packed graph of the operators of domain assay, or that of one stage; integers: its layers
    multiply int8 by int8. ExportError names what no operator computes."""
    check_pooled(model, max_tokens, integers)
    if model.encoder is not None:
        return encoders.build(model, max_tokens, compute, separate, assay=True)
    nodes, sizes, part = Nodes(compute, wide=True), model.sizes, model.parts[0]
    body = reader(part.body.config)(float32_copy(part.body), max_tokens).read()
    input_ids, places = inputs(nodes, stage)
    names = [f"{kind}.{number}" for number in stage.layers(sizes.layers) for kind in ("key", "value")]
    pools = [nodes.input(f"pool_{name}", nodes.type, ["slots", sizes.kv_heads, sizes.head_dim]) for name in names]
    written: list[ir.Value] = []
    hidden = states(nodes, body, input_ids, places, pools, written, linear8 if integers else linear, stage)
    if hidden is not None:
        readings = hidden if separate else head(nodes, part, model, hidden, None, "head.0", compute)
        nodes.output(readings, output_name(separate), ["reads", readings.shape[1] if readings.shape else "width"])
    for name, value in zip(names, written, strict=True):
        nodes.output(value, f"written_{name}", ["slots", sizes.kv_heads, sizes.head_dim])
    attention = body.layers[0].attention
    return nodes.model(Form(nodes.type.value, head_norm=attention.query_norm is not None, softcap=attention.softcap is not None))


def check_pooled(model: Model, max_tokens: int, integers: bool) -> None:
    """Refuse a model that has no graph of the operators of domain assay; integers: as build_pooled has it."""
    if model.encoder is not None:
        if integers:
            raise ExportError(f"--int8 beside --compute is for decoders, and model_type {model.config.model_type!r} is an encoder; leave one of them out")
        encoders.check(model, max_tokens)
        return
    if len(model.parts) != 1 or model.likelihood:
        raise ExportError("--operators assay is for models of one body whose head reads its states; leave it out")
    own = model.parts[0].body
    body = reader(own.config)(own, max_tokens).read()
    check(body, model.config.model_type)
    if integers:
        check_sizes(body)


def check(body: Body, kind: str) -> None:
    """Refuse a body with a layer that the operators do not compute."""
    def refuse(what: str) -> None:
        raise ExportError(f"model_type {kind!r} has {what}, which no operator of domain assay computes; leave --operators out")

    for given in body.layers:
        attention = given.attention
        if given.after != (None, None) or None in given.before or given.multiplier != 1:
            refuse("norms or a multiplier behind its layers' parts")
        if given.gated.activation not in SILU:
            refuse(f"the activation {given.gated.activation!r}")
        if attention.rotation is None or attention.neighbours or attention.norms_turned or not body.tables[attention.rotation].twice:
            refuse("positions that are not turned half by half, behind the norms of heads")
        if attention.query_norm is not None and attention.query_norm.weight.shape[0] != attention.head_dim:
            refuse("norms of all heads at once")
    if body.multiplier != 1:
        refuse("a multiplier of its embedding")


def check_sizes(body: Body) -> None:
    """Refuse linear layers of sizes that no integer product takes: 127 · 127 · inputs must be an int32, too."""
    for given in body.layers:
        for name, product in products(given, "a layer").items():
            for inner, outer in ((part.shape[1], part.shape[0]) for part in product.weights):
                if inner % STEP or outer % STEP or inner > MOST_INPUTS:
                    raise ExportError(f"--int8: {name} is [{outer}, {inner}], and with --operators assay both must be multiples of {STEP}, and inputs "
                                      f"at most {MOST_INPUTS}; leave --int8 out")


def inputs(nodes: Nodes, stage: Stage) -> tuple[ir.Value | None, Places]:
    """Add the graph's inputs of integers; return input_ids, which the first stage alone has, and the others."""
    def given(name: str, *shape: str) -> ir.Value:
        return nodes.input(name, INT64, shape)

    return given("input_ids", "tokens") if stage.leads else None, Places(
        given("position_ids", "tokens"), given("slots", "tokens"), given("query_index", "tiles", "queries"), given("key_slots", "tiles", "keys"),
        given("key_len", "tiles"), given("scatter_index", "tokens"), given("read_index", "reads") if stage.ends else None)


def states(nodes: Nodes, body: Body, input_ids: ir.Value | None, places: Places, pools: list[ir.Value], written: list[ir.Value], multiply: Multiply,
           stage: Stage) -> ir.Value | None:
    """Add the layers, or a stage's, with linear layers as multiply has them; return the last states [N, hidden] of the
    rows that are read, in float32, or None where they are a later stage's. The pools behind them go to written.

    The first norm adds its x to the residual like any other: the residual is the embedding, and x is zeros.
    """
    hidden = body.embedding.shape[1]
    if stage.leads:
        embedding = nodes.weight("embedding", tuple(body.embedding.shape), lambda: weights.load(body.embedding))
        total = nodes.cast(nodes.one("Gather", [embedding, input_ids], "embedded"), FLOAT)
        summand = nodes.cast(nodes.one("Sub", [total, total], "nothing"), nodes.type)
    else:
        total, summand = taken(nodes, stage, hidden)
    for at, number in enumerate(stage.layers(len(body.layers))):
        last = number == len(body.layers) - 1
        total, summand = layer(nodes, body.layers[number], body, (total, summand), places, pools[2 * at:2 * at + 2], written, multiply,
                               f"layer.{number}", last)
    if stage.ends:
        return add_norm(nodes, Stream(total, summand), body.norm, "states", FLOAT)[0]
    left(nodes, stage, total, summand, hidden)
    return None


def layer(nodes: Nodes, given: Layer, body: Body, stream: tuple[ir.Value, ir.Value], places: Places, pools: list[ir.Value], written: list[ir.Value],
          multiply: Multiply, name: str, last: bool) -> tuple[ir.Value, ir.Value]:
    """Add one layer; return the residual and what is to be added to it. The last one goes on behind its attention with
    the rows that are read."""
    attention = given.attention
    total, normed = norm(nodes, stream, given.before[0], f"{name}.before_attention")
    qkv = multiply(nodes, attention.qkv, normed, f"{name}.qkv")
    table = body.tables[attention.rotation or ""]
    norms = [scale(nodes, own, f"{name}.{side}_norm") if own is not None else nodes.ones(attention.head_dim)
             for side, own in (("query", attention.query_norm), ("key", attention.key_norm))]
    turns = [nodes.weight(".".join(filter(None, (part, attention.rotation))), tuple(table.cos.shape), partial(getattr, table, part), FLOAT)
             for part in ("cos", "sin")]
    turned, epsilon = 2 * table.cos.shape[1], attention.query_norm.eps if attention.query_norm is not None else 0.0
    queries, keys, values = nodes.many(
        "Rotate", [qkv, places.positions, *turns, *norms, places.slots, *pools], [f"{name}.queries", f"{name}.keys", f"{name}.values"], nodes.type, DOMAIN,
        heads=[attention.heads, attention.kv_heads, attention.kv_heads], turned=[turned, attention.head_dim - turned],
        normed=int(attention.query_norm is not None), epsilon=epsilon)
    written += [keys, values]
    mixed = nodes.one(
        "TileAttention", [queries, places.positions, places.query_index, places.key_slots, places.key_len, places.scatter_index, keys, values],
        f"{name}.mixed", nodes.type, DOMAIN, scale=attention.scale, window=attention.window or EVERY_KEY, causal=1, softcap=attention.softcap or 0.0)
    if last:
        total, mixed = (nodes.one("Gather", [value, places.read_index], f"{value.name}.read", value.dtype) for value in (total, mixed))
    total, normed = norm(nodes, (total, multiply(nodes, attention.out, mixed, f"{name}.out")), given.before[1], f"{name}.before_gated")
    gate_up = multiply(nodes, given.gated.gate_up, normed, f"{name}.gate_up")
    opened = nodes.one("SwiGLU", [gate_up], f"{name}.opened", nodes.type, DOMAIN)
    return total, multiply(nodes, given.gated.down, opened, f"{name}.down")


def norm(nodes: Nodes, stream: tuple[ir.Value, ir.Value], given: Norm | None, name: str) -> tuple[ir.Value, ir.Value]:
    """Add what a layer gave to the residual; return the sum, and its norm."""
    assert given is not None, "check() has seen to it"
    normed, total = (value for value in nodes.many("AddRmsNorm", [*stream, scale(nodes, given, name)], [name, f"{name}.total"], nodes.type, DOMAIN,
                                                   epsilon=given.eps))
    total.type = ir.TensorType(FLOAT)
    return total, normed


def scale(nodes: Nodes, given: Norm, name: str) -> ir.Value:
    """Return what a norm multiplies by."""
    return nodes.weight(f"{name}.weight", tuple(given.weight.shape), lambda: weights.load(given.weight) + given.offset, FLOAT)
