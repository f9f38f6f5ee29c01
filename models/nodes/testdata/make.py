"""Makes layer.float32.onnx, layer.float16.onnx and layer.bfloat16.onnx: one decoder layer of the operators of domain
assay, with random weights.

    cd models/export && ../../.venv/bin/python ../nodes/testdata/make.py
"""

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from assay_export.operators import DOMAIN, EVERY_KEY, VERSION, Form, functions
from onnx import TensorProto, helper, numpy_helper

HIDDEN, HEADS, KEY_HEADS, DIM, BETWEEN, PLACES, SEED = 64, 4, 2, 32, 40, 64, 7
FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
TYPES = {"float32": (FLOAT, np.float32), "float16": (TensorProto.FLOAT16, np.float16), "bfloat16": (TensorProto.BFLOAT16, ml_dtypes.bfloat16)}


def write(name: str, kind: int, narrow: type) -> None:
    """Write the file of one compute type beside this one."""
    drawn = np.random.default_rng(SEED)
    angles = np.arange(PLACES)[:, None] / 10000.0 ** (np.arange(DIM // 2) / (DIM // 2))
    kept = {"cos": np.cos(angles), "sin": np.sin(angles), "ones": np.ones(DIM)}
    for part, (rows, columns) in {"qkv": ((HEADS + 2 * KEY_HEADS) * DIM, HIDDEN), "o": (HIDDEN, HEADS * DIM),
                                  "gate_up": (2 * BETWEEN, HIDDEN), "down": (HIDDEN, BETWEEN)}.items():
        kept[f"{part}_weight"], kept[f"{part}_bias"] = drawn.standard_normal((rows, columns)) / columns ** 0.5, drawn.standard_normal(rows) / 8
    kept["first"], kept["second"] = 1 + drawn.standard_normal((2, HIDDEN)) / 8

    def node(name: str, inputs: str, outputs: str, **attributes) -> onnx.NodeProto:
        return helper.make_node(name, inputs.split(), outputs.split(), domain=DOMAIN, **attributes)

    nodes = [
        node("AddRmsNorm", "residual x first", "normed between", epsilon=1e-5),
        node("Linear", "normed qkv_weight qkv_bias", "qkv"),
        node("Rotate", "qkv positions cos sin ones ones slots key_pool value_pool", "queries keys values",
             heads=[HEADS, KEY_HEADS, KEY_HEADS], turned=[DIM, 0]),
        node("TileAttention", "queries positions query_index key_slots key_len scatter_index keys values", "mixed",
             scale=DIM ** -0.5, window=EVERY_KEY, causal=1),
        node("Linear", "mixed o_weight o_bias", "attended"),
        node("AddRmsNorm", "between attended second", "normed_again after", epsilon=1e-5),
        node("Linear", "normed_again gate_up_weight gate_up_bias", "gate_up"),
        node("SwiGLU", "gate_up", "opened"),
        node("Linear", "opened down_weight down_bias", "y"),
    ]
    pool = ["slots_of_pool", KEY_HEADS, DIM]
    inputs = {"residual": (FLOAT, ["T", HIDDEN]), "x": (kind, ["T", HIDDEN]), "positions": (INT, ["T"]), "slots": (INT, ["T"]),
              "query_index": (INT, ["R", "Q"]), "key_slots": (INT, ["R", "K"]), "key_len": (INT, ["R"]), "scatter_index": (INT, ["T"]),
              "key_pool": (kind, pool), "value_pool": (kind, pool)}
    outputs = {"y": (kind, ["T", HIDDEN]), "after": (FLOAT, ["T", HIDDEN]), "keys": (kind, pool), "values": (kind, pool)}
    model = helper.make_model(
        helper.make_graph(nodes, "layer", *([helper.make_tensor_value_info(name, *of) for name, of in side.items()] for side in (inputs, outputs)),
                          [numpy_helper.from_array(value.astype(narrow if part.endswith(("_weight", "_bias")) else np.float32), part)
                           for part, value in kept.items()]),
        functions=functions(Form(kind)), ir_version=10, opset_imports=[helper.make_opsetid("", 23), helper.make_opsetid(DOMAIN, VERSION)])
    onnx.checker.check_model(model)
    onnx.save(model, Path(__file__).with_name(f"layer.{name}.onnx"))


if __name__ == "__main__":
    for name, types in TYPES.items():
        write(name, *types)
