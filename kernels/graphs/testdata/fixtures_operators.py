"""One file per operator and opset: nodes of it with the attributes, axes and shapes that change its meaning."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FIRST, LAST = 13, 21
INPUTS = {"x": ["n", 6], "y": ["n", 3, 4], "z": ["n", 6], "u": [6], "m": ["n", 4, 2]}
SEED = 7


class Case:
    """The graph of one file while it is made. Every output of a node of interest is an output of the file."""

    def __init__(self, opset: int):
        self.opset, self.nodes, self.weights, self.outputs = opset, [], [], []
        self.random = np.random.default_rng(SEED)

    def weight(self, value) -> str:
        value = np.asarray(value)
        value = value.astype(np.float32) if value.dtype == np.float64 else value
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def normal(self, *shape: int) -> str:
        return self.weight(self.random.normal(size=shape))

    def scaled(self, inputs: int, outputs: int) -> str:
        return self.weight(self.random.normal(size=(inputs, outputs)) / np.sqrt(inputs))

    def ints(self, *values: int) -> str:
        return self.weight(np.array(values, np.int64))

    def node(self, op: str, *inputs: str, outputs: int = 1, keep: bool = False, **attributes) -> str:
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=f"{op}_{len(self.nodes)}", **attributes))
        if keep:
            self.outputs += names
        return names[0]

    def out(self, op: str, *inputs: str, outputs: int = 1, **attributes) -> None:
        self.node(op, *inputs, outputs=outputs, keep=True, **attributes)

    def save(self, file: Path) -> None:
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in INPUTS.items()]
        outs = [helper.make_value_info(name, helper.make_tensor_type_proto(TensorProto.FLOAT, None)) for name in self.outputs]
        opset = helper.make_opsetid("", self.opset)
        model = helper.make_model(helper.make_graph(self.nodes, "operators", values, outs, self.weights), opset_imports=[opset], producer_name="make.py")
        model.ir_version = max(7, helper.find_min_ir_version_for([opset]))
        file.write_bytes(model.SerializeToString(deterministic=True))


def curve(op, domain=None, **sets):
    def build(c: Case):
        for attributes in sets.get("attributes", [{}]):
            for name in ("x", "y"):
                c.out(op, domain(c, name) if domain else name, **attributes)
    return build


def positive(c: Case, name: str) -> str:
    return c.node("Add", c.node("Abs", name), c.weight(np.float32(0.1)))


def pairing(op, left=None, right=None):
    def build(c: Case):
        def change(f, name):
            return f(c, name) if f else name

        for a, b in (("x", "z"), ("x", "u"), ("u", "x"), ("y", c.normal(3, 1)), (c.normal(1, 3, 4), "y"), ("x", c.weight(np.float32(1.7)))):
            c.out(op, change(left, a), change(right, b))
        c.out("Squeeze", c.node(op, change(left, "x"), change(right, c.normal(1, 1, 6))), c.ints(0))
    return build


def comparison(op):
    def build(c: Case):
        for a, b in (("x", "z"), ("x", "u"), ("y", c.normal(3, 1)), ("x", "x")):
            c.out("Cast", c.node(op, a, b), to=TensorProto.FLOAT)
    return build


def reduction(op):
    def build(c: Case):
        as_input = op == "ReduceSum" or c.opset >= 18
        for axes, keep in (([1], 1), ([-1], 0), ([1, 2], 0), ([2, 1], 1), ([-2], 0)):
            for name in ("y",) if len(axes) == 2 or axes == [-2] else ("x", "y"):
                if as_input:
                    c.out(op, name, c.ints(*axes), keepdims=keep)
                else:
                    c.out(op, name, axes=axes, keepdims=keep)
        whole = c.node(op, "u", keepdims=0)
        c.out("Add", "x", whole)
    return build


def gemm(c: Case):
    w, v, b = c.normal(6, 5), c.normal(5, 6), c.normal(5)
    c.out("Gemm", "x", w)
    c.out("Gemm", "x", v, b, transB=1)
    c.out("Gemm", "x", v, b, transB=1, alpha=0.5, beta=-2.0)
    c.out("Gemm", "x", c.normal(6, 40), c.weight(np.float32(0.3)))
    c.out("Gemm", "x", c.normal(1, 6), c.normal(1), transB=1)
    c.out("Gemm", c.node("Transpose", "x", perm=[1, 0]), w, b, transA=1)
    c.out("Gemm", "x", c.node("Reshape", c.node("Concat", "u", "u", axis=0), c.ints(2, 6)), transB=1)
    wide = c.node("Gemm", "x", c.scaled(6, 150))
    c.out("Gemm", wide, c.scaled(150, 33))


def matmul(c: Case):
    c.out("MatMul", "x", c.normal(6, 3))
    c.out("MatMul", "x", c.normal(6, 20))
    c.out("MatMul", "y", c.normal(4, 5))
    c.out("MatMul", "y", "m")
    c.out("MatMul", "y", c.normal(1, 4, 17))
    c.out("MatMul", "x", c.normal(6))
    c.out("MatMul", "y", c.normal(4))
    c.out("MatMul", "x", "u")
    c.out("MatMul", c.node("Unsqueeze", "y", c.ints(1)), c.normal(2, 4, 3))
    c.out("MatMul", c.normal(2, 3), "y")
    c.out("MatMul", c.normal(3), "y")


def softmaxes(op):
    def build(c: Case):
        c.out(op, "x")
        c.out(op, "x", axis=1)
        c.out(op, "y")
        c.out(op, "y", axis=1)
        c.out(op, c.node("Mul", "y", c.weight(np.float32(60))), axis=-1)
    return build


def layer_norm(c: Case):
    c.out("LayerNormalization", "x", c.normal(6), c.normal(6))
    c.out("LayerNormalization", "x", c.normal(6), epsilon=0.1)
    c.out("LayerNormalization", "y", c.normal(4), c.normal(4), axis=-1)
    c.out("LayerNormalization", "y", c.normal(3, 4), c.normal(3, 4), axis=1)


def batch_norm(c: Case):
    for name, channels in (("x", 6), ("y", 3)):
        variance = c.weight(np.abs(c.random.normal(size=channels)) + 0.1)
        c.out("BatchNormalization", name, c.normal(channels), c.normal(channels), c.normal(channels), variance, epsilon=1e-3)


def reshape(c: Case):
    c.out("Reshape", "x", c.ints(-1, 2, 3))
    c.out("Reshape", "y", c.ints(0, 12))
    c.out("Reshape", "y", c.ints(0, 0, 2, 2))
    c.out("Reshape", "y", c.ints(-1, 4, 3))
    count = c.node("Slice", c.node("Shape", "y"), c.ints(0), c.ints(1))
    c.out("Reshape", "y", c.node("Concat", count, c.ints(2, 6), axis=0))
    if c.opset >= 14:
        c.out("Reshape", "y", c.ints(-1, 6, 2), allowzero=1)


def flatten(c: Case):
    c.out("Flatten", "x")
    c.out("Flatten", "y", axis=1)
    c.out("Flatten", c.node("Reshape", "y", c.ints(-1, 1, 12)), axis=-2)


def squeeze(c: Case):
    single = c.node("Reshape", "x", c.ints(-1, 1, 6, 1))
    c.out("Squeeze", single, c.ints(1))
    c.out("Squeeze", single, c.ints(-1, 1))
    c.out("Add", "x", c.node("Squeeze", c.node("Unsqueeze", "u", c.ints(0))))


def unsqueeze(c: Case):
    c.out("Unsqueeze", "x", c.ints(1))
    c.out("Unsqueeze", "x", c.ints(-1, 1))
    c.out("Add", "y", c.node("Unsqueeze", c.normal(3), c.ints(1)))


def transpose(c: Case):
    c.out("Transpose", "y", perm=[0, 2, 1])
    c.out("Transpose", c.node("Transpose", "y"), perm=[2, 0, 1])
    c.out("Transpose", c.node("Transpose", "x"))


def expand(c: Case):
    c.out("Expand", c.node("Unsqueeze", "x", c.ints(1)), c.ints(1, 3, 6))
    c.out("Expand", c.node("Unsqueeze", "x", c.ints(2)), c.ints(6, 2))
    count = c.node("Slice", c.node("Shape", "x"), c.ints(0), c.ints(1))
    c.out("Concat", "x", c.node("Expand", "u", c.node("Concat", count, c.ints(6), axis=0)), axis=1)
    c.out("Concat", "x", c.node("Expand", c.normal(1, 2), c.node("Concat", count, c.ints(1), axis=0)), axis=-1)


def slices(c: Case):
    c.out("Slice", "x", c.ints(1), c.ints(5), c.ints(1))
    c.out("Slice", "x", c.ints(0), c.ints(2**63 - 1), c.ints(-1), c.ints(2))
    c.out("Slice", "x", c.ints(-1), c.ints(-(2**63)), c.ints(1), c.ints(-2))
    c.out("Slice", "y", c.ints(1, -3), c.ints(9, -1), c.ints(1, 2))
    c.out("Slice", "y", c.ints(0, 1), c.ints(2**31, 3))
    c.out("Slice", "y", c.ints(-2, 4), c.ints(-9, 1), c.ints(1, 2), c.ints(-1, -2))


def split(c: Case):
    c.out("Split", "x", c.ints(1, 3, 2), outputs=3, axis=1)
    c.out("Split", "y", c.ints(1, 3), outputs=2, axis=-1)
    if c.opset >= 18:
        c.out("Split", "x", outputs=2, axis=1, num_outputs=2)
        c.out("Split", "y", outputs=2, axis=1, num_outputs=2)
    else:
        c.out("Split", "x", outputs=2, axis=1)


def gather(c: Case):
    c.out("Gather", "x", c.ints(3, 0, -1), axis=1)
    c.out("Gather", "y", c.weight(np.array([[0, 1], [2, 0]], np.int64)), axis=1)
    c.out("Gather", "y", c.weight(np.array(1, np.int64)), axis=2)
    c.out("Gather", "y", c.weight(np.array(-1, np.int32)), axis=1)
    c.out("Add", "x", c.node("Gather", c.normal(4, 6), c.weight(np.array(2, np.int64))))


def concat(c: Case):
    c.out("Concat", "x", "z", axis=1)
    c.out("Concat", "y", "y", "y", axis=-1)
    c.out("Concat", "y", c.node("Mul", "y", "y"), axis=1)
    c.out("Concat", "x", axis=1)


def shape(c: Case):
    count = c.node("Gather", c.node("Shape", "y"), c.weight(np.array(0, np.int64)))
    whole = c.node("Concat", c.node("Unsqueeze", count, c.ints(0)), c.ints(12), axis=0)
    c.out("Reshape", "y", whole)
    if c.opset >= 15:
        c.out("Reshape", "y", c.node("Concat", c.node("Shape", "y", start=0, end=-2), c.ints(-1), axis=0))
        c.out("Reshape", "y", c.node("Concat", c.ints(-1), c.node("Shape", "x", start=-1), c.ints(2), axis=0))


def integers(op):
    """Shapes that exporters compute: every integer operator on the way to a Reshape."""
    def build(c: Case):
        width = c.node("Gather", c.node("Shape", "x"), c.ints(1))
        if op == "Mod":
            sizes = [c.node("Mod", width, c.ints(4)), c.node("Mod", c.ints(-7), c.ints(10))]
            c.out("Reshape", "x", c.node("Concat", c.ints(-1), *sizes, axis=0))
        elif op == "ConstantOfShape":
            ones = c.node("ConstantOfShape", c.ints(2), value=helper.make_tensor("", TensorProto.INT64, [1], [1]))
            wanted = c.node("Where", c.node("Equal", c.ints(-1, 6), c.node("Mul", ones, c.ints(-1, -1))), ones, c.ints(-1, 6))
            c.out("Expand", "x", wanted)
        else:
            part = c.node("Div", c.node("Sub", c.node("Add", width, c.ints(2)), c.ints(1)), c.ints(2))
            part = c.node("Min", c.node("Max", part, c.ints(1)), c.ints(3))
            c.out("Reshape", "x", c.node("Concat", c.ints(-1), part, c.ints(2), axis=0))
    return build


def cast(c: Case):
    values = c.random.normal(size=6).astype(np.float32)
    half = c.weight(values.astype(np.float16))
    c.out("Add", "x", c.node("Cast", half, to=TensorProto.FLOAT))
    double = numpy_helper.from_array(values.astype(np.float64), "double")
    c.weights.append(double)
    c.out("Mul", "x", c.node("Cast", "double", to=TensorProto.FLOAT))
    brain = helper.make_tensor("brain", TensorProto.BFLOAT16, [6], [float(v) for v in values])
    c.weights.append(brain)
    c.out("Mul", "x", c.node("Cast", "brain", to=TensorProto.FLOAT))
    c.out("Add", "x", c.node("Cast", c.ints(3), to=TensorProto.FLOAT))
    c.out("Add", "x", c.node("Cast", c.weight(np.array([True])), to=TensorProto.FLOAT))
    c.out("Cast", "x", to=TensorProto.FLOAT)


def constant(c: Case):
    c.out("Add", "x", c.node("Constant", value=helper.make_tensor("", TensorProto.FLOAT, [6], [1, 2, 3, 4, 5, 6.5])))
    c.out("Add", "x", c.node("Constant", value_float=0.25))
    c.out("Add", "x", c.node("Constant", value_floats=[1.5, 2, 3, 4, 5, 6]))
    c.out("Reshape", "x", c.node("Constant", value_ints=[-1, 3, 2]))
    c.out("Gather", "x", c.node("Constant", value_int=2), axis=1)


def where(c: Case):
    c.out("Where", c.node("Greater", "x", "z"), "x", "z")
    c.out("Where", c.node("Greater", "x", c.weight(np.float32(0))), "u", c.weight(np.float32(-1)))
    c.out("Where", c.node("Less", "y", c.normal(3, 1)), "y", c.normal(4))


def clip(c: Case):
    low, high = c.weight(np.float32(-0.5)), c.weight(np.float32(0.75))
    c.out("Clip", "x", low, high)
    c.out("Clip", "x", low)
    c.out("Clip", "y", "", high)
    c.out("Clip", "y")


def dropout(c: Case):
    c.out("Dropout", "x")
    c.out("Dropout", "x", c.weight(np.float32(0.3)), c.weight(np.array(False)))


BUILDERS = {
    **{op: curve(op) for op in ("Neg", "Relu", "Tanh", "Sigmoid", "Softplus", "Erf", "Exp", "Abs", "Softsign", "Mish", "HardSwish", "Identity")},
    **{op: curve(op, positive) for op in ("Log", "Sqrt", "Reciprocal")},
    "LeakyRelu": curve("LeakyRelu", attributes=[{}, {"alpha": 0.3}]),
    "Elu": curve("Elu", attributes=[{}, {"alpha": 0.4}]),
    "Celu": curve("Celu", attributes=[{}, {"alpha": 2.5}]),
    "Selu": curve("Selu", attributes=[{}, {"alpha": 1.5, "gamma": 2.0}]),
    "HardSigmoid": curve("HardSigmoid", attributes=[{}, {"alpha": 0.3, "beta": 0.4}]),
    "Gelu": curve("Gelu", attributes=[{}, {"approximate": "tanh"}]),
    "Clip": clip, "Where": where, "Dropout": dropout,
    **{op: pairing(op) for op in ("Add", "Sub", "Mul", "Max", "Min")},
    "Div": pairing("Div", right=positive), "Pow": pairing("Pow", left=positive),
    **{op: comparison(op) for op in ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal")},
    **{op: reduction(op) for op in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp")},
    "Gemm": gemm, "MatMul": matmul, "Softmax": softmaxes("Softmax"), "LogSoftmax": softmaxes("LogSoftmax"),
    "LayerNormalization": layer_norm, "BatchNormalization": batch_norm,
    "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Transpose": transpose, "Expand": expand,
    "Slice": slices, "Split": split, "Gather": gather, "Concat": concat, "Shape": shape,
    "Mod": integers("Mod"), "ConstantOfShape": integers("ConstantOfShape"), "integers": integers("arithmetic"),
    "Cast": cast, "Constant": constant,
}


def opsets(op: str) -> list[int]:
    """Every opset of the range in which the operator changed, and both ends."""
    history = [s.since_version for s in onnx.defs.get_all_schemas_with_history() if s.name == op and s.domain == ""]
    first = max(FIRST, min(history, default=FIRST))
    return sorted({first, LAST, *(v for v in history if first <= v <= LAST)})


def make(folder: Path) -> None:
    for op, build in BUILDERS.items():
        for opset in opsets(op):
            case = Case(opset)
            build(case)
            case.save(folder / f"{op}.{opset}.onnx")
