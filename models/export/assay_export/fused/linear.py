"""Linear layers as operators of domain `assay`."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import torch

from ..operators import DOMAIN
from ..read import weights
from ..store import int8
from ..store.storage import initializer
from .described import Product
from .nodes import FLOAT, Nodes

Multiply = Callable[[Nodes, Product, ir.Value, str], ir.Value]
"""What adds a linear layer of that name, and returns its result."""


def linear(nodes: Nodes, given: Product, value: ir.Value, name: str) -> ir.Value:
    """Return value [X, inputs] times the weights [outputs, inputs], and a bias."""
    inner, outer = given.shape
    weight = nodes.weight(f"{name}.weight", (outer, inner), lambda: matrix(given))
    return nodes.one("Linear", [value, weight, bias(nodes, given, name)], name, nodes.type, DOMAIN)


def linear8(nodes: Nodes, given: Product, value: ir.Value, name: str) -> ir.Value:
    """Return the same, of integers: each row of value is rounded to int8, and each output's weights are."""
    inner, outer = given.shape
    levels, row_scale = nodes.many("QuantizeRows", [value], [f"{name}.levels", f"{name}.row_scale"], ir.DataType.INT8, DOMAIN)
    row_scale.type = ir.TensorType(FLOAT)

    def part(place: int) -> np.ndarray:
        return nodes.parts.take(name, place, lambda: int8.quantized(matrix(given))).numpy()

    weight = initializer(nodes.graph, f"{name}.weight", (outer, inner), ir.DataType.INT8, lambda: part(0))
    scale = initializer(nodes.graph, f"{name}.scale", (outer,), FLOAT, lambda: part(1))
    return nodes.one("Linear8", [levels, row_scale, weight, scale, bias(nodes, given, name)], name, nodes.type, DOMAIN)


def matrix(given: Product) -> torch.Tensor:
    """Return the weights [outputs, inputs] of all parts."""
    return torch.cat([weights.load(part) for part in given.weights])


def bias(nodes: Nodes, given: Product, name: str) -> ir.Value:
    """Return a linear layer's bias, which is zeros where the model has none."""
    outer = given.shape[1]
    return nodes.weight(f"{name}.bias", (outer,), lambda: torch.cat([weights.load(part) for part in given.biases])) if given.biases else nodes.weight(
        f"zeros.{outer}", (outer,), lambda: torch.zeros(outer))
