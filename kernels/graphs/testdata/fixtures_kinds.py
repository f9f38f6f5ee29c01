"""One file with a tensor of every kind that is read, raw and in typed fields.

The values are in read_test.go of kernels/onnx.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOATS = [0.0, -0.0, 1.0, -2.5, 65504.0, 2.0**-24]
INTS = [0, 1, -7, 2**31 - 1, -(2**31)]


def raw(name: str, kind: int, values: np.ndarray) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=kind, raw_data=values.tobytes())
    tensor.dims.extend(values.shape)
    return tensor


def make(file: Path) -> None:
    brain = (np.array(FLOATS, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    weights = [
        raw("float.raw", TensorProto.FLOAT, np.array(FLOATS, np.float32)),
        raw("double.raw", TensorProto.DOUBLE, np.array(FLOATS, np.float64)),
        raw("float16.raw", TensorProto.FLOAT16, np.array(FLOATS, np.float16)),
        raw("bfloat16.raw", TensorProto.BFLOAT16, brain),
        raw("int32.raw", TensorProto.INT32, np.array(INTS, np.int32)),
        raw("int64.raw", TensorProto.INT64, np.array(INTS, np.int64)),
        raw("bool.raw", TensorProto.BOOL, np.array([True, False, True])),
        helper.make_tensor("float.typed", TensorProto.FLOAT, [2, 3], FLOATS),
        helper.make_tensor("double.typed", TensorProto.DOUBLE, [2, 3], FLOATS),
        helper.make_tensor("float16.typed", TensorProto.FLOAT16, [2, 3], FLOATS),
        helper.make_tensor("bfloat16.typed", TensorProto.BFLOAT16, [2, 3], FLOATS),
        helper.make_tensor("int32.typed", TensorProto.INT32, [5], INTS),
        helper.make_tensor("int64.typed", TensorProto.INT64, [5, 1], INTS),
        helper.make_tensor("bool.typed", TensorProto.BOOL, [3], [True, False, True]),
        numpy_helper.from_array(np.array(3.5, np.float32), "number"),
        numpy_helper.from_array(np.zeros((0, 2), np.float32), "empty"),
    ]
    attributes = {"i": -3, "f": 0.5, "s": "text", "ints": [1, -2], "floats": [1.5], "t": weights[0]}
    node = helper.make_node("Own", ["x", "", "number"], ["y", "z"], name="one", domain="example", **attributes)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4]), helper.make_tensor_value_info("number", TensorProto.FLOAT, [])]
    free = helper.make_value_info("z", helper.make_tensor_type_proto(TensorProto.BOOL, None))
    outputs = [helper.make_tensor_value_info("y", TensorProto.INT64, [None, 2]), free]
    graph = helper.make_graph([node], "kinds", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("ai.onnx", 20), helper.make_opsetid("example", 3)], producer_name="make.py")
    model.ir_version = 9
    file.write_bytes(model.SerializeToString(deterministic=True))
