"""Linear layers in integers: the levels, the sums, what the graph is made of, and that the check sees a wrong one."""

import collections

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from conftest import read_bundle

from assay_export import ExportError
from assay_export.cli import arguments, export
from assay_export.graph.plan import padded_feeds
from assay_export.prove import check
from assay_export.store import int8
from assay_export.store.products import Products


@pytest.mark.parametrize("columns", [32, 33])
def test_levels_are_within_half_a_level_and_pairs_within_their_bound(columns):
    values = torch.randn(64, columns, generator=torch.Generator().manual_seed(1)) * torch.logspace(-3, 3, 64)[:, None]
    values[5], values[6, 2:], values[7] = 0, 0, values[7].abs()
    levels, scale = int8.quantized(values)
    assert levels.dtype == torch.int8 and levels.abs().max() <= int8.STEPS and (scale > 0).all()
    assert ((int8.rounded(values) - values).abs() <= scale[:, None] * 0.5001).all()
    pairs = torch.nn.functional.pad(levels.int(), (0, columns % 2)).unflatten(1, (-1, 2))
    assert pairs.clamp(min=0).sum(2).max() <= int8.PAIR and -pairs.clamp(max=0).sum(2).min() <= int8.PAIR
    assert np.iinfo(np.int16).max >= 255 * int8.PAIR


def product(levels: np.ndarray, scale: np.ndarray) -> onnxruntime.InferenceSession:
    """Open a graph of one int8 layer: x [T, in] to y [T, out]."""
    given, out, weight = (ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))
                          for name, shape in (("x", ("T", len(levels))), ("y", ("T", len(scale))), ("w", levels.shape)))
    node = ir.node("MatMul", [given, weight], outputs=[out])
    graph = ir.Graph([given], [out], nodes=[node], opset_imports={"": 18}, name="main")
    made, parts = Products(graph), []
    for name, value in (("w.int8", levels), ("w.scale", scale)):
        parts.append(ir.Value(name=name, shape=ir.Shape(value.shape), const_value=ir.tensor(value, name=name)))
        graph.register_initializer(parts[-1])
    made.replace(node, *parts)
    return onnxruntime.InferenceSession(ir.to_proto(ir.Model(graph, ir_version=10)).SerializeToString(), providers=["CPUExecutionProvider"])


def test_sums_are_exact_at_the_ends_of_the_range():
    width = 512
    levels = np.tile(np.array([64, -64, 127, -127], np.int8)[:, None], (width, 1, 1))[:, :, 0].T
    levels[2:, 1::2] = 1  # a neighbour of 127 must be 1 at most
    levels[3, 1::2] = -1
    scale = np.array([1, 2, 0.5, 0.25], np.float32)
    rows = np.stack([np.full(width, 3.0), np.full(width, -3.0), np.tile([127.0, -127.0], width // 2), np.zeros(width), np.arange(width)]).astype(np.float32)
    given = product(np.ascontiguousarray(levels.T), scale).run(None, {"x": rows})[0]
    steps = np.maximum(np.abs(rows).max(1, keepdims=True) / np.float32(127), np.float32(int8.SMALLEST))
    sums = np.round(rows / steps).astype(np.int64) @ levels.T.astype(np.int64)
    assert given.tobytes() == (sums.astype(np.float32) * scale * steps).tobytes()


@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_an_activation_is_rounded_once_for_all_layers_that_read_it(checkpoint, tmp_path, layout):
    export(arguments().parse_args([str(checkpoint("llama")), str(tmp_path / "out"), "--layout", layout, "--int8"]))
    path, options = tmp_path / "out" / "model.onnx", onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    for graph in (path, options.optimized_model_filepath):
        kinds = collections.Counter(node.op_type for node in onnx.load(graph).graph.node)
        assert kinds["MatMulInteger"] + kinds["MatMulIntegerToFloat"] == 7 * 2 and kinds["QuantizeLinear"] == 4 * 2, kinds
        assert not any(kind.startswith("DynamicQuantize") or kind == "MatMulNBits" for kind in kinds), kinds


def test_a_padded_score_is_the_same_bits_in_any_batch(checkpoint, tmp_path):
    export(arguments().parse_args([str(checkpoint("qwen2")), str(tmp_path / "out"), "--layout", "padded", "--int8"]))
    bundle = read_bundle(tmp_path / "out")
    known = [[(7 * start + 3 * at) % 300 for at in range(length)] for start, length in enumerate((1, 2, 9, 30, 64, 64, 100))]
    one, two = (check.open_graph(bundle.graph, threads) for threads in (1, 2))
    alone = [check.run(one, padded_feeds([ids]))[0].tobytes() for ids in known]
    for session in (one, two):
        for first in range(len(known)):
            rows = check.run(session, padded_feeds(known[first:] + known[:first], length=100 + first))[0]
            assert [row.tobytes() for row in rows] == alone[first:] + alone[:first]


@pytest.mark.parametrize(("what", "words"), [("int8", "level|differ from PyTorch"), ("scale", "level|differ from PyTorch")])
def test_the_check_sees_a_wrong_weight(checkpoint, tmp_path, monkeypatch, what, words):
    right = int8.quantized

    def wrong(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        levels, scale = (part.clone() for part in right(values))
        if what == "int8":
            levels[3] = levels[3].roll(1)
        else:
            scale[3] *= 1.01
        return levels, scale

    monkeypatch.setattr(int8, "quantized", wrong)
    monkeypatch.setattr(int8, "rounded", lambda values: right(values)[0].float() * right(values)[1][:, None])
    with pytest.raises(ExportError, match=words):
        export(arguments().parse_args([str(checkpoint("qwen3")), str(tmp_path / "out"), "--check", "--int8"]))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_weight_that_is_not_finite_is_refused(value):
    """Such a weight must not become a row of zeros, which would give finite scores."""
    weight = torch.ones(3, 4)
    weight[1, 2] = value
    with pytest.raises(ExportError, match="not finite"):
        int8.quantized(weight)
