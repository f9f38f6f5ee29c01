"""Heads: traced by themselves, computed in float32, and put behind the nodes that are there."""

from collections.abc import Sequence

import onnx_ir as ir
import torch
from torch import nn

from ..bodies.bodies import describe
from ..graph.graph import trace
from ..models.model import Model, Part
from ..models.reference import float32_copy
from .nodes import OPSET, Nodes


def head(nodes: Nodes, part: Part, model: Model, hidden: ir.Value, targets: ir.Value | None, prefix: str, compute: str) -> ir.Value:
    """Add a decoder's head; return its readings [N, labels] of the last states [N, hidden]."""
    width = describe(part.body.config).hidden  # a reference model may be of another width
    return behind(nodes, float32_copy(part.head), width, [hidden, *([targets] if part.likelihood and targets is not None else [])], prefix, compute)


def behind(nodes: Nodes, module: nn.Module, width: int, given: Sequence[ir.Value], prefix: str, compute: str) -> ir.Value:
    """Add a module of rows [X, width], and of integers [X] where two values are given, which is computed in float32;
    its large weights are stored in the type that is computed in."""
    rows = torch.export.Dim("rows")
    example, free, names = [torch.zeros(3, width), torch.arange(3)], [{0: rows}, {0: rows}], ["hidden", "targets"]
    count = len(given)
    traced = trace(module, tuple(example[:count]), tuple(free[:count]), names[:count], ["readings"], compute, OPSET).graph
    result = traced.outputs[0]
    traced.outputs.clear()
    for own, value in zip(list(traced.inputs), given, strict=True):
        own.replace_all_uses_with(value)
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
