"""Bundles whose head is a graph of its own: the manifest, the files, lower precision, and what is refused."""

import copy
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from conftest import read_bundle
from torch import nn
from transformers import AutoModel

from assay_export import ExportError, export_bundle, tiny
from assay_export.cli import arguments, export
from assay_export.graph import separate
from assay_export.graph.plan import apart, packed_feeds
from assay_export.models.model import Part
from assay_export.prove.check import open_graph, run


def made(source, out, *options: str):
    """Export with the check on and return the bundle."""
    export(arguments().parse_args([str(source), str(out), "--check", *options]))
    return read_bundle(out)


def scores(bundle) -> list[float]:
    """Return the scores of a packed reward bundle's golden items by its backbone and its head."""
    backbone, head = open_graph(bundle.graph), open_graph(bundle.path / bundle.manifest["graph"]["head"]["file"])
    rows = [run(backbone, packed_feeds(segments, [(segments[0], len(pair["ids"]) - 1)], *bundle.sizes), ("hidden",))[0]
            for pair in bundle.golden for segments in [apart([pair["ids"]])]]
    return [float(reading[0, 0]) for reading in separate.read(head, rows)]


@pytest.mark.parametrize(("layout", "kind"), [("packed", "reward"), ("padded", "reward"), ("padded", "process")])
def test_manifest_says_what_leaves_the_backbone(checkpoint, tmp_path, layout, kind):
    bundle = made(checkpoint("qwen3", kind), tmp_path / "out", "--layout", layout, "--head", "separate")
    graph = bundle.manifest["graph"]
    assert graph["output"] == "hidden" and graph["labels"] == (["reward"] if kind == "reward" else ["wrong", "right"])
    assert graph["head"] == {"file": "head.onnx", "width": 32, "input": "hidden", "output": "readings"}
    assert bundle.manifest["pooling"] == ("last_not_pad" if kind == "reward" else "at_token")
    hidden = onnx.load(bundle.graph).graph.output[0]
    assert hidden.name == "hidden" and len(hidden.type.tensor_type.shape.dim) == (2 if layout == "packed" else 3)
    assert hidden.type.tensor_type.shape.dim[-1].dim_value == 32


def test_head_graph_is_rows_to_readings(checkpoint, tmp_path):
    bundle = made(checkpoint("qwen2", "process"), tmp_path / "out", "--head", "separate")
    head = onnx.load(bundle.path / "head.onnx")
    (given,), (out,) = head.graph.input, head.graph.output
    shapes = [[dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in (given, out)]
    assert (given.name, out.name, shapes) == ("hidden", "readings", [["rows", 32], ["rows", 2]])
    assert [(entry.domain, entry.version) for entry in head.opset_import] == [("", 18)]
    assert not any("score" in value.name or "head" in value.name for value in onnx.load(bundle.graph).graph.initializer)


def test_scores_are_those_of_the_golden_pairs(checkpoint, tmp_path):
    bundle = made(checkpoint("llama"), tmp_path / "out", "--head", "separate", "--external-data")
    assert (bundle.path / "model.onnx_data").exists() and len(bundle.golden) > 2
    np.testing.assert_allclose(scores(bundle), [pair["score"] for pair in bundle.golden], atol=1e-5)


@pytest.mark.parametrize("option", ["--int8", "--dtype=float16"])
def test_the_head_stays_float32_in_lower_precision(checkpoint, tmp_path, option):
    source = checkpoint("qwen2", "process", class_name="Qwen2ForProcessRewardModel")
    bundle = made(source, tmp_path / "out", "--head", "separate", option)
    kinds = {value.data_type for value in onnx.load(bundle.path / "head.onnx").graph.initializer}
    assert kinds == {onnx.TensorProto.FLOAT} and bundle.manifest["drift"]["max"] > 0
    inside = made(source, tmp_path / "inside", option)
    assert inside.manifest["drift"] != bundle.manifest["drift"]  # there the head is stored in it, too


def test_from_python(checkpoint, tmp_path):
    source = checkpoint("qwen3")
    body, head = AutoModel.from_pretrained(source, dtype=torch.float32), nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 3))
    tiny.fill(head, 4, 0.3)
    verdict = export_bundle(body, source, tmp_path / "out", name="a", head=head, label="label_0", separate_head=True, golden=[{"text": "plain"}])
    graph = read_bundle(tmp_path / "out").manifest["graph"]
    assert verdict.worst < 1e-5 and graph["head"]["width"] == 32 and len(graph["labels"]) == 3


def test_a_wrong_head_is_seen(checkpoint, tmp_path, monkeypatch):
    right = separate.trace_head

    def wrong(model):
        head = copy.deepcopy(model.parts[0].head)
        head.weight.data[0, 3] += 0.01
        return right(replace(model, parts=(Part(model.parts[0].body, head),)))

    monkeypatch.setattr(separate, "trace_head", wrong)
    with pytest.raises(ExportError, match="differ from PyTorch"):
        made(checkpoint("qwen3"), tmp_path / "out", "--head", "separate")


def test_a_bundle_with_its_head_inside_keeps_no_head_of_an_earlier_one(checkpoint, tmp_path):
    source = checkpoint("qwen3")
    made(source, tmp_path / "out", "--head", "separate")
    bundle = made(source, tmp_path / "out")
    assert not (bundle.path / "head.onnx").exists() and bundle.manifest["graph"]["output"] == "readings"
    assert "head" not in bundle.manifest["graph"]


def test_a_likelihood_stays_in_the_graph(checkpoint, tmp_path):
    source = checkpoint("qwen2", class_name="Qwen2ForCausalLM")
    with pytest.raises(ExportError, match="^head separate: a likelihood head multiplies by the whole vocabulary"):
        made(source, tmp_path / "out", "--family", "dpo", "--head", "separate")
    assert not (tmp_path / "out").exists()
