"""The whole packed graph of a decoder: the inputs of `docs/BUNDLE.md`, a body's layers, the norm of the rows that are
read, and the head in float32."""

import onnx_ir as ir

from ..errors import ExportError
from ..graph.graph import output_name
from ..models.model import Model
from ..models.reference import float32_copy
from ..read import weights
from . import encoders
from .described import Body
from .head import head
from .kinds import reader
from .layer import Stream, add_norm, layer, table_of
from .nodes import FLOAT, Nodes
from .stages import WHOLE, Stage, left, taken
from .tiles import INT64, Tiles, tiles

HALVES = ("float16", "bfloat16")
COMPUTES = ("float32", *HALVES)
"""What a graph may be asked to compute in."""


def build(model: Model, max_tokens: int, compute: str, separate: bool = False, like: str | None = None, stage: Stage = WHOLE,
          int4: bool = False) -> ir.Model:
    """Return a model's packed graph that computes in float32, float16 or bfloat16, or that of one stage.

    separate: what its head reads leaves it, and the head is in a graph of its own. like: the nodes are those of another
    type, which adds its layers up in a type of its own; the two differ by Cast alone. int4: the layers' weights are
    stored in four bits.
    """
    if model.encoder is not None:
        return encoders.build(model, max_tokens, compute, separate)
    nodes = Nodes(compute, (like or compute) != "bfloat16", int4)
    sizes = model.sizes
    bodies = [reader(part.body.config)(float32_copy(part.body), max_tokens).read() for part in model.parts]
    windows = sizes.windows if stage == WHOLE else frozenset(bodies[0].layers[number].attention.window for number in stage.layers(sizes.layers))
    turns = any(body.layers[number].attention.rotation is not None for body in bodies for number in stage.layers(len(body.layers)))
    input_ids, view = tiles(nodes, windows, turns, stage)
    names = [f"{part}.{number}" for number in stage.layers(sizes.layers) for part in ("key", "value")]
    pasts = [nodes.input(f"past_{name}", nodes.type, ["past", sizes.kv_heads, sizes.head_dim]) for name in names]
    targets = nodes.input("target_ids", INT64, ["reads"]) if model.likelihood and stage.ends else None
    present: list[ir.Value] = []
    readings = []
    for number, (part, body) in enumerate(zip(model.parts, bodies, strict=True)):
        hidden = states(nodes, body, input_ids, view, pasts[len(present):], present, "" if number == 0 else f"other.{number}.", stage)
        if hidden is not None:
            readings.append(hidden if separate else head(nodes, part, model, hidden, targets, f"head.{number}", compute))
    if stage.ends:
        every = readings[0] if len(readings) == 1 else nodes.one("Concat", readings, "every_reading", axis=1)
        nodes.output(every, output_name(separate), ["reads", every.shape[1] if every.shape else "width"])
    for name, value in zip(names, present, strict=True):
        nodes.output(value, f"present_{name}", ["tokens", sizes.kv_heads, sizes.head_dim])
    return nodes.model()


def states(nodes: Nodes, body: Body, input_ids: ir.Value | None, view: Tiles, pasts: list[ir.Value], present: list[ir.Value], prefix: str,
           stage: Stage) -> ir.Value | None:
    """Add a body's layers, or a stage's; return the last states [N, hidden] of the rows that are read, in float32, or
    None where they are a later stage's. Keys and values go to present."""
    hidden, layers = body.embedding.shape[1], stage.layers(len(body.layers))
    if stage.leads:
        stream = Stream(embedded(nodes, body, input_ids, prefix))
    else:
        stream = Stream(*taken(nodes, stage, hidden), body.layers[stage.first - 1].multiplier)
    turning = {body.layers[number].attention.rotation for number in layers}
    tables = {name: table_of(nodes, table, f"{prefix}rotation{name and '.'}{name}") for name, table in body.tables.items() if name in turning}
    for at, number in enumerate(layers):
        past = pasts[2 * at], pasts[2 * at + 1]
        stream, key, own = layer(nodes, body.layers[number], stream, view, past, tables, f"{prefix}layer.{number}", number == len(body.layers) - 1)
        present += [key, own]
    if stage.ends:
        return add_norm(nodes, stream, body.norm, f"{prefix}states", FLOAT)[0]
    assert stream.summand is not None, "a layer leaves one"
    left(nodes, stage, stream.total, stream.summand, hidden)
    return None


def embedded(nodes: Nodes, body: Body, input_ids: ir.Value | None, prefix: str) -> ir.Value:
    """Return what the first layer reads, [T, hidden], of the type of residuals."""
    embedding = nodes.weight(f"{prefix}embedding", tuple(body.embedding.shape), lambda: weights.load(body.embedding))
    value = nodes.cast(nodes.one("Gather", [embedding, input_ids], f"{prefix}embedded"), nodes.residual)
    if body.multiplier != 1:
        value = nodes.one("Mul", [value, nodes.scalar(body.multiplier, nodes.residual)], f"{prefix}embedded.scaled")
    return value


def check_model(model: Model, layout: str, compute: str) -> None:
    """Refuse a model that has no such graph. ExportError names what it is and what works."""
    if compute not in COMPUTES:
        raise ExportError(f"compute {compute!r} must be one of {', '.join(COMPUTES)}")
    if model.encoder is not None:
        encoders.reader(model.config)  # first, since those that have no packed graph have a padded one without being asked
    if layout != "packed":
        raise ExportError(f"--compute is for packed graphs, and the layout is {layout}; leave out --compute, or --layout {layout}")
    for part in model.parts:
        reader(part.body.config)


def check_precision(model: Model, precision: str, compute: str | None, operators: str | None) -> None:
    """Refuse a precision of weights that the graph has no operator for: with compute they are of its type, but for int8
    with operators of domain assay and int4 without."""
    if precision == "int4":
        if model.encoder is not None:
            raise ExportError(f"--int4 is for decoders, and model_type {model.config.model_type!r} is an encoder; leave it out")
        if compute is None:
            raise ExportError("--int4 is of a graph for GPUs: give --compute, too")
        if operators is not None:
            raise ExportError(f"--int4 is for stock operators, and no operator of domain {operators} reads four bits: leave out --operators")
    elif compute is not None and precision == "int8" and operators is None:
        raise ExportError(f"--compute {compute} has integer products with --operators assay only: give that, too, or leave out --int8")
    elif compute is not None and precision not in ("float32", "int8"):
        raise ExportError(f"--compute {compute} says how weights are stored, too: leave out --dtype {precision}")
