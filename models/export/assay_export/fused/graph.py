"""The whole packed graph: the inputs of `docs/BUNDLE.md`, a body's layers, the norm of the rows that are read, and the
head in float32."""

import onnx_ir as ir
import torch

from ..bodies.bodies import describe
from ..errors import ExportError
from ..graph.graph import output_name, trace
from ..models.model import Model, Part
from ..models.reference import float32_copy
from ..read import weights
from .described import Body
from .kinds import reader
from .layer import Stream, add_norm, layer, table_of
from .nodes import FLOAT, OPSET, Nodes
from .tiles import INT64, tiles

HALVES = ("float16", "bfloat16")
COMPUTES = ("float32", *HALVES)
"""What a graph may be asked to compute in."""


def build(model: Model, max_tokens: int, compute: str, separate: bool = False, like: str | None = None, int4: bool = False) -> ir.Model:
    """Return a model's packed graph that computes in float32, float16 or bfloat16.

    separate: what its head reads leaves it, and the head is in a graph of its own. like: the nodes are those of another
    type, which adds its layers up in a type of its own; the two differ by Cast alone. int4: the layers' weights are
    stored in four bits.
    """
    nodes = Nodes(compute, (like or compute) != "bfloat16", int4)
    sizes = model.sizes
    bodies = [reader(part.body.config)(float32_copy(part.body), max_tokens).read() for part in model.parts]
    input_ids, view = tiles(nodes, sizes.windows)
    names = [f"{part}.{number}" for number in range(sizes.layers) for part in ("key", "value")]
    pasts = [nodes.input(f"past_{name}", nodes.type, ["past", sizes.kv_heads, sizes.head_dim]) for name in names]
    targets = nodes.input("target_ids", INT64, ["reads"]) if model.likelihood else None
    present: list[ir.Value] = []
    readings = []
    for number, (part, body) in enumerate(zip(model.parts, bodies, strict=True)):
        hidden = states(nodes, body, input_ids, view, pasts[len(present):], present, "" if number == 0 else f"other.{number}.")
        readings.append(hidden if separate else head(nodes, part, model, hidden, targets, f"head.{number}", compute))
    every = readings[0] if len(readings) == 1 else nodes.one("Concat", readings, "every_reading", axis=1)
    nodes.output(every, output_name(separate), ["reads", every.shape[1] if every.shape else "width"])
    for name, value in zip(names, present, strict=True):
        nodes.output(value, f"present_{name}", ["tokens", sizes.kv_heads, sizes.head_dim])
    return nodes.model()


def states(nodes: Nodes, body: Body, input_ids: ir.Value, view, pasts: list[ir.Value], present: list[ir.Value], prefix: str) -> ir.Value:
    """Add a body's layers; return the last states [N, hidden] of the rows that are read, in float32. Keys and values go
    to present."""
    embedding = nodes.weight(f"{prefix}embedding", tuple(body.embedding.shape), lambda: weights.load(body.embedding))
    value = nodes.cast(nodes.one("Gather", [embedding, input_ids], f"{prefix}embedded"), nodes.residual)
    if body.multiplier != 1:
        value = nodes.one("Mul", [value, nodes.scalar(body.multiplier, nodes.residual)], f"{prefix}embedded.scaled")
    stream = Stream(value)
    tables = {name: table_of(nodes, table, f"{prefix}rotation{name and '.'}{name}") for name, table in body.tables.items()}
    for number, given in enumerate(body.layers):
        past = pasts[2 * number], pasts[2 * number + 1]
        stream, key, own = layer(nodes, given, stream, view, past, tables, f"{prefix}layer.{number}", number == len(body.layers) - 1)
        present += [key, own]
    return add_norm(nodes, stream, body.norm, f"{prefix}states", FLOAT)[0]


def head(nodes: Nodes, part: Part, model: Model, hidden: ir.Value, targets: ir.Value | None, prefix: str, compute: str) -> ir.Value:
    """Add a part's head, traced by itself, which is computed in float32; its large weights are stored in the type that
    is computed in."""
    reads, width = torch.export.Dim("reads"), describe(part.body.config).hidden  # a reference model may be of another width
    example, free, names = [torch.zeros(3, width)], [{0: reads}], ["hidden"]
    if part.likelihood:
        example, free, names = [*example, torch.arange(3)], [*free, {0: reads}], [*names, "targets"]
    traced = trace(float32_copy(part.head), tuple(example), tuple(free), names, ["readings"], compute, OPSET).graph
    result = traced.outputs[0]
    traced.outputs.clear()
    for own, given in zip(list(traced.inputs), [hidden, targets], strict=False):
        own.replace_all_uses_with(given)
    for name, value in list(traced.initializers.items()):
        del traced.initializers[name]
        value.name = f"{prefix}.{name}"
        nodes.graph.register_initializer(value)
    for node in list(traced):
        traced.remove(node)
        for value in node.outputs:
            value.name = f"{prefix}.{value.name}"
        node.name = node.outputs[0].name
        nodes.graph.append(node)
    return result


def check_model(model: Model, layout: str, compute: str) -> None:
    """Refuse a model that has no such graph. ExportError names what it is and what works."""
    if compute not in COMPUTES:
        raise ExportError(f"compute {compute!r} must be one of {', '.join(COMPUTES)}")
    if layout != "packed":
        raise ExportError(f"--compute is for packed graphs, and the layout is {layout}; leave out --compute, or --layout {layout}")
    if model.encoder is not None:
        raise ExportError(f"model_type {model.config.model_type!r} is an encoder, and --compute is for decoders; leave it out, and the graph is in float32")
    for part in model.parts:
        reader(part.body.config)


def check_int4(compute: str | None, operators: str | None) -> None:
    """Refuse weights in four bits where no operator of the graph reads them."""
    if compute is None:
        raise ExportError("--int4 is of a graph for GPUs: give --compute, too")
    if operators is not None:
        raise ExportError(f"--int4 is for stock operators, and no operator of domain {operators} reads four bits: leave out --operators")
