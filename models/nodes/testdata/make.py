"""Makes layer.float32.onnx, layer.float16.onnx and layer.bfloat16.onnx: one decoder layer of the operators of domain
assay, with random weights; layer.float32.int8.onnx and so on, whose linear layers multiply integers;
linear8.float16.onnx and linear8.bfloat16.onnx, one such linear layer; and encoder.float32.onnx and so on, a layer whose
tokens see each other.

    cd models/export && ../../.venv/bin/python ../nodes/testdata/make.py
"""

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import torch
from assay_export.operators import DOMAIN, EVERY_KEY, VERSION, Form, functions
from assay_export.store.int8 import quantized
from onnx import TensorProto, helper, numpy_helper

HIDDEN, HEADS, KEY_HEADS, DIM, BETWEEN, BETWEEN8, PLACES, SEED = 64, 4, 2, 32, 40, 48, 64, 7
FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
TYPES = {"float32": (FLOAT, np.float32), "float16": (TensorProto.FLOAT16, np.float16), "bfloat16": (TensorProto.BFLOAT16, ml_dtypes.bfloat16)}


def write(name: str, kind: int, narrow: type, integers: bool) -> None:
    """Write the file of one compute type beside this one."""
    drawn, between = np.random.default_rng(SEED), BETWEEN8 if integers else BETWEEN
    angles = np.arange(PLACES)[:, None] / 10000.0 ** (np.arange(DIM // 2) / (DIM // 2))
    kept = {"cos": np.cos(angles), "sin": np.sin(angles), "ones": np.ones(DIM)}
    for part, (rows, columns) in {"qkv": ((HEADS + 2 * KEY_HEADS) * DIM, HIDDEN), "o": (HIDDEN, HEADS * DIM),
                                  "gate_up": (2 * between, HIDDEN), "down": (HIDDEN, between)}.items():
        kept[f"{part}_weight"], kept[f"{part}_bias"] = drawn.standard_normal((rows, columns)) / columns ** 0.5, drawn.standard_normal(rows) / 8
        if integers:
            levels, scale = quantized(torch.from_numpy(kept[f"{part}_weight"]).float())
            kept[f"{part}_weight"], kept[f"{part}_scale"] = levels.numpy(), scale.numpy()
    kept["first"], kept["second"] = 1 + drawn.standard_normal((2, HIDDEN)) / 8

    def stored(part: str) -> type:
        if part.endswith("_weight") and integers:
            return np.int8
        return narrow if part.endswith(("_weight", "_bias")) else np.float32

    def node(name: str, inputs: str, outputs: str, **attributes) -> onnx.NodeProto:
        return helper.make_node(name, inputs.split(), outputs.split(), domain=DOMAIN, **attributes)

    def linear(value: str, part: str, output: str) -> list[onnx.NodeProto]:
        if not integers:
            return [node("Linear", f"{value} {part}_weight {part}_bias", output)]
        return [node("QuantizeRows", value, f"{value}_levels {value}_scale"),
                node("Linear8", f"{value}_levels {value}_scale {part}_weight {part}_scale {part}_bias", output)]

    nodes = [
        node("AddRmsNorm", "residual x first", "normed between", epsilon=1e-5),
        *linear("normed", "qkv", "qkv"),
        node("Rotate", "qkv positions cos sin ones ones slots key_pool value_pool", "queries keys values",
             heads=[HEADS, KEY_HEADS, KEY_HEADS], turned=[DIM, 0]),
        node("TileAttention", "queries positions query_index key_slots key_len scatter_index keys values", "mixed",
             scale=DIM ** -0.5, window=EVERY_KEY, causal=1),
        *linear("mixed", "o", "attended"),
        node("AddRmsNorm", "between attended second", "normed_again after", epsilon=1e-5),
        *linear("normed_again", "gate_up", "gate_up"),
        node("SwiGLU", "gate_up", "opened"),
        *linear("opened", "down", "y"),
    ]
    pool = ["slots_of_pool", KEY_HEADS, DIM]
    inputs = {"residual": (FLOAT, ["T", HIDDEN]), "x": (kind, ["T", HIDDEN]), "positions": (INT, ["T"]), "slots": (INT, ["T"]),
              "query_index": (INT, ["R", "Q"]), "key_slots": (INT, ["R", "K"]), "key_len": (INT, ["R"]), "scatter_index": (INT, ["T"]),
              "key_pool": (kind, pool), "value_pool": (kind, pool)}
    outputs = {"y": (kind, ["T", HIDDEN]), "after": (FLOAT, ["T", HIDDEN]), "keys": (kind, pool), "values": (kind, pool)}
    model = helper.make_model(
        helper.make_graph(nodes, "layer", *([helper.make_tensor_value_info(name, *of) for name, of in side.items()] for side in (inputs, outputs)),
                          [numpy_helper.from_array(value.astype(stored(part)), part) for part, value in kept.items()]),
        functions=functions(Form(kind), {node.op_type for node in nodes}), ir_version=10,
        opset_imports=[helper.make_opsetid("", 23), helper.make_opsetid(DOMAIN, VERSION)])
    onnx.checker.check_model(model)
    onnx.save(model, Path(__file__).with_name(f"layer.{name}{'.int8' if integers else ''}.onnx"))


def write_linear8(name: str, kind: int, narrow: type) -> None:
    """Write a linear layer of integers of one compute type beside this file."""
    drawn = np.random.default_rng(SEED)
    levels, scale = quantized(torch.from_numpy(drawn.standard_normal((BETWEEN8, HIDDEN)) / HIDDEN ** 0.5).float())
    kept = {"weight": levels.numpy(), "scale": scale.numpy(), "bias": (drawn.standard_normal(BETWEEN8) / 8).astype(narrow)}
    nodes = [helper.make_node("QuantizeRows", ["x"], ["levels", "row_scale"], domain=DOMAIN),
             helper.make_node("Linear8", ["levels", "row_scale", "weight", "scale", "bias"], ["y"], domain=DOMAIN)]
    model = helper.make_model(
        helper.make_graph(nodes, "linear8", [helper.make_tensor_value_info("x", kind, ["T", HIDDEN])],
                          [helper.make_tensor_value_info("y", kind, ["T", BETWEEN8])],
                          [numpy_helper.from_array(value, part) for part, value in kept.items()]),
        functions=functions(Form(kind), {node.op_type for node in nodes}), ir_version=10,
        opset_imports=[helper.make_opsetid("", 23), helper.make_opsetid(DOMAIN, VERSION)])
    onnx.checker.check_model(model)
    onnx.save(model, Path(__file__).with_name(f"linear8.{name}.onnx"))


def write_encoder(name: str, kind: int, narrow: type) -> None:
    """Write an encoder's layer of one compute type beside this file, with a gate and an activation without one."""
    drawn = np.random.default_rng(SEED)
    angles = np.arange(PLACES)[:, None] / 10000.0 ** (np.arange(DIM // 2) / (DIM // 2))
    kept = {"cos": np.cos(angles), "sin": np.sin(angles), "ones": np.ones(DIM)}
    for part, (rows, columns) in {"qkv": ((HEADS + 2 * KEY_HEADS) * DIM, HIDDEN), "o": (HIDDEN, HEADS * DIM), "gate_up": (2 * BETWEEN, HIDDEN),
                                  "inner": (BETWEEN, BETWEEN), "down": (HIDDEN, BETWEEN)}.items():
        kept[f"{part}_weight"], kept[f"{part}_bias"] = drawn.standard_normal((rows, columns)) / columns ** 0.5, drawn.standard_normal(rows) / 8
    kept["first"], kept["second"] = 1 + drawn.standard_normal((2, HIDDEN)) / 8
    kept["first_offset"], kept["second_offset"] = drawn.standard_normal((2, HIDDEN)) / 8

    def node(name: str, inputs: str, outputs: str, **attributes) -> onnx.NodeProto:
        return helper.make_node(name, inputs.split(), outputs.split(), domain=DOMAIN, **attributes)

    nodes = [
        node("Linear", "x qkv_weight qkv_bias", "qkv"),
        node("RotateQkv", "qkv positions cos sin ones ones", "queries keys values", heads=[HEADS, KEY_HEADS, KEY_HEADS], turned=[DIM, 0]),
        node("TileAttention", "queries positions query_index key_index key_len scatter_index keys values", "mixed", scale=DIM ** -0.5, window=EVERY_KEY,
             causal=0),
        node("Linear", "mixed o_weight o_bias", "attended"),
        node("AddLayerNorm", "residual attended first first_offset", "normed between", epsilon=1e-5, behind=0),
        node("Linear", "normed gate_up_weight gate_up_bias", "gate_up"),
        node("GeGLU", "gate_up", "opened"),
        node("Linear", "opened inner_weight inner_bias", "inner"),
        node("Gelu", "inner", "active"),
        node("Linear", "active down_weight down_bias", "given"),
        node("AddLayerNorm", "between given second second_offset", "y after", epsilon=1e-5, behind=1),
    ]
    inputs = {"residual": (FLOAT, ["T", HIDDEN]), "x": (kind, ["T", HIDDEN]), "positions": (INT, ["T"]), "query_index": (INT, ["R", "Q"]),
              "key_index": (INT, ["R", "K"]), "key_len": (INT, ["R"]), "scatter_index": (INT, ["T"])}
    outputs = {"y": (kind, ["T", HIDDEN]), "after": (FLOAT, ["T", HIDDEN])}
    model = helper.make_model(
        helper.make_graph(nodes, "encoder", *([helper.make_tensor_value_info(name, *of) for name, of in side.items()] for side in (inputs, outputs)),
                          [numpy_helper.from_array(value.astype(narrow if part.endswith(("_weight", "_bias")) else np.float32), part)
                           for part, value in kept.items()]),
        functions=functions(Form(kind, causal=False), {node.op_type for node in nodes}), ir_version=10,
        opset_imports=[helper.make_opsetid("", 23), helper.make_opsetid(DOMAIN, VERSION)])
    onnx.checker.check_model(model)
    onnx.save(model, Path(__file__).with_name(f"encoder.{name}.onnx"))


if __name__ == "__main__":
    for name, (kind, narrow) in TYPES.items():
        for integers in (False, True):
            write(name, kind, narrow, integers)
        write_encoder(name, kind, narrow)
        if name != "float32":
            write_linear8(name, kind, narrow)
