"""Encoders' graphs of domain assay: the nodes of a layer, PyTorch's numbers in float32, and in half precision near to
them, in each type on processors."""

from math import erf

import numpy as np
import onnx
import pytest
from test_fused_encoders import CASES, KINDS, MAX_TOKENS, MORE, loaded, types_of
from test_operators import drawn, each_type, near, run

from assay_export import ExportError, bundle, fused, tiny
from assay_export.cli import arguments, export
from assay_export.fused.written import Written
from assay_export.graph import graph
from assay_export.models.model import Model
from assay_export.models.reference import Reference
from assay_export.operators import DOMAIN, Form
from assay_export.prove.check import check_graph, sample

HALF = {"float16": 2.0 ** -11, "bfloat16": 2.0 ** -8}
"""The largest relative error of one rounding."""
ATTENTION = ["Linear", "RotateQkv", "TileAttention", "Linear"]
LAYERS = {
    "bert": [*ATTENTION, "AddLayerNorm", "Linear", "Gelu", "Linear", "AddLayerNorm"],
    "modernbert": [*ATTENTION, "AddLayerNorm", "Linear", "GeGLU", "Linear", "AddLayerNorm"],
    "eurobert": [*ATTENTION, "AddRmsNorm", "Linear", "SwiGLU", "Linear", "AddRmsNorm"]}
"""The nodes of a layer, by kind of body."""


@pytest.fixture(scope="module", params=[name for name in (*KINDS.values(), *MORE.values()) if name != "body-modernbert-biases"])
def model(request, tmp_path_factory) -> Model:
    return loaded(request.param, tmp_path_factory.mktemp("checkpoints"))


def saved(model: Model, folder, compute: str):
    """Write a graph; return its path."""
    path = folder / f"{compute}.onnx"
    graph.save(fused.build_pooled(model, MAX_TOKENS, compute), path, external=False)
    return path


def test_layers_are_nodes_of_ours(model, tmp_path):
    found = onnx.load(saved(model, tmp_path, "float16"))
    for node in found.graph.node:  # SimplifiedLayerNormalization is ONNX Runtime's name of RMSNormalization, which ONNX checks
        node.op_type = "RMSNormalization" if node.op_type == "SimplifiedLayerNormalization" else node.op_type
    onnx.checker.check_model(found)
    layers = [[node.op_type for node in found.graph.node if node.name.startswith(f"layer.{number}.") and node.domain == DOMAIN]
              for number in range(model.sizes.layers)]
    if (want := LAYERS.get(model.config.model_type)) is not None:
        whole = [*layers[:-1], layers[-1] if want[-1] == "AddLayerNorm" else [*layers[-1], "AddRmsNorm"]]  # the last norm's result is float32
        assert whole == [want] * model.sizes.layers
    assert {len(layer) for layer in layers} <= {8, 9}
    used = {node.op_type for node in found.graph.node if node.domain == DOMAIN}
    assert {function.name for function in found.functions} == used
    assert not [part.name for part in found.graph.input if part.name.startswith(("past", "pool", "slots", "key_slots"))]


def test_float32_is_pytorch_alone_and_in_any_batch(model, tmp_path):
    known = sample(model.sizes, MAX_TOKENS, 12)
    verdict = check_graph(saved(model, tmp_path, "float32"), "packed", True, model, Reference(model), MAX_TOKENS, types_of(model), known, loose=True)
    assert verdict.worst < 2e-5 and verdict.rounding == 0 and verdict.readings == 18


@pytest.mark.parametrize("half", HALF)
def test_half_precision_is_near_and_seen_where_it_is_large(model, tmp_path, half):
    ran, exact, types, rng = Written(saved(model, tmp_path, half), half, model, None), Reference(model), types_of(model), np.random.default_rng(0)
    apart = []
    for length in (1, 17, 90):
        ids = rng.integers(model.sizes.vocab_size, size=length).tolist()
        one, right = ran.readings(ids, types(ids)).numpy(), exact.readings(ids, types(ids)).numpy()
        apart.append(np.abs(one - right).max() / max(1, np.abs(right).max()))
    assert 0 < max(apart) < 64 * HALF[half]
    assert ran.largest()[0].startswith("layer.") and 0.1 < ran.largest()[1] < 1e4
    assert {"layer.0.keys", "layer.0.values"} <= set(ran.names) and not [name for name in ran.names if name.endswith((".flows", ".total"))]


def test_what_no_operator_computes_is_refused(tmp_path):
    model = loaded("bert-reranker", tmp_path)
    with pytest.raises(ExportError, match="--int8 beside --compute is for decoders, and model_type 'bert' is an encoder"):
        fused.build_pooled(model, MAX_TOKENS, "float16", integers=True)
    model.config.hidden_act = "gelu_new"
    with pytest.raises(ExportError, match="model_type 'bert' has the activation 'gelu_new', which no operator of domain assay computes"):
        fused.build_pooled(model, MAX_TOKENS, "float16")


def test_the_command_refuses_it_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "Reference", None)
    CASES["bert-reranker"].write(tmp_path / "source")
    tiny.edit_json(tmp_path / "source" / "config.json", hidden_act="gelu_new")
    asked = [str(tmp_path / "source"), str(tmp_path / "out"), "--family", "bert-pair", "--compute", "float16", "--operators", "assay"]
    with pytest.raises(ExportError, match="model_type 'bert' has the activation 'gelu_new', which no operator of domain assay computes"):
        export(arguments().parse_args(asked))


@each_type
@pytest.mark.parametrize("behind", [0, 1])
def test_layer_norm_keeps_the_sum_or_the_norm(kind, behind):
    residual, x, weight, bias = drawn(1, 5, 48) + 30, drawn(2, 5, 48, kind=kind), drawn(3, 48), drawn(4, 48)
    normed, flows = run(Form(kind), "AddLayerNorm", {"residual": residual, "x": x, "weight": weight, "bias": bias}, ("normed", "flows"), epsilon=1e-5,
                        behind=behind)
    total = residual.astype(np.float64) + x.astype(np.float64)
    away = total - total.mean(-1, keepdims=True)
    want = away / np.sqrt((away ** 2).mean(-1, keepdims=True) + 1e-5) * weight + bias
    near(normed, want, kind, sums=30)
    near(flows, want if behind else total, 1, sums=30)


@each_type
def test_gelu_is_by_the_error_function(kind):
    x = drawn(1, 6, 40, kind=kind, scale=3)
    wide = x.astype(np.float64)
    near(run(Form(kind), "Gelu", {"x": x}, ("y",))[0], wide * (1 + np.vectorize(erf)(wide / 2 ** 0.5)) / 2, kind, sums=8)
    gate, up = np.split(wide, 2, axis=-1)
    near(run(Form(kind), "GeGLU", {"x": x}, ("y",))[0], gate * (1 + np.vectorize(erf)(gate / 2 ** 0.5)) / 2 * up, kind, sums=8)
