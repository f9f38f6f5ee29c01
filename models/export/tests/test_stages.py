"""Graphs cut into stages: about as many weights in each, and the bits of the uncut graph."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from test_fused import MAX_TOKENS, loaded, written
from transformers import AutoConfig, AutoModel

from assay_export import ExportError, fused, tiny
from assay_export.fused import stages
from assay_export.fused.emulated import Emulated
from assay_export.fused.written import Written
from assay_export.graph import graph
from assay_export.models.model import Model, Part, decoder
from assay_export.models.reference import Reference
from assay_export.prove.check import check_graph

LAYERS = 4
KINDS: dict[str, dict] = {"qwen2": {"use_sliding_window": True, "sliding_window": 20, "max_window_layers": 2}, "gemma2": {},
                          "granite": {"residual_multiplier": 0.5, "embedding_multiplier": 3.0}, "olmo2": {}}
"""Layers of two kinds, norms behind parts too, multipliers, and no norms in front."""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    """Of heads of 32 numbers, which every form takes."""
    return loaded(written(tmp_path_factory.mktemp("checkpoints"), "qwen3", num_hidden_layers=LAYERS, head_dim=32, hidden_size=64))[1]


def saved(model: Model, path: Path, compute: str, count: int, pooled: bool, integers: bool = False) -> Path:
    """Write a graph of so many stages; return the path of the first."""
    path.parent.mkdir(exist_ok=True)
    for stage in fused.cut(model, count, "int8" if integers else "float32", compute):
        drawn = (fused.build_pooled(model, MAX_TOKENS, compute, integers=integers, stage=stage) if pooled
                 else fused.build(model, MAX_TOKENS, compute, stage=stage))
        graph.save(drawn, fused.file_of(path, stage), external=False)
    return path


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("compute", fused.COMPUTES)
@pytest.mark.parametrize("pooled", [False, True])
def test_stages_give_the_bits_of_the_uncut_graph(model, tmp_path, compute, count, pooled):
    cut, whole = (saved(model, tmp_path / str(number) / "model.onnx", compute, number, pooled) for number in (count, 1))
    assert len(fused.files(cut)) == count
    reference = Written if pooled else Emulated
    if compute == "float32":
        verdict = check_graph(cut, "packed", False, model, Reference(model), MAX_TOKENS, lambda ids: None, loose=not pooled)
        assert verdict.worst < 3e-5 and verdict.readings > 50
        return
    ran, uncut, rng = reference(cut, compute, model, None), reference(whole, compute, model, None), np.random.default_rng(0)
    for length in (1, 17, 90):
        ids = rng.integers(model.sizes.vocab_size, size=length).tolist()
        assert ran.readings(ids).numpy().tobytes() == uncut.readings(ids).numpy().tobytes()
    assert ran.largest()[1] == uncut.largest()[1]


def test_stages_of_integers_are_pytorch_with_the_same_rounding(model, tmp_path):
    path = saved(model, tmp_path / "model.onnx", "float32", 2, pooled=True, integers=True)
    verdict = check_graph(path, "packed", False, model, fused.rounded(model, MAX_TOKENS), MAX_TOKENS, lambda ids: None)
    assert verdict.worst < 3e-5 and verdict.readings > 50


@pytest.mark.parametrize("kind", KINDS)
def test_stages_of_every_kind_of_layer_are_pytorch(kind, tmp_path):
    body = AutoModel.from_config(AutoConfig.for_model(kind, **tiny.CONFIG | KINDS[kind] | {"num_hidden_layers": LAYERS, "vocab_size": 400}))
    tiny.fill(body, 20, 0.2)
    model = decoder(Part(body.eval(), torch.nn.Linear(body.config.hidden_size, 1)))
    path = saved(model, tmp_path / "model.onnx", "float32", 3, pooled=False)
    verdict = check_graph(path, "packed", False, model, Reference(model), MAX_TOKENS, lambda ids: None, loose=True)
    assert verdict.worst < 3e-5 and verdict.readings > 50


def test_a_stage_takes_what_the_one_before_leaves_and_what_its_layers_need(model, tmp_path):
    path, names = saved(model, tmp_path / "model.onnx", "float16", 2, pooled=True), []
    for file in fused.files(path):
        found = onnx.load(file)
        for node in found.graph.node:  # as in test_fused.py
            node.op_type = "RMSNormalization" if node.op_type == "SimplifiedLayerNormalization" else node.op_type
        onnx.checker.check_model(found)
        names.append(({value.name for value in found.graph.input}, {value.name for value in found.graph.output}))
    (first, leaves), (last, reads) = names
    between = {"residual.1", "summand.1"}
    assert first - last == {"input_ids"} | {name for name in first if name.startswith("pool_")} and between <= leaves and "read_index" not in first
    assert last - first == {"read_index", *between} | {name for name in last if name.startswith("pool_")} and "readings" in reads
    pools = [sorted(int(name.rpartition(".")[2]) for name in own if name.startswith("pool_key")) for own in (first, last)]
    assert pools[0] + pools[1] == list(range(LAYERS))


def test_stages_have_about_as_many_weights_each(tmp_path):
    _, model = loaded(written(tmp_path, "qwen3", num_hidden_layers=9, intermediate_size=500))
    spans = [stage.layers(9) for stage in fused.cut(model, 3)]
    assert [number for span in spans for number in span] == list(range(9))
    each = sum(weight.numel() for weight in model.parts[0].body.layers[0].parameters())
    embedding = model.parts[0].body.embed_tokens.weight.numel()
    sizes = [each * len(span) + (embedding if number == 0 else 0) for number, span in enumerate(spans)]
    assert max(sizes) - min(sizes) <= each


@pytest.mark.parametrize(("precision", "compute", "ratio"), [
    ("float32", "float32", 1), ("float32", "bfloat16", 1), ("int8", "float16", 2), ("int8", "float32", 4), ("int4", "bfloat16", 3.46),
    ("int4", "float32", 6.24)])
def test_other_weights_count_by_their_bytes(precision, compute, ratio):
    assert stages.wider(precision, compute) == pytest.approx(ratio, abs=0.005)


def test_more_stages_than_a_server_takes_are_refused(model):
    with pytest.raises(ExportError, match="--stages is 17, and a server takes 16 at most"):
        fused.cut(model, 17)


@pytest.mark.parametrize("count", [0, LAYERS + 1])
def test_stages_that_cannot_be_are_refused(model, count):
    with pytest.raises(ExportError, match=f"--stages is {count}, and must be between 1 and the model's {LAYERS} layers"):
        fused.cut(model, count)
