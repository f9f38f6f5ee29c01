"""Graphs for GPUs: one list of nodes in every type, the numbers of PyTorch in float32, and in half precision what the
manifest says."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import yaml
from transformers import AutoModelForSequenceClassification

from assay_export import ExportError, fused, tiny
from assay_export.cli import arguments, export
from assay_export.fused.emulated import Emulated
from assay_export.graph import graph
from assay_export.graph.plan import apart, packed_feeds
from assay_export.models.heads import head_from_model
from assay_export.models.model import Model, Part, decoder
from assay_export.models.reference import Reference
from assay_export.prove.check import check_graph
from assay_export.prove.watch import open_graph

HALF = {"float16": onnx.TensorProto.FLOAT16, "bfloat16": onnx.TensorProto.BFLOAT16}
MAX_TOKENS = 320
FUSED = Path(__file__).parents[2] / "testdata" / "fused"
KINDS = ("qwen2", "qwen3", "llama", "mistral")


def written(folder: Path, model_type: str, **config) -> Path:
    """Write a tiny checkpoint of a kind of body; return its directory."""
    tokenizer = tiny.family_tokenizer(model_type, 400, tiny.sentences(1, 200, 400))
    return tiny.write_checkpoint(folder / model_type, model_type, "reward", tokenizer=tokenizer, seed=20, config=config)


def loaded(directory: Path, **how) -> tuple[torch.nn.Module, Model]:
    """Return a checkpoint's class as transformers loads it, and its model."""
    whole = AutoModelForSequenceClassification.from_pretrained(directory, **how).eval()
    return whole, decoder(Part(whole.model, head_from_model(whole)))


@pytest.fixture(scope="module", params=KINDS)
def checkpoint(request, tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("checkpoints"), request.param)


def saved(model: Model, folder: Path, compute: str, like: str | None = None) -> Path:
    """Write a graph; return its path."""
    path = folder / f"{compute}-{like}.onnx"
    graph.save(fused.build(model, MAX_TOKENS, compute, like=like), path, external=False)
    return path


def nodes(path: Path) -> list[tuple]:
    """Return a graph's nodes without Cast, as (operator, attributes, inputs, outputs), each value by the one that it
    was cast from."""
    cast, found = {}, []
    for node in onnx.load(path).graph.node:
        inputs = [cast.get(name, name) for name in node.input]
        if node.op_type == "Cast":
            cast[node.output[0]] = inputs[0]
            continue
        attributes = sorted((part.name, onnx.helper.get_attribute_value(part)) for part in node.attribute)
        found.append((node.domain, node.op_type, attributes, inputs, list(node.output)))
    return found


@pytest.mark.parametrize("half", HALF)
def test_half_precision_differs_from_its_twin_in_types_alone(checkpoint, tmp_path, half):
    _, model = loaded(checkpoint)
    ours, twin = saved(model, tmp_path, half), saved(model, tmp_path, "float32", half)
    assert nodes(ours) == nodes(twin)
    assert all(node.op_type != "Cast" for node in onnx.load(twin).graph.node)


@pytest.mark.parametrize("half", HALF)
def test_twin_is_pytorch(checkpoint, tmp_path, half):
    _, model = loaded(checkpoint)
    verdict = check_graph(saved(model, tmp_path, "float32", half), "packed", False, model, Reference(model), MAX_TOKENS, lambda ids: None, loose=True)
    assert verdict.worst < 2e-5 and verdict.rounding == 0 and verdict.readings > 50


@pytest.mark.parametrize("compute", fused.COMPUTES)
def test_onnx_agrees_with_every_node(checkpoint, tmp_path, compute):
    """SimplifiedLayerNormalization is ONNX Runtime's name of RMSNormalization, which ONNX checks."""
    _, model = loaded(checkpoint)
    found = onnx.load(saved(model, tmp_path, compute))
    for node in found.graph.node:
        node.op_type = "RMSNormalization" if node.op_type == "SimplifiedLayerNormalization" else node.op_type
    onnx.checker.check_model(found, full_check=compute != "float16")  # ONNX says that a norm's result has the type of what is normed


@pytest.mark.parametrize("half", HALF)
def test_large_weights_are_stored_and_multiplied_in_half_precision(checkpoint, tmp_path, half):
    _, model = loaded(checkpoint)
    found = onnx.load(saved(model, tmp_path, half)).graph
    types = {part.name: part.data_type for part in found.initializer}
    products = [node.input[1] for node in found.node if node.op_type == "MatMul" and node.name.startswith("layer.")]
    assert len(products) == 4 * model.sizes.layers and {types[name] for name in products} == {HALF[half]}
    pasts = {part.type.tensor_type.elem_type for part in found.input if part.name.startswith("past_") and part.name != "past_position_ids"}
    assert pasts == {HALF[half]} == {part.type.tensor_type.elem_type for part in found.output if part.name.startswith("present_")}
    assert found.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_float16_on_processors_is_its_emulation(checkpoint, tmp_path):
    _, model = loaded(checkpoint)
    path, rng = saved(model, tmp_path, "float16"), np.random.default_rng(0)
    emulated, session = Emulated(path, "float16", model, None), open_graph(path)
    exact = Reference(model)
    names = {value.name for value in session.get_inputs()}
    for length in (1, 17, 90):
        ids = rng.integers(model.sizes.vocab_size, size=length).tolist()
        run, near, right = run_half(session, names, model, ids), emulated.readings(ids).numpy(), exact.readings(ids).numpy()
        assert np.abs(run - near).max() < 2 * np.abs(near - right).max() + 1e-3


def run_half(session, names: set[str], model: Model, ids: list[int]) -> np.ndarray:
    """Return the readings of every token from a graph in float16."""
    sizes, segments = model.sizes, apart([ids])
    feeds = packed_feeds(segments, [(segments[0], place) for place in range(len(ids))], sizes.layers, sizes.kv_heads, sizes.head_dim)
    feeds = {name: value.astype(np.float16) if value.dtype == np.float32 else value for name, value in feeds.items() if name in names}
    return session.run(["readings"], feeds)[0]


def test_float16_is_refused_where_a_value_overflows(tmp_path):
    directory = written(tmp_path, "llama")
    whole, _ = loaded(directory)
    with torch.no_grad():
        whole.model.layers[1].mlp.up_proj.weight.mul_(3e4)
        whole.model.layers[1].mlp.down_proj.weight.div_(3e4)
    whole.save_pretrained(directory)
    with pytest.raises(ExportError, match=r"--compute float16: layer\.1\.gated\.\w+ reaches .* float16 ends at 65504; give --compute bfloat16"):
        export(arguments().parse_args([str(directory), str(tmp_path / "out"), "--compute", "float16"]))
    assert not (tmp_path / "out").exists()
    export(arguments().parse_args([str(directory), str(tmp_path / "out"), "--compute", "bfloat16"]))


@pytest.mark.parametrize("given, said", [
    (["--compute", "float16", "--int8"], "leave out --int8"),
    (["--compute", "bfloat16", "--dtype", "float16"], "leave out --dtype"),
    (["--compute", "float16", "--layout", "padded"], "packed graphs, and the layout is padded")])
def test_options_that_do_not_go_together(tmp_path, given, said):
    with pytest.raises(ExportError, match=said):
        export(arguments().parse_args([str(written(tmp_path, "qwen3")), str(tmp_path / "out"), *given]))


def test_a_body_that_has_no_such_graph_is_named(tmp_path, monkeypatch):
    monkeypatch.delitem(fused.kinds.READERS, "qwen3")
    with pytest.raises(ExportError, match="model_type 'qwen3' has no graph for --compute; leave it out.*llama"):
        export(arguments().parse_args([str(written(tmp_path, "qwen3")), str(tmp_path / "out"), "--compute", "float16"]))


@pytest.mark.parametrize("half", HALF)
def test_head_of_its_own_reads_states_in_float32(tmp_path, half):
    directory = written(tmp_path, "qwen3")
    export(arguments().parse_args([str(directory), str(tmp_path / "out"), "--compute", half, "--head", "separate"]))
    output = onnx.load(tmp_path / "out" / "model.onnx").graph.output[0]
    assert output.name == "hidden" and output.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    kinds = {part.data_type for part in onnx.load(tmp_path / "out" / "head.onnx").graph.initializer}
    assert onnx.TensorProto.FLOAT in kinds and HALF[half] not in kinds
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["assay.yaml", "chat_template.jinja", "golden.jsonl", "head.onnx", "model.onnx",
                                                                          "tokenizer.json"]


@pytest.mark.parametrize("half", HALF)
def test_external_data_is_read_where_it_lies(tmp_path, half):
    directory = written(tmp_path, "mistral")
    inside, beside = (tmp_path / name for name in ("inside", "beside"))
    export(arguments().parse_args([str(directory), str(inside), "--compute", half, "--name", "x"]))
    export(arguments().parse_args([str(directory), str(beside), "--compute", half, "--name", "x", "--external-data"]))
    assert (beside / "model.onnx_data").stat().st_size > 0 and not list(beside.glob("*emulated*")) + list(beside.glob("twin*"))
    assert (inside / "assay.yaml").read_bytes() == (beside / "assay.yaml").read_bytes()


def test_a_token_may_stand_anywhere_in_a_batch_longer_than_the_rotations(tmp_path):
    """ONNX Runtime rotates no sequence that is longer than its table, and a batch's tokens may be more."""
    _, model = loaded(written(tmp_path, "llama"))
    path = tmp_path / "short.onnx"
    graph.save(fused.build(model, 8, "float32"), path, external=False)
    session, sizes = open_graph(path), model.sizes
    names, ids = {value.name for value in session.get_inputs()}, [9, 40, 77, 31, 12]

    def read(count: int) -> np.ndarray:
        segments = apart([ids] * count)
        feeds = packed_feeds(segments, [(segments[-1], 4)], sizes.layers, sizes.kv_heads, sizes.head_dim)
        return session.run(["readings"], {name: value for name, value in feeds.items() if name in names})[0]
    assert np.allclose(read(1), read(20), rtol=1e-5, atol=1e-5)


def test_manifest_says_what_it_computes_in(tmp_path):
    directory = written(tmp_path, "qwen2")
    for compute in fused.COMPUTES:
        export(arguments().parse_args([str(directory), str(tmp_path / compute), "--compute", compute]))
        manifest = yaml.safe_load((tmp_path / compute / "assay.yaml").read_text())
        said = manifest["graph"]
        assert said["compute"] == said["precision"] == compute and "drift" not in manifest
        if compute == "float32":
            assert "drift" not in said and manifest["golden"]["tolerance"] == 1e-4
            continue
        drift = said["drift"]
        assert list(drift) == ["score", "order", "items"] and 0 < drift["score"] < 0.2 and drift["order"] > 0.9 and drift["items"] >= 60
        assert manifest["golden"]["tolerance"] == 2 * drift["score"]  # which the server wants to the last digit
        assert [json.loads(line)["score"] for line in (tmp_path / compute / "golden.jsonl").read_text().splitlines()]


def test_fixtures_are_what_the_script_makes(tmp_path):
    _, model = loaded(written(tmp_path, "qwen2"))
    for compute in fused.COMPUTES:
        assert saved(model, tmp_path, compute).read_bytes() == (FUSED / f"qwen2-{compute}" / "model.onnx").read_bytes(), compute


def test_policy_and_reference_have_rotations_of_their_own(tmp_path):
    first, second = (loaded(written(tmp_path / name, "llama", rope_parameters={"rope_type": "default", "rope_theta": theta}))[1]
                     for name, theta in (("policy", 10000.0), ("reference", 500.0)))
    both = decoder(first.parts[0], second.parts[0])
    verdict = check_graph(saved(both, tmp_path, "float32"), "packed", False, both, Reference(both), MAX_TOKENS, lambda ids: None, loose=True)
    assert verdict.worst < 2e-5
