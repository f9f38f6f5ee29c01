"""Weights stored in lower precision, computed with in float32.

A graph's matrices may be stored as float16, bfloat16 or int8 (symmetric, one scale per output channel) and are turned into float32
where they are used. Activations are never rounded, so a score depends on its own tokens only, as in float32. int8 is widened by Cast and
Mul: ONNX Runtime would replace a DequantizeLinear before a product by a kernel that rounds activations too.
"""

import ml_dtypes
import numpy as np
import onnx_ir as ir
import torch
from torch import nn

from . import weights
from .errors import ExportError

PRECISIONS = ("float32", "float16", "bfloat16", "int8")
LEAST = 16
"""Rows and columns from which on a matrix is stored in lower precision; smaller ones, biases, norms and tables stay float32."""


def lowered(shape: tuple[int, ...] | torch.Size) -> bool:
    """Tell whether a parameter of this shape is stored in lower precision."""
    return len(shape) == 2 and min(shape) >= LEAST


def rounded(values: torch.Tensor, name: str, precision: str) -> torch.Tensor:
    """Return a weight's float32 values [out, in] as they come back from storage."""
    if precision == "int8":
        levels, scale = quantized(values)
        return levels.float() * scale[:, None]
    return half(values, name, precision).float()


def half(values: torch.Tensor, name: str, precision: str) -> torch.Tensor:
    """Return a weight's values in half precision; ExportError names a weight that float16 cannot hold."""
    if precision == "float16" and values.abs().max() > torch.finfo(torch.float16).max:
        raise ExportError(f"weight {name} reaches {values.abs().max():.3g}, and float16 ends at 65504; choose bfloat16")
    return values.to(getattr(torch, precision))


def quantized(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return int8 levels [out, in] in -127..127 and one float32 scale per row, so that levels · scale is near the values."""
    scale = values.abs().amax(1) / 127
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return (values / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale


def round_parameters(module: nn.Module, precision: str) -> None:
    """Replace a module's matrices by placeholders that read them rounded."""
    for prefix, part in module.named_modules():
        for name, own in part.named_parameters(recurse=False):
            if lowered(own.shape):
                full = f"{prefix}.{name}" if prefix else name
                part.register_parameter(name, weights.placeholder(own.shape, lambda own=own, full=full: rounded(weights.load(own), full, precision)))


def store(graph: ir.Graph, parameters: dict[str, nn.Parameter], precision: str) -> None:
    """Store the graph's matrices, initializers NAME or NAME.T of the parameters, in lower precision."""
    for name, own in parameters.items():
        for initializer, transposed in ((name, False), (name + ".T", True)):
            if initializer in graph.initializers and lowered(own.shape):
                lower(graph, graph.initializers[initializer], name, own, transposed, precision)


def lower(graph: ir.Graph, value: ir.Value, name: str, own: nn.Parameter, transposed: bool, precision: str) -> None:
    """Put a matrix in lower precision and the nodes that widen it in the place of one float32 initializer."""
    dtype = {"float16": ir.DataType.FLOAT16, "bfloat16": ir.DataType.BFLOAT16, "int8": ir.DataType.INT8}[precision]
    shape = ir.Shape(reversed(own.shape) if transposed else own.shape)

    def read() -> ir.Tensor:
        values = weights.load(own)
        if precision == "int8":
            values = quantized(values)[0].numpy()
        elif precision == "bfloat16":
            values = half(values, name, precision).view(torch.int16).numpy().view(ml_dtypes.bfloat16)
        else:
            values = half(values, name, precision).numpy()
        return ir.Tensor(np.ascontiguousarray(values.T if transposed else values), dtype=dtype, name=stored.name)

    stored = ir.Value(name=f"{value.name}.{precision}", shape=shape, type=ir.TensorType(dtype))
    stored.const_value = ir.LazyTensor(read, dtype=dtype, shape=shape, name=stored.name)
    widen = [operation("Cast", [stored], value.name + ".float32", shape, to=ir.DataType.FLOAT)]
    if precision == "int8":
        scales = quantized(weights.load(own))[1].numpy()
        scales = scales[None] if transposed else scales[:, None]
        scale = ir.Value(name=f"{value.name}.scale", shape=ir.Shape(scales.shape), type=ir.TensorType(ir.DataType.FLOAT))
        scale.const_value = ir.tensor(scales, name=scale.name)
        graph.register_initializer(scale)
        widen.append(operation("Mul", [widen[0].outputs[0], scale], value.name + ".scaled", shape))
    value.replace_all_uses_with(widen[-1].outputs[0])
    del graph.initializers[value.name]
    graph.register_initializer(stored)
    graph.insert_before(graph[0], widen)


def operation(kind: str, inputs: list[ir.Value], name: str, shape: ir.Shape, **attributes) -> ir.Node:
    """Return a node with one float32 output."""
    node = ir.node(kind, inputs, attributes)
    node.outputs[0].name, node.outputs[0].shape, node.outputs[0].type = name, shape, ir.TensorType(ir.DataType.FLOAT)
    return node
