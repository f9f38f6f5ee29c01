"""Weights stored in lower precision.

A graph's matrices may be stored as float16, bfloat16 or int8. float16 and bfloat16 are turned into float32 where they
are used, and every sum is float32. int8 weights stay int8 in linear layers, which round their activations, too
(`int8.py`); elsewhere, as in an embedding, they are widened by Cast and Mul. No rounding looks at more than one row, so
a score depends on its own tokens only, as in float32. Linear layers of graphs for GPUs may have int4 (`int4.py`).
"""

from collections.abc import Sequence
from functools import partial

import ml_dtypes
import numpy as np
import onnx_ir as ir
import torch
from torch import nn

from ..errors import ExportError
from ..read import weights
from . import int4, int8, products

PRECISIONS = ("float32", "float16", "bfloat16", "int8", "int4")
LEAST = 16
"""Rows and columns from which on a matrix is stored in lower precision; smaller ones, biases, norms and tables stay
float32."""


def lowered(shape: tuple[int, ...] | torch.Size) -> bool:
    """Tell whether a parameter of this shape is stored in lower precision."""
    return len(shape) == 2 and min(shape) >= LEAST


def rounded(values: torch.Tensor, name: str, precision: str) -> torch.Tensor:
    """Return a weight's float32 values [out, in] as they come back from storage."""
    if precision == "int4":
        return int4.rounded(values, name)
    return int8.rounded(values) if precision == "int8" else half(values, name, precision).float()


def half(values: torch.Tensor, name: str, precision: str) -> torch.Tensor:
    """Return a weight's values in half precision; ExportError names a weight that float16 cannot hold."""
    if precision == "float16" and values.abs().max() > torch.finfo(torch.float16).max:
        raise ExportError(f"weight {name} reaches {values.abs().max():.3g}, and float16 ends at 65504; choose bfloat16")
    return values.to(getattr(torch, precision))


def round_parameters(module: nn.Module, where: str, precision: str, rounding: int8.Rounding | None, besides: Sequence[nn.Module] = (),
                     only: set[str] | None = None) -> None:
    """Replace a module's matrices by placeholders that read them rounded, with int4 those of its linear layers alone;
    with int8, its linear layers round activations, too.

    where is the module's name in the graph; what lies in the modules `besides` stays as it is, and what is not among
    the names `only`.
    """
    for prefix, part in module.named_modules(memo={inner for other in besides for inner in other.modules()}):
        for name, own in part.named_parameters(recurse=False):
            full, linear = ".".join(filter(None, (where, prefix, name))), int8.linear(part, name)
            if not (linear if precision == "int4" else lowered(own.shape)) or (only is not None and full not in only):
                continue
            turned = linear and not isinstance(part, nn.Linear)
            part.register_parameter(name, weights.placeholder(own.shape, partial(load_rounded, own, turned, full, precision)))
            if linear and rounding is not None:
                rounding.attach(full, part)


def load_rounded(own: nn.Parameter, turned: bool, full: str, precision: str) -> torch.Tensor:
    """Return a parameter as it comes back from storage under its full name; turned: it is stored transposed."""
    return turn(rounded(turn(weights.load(own), turned), full, precision), turned)


def turn(values: torch.Tensor, turned: bool) -> torch.Tensor:
    """Return a matrix, transposed if so asked."""
    return values.T.contiguous() if turned else values


def store(graph: ir.Graph, parameters: dict[str, nn.Parameter], precision: str) -> None:
    """Store the graph's matrices, initializers NAME or NAME.T of the parameters, in lower precision."""
    made = products.Products(graph)
    for name, own in parameters.items():
        for initializer, transposed in ((name, False), (name + ".T", True)):
            if initializer not in graph.initializers or not lowered(own.shape):
                continue
            value = graph.initializers[initializer]
            uses = [node for node, place in value.uses() if precision == "int8" and products.is_product(node, place)]
            for flip in (False, True):
                some = [node for node in uses if products.turned(node) == flip]
                if some:
                    multiply(graph, made, value, own, transposed, flip, some)
            if value.uses():
                widen(graph, value, name, own, transposed, precision)
            del graph.initializers[initializer]


def multiply(graph: ir.Graph, made: products.Products, value: ir.Value, own: nn.Parameter, transposed: bool, flip: bool, nodes: list[ir.Node]) -> None:
    """Compute the products `nodes` of an initializer in integers. transposed: it is the parameter's transpose; flip: it
    is [out, in]."""
    outputs_first = transposed != flip

    def levels() -> tuple[np.ndarray, np.ndarray]:
        both = int8.quantized(turn(weights.load(own), not outputs_first))
        return both[0].numpy().T, both[1].numpy()

    name, shape = value.name + (".T" if flip else ""), tuple(reversed(own.shape)) if outputs_first else tuple(own.shape)
    stored = initializer(graph, name + products.LEVELS, shape, ir.DataType.INT8, lambda: levels()[0])
    scale = initializer(graph, name + ".levels_scale", shape[1:], ir.DataType.FLOAT, lambda: levels()[1])
    for node in nodes:
        made.replace(node, stored, scale)


def widen(graph: ir.Graph, value: ir.Value, name: str, own: nn.Parameter, transposed: bool, precision: str) -> None:
    """Put a matrix in lower precision and the nodes that widen it, or its rows, in the place of one float32 initializer."""
    dtype = {"float16": ir.DataType.FLOAT16, "bfloat16": ir.DataType.BFLOAT16, "int8": ir.DataType.INT8}[precision]

    def read() -> np.ndarray:
        values = weights.load(own)
        if precision == "int8":
            values = int8.quantized(values)[0].numpy()
        elif precision == "bfloat16":
            values = half(values, name, precision).view(torch.int16).numpy().view(ml_dtypes.bfloat16)
        else:
            values = half(values, name, precision).numpy()
        return values.T if transposed else values

    shape = ir.Shape(reversed(own.shape) if transposed else own.shape)
    stored = initializer(graph, f"{value.name}.{precision}", tuple(shape), dtype, read)
    scale = None
    if precision == "int8":
        across = (1, own.shape[0]) if transposed else (own.shape[0], 1)
        scale = initializer(graph, f"{value.name}.scale", across, ir.DataType.FLOAT,
                            lambda: int8.quantized(weights.load(own))[1].numpy().reshape(across))
    for node, place in tuple(value.uses()):
        if not transposed and node.op_type == "Gather" and place == 0 and products.attribute(node, "axis", 0) == 0:
            look_up(graph, node, stored, scale)
    if value.uses():
        nodes = [operation("Cast", [stored], value.name + ".float32", shape, to=ir.DataType.FLOAT)]
        if scale is not None:
            nodes.append(operation("Mul", [nodes[0].outputs[0], scale], value.name + ".scaled", shape))
        value.replace_all_uses_with(nodes[-1].outputs[0])
        graph.insert_before(graph[0], nodes)


def look_up(graph: ir.Graph, node: ir.Node, stored: ir.Value, scale: ir.Value | None) -> None:
    """Widen the rows that a Gather takes of a table instead of the table, which a server would hold in float32 then."""
    out, ids = node.outputs[0], node.inputs[1]
    rows = operation("Gather", [stored, ids], out.name + ".stored", out.shape)
    rows.outputs[0].type = ir.TensorType(stored.dtype)
    nodes = [rows, operation("Cast", [rows.outputs[0]], out.name + ".float32", out.shape, to=ir.DataType.FLOAT)]
    if scale is not None:
        nodes.append(operation("Gather", [scale, ids], out.name + ".scale", None))
        nodes.append(operation("Mul", [nodes[1].outputs[0], nodes[2].outputs[0]], out.name + ".scaled", out.shape))
    graph.insert_before(node, nodes)
    out.replace_all_uses_with(nodes[-1].outputs[0], replace_graph_outputs=True)
    graph.remove(node, safe=True)


def initializer(graph: ir.Graph, name: str, shape: tuple[int, ...], dtype: ir.DataType, read) -> ir.Value:
    """Add an initializer whose numbers are read each time they are asked for."""
    tensor = ir.LazyTensor(lambda: ir.Tensor(np.ascontiguousarray(read()), dtype=dtype, name=name), dtype=dtype, shape=ir.Shape(shape), name=name)
    value = ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(dtype), const_value=tensor)
    graph.register_initializer(value)
    return value


def operation(kind: str, inputs: list[ir.Value], name: str, shape: ir.Shape, **attributes) -> ir.Node:
    """Return a node with one float32 output."""
    node = ir.node(kind, inputs, attributes)
    node.outputs[0].name, node.outputs[0].shape, node.outputs[0].type = name, shape, ir.TensorType(ir.DataType.FLOAT)
    return node
