"""Nodes and weights of a graph whose large products are computed in one type."""

from collections.abc import Callable, Sequence

import ml_dtypes
import numpy as np
import onnx_ir as ir
import torch

from ..operators import DOMAIN, VERSION, Form, functions
from ..store import int4
from ..store.storage import half, initializer
from .parts import Parts

OPSET = 23
"""The first that has Attention."""

MICROSOFT = "com.microsoft"
"""Domain of ONNX Runtime's own operators."""

FLOAT = ir.DataType.FLOAT
TYPES = {"float32": FLOAT, "float16": ir.DataType.FLOAT16, "bfloat16": ir.DataType.BFLOAT16}
"""What a graph may compute in."""


class Nodes:
    """A graph in the making. Every method gives the value that its node computes."""

    def __init__(self, compute: str, wide: bool, int4: bool = False):
        """compute is one of TYPES; wide: what the layers add up is float32 and not of that type; int4: the layers'
        weights are stored in four bits."""
        self.name, self.type = compute, TYPES[compute]
        self.residual = FLOAT if wide else self.type
        self.wide, self.int4, self.parts = wide, int4, Parts()
        self.graph = ir.Graph([], [], nodes=[], opset_imports={"": OPSET, MICROSOFT: 1}, name="main")

    def input(self, name: str, dtype: ir.DataType, shape: Sequence[int | str]) -> ir.Value:
        """Add an input of the graph."""
        value = ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(dtype))
        self.graph.inputs.append(value)
        return value

    def output(self, value: ir.Value, name: str, shape: Sequence[int | str]) -> None:
        """Make a value an output of the graph; it takes that name."""
        value.name, value.shape = name, ir.Shape(shape)
        self.graph.outputs.append(value)

    def many(self, kind: str, inputs: Sequence[ir.Value | None], names: Sequence[str], dtype: ir.DataType, domain: str = "",
             **attributes) -> list[ir.Value]:
        """Add a node whose outputs are all of one type. An output with an empty name is left out, and so is an input
        that is None.

        Behind its last input a node has none without a name, of which ONNX Runtime's LayerNormalization dies.
        """
        inputs = list(inputs)
        while inputs[-1] is None:
            inputs.pop()
        node = ir.node(kind, inputs, attributes, domain=domain, num_outputs=len(names), name=names[0])
        for value, name in zip(node.outputs, names, strict=True):
            value.name, value.type = name, ir.TensorType(dtype)
        self.graph.append(node)
        return list(node.outputs)

    def one(self, kind: str, inputs: Sequence[ir.Value | None], name: str, dtype: ir.DataType | None = None, domain: str = "", **attributes) -> ir.Value:
        """Add a node with one output, of the type of its first input where dtype is None."""
        first = inputs[0]
        assert first is not None, "a node has an input"
        return self.many(kind, inputs, [name], dtype or first.dtype, domain, **attributes)[0]

    def cast(self, value: ir.Value, dtype: ir.DataType) -> ir.Value:
        """Return a value in a type; no node is added where it has it already."""
        return value if value.dtype == dtype else self.one("Cast", [value], f"{value.name}.{dtype.name.lower()}", dtype, to=dtype)

    def weight(self, name: str, shape: tuple[int, ...], read: Callable[[], torch.Tensor], dtype: ir.DataType | None = None) -> ir.Value:
        """Add a weight of the type that is computed in, or of dtype; read gives its numbers in float32, each time that
        they are asked for.

        ExportError, when it is saved, names one that float16 cannot hold.
        """
        dtype = dtype or self.type
        return self.graph.initializers[name] if name in self.graph.initializers else initializer(
            self.graph, name, shape, dtype, lambda: numbers(read(), name, dtype))

    def ones(self, count: int) -> ir.Value:
        """Return the weights [count] of a norm that has none, float32."""
        return self.weight("ones", (count,), lambda: torch.ones(count), FLOAT)

    def levels(self, name: str, shape: tuple[int, int], read: Callable[[], torch.Tensor]) -> list[ir.Value]:
        """Add a weight [outputs, inputs] in four bits; return its levels, scales and zeros as MatMulNBits takes them.
        read gives its numbers in float32, once where the three are asked for one after the other."""
        outer, blocks = shape[0], shape[1] // int4.BLOCK

        def part(place: int) -> torch.Tensor:
            return self.parts.take(name, place, lambda: int4.quantized(read(), name))

        return [initializer(self.graph, f"{name}.levels", (outer, blocks, int4.BLOCK // 2), ir.DataType.UINT8, lambda: int4.packed(part(0))),
                self.weight(f"{name}.scales", (outer, blocks), lambda: part(2)),
                initializer(self.graph, f"{name}.zeros", (outer, (blocks + 1) // 2), ir.DataType.UINT8, lambda: int4.packed(part(1)))]

    def ints(self, *values: int) -> ir.Value:
        """Return a constant of int64 [len(values)]."""
        name = "of." + "_".join(map(str, values))
        return self.graph.initializers[name] if name in self.graph.initializers else initializer(
            self.graph, name, (len(values),), ir.DataType.INT64, lambda: np.array(values, np.int64))

    def number(self, value: int) -> ir.Value:
        """Return a constant of int64 []."""
        name = f"of.{value}.alone"
        return self.graph.initializers[name] if name in self.graph.initializers else initializer(
            self.graph, name, (), ir.DataType.INT64, lambda: np.array(value, np.int64))

    def scalar(self, value: float, dtype: ir.DataType) -> ir.Value:
        """Return a constant [1] of a type."""
        return self.weight(f"of.{value:.9g}.{dtype.name.lower()}", (1,), lambda: torch.tensor([value]), dtype)

    def model(self, form: Form | None = None) -> ir.Model:
        """Return the graph as a model; form: that of the operators of domain assay in it."""
        if form is None:
            return ir.Model(self.graph, ir_version=11)
        used = {node.op_type for node in self.graph if node.domain == DOMAIN}
        self.graph.opset_imports[DOMAIN] = VERSION
        return ir.Model(self.graph, ir_version=11, functions=[ir.from_proto(function) for function in functions(form, used)])


def numbers(values: torch.Tensor, name: str, dtype: ir.DataType) -> np.ndarray:
    """Return float32 values in a type of TYPES."""
    if dtype == FLOAT:
        return values.numpy()
    name_of = {own: name for name, own in TYPES.items()}[dtype]
    rounded = half(values, name, name_of)
    return rounded.view(torch.int16).numpy().view(ml_dtypes.bfloat16) if name_of == "bfloat16" else rounded.numpy()
