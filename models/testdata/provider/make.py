"""Makes one decoder layer in half precision, of stock operators and with random weights (seed 18), for tests:

    .venv/bin/python models/testdata/provider/make.py

remakes layer-float16.onnx and layer-bfloat16.onnx, with onnx 1.23.2. The sums of the residual stream are float32 in the
first. In bfloat16 they are not, since ONNX Runtime has no norm on CUDA that reads float32 and writes bfloat16.

T tokens attend in R tiles of Q queries and K keys, to P cached tokens and to each other, as a packed graph's do
(docs/BUNDLE.md).
"""

from pathlib import Path

import ml_dtypes
import numpy
import onnx
from onnx import TensorProto, helper

HERE = Path(__file__).parent
SEED, HIDDEN, HEADS, KV_HEADS, DIM, INNER, PLACES = 18, 64, 2, 1, 64, 64, 128
MICROSOFT = "com.microsoft"
TYPES = {"float16": (TensorProto.FLOAT16, numpy.float16), "bfloat16": (TensorProto.BFLOAT16, ml_dtypes.bfloat16)}


def weights(compute: str) -> list[TensorProto]:
    """Return the layer's weights, its table of angles, and the shapes that its nodes take as inputs."""
    kind, dtype = TYPES[compute]
    random = numpy.random.default_rng(SEED)
    shapes = {"qkv": (HIDDEN, (HEADS + 2 * KV_HEADS) * DIM), "out": (HEADS * DIM, HIDDEN), "gate_up": (HIDDEN, 2 * INNER), "down": (INNER, HIDDEN)}
    halves = {name: random.normal(scale=0.05, size=shape) for name, shape in shapes.items()}
    halves |= {name: random.normal(loc=1, scale=0.1, size=HIDDEN) for name in ("norm1", "norm2")}
    angles = numpy.outer(numpy.arange(PLACES), 10000.0 ** -(numpy.arange(0, DIM, 2) / DIM))
    halves |= {"cos": numpy.cos(angles), "sin": numpy.sin(angles)}
    made = [helper.make_tensor(name, kind, value.shape, value.astype(dtype).tobytes(), raw=True) for name, value in halves.items()]
    integers = {"parts": [HEADS * DIM, KV_HEADS * DIM, KV_HEADS * DIM], "first": [0], "flat_kv": [-1, KV_HEADS * DIM], "halves": [INNER, INNER],
                "flat": [-1, HEADS * DIM], "by_head": [-1, KV_HEADS, DIM]}
    return made + [helper.make_tensor(name, TensorProto.INT64, [len(value)], value) for name, value in integers.items()]


def norm(compute: str, values: str, residual: str, weight: str, normed: str, total: str) -> list[onnx.NodeProto]:
    """Return the nodes that add values to the residual stream and norm the sum."""
    if compute == "bfloat16":
        return [helper.make_node("SkipSimplifiedLayerNormalization", [values, residual, weight], [normed, "", "", total], domain=MICROSOFT, epsilon=1e-5)]
    return [
        helper.make_node("Cast", [values], [f"{values}_wide"], to=TensorProto.FLOAT),
        helper.make_node("Add", [f"{values}_wide", residual], [total]),
        helper.make_node("SimplifiedLayerNormalization", [total, weight], [normed], axis=-1, epsilon=1e-5, stash_type=1),
    ]


def rotate(name: str, heads: int) -> list[onnx.NodeProto]:
    """Return the nodes that rotate queries or keys by their positions."""
    row, turned = f"{name}_row", f"{name}_turned"
    return [
        helper.make_node("Unsqueeze", [name, "first"], [row]),
        helper.make_node("RotaryEmbedding", [row, "places", "cos", "sin"], [turned], domain=MICROSOFT, num_heads=heads, rotary_embedding_dim=0),
        helper.make_node("Squeeze", [turned, "first"], [f"{name}_new"]),
    ]


def nodes(compute: str) -> list[onnx.NodeProto]:
    """Return the layer's nodes in their order."""
    node = helper.make_node
    return [
        *norm(compute, "x", "residual", "norm1", "normed1", "stream"),
        node("MatMul", ["normed1", "qkv"], ["projected"]),
        node("Split", ["projected", "parts"], ["q", "k", "v"], axis=1),
        node("Unsqueeze", ["position_ids", "first"], ["places"]),
        *rotate("q", HEADS), *rotate("k", KV_HEADS),
        node("Reshape", ["k_new", "by_head"], ["present_key"]), node("Reshape", ["v", "by_head"], ["present_value"]),
        node("Reshape", ["past_key", "flat_kv"], ["k_past"]), node("Reshape", ["past_value", "flat_kv"], ["v_past"]),
        node("Concat", ["k_past", "k_new"], ["k_all"], axis=0), node("Concat", ["v_past", "v"], ["v_all"], axis=0),
        node("Gather", ["q_new", "query_index"], ["q_tiles"]),
        node("Gather", ["k_all", "key_index"], ["k_tiles"]), node("Gather", ["v_all", "key_index"], ["v_tiles"]),
        node("Attention", ["q_tiles", "k_tiles", "v_tiles", "see"], ["attended"], q_num_heads=HEADS, kv_num_heads=KV_HEADS),
        node("Reshape", ["attended", "flat"], ["places_of_queries"]), node("Gather", ["places_of_queries", "scatter_index"], ["mixed"]),
        node("MatMul", ["mixed", "out"], ["attention"]),
        *norm(compute, "attention", "stream", "norm2", "normed2", "stream_out"),
        node("MatMul", ["normed2", "gate_up"], ["gate_and_up"]), node("Split", ["gate_and_up", "halves"], ["gate", "up"], axis=1),
        node("QuickGelu", ["gate"], ["gated"], domain=MICROSOFT, alpha=1.0), node("Mul", ["gated", "up"], ["inner"]),
        node("MatMul", ["inner", "down"], ["y"]),
    ]


def layer(compute: str) -> onnx.ModelProto:
    """Return the whole graph."""
    kind, wide = TYPES[compute][0], TensorProto.FLOAT if compute == "float16" else TYPES[compute][0]
    value, whole = helper.make_tensor_value_info, TensorProto.INT64
    cached = ["P", KV_HEADS, DIM]
    inputs = [value("x", kind, ["T", HIDDEN]), value("residual", wide, ["T", HIDDEN]), value("position_ids", whole, ["T"]),
              value("past_key", kind, cached), value("past_value", kind, cached), value("query_index", whole, ["R", "Q"]),
              value("key_index", whole, ["R", "K"]), value("see", TensorProto.BOOL, ["R", 1, "Q", "K"]), value("scatter_index", whole, ["T"])]
    new = ["T", KV_HEADS, DIM]
    outputs = [value("y", kind, ["T", HIDDEN]), value("stream_out", wide, ["T", HIDDEN])]
    outputs += [value("present_key", kind, new), value("present_value", kind, new)]
    graph = helper.make_graph(nodes(compute), "layer", inputs, outputs, weights(compute))
    opsets = [helper.make_opsetid("", 23), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=11, producer_name=Path(__file__).name)


if __name__ == "__main__":
    for compute in TYPES:
        (HERE / f"layer-{compute}.onnx").write_bytes(layer(compute).SerializeToString(deterministic=True))
