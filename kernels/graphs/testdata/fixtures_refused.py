"""Files that Load refuses, one reason each; refused_test.go has the messages."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

F = TensorProto.FLOAT


def node(op, inputs, output="o", **attributes):
    return helper.make_node(op, inputs, [output], name="first", **attributes)


def weight(name, value):
    return numpy_helper.from_array(np.asarray(value), name)


def ints(name, *values):
    return weight(name, np.array(values, np.int64))


def model(nodes, weights=(), inputs=(("x", F, ["n", 4]),), opset=20, outputs=("o",), kind=F, domain=None):
    values = [helper.make_tensor_value_info(*one) for one in inputs]
    outs = [helper.make_value_info(name, helper.make_tensor_type_proto(kind, None)) for name in outputs]
    sets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    made = helper.make_model(helper.make_graph(nodes, "refused", values, outs, list(weights)), opset_imports=sets, producer_name="make.py")
    made.ir_version = 8
    return made


def external():
    tensor = weight("w", np.ones((4, 1), np.float32))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    return model([node("MatMul", ["x", "w"])], [tensor])


def short():
    tensor = weight("w", np.ones((4, 1), np.float32))
    tensor.raw_data = tensor.raw_data[:-1]
    return model([node("MatMul", ["x", "w"])], [tensor])


def huge():
    tensor = weight("w", np.ones((4, 1), np.float32))
    tensor.dims[:] = [1 << 40, 1 << 40]
    return model([node("MatMul", ["x", "w"])], [tensor])


def function():
    made = model([node("Relu", ["x"])])
    made.functions.append(helper.make_function("own", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 20)]))
    return made


def sparse():
    made = model([node("Relu", ["x"])])
    values = helper.make_tensor("s", F, [1], [1.0])
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, helper.make_tensor("i", TensorProto.INT64, [1], [0]), [4]))
    return made


def twice():
    return model([node("Relu", ["x"]), node("Tanh", ["x"])])


def branch():
    inner = helper.make_graph([helper.make_node("Relu", ["x"], ["b"])], "inner", [], [helper.make_tensor_value_info("b", F, None)])
    return model([node("If", ["c"], then_branch=inner, else_branch=inner)], [weight("c", np.array(True))])


def old_ir():
    made = model([node("Relu", ["x"])])
    made.ir_version = 3
    return made


def std():
    """A divisor that is the number of rows."""
    return model([node("Shape", ["x"], "s", end=1), node("Cast", ["s"], "c", to=F), node("Div", ["x", "c"])])


MODELS = {
    "operator": lambda: model([node("Relu", ["x"], "r"), node("Einsum", ["r", "r"], equation="ij,ij->i")]),
    "operators": lambda: model([node("Einsum", ["x", "x"], "e", equation="ij,ij->ij"), node("TopK", ["e", "k"])], [ints("k", 1)]),
    "domain": lambda: model([node("FastGelu", ["x"], domain="com.microsoft")], domain="com.microsoft"),
    "opset-12": lambda: model([node("Relu", ["x"])], opset=12),
    "opset-22": lambda: model([node("Relu", ["x"])], opset=22),
    "gelu-18": lambda: model([node("Gelu", ["x"])], opset=18),
    "external": external, "short": short, "huge": huge, "function": function, "sparse": sparse, "twice": twice, "branch": branch, "old-ir": old_ir,
    "nan": lambda: model([node("Add", ["x", "w"])], [weight("w", np.array([1, np.nan, 1, 1], np.float32))]),
    "infinite": lambda: model([node("Add", ["x", "w"])], [weight("w", np.array([1, 1, 1, -np.inf], np.float32))]),
    "attribute": lambda: model([node("Gemm", ["x", "w"], transB=1, own=3)], [weight("w", np.ones((1, 4), np.float32))]),
    "attribute-type": lambda: model([node("Softmax", ["x"], axis=1.0)]),
    "axes-attribute": lambda: model([node("ReduceMean", ["x"], axes=[1])], opset=18),
    "axes-input": lambda: model([node("ReduceMean", ["x", "a"])], [ints("a", 1)], opset=17),
    "split-uneven": lambda: model([helper.make_node("Split", ["x"], ["o", "b", "c"], name="first", axis=1)], opset=13, outputs=("o", "b", "c")),
    "layer-norm-mean": lambda: model([helper.make_node("LayerNormalization", ["x", "w"], ["o", "m"], name="first")], [weight("w", np.ones(4, np.float32))],
                                     outputs=("o", "m")),
    "float16": lambda: model([node("Mul", ["x", "w"])], [weight("w", np.ones(4, np.float16))]),
    "cast-down": lambda: model([node("Cast", ["x"], "h", to=TensorProto.FLOAT16), node("Cast", ["h"], to=F)]),
    "input-int64": lambda: model([node("Gather", ["w", "x"])], [weight("w", np.ones((9, 2), np.float32))], inputs=[("x", TensorProto.INT64, ["n"])]),
    "input-free": lambda: model([node("Relu", ["x"])], inputs=[("x", F, ["n", "d"])]),
    "input-fixed": lambda: model([node("Relu", ["x"])], inputs=[("x", F, [1, 4])]),
    "output-bool": lambda: model([node("Greater", ["x", "w"])], [weight("w", np.zeros(4, np.float32))], kind=TensorProto.BOOL),
    "output-constant": lambda: model([node("Relu", ["w"])], [weight("w", np.ones(4, np.float32))]),
    "output-missing": lambda: model([node("Relu", ["x"], "r")]),
    "input-large": lambda: model([node("Relu", ["x"])], inputs=[("x", F, ["n", 1 << 27, 1 << 27, 1 << 27])]),
    "input-twice": lambda: model([node("Relu", ["x"])], inputs=[("x", F, ["n", 4]), ("x", F, ["n", 4])]),
    "expand-large": lambda: model([node("Expand", ["x", "s"])], [ints("s", 1, 1 << 26, 1 << 26, 1 << 26, 1, 1)]),
    "reshape-large": lambda: model([node("Reshape", ["x", "s"])], [ints("s", 1 << 25, 1 << 25, 1 << 25)]),
    "outer-large": lambda: model([node("Mul", ["a", "b"], "p"), node("ReduceSum", ["p"], "q", keepdims=0), node("Add", ["x", "q"])],
                                 [weight("a", np.ones((3000, 1), np.float32)), weight("b", np.ones((1, 3000), np.float32))]),
    "input-missing": lambda: model([node("Relu", ["absent"])]),
    "training": lambda: model([node("Dropout", ["x", "r", "t"])], [weight("r", np.float32(0.5)), weight("t", np.array(True))]),
    "dimensions": lambda: model([node("MatMul", ["x", "w"])], [weight("w", np.ones((5, 1), np.float32))]),
    "mix-softmax": lambda: model([node("Softmax", ["x"], axis=0)]),
    "mix-mean": lambda: model([node("ReduceMean", ["x", "a"], "m"), helper.make_node("Sub", ["x", "m"], ["o"], name="second")], [ints("a", 0)]),
    "mix-all": lambda: model([node("ReduceMax", ["x"], "m"), helper.make_node("Sub", ["x", "m"], ["o"], name="second")]),
    "mix-norm": lambda: model([node("LayerNormalization", ["x", "w"], axis=0)], [weight("w", np.ones(4, np.float32))]),
    "mix-product": lambda: model([node("Transpose", ["x"], "t"), helper.make_node("MatMul", ["x", "t"], ["o"], name="second")]),
    "mix-sum": lambda: model([node("Transpose", ["x"], "t"), helper.make_node("MatMul", ["t", "x"], ["o"], name="second")]),
    "mix-pair": lambda: model([node("Unsqueeze", ["x", "a"], "u"), helper.make_node("Sub", ["x", "u"], ["o"], name="second")], [ints("a", 1)]),
    "mix-gather": lambda: model([node("Gather", ["x", "i"])], [ints("i", 0, 0)]),
    "mix-slice": lambda: model([node("Slice", ["x", "s", "e", "a"])], [ints("s", 1), ints("e", 3), ints("a", 0)]),
    "mix-reverse": lambda: model([node("Slice", ["x", "s", "e", "a", "p"])], [ints("s", -1), ints("e", -(2**63)), ints("a", 0), ints("p", -1)]),
    "mix-concat": lambda: model([node("Concat", ["x", "x"], axis=0)]),
    "mix-reshape": lambda: model([node("Reshape", ["x", "s"])], [ints("s", 4, -1)]),
    "mix-flatten": lambda: model([node("Flatten", ["x"], axis=0)]),
    "mix-count": std,
    "count-reshape": lambda: model([node("Shape", ["x"], "s", end=1), node("Concat", ["s", "r"], "t", axis=0), node("Reshape", ["w", "t"], "u"),
                                    node("MatMul", ["u", "v"], "p"), node("Add", ["x", "p"])],
                                   [ints("r", -1), weight("w", np.ones(77, np.float32)), weight("v", np.ones((11, 4), np.float32))]),
    "count-slice": lambda: model([node("Shape", ["x"], "e", end=1), node("Slice", ["w", "z", "e"], "p"), node("Add", ["x", "p"])],
                                 [ints("z", 0), weight("w", np.ones((99, 4), np.float32))]),
    "count-gather": lambda: model([node("Shape", ["x"], "e", end=1), node("Gather", ["w", "e"], "p"), node("Add", ["x", "p"])],
                                  [weight("w", np.ones((99, 4), np.float32))]),
    "rows-second": lambda: model([node("Transpose", ["x"])]),
    "zero": lambda: model([node("Slice", ["x", "s", "s", "a"])], [ints("s", 0), ints("a", 1)]),
}


def make(folder: Path) -> None:
    for name, build in MODELS.items():
        (folder / f"{name}.onnx").write_bytes(build().SerializeToString(deterministic=True))
