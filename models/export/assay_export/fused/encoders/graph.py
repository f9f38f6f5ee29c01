"""The whole packed graph of an encoder: the inputs of `docs/BUNDLE.md`, the embedding, the layers, the rows that are
read, and the head in float32."""

import onnx_ir as ir
import torch
from torch import nn

from ...graph import separate
from ...graph.encoder import MEANS, OneRow
from ...graph.graph import output_name
from ...models.model import Model
from ...models.reference import float32_copy
from ...read import weights
from ..head import behind
from ..layer import product, table_of
from ..linear import Multiply, linear
from ..nodes import FLOAT, Nodes
from . import domain
from .described import Body, Embedding
from .kinds import reader
from .layer import Flow, add_norm, layer, normed
from .tiles import Given, counted, given, mean, ones


def build(model: Model, max_tokens: int, compute: str, apart: bool = False, assay: bool = False) -> ir.Model:
    """Return an encoder's packed graph that computes in float32, float16 or bfloat16. apart: the rows that its head
    reads leave it, and the head is in a graph of its own. assay: its layers are of the operators of that domain."""
    nodes, encoder = Nodes(compute, wide=True), float32_copy(model.encoder)
    assert isinstance(encoder, OneRow), "what packs was asked before"
    body = reader(encoder.config)(encoder.body, max_tokens).read()
    averaged = encoder.pooling in MEANS
    windows = frozenset() if assay else frozenset(part.attention.window for part in body.layers)
    turns = not assay and any(part.attention.rotation is not None for part in body.layers)
    own = given(nodes, windows, turns, model.types, "every" if averaged else "first" if model.pooled else "read")
    rows = states(nodes, body, own, None if averaged else own.tiles.read_index, assay)
    if averaged:
        if encoder.pooling == "late":
            rows = behind(nodes, Averaged(encoder), model.sizes.hidden, [rows], "averaged", compute)
        rows = mean(nodes, own, rows, encoder.width)
    if model.pooled and not apart:
        rows = behind(nodes, separate.OnRows(encoder), encoder.width, [rows], "head", compute)
    nodes.output(rows, output_name(apart), ["reads", encoder.width if apart or not model.pooled else model.labels])
    return nodes.model(domain.form_of(nodes, body) if assay else None)


def check(model: Model, max_tokens: int) -> None:
    """Refuse an encoder with a layer that the operators of domain assay do not compute."""
    assert isinstance(model.encoder, OneRow), "what packs was asked before"
    domain.check(reader(model.config)(model.encoder.body, max_tokens).read(), model.config.model_type)


class Averaged(nn.Module):
    """What a mean is taken of, where that is not the last states."""

    def __init__(self, encoder: OneRow):
        super().__init__()
        self.encoder = encoder

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.encoder.averaged(hidden)


def states(nodes: Nodes, body: Body, own: Given, read: ir.Value | None, assay: bool) -> ir.Value:
    """Add a body's layers; return the last states in float32, of the rows that are read [N, hidden], or of all."""
    total = embedded(nodes, body.embedding, own, body.pad, linear if assay else product)
    flow = Flow(total, total if body.before is None else normed(nodes, total, body.before, "before_layers"))
    tables = {} if assay else {name: table_of(nodes, table, f"rotation{name and '.'}{name}") for name, table in body.tables.items()}
    for number, part in enumerate(body.layers):
        name, last = f"layer.{number}", number == len(body.layers) - 1
        rows = read if last else None
        flow = domain.layer(nodes, part, flow, own, body, name, rows, last) if assay else layer(
            nodes, part, flow, own.tiles, tables, body.behind, name, rows)
    return flow.normed


def embedded(nodes: Nodes, embedding: Embedding, own: Given, pad: int | None, multiply: Multiply) -> ir.Value:
    """Return what the layers begin with, float32 [T, hidden]. A type that every token has is part of the words."""
    def words() -> torch.Tensor:
        rows = weights.load(embedding.words)
        return rows if embedding.types is None or own.token_type_ids is not None else rows + weights.load(embedding.types)[0]

    def rows(name: str, table: nn.Parameter, read, index: ir.Value) -> ir.Value:
        weight = nodes.weight(f"embedding.{name}", tuple(table.shape), read, nodes.type)
        return nodes.cast(nodes.one("Gather", [weight, index], f"embedded.{name}"), FLOAT)

    total = rows("words", embedding.words, words, own.input_ids)
    types, positions = embedding.types, embedding.positions
    if types is not None and own.token_type_ids is not None:
        total = nodes.one("Add", [total, rows("types", types, lambda: weights.load(types), own.token_type_ids)], "embedded.typed")
    if positions is not None:
        index = own.position_ids if pad is None else passing(nodes, own, pad)
        placed = rows("positions", positions, lambda: weights.load(positions), index)
        assert embedding.norm is not None, "a body with positions norms the sum"
        total = add_norm(nodes, total, placed, None, embedding.norm, True, "embedded").total
    elif embedding.norm is not None:
        total = normed(nodes, total, embedding.norm, "embedded")
    return total if embedding.widened is None else nodes.cast(multiply(nodes, embedding.widened, nodes.cast(total, nodes.type), "widened"), FLOAT)


def passing(nodes: Nodes, own: Given, pad: int) -> ir.Value:
    """Return positions [T] as RoBERTa counts them: they begin behind its pad id, and pass over that id wherever it
    stands.

    A sequence begins so many tokens before each of its tokens as the token's position says, or with the row where the
    server tries the last positions with a few tokens.
    """
    one, none = nodes.number(1), nodes.number(0)
    pads = nodes.one("Cast", [nodes.one("Equal", [own.input_ids, nodes.number(pad)], "pad.is", ir.DataType.BOOL)], "pad.one", ir.DataType.INT64,
                     to=ir.DataType.INT64)
    before = counted(nodes, pads, "pad.before", axis=0)
    token = counted(nodes, ones(nodes, own.input_ids, "token_ones"), "token_number", axis=0)
    start = nodes.one("Max", [nodes.one("Sub", [token, own.position_ids], "pad.start"), none], "pad.start.row")
    within = nodes.one("Sub", [before, nodes.one("Gather", [before, start], "pad.before.start")], "pad.within")
    place = nodes.one("Add", [nodes.one("Sub", [own.position_ids, within], "pad.place"), one], "pad.place.next")
    place = nodes.one("Mul", [place, nodes.one("Sub", [one, pads], "pad.not")], "pad.place.own")
    return nodes.one("Add", [place, nodes.number(pad)], "pad.position")
