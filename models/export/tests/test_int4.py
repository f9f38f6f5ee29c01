"""Weights in four bits: levels and their places, the graph that has them, what it is held to, and what is refused."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from conftest import read_bundle
from test_fused import MAX_TOKENS, loaded, nodes, written

from assay_export import ExportError, fused
from assay_export.cli import arguments, export
from assay_export.fused.emulated import Emulated, Emulation
from assay_export.fused.parts import Parts
from assay_export.graph import graph
from assay_export.models.reference import Reference
from assay_export.prove.check import check_graph
from assay_export.store import int4


def drawn(rows: int, columns: int) -> torch.Tensor:
    """Return a weight of rows of very different sizes, one of zeros, one of one sign and one that float16 hardly
    has."""
    values = torch.randn(rows, columns, generator=torch.Generator().manual_seed(1)) * torch.logspace(-3, 3, rows)[:, None]
    values[1], values[2], values[3] = 0, values[2].abs(), values[3] * 1e-6
    return values


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_levels_are_within_half_a_level(blocks):
    values = drawn(16, 32 * blocks)
    levels, zeros, scale = int4.quantized(values, "w")
    assert levels.max() <= int4.MOST and zeros.max() <= int4.MOST and (scale > 0).all()
    assert torch.equal(scale, scale.half().float()) and torch.equal(scale, scale.bfloat16().float())
    apart = (int4.rounded(values, "w") - values).abs().unflatten(1, (-1, 32)).amax(2)
    assert (apart <= scale * 0.57).all()  # half a level, and what fifteen of them lose by a scale that is rounded
    assert (int4.rounded(values, "w")[1] == 0).all()


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_onnx_runtime_reads_what_was_packed(blocks):
    values = drawn(16, 32 * blocks)
    levels, zeros, scale = int4.quantized(values, "w")
    given = {"levels": int4.packed(levels), "scales": scale.numpy(), "zeros": int4.packed(zeros)}
    node = onnx.helper.make_node("MatMulNBits", ["x", *given], ["y"], domain="com.microsoft", K=values.shape[1], N=16, bits=4, block_size=32)
    value = onnx.helper.make_tensor_value_info
    made = onnx.helper.make_model(onnx.helper.make_graph(
        [node], "g", [value("x", 1, ["T", values.shape[1]])], [value("y", 1, ["T", 16])],
        [onnx.numpy_helper.from_array(part, name) for name, part in given.items()]),
        opset_imports=[onnx.helper.make_opsetid("", 23), onnx.helper.make_opsetid("com.microsoft", 1)], ir_version=11)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    read = session.run(None, {"x": np.eye(values.shape[1], dtype=np.float32)})[0]
    assert np.array_equal(read.T, int4.rounded(values, "w").numpy())


@pytest.mark.parametrize("columns, large, said", [
    (48, 1, "weight w has 48 inputs, and int4 takes blocks of 32; leave out --int4"),
    (32, 1e8, "weight w spans .* within 32 inputs, and a scale of int4 ends at 65504")])
def test_a_weight_that_four_bits_cannot_hold_is_named(columns, large, said):
    with pytest.raises(ExportError, match=said):
        int4.quantized(torch.linspace(-large, large, 2 * columns).view(2, -1), "w")


def saved(model, folder: Path, compute: str, like: str | None = None) -> Path:
    """Write a graph whose layers have weights of four bits; return its path."""
    path = folder / f"{compute}-{like}.onnx"
    graph.save(fused.build(model, MAX_TOKENS, compute, like=like, int4=True), path, external=False)
    return path


@pytest.mark.parametrize("half", fused.HALVES)
@pytest.mark.parametrize("kind", ["qwen2", "phi3"])
def test_the_twin_is_pytorch_with_the_same_weights(tmp_path, kind, half):
    _, model = loaded(written(tmp_path, kind))
    ours, twin = saved(model, tmp_path, half), saved(model, tmp_path, "float32", half)
    assert nodes(ours) == nodes(twin)
    reference = Reference(model, "int4")
    verdict = check_graph(twin, "packed", False, model, reference, MAX_TOKENS, lambda ids: None, loose=True)
    assert verdict.worst < 2e-5 and verdict.readings > 50
    stored = {part.name: onnx.numpy_helper.to_array(part) for part in onnx.load(ours).graph.initializer}
    for part in onnx.load(twin).graph.initializer:
        if part.name.endswith((".levels", ".zeros", ".scales")):
            assert np.array_equal(stored[part.name].astype(np.float32), onnx.numpy_helper.to_array(part))
    assert sum(name.endswith(".levels") for name in stored) == 4 * model.sizes.layers and stored["embedding"].dtype.itemsize == 2
    ids = list(range(3, 60))
    near, right = Emulated(ours, half, model, None).readings(ids), reference.readings(ids)
    assert 0 < (near - right).abs().max() < (0.05 if half == "float16" else 0.5)


def test_a_graph_with_another_level_is_seen(tmp_path, monkeypatch):
    _, model = loaded(written(tmp_path, "qwen3"))
    quantized = int4.quantized
    monkeypatch.setattr(int4, "quantized", lambda values, name: (quantized(values, name)[0] ^ 1, *quantized(values, name)[1:]))
    wrong = saved(model, tmp_path, "float32", "float16")
    monkeypatch.undo()
    with pytest.raises(ExportError, match="readings differ from PyTorch by"):
        check_graph(wrong, "packed", False, model, Reference(model, "int4"), MAX_TOKENS, lambda ids: None, loose=True)


@pytest.mark.parametrize("external", [False, True])
def test_each_weight_is_rounded_once_and_left(tmp_path, monkeypatch, external):
    _, model = loaded(written(tmp_path, "qwen3", hidden_size=320, intermediate_size=640, head_dim=64))  # small parts lie inside, and are read later
    quantized, seen = int4.quantized, []
    monkeypatch.setattr(int4, "quantized", lambda values, name: seen.append(name) or quantized(values, name))
    graph.save(fused.build(model, MAX_TOKENS, "float16", int4=True), tmp_path / "model.onnx", external)
    assert len(seen) == len(set(seen)) == 4 * model.sizes.layers


def test_parts_are_held_until_they_are_asked_for_or_another_weight_is():
    made, parts = [], Parts()

    def make(name: str) -> list[torch.Tensor]:
        assert not parts.left
        made.append(name)
        return [torch.zeros(1), torch.ones(1)]

    for name, place in (("a", 0), ("a", 1), ("b", 1), ("c", 0), ("c", 0), ("c", 1)):
        assert parts.take(name, place, lambda name=name: make(name)) == place
    assert made == ["a", "b", "c", "c"] and not parts.left


@pytest.mark.parametrize("blocks", [2, 3])
def test_zeros_are_read_where_they_lie_if_no_row_ends_in_half_a_byte(tmp_path, blocks):
    _, model = loaded(written(tmp_path, "qwen3", hidden_size=32 * blocks, intermediate_size=64))
    path = saved(model, tmp_path, "float16")
    graph_of = onnx.load(path).graph
    stored = {part.name: part.SerializeToString() for part in graph_of.initializer}
    Emulation(graph_of, "float16", tmp_path).run()
    zeros = {part.name: part for part in graph_of.initializer if part.name.endswith("qkv.weight.zeros")}
    assert zeros and {part.data_type for part in zeros.values()} == {onnx.TensorProto.UINT4}
    for name, part in zeros.items():
        before = onnx.TensorProto.FromString(stored[name])
        both = onnx.numpy_helper.to_array(before)
        want = np.stack([both & 15, both >> 4], -1).reshape(len(both), -1)[:, :blocks]
        assert np.array_equal(onnx.numpy_helper.to_array(part).astype(np.uint8), want)
        assert (part.raw_data == before.raw_data) == (blocks % 2 == 0)


@pytest.mark.parametrize("compute", fused.COMPUTES)
def test_the_manifest_says_what_it_changes(tmp_path, compute):
    out = tmp_path / "out"
    export(arguments().parse_args([str(written(tmp_path, "qwen3")), str(out), "--compute", compute, "--int4"]))
    manifest = read_bundle(out).manifest
    about = manifest["graph"]
    assert (about["precision"], about["compute"]) == ("int4", compute) and "drift" not in manifest
    assert about["drift"]["items"] > 60 and about["drift"]["computed"] < about["drift"]["score"]
    assert (about["drift"]["computed"] == 0) == (compute == "float32")
    assert manifest["golden"]["tolerance"] == 2 * about["drift"]["score"]


@pytest.mark.parametrize("given, said", [
    (["--int4"], "--int4 is of a graph for GPUs: give --compute, too"),
    (["--int4", "--compute", "float16", "--operators", "assay"], "--int4 is for stock operators, and no operator of domain assay reads four bits")])
def test_options_that_do_not_go_together(tmp_path, given, said):
    with pytest.raises(ExportError, match=said):
        export(arguments().parse_args([str(written(tmp_path, "qwen3")), str(tmp_path / "out"), *given]))
