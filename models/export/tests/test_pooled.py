"""Graphs of domain assay: nine of its nodes a layer, PyTorch's numbers in float32, and in half precision near to it, in
each type on processors."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from test_fused import MAX_TOKENS, loaded, written
from test_fused_encoders import CASES

from assay_export import ExportError, bundle, fused
from assay_export.cli import arguments, export
from assay_export.fused.written import Written
from assay_export.graph import graph
from assay_export.models.reference import Reference
from assay_export.operators import DOMAIN
from assay_export.prove.check import check_graph

HALF = {"float16": 2.0 ** -11, "bfloat16": 2.0 ** -8}
"""The largest relative error of one rounding."""
LAYER = ["AddRmsNorm", "Linear", "Rotate", "TileAttention", "Linear", "AddRmsNorm", "Linear", "SwiGLU", "Linear"]


@pytest.fixture(scope="module", params=("qwen2", "qwen3", "llama", "mistral"))
def checkpoint(request, tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("checkpoints"), request.param)


def saved(model, folder: Path, compute: str) -> Path:
    """Write a graph; return its path."""
    path = folder / f"{compute}.onnx"
    graph.save(fused.build_pooled(model, MAX_TOKENS, compute), path, external=False)
    return path


def test_layer_is_nine_nodes_of_ours(checkpoint, tmp_path):
    _, model = loaded(checkpoint)
    found = onnx.load(saved(model, tmp_path, "float16"))
    for node in found.graph.node:  # SimplifiedLayerNormalization is ONNX Runtime's name of RMSNormalization, which ONNX checks
        node.op_type = "RMSNormalization" if node.op_type == "SimplifiedLayerNormalization" else node.op_type
    onnx.checker.check_model(found)
    layers = [[node.op_type for node in found.graph.node if node.name.startswith(f"layer.{number}.") and node.domain == DOMAIN]
              for number in range(model.sizes.layers)]
    assert layers == [LAYER] * model.sizes.layers
    between = [node.op_type for node in found.graph.node if node.name.startswith("layer.") and node.domain != DOMAIN]
    assert between == ["Gather", "Gather", "Cast"]  # the last layer goes on with what is read, and what it gives is widened for the last norm


def test_float32_is_pytorch_alone_and_in_any_batch(checkpoint, tmp_path):
    _, model = loaded(checkpoint)
    verdict = check_graph(saved(model, tmp_path, "float32"), "packed", False, model, Reference(model), MAX_TOKENS, lambda ids: None)
    assert verdict.worst < 3e-5 and verdict.rounding == 0 and verdict.readings > 50


@pytest.mark.parametrize("half", HALF)
def test_half_precision_is_near_and_seen_where_it_is_large(checkpoint, tmp_path, half):
    _, model = loaded(checkpoint)
    ran, exact, rng = Written(saved(model, tmp_path, half), half, model, None), Reference(model), np.random.default_rng(0)
    apart = []
    for length in (1, 17, 90):
        ids = rng.integers(model.sizes.vocab_size, size=length).tolist()
        one, right = ran.readings(ids).numpy(), exact.readings(ids).numpy()
        apart.append(np.abs(one - right).max() / max(1, np.abs(right).max()))
    assert 0 < max(apart) < 64 * HALF[half]
    name, size = ran.largest()
    assert name.startswith("layer.") and 0.5 < size < 1e4


def test_sequences_that_run_together_are_read_as_each_alone(checkpoint, tmp_path):
    _, model = loaded(checkpoint)
    ran, rng = Written(saved(model, tmp_path, "float32"), "float32", model, None), np.random.default_rng(1)
    sequences = [rng.integers(model.sizes.vocab_size, size=length).tolist() for length in (30, 2, 90, 30)]
    alone = np.stack([ran.readings(ids).numpy()[-1] for ids in sequences])
    together = ran.last_rows(sequences).numpy()
    assert np.abs(together - alone).max() < 1e-5 < np.abs(alone[0] - alone[3]).max()


def test_a_value_that_float16_cannot_hold_is_seen(tmp_path):
    whole, model = loaded(written(tmp_path, "qwen3"))
    whole.model.layers[0].mlp.gate_proj.weight.data *= 1e3
    whole.model.layers[0].mlp.up_proj.weight.data *= 1e3
    ran = Written(saved(model, tmp_path, "float16"), "float16", model, None)
    ran.readings(list(range(20)))
    assert ran.largest()[1] > 65504


@pytest.mark.parametrize(("kind", "config", "what"), [
    ("gemma2", {}, "norms or a multiplier behind its layers' parts"), ("qwen3", {"hidden_act": "gelu"}, "the activation 'gelu'"),
])
def test_what_no_operator_computes_is_refused(tmp_path, kind, config, what):
    _, model = loaded(written(tmp_path, kind, **config))
    with pytest.raises(ExportError, match=what):
        fused.build_pooled(model, MAX_TOKENS, "float16")


@pytest.mark.parametrize(("name", "what"), [
    ("plain-gemma2", "norms or a multiplier behind its layers' parts"), ("body-olmo2", "norms or a multiplier behind its layers' parts"),
    ("body-glm", "positions that are not turned half by half"), ("dpo-gemma2", "models of one body whose head reads its states")])
def test_the_command_refuses_it_before_anything_runs(tmp_path, monkeypatch, name, what):
    monkeypatch.setattr(bundle, "Reference", None)
    CASES[name].write(tmp_path / "source")
    asked = [str(tmp_path / "source"), str(tmp_path / "out"), "--family", CASES[name].family, "--compute", "float16", "--operators", "assay"]
    with pytest.raises(ExportError, match=what):
        export(arguments().parse_args([*asked, *CASES[name].options]))


@pytest.mark.parametrize("operators", [(), ("--operators", "assay")])
def test_what_flows_through_the_layers_may_be_larger_than_float16_is(tmp_path, operators):
    source = written(tmp_path, "llama", attention_bias=True)
    whole, _ = loaded(source)
    whole.model.embed_tokens.weight.data[:, 3] = 4e4
    whole.model.layers[0].self_attn.o_proj.bias.data[3] = 4e4
    whole.save_pretrained(source)
    said = export(arguments().parse_args([str(source), str(tmp_path / "out"), "--compute", "float16", *operators]))
    assert "largest difference from PyTorch" in said


def test_values_of_the_compute_type_are_watched_and_no_others(tmp_path):
    _, model = loaded(written(tmp_path, "qwen3"))
    for integers in (False, True):
        path = tmp_path / f"{integers}.onnx"
        graph.save(fused.build_pooled(model, MAX_TOKENS, "float16", integers=integers), path, external=False)
        names = set(Written(path, "float16", model, None).names)
        assert {"written_key.0", "written_value.1", "layer.0.before_attention", "layer.1.down"} <= names
        assert not [name for name in names if name.endswith((".total", ".levels", ".row_scale"))]
