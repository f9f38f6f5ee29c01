"""The nodes of an int8 linear layer, put in the place of a graph's float32 MatMul or Gemm."""

import numpy as np
import onnx_ir as ir

from .int8 import SMALLEST, STEPS, ZERO

PRODUCT, LEVELS = "MatMulInteger", ".levels"
"""The product's operation, and the ending of its weight's name."""


def is_product(node: ir.Node, place: int) -> bool:
    """Tell whether a node multiplies rows by the matrix that is its input number `place`, and does no more than add a
    bias."""
    plain = node.op_type == "MatMul" or node.op_type == "Gemm" and attribute(node, "transA", 0) == 0 and \
        attribute(node, "alpha", 1) == 1 and attribute(node, "beta", 1) == 1
    return plain and place == 1


def turned(node: ir.Node) -> bool:
    """Tell whether a product's matrix is [out, in]."""
    return attribute(node, "transB", 0) == 1


def attribute(node: ir.Node, name: str, default: float) -> float:
    """Return a number that a node has as an attribute."""
    return node.attributes[name].value if name in node.attributes else default


class Products:
    """Integer products in one graph. An activation that several layers read is rounded once."""

    def __init__(self, graph: ir.Graph):
        self.graph = graph
        self.rounded: dict[ir.Value, tuple[ir.Value, ir.Value]] = {}

    def replace(self, node: ir.Node, levels: ir.Value, scale: ir.Value) -> None:
        """Compute a product with int8 levels [in, out] and float32 scale [out] instead."""
        out = node.outputs[0]
        rows, row_scale = self.round(node.inputs[0], node)
        chain = Chain(out.name)
        chain.add(PRODUCT, rows, levels, self.constant("zero", np.uint8(ZERO)))
        chain.add("Cast", chain.last, to=ir.DataType.FLOAT)
        chain.add("Mul", chain.last, scale)
        chain.add("Mul", chain.last, row_scale)
        if len(node.inputs) > 2 and node.inputs[2] is not None:
            chain.add("Add", chain.last, node.inputs[2])
        self.graph.insert_before(node, chain.nodes)
        chain.last.shape, chain.last.type = out.shape, out.type
        out.replace_all_uses_with(chain.last, replace_graph_outputs=True)
        self.graph.remove(node, safe=True)
        out.name, chain.last.name = None, out.name

    def round(self, given: ir.Value, before: ir.Node) -> tuple[ir.Value, ir.Value]:
        """Return an activation [..., in] as uint8 levels around ZERO, and the scale of each row [..., 1]."""
        if given in self.rounded:
            return self.rounded[given]
        chain = Chain(given.name + ".rows")
        scale = self.scale(chain, given)
        flat = chain.add("Reshape", scale, self.constant("flat", np.array([-1])))
        chain.add("Shape", flat)
        zeros = chain.add("ConstantOfShape", chain.last, value=ir.tensor(np.array([ZERO], np.uint8)))
        leading = given.shape[:-1]
        if all(size == 1 for size in leading[:-1]):  # QuantizeLinear takes one axis of scales
            chain.add("QuantizeLinear", given, flat, zeros, axis=len(leading) - 1)
        else:
            shape = chain.add("Shape", given)
            chain.add("Reshape", given, self.constant(f"rows_of_{given.shape[-1]}", np.array([-1, given.shape[-1]])))
            chain.add("QuantizeLinear", chain.last, flat, zeros, axis=0)
            chain.add("Reshape", chain.last, shape)
        self.graph.insert_before(before, chain.nodes)
        self.rounded[given] = chain.last, scale
        return self.rounded[given]

    def scale(self, chain: "Chain", given: ir.Value) -> ir.Value:
        """Return max|x| / STEPS of each row [..., 1], at least SMALLEST; NaN where a row holds a NaN or an infinity.

        ReduceMax and ReduceMin pass over a NaN in most places of a row, and a sum does not: 0 times it is 0 or NaN,
        which Max keeps. Reading a row three times is about as fast as writing |x| and reading that.
        """
        last = self.constant("last", np.array([-1]))
        highest = chain.add("Div", chain.add("ReduceMax", given, last, keepdims=1), self.constant("steps", np.float32(STEPS)))
        lowest = chain.add("Div", chain.add("ReduceMin", given, last, keepdims=1), self.constant("steps_down", np.float32(-STEPS)))
        finite = chain.add("Mul", chain.add("ReduceSum", given, last, keepdims=1), self.constant("nothing", np.float32(0)))
        return chain.add("Max", highest, lowest, finite, self.constant("smallest", np.float32(SMALLEST)))

    def constant(self, name: str, value: np.ndarray | np.generic) -> ir.Value:
        """Return an initializer of the graph, made once."""
        name = f"int8.{name}"
        if name not in self.graph.initializers:
            tensor = ir.tensor(value, name=name)
            self.graph.register_initializer(ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor))
        return self.graph.initializers[name]


class Chain:
    """New nodes of one output each, named after the value that they are for."""

    def __init__(self, name: str):
        self.name = name
        self.nodes: list[ir.Node] = []

    @property
    def last(self) -> ir.Value:
        """The output of the newest node."""
        return self.nodes[-1].outputs[0]

    def add(self, kind: str, *inputs: ir.Value, **attributes) -> ir.Value:
        """Add a node and return its output."""
        self.nodes.append(ir.node(kind, inputs, attributes))
        self.last.name = f"{self.name}.{len(self.nodes)}"
        return self.last
