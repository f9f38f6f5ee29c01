"""What the fixtures do not cover: scaled rotations, wide heads, several labels, other ways to store or hand over a model."""

import json

import onnx
import pytest
import torch
from conftest import read_bundle
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModel, AutoModelForSequenceClassification, BertConfig, BertForSequenceClassification

from assay_export import ExportError, export_bundle, tiny
from assay_export.cli import arguments, export

YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 80}
LONGROPE = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.3, 1.7, 2.0], "long_factor": [2.0, 3.0, 4.0, 5.0],
            "factor": 2.0}
PARTIAL = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}
WIDE = {"head_dim": 256, "query_pre_attn_scalar": 256, "num_attention_heads": 2, "num_key_value_heads": 1}


def run(source, out, *options: str) -> str:
    """Export with the command and the check on; return its line."""
    return export(arguments().parse_args([str(source), str(out), "--check", *options]))


@pytest.mark.parametrize(("family", "config"), [
    ("qwen3", {"rope_parameters": YARN}),
    ("qwen2", {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0}, "head_dim": 8}),
    ("llama", {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}, "attention_bias": True}),
    ("phi3", {"rope_parameters": PARTIAL}),
    ("gemma2", WIDE),
    ("mistral", {"sliding_window": None, "num_key_value_heads": 4}),
])
@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_variants_equal_pytorch_and_are_bit_equal(checkpoint, tmp_path, family, config, layout):
    assert "largest difference" in run(checkpoint(family, config=config), tmp_path / "out", "--layout", layout)


def test_longrope_ends_where_its_frequencies_change(checkpoint, tmp_path):
    source = checkpoint("phi3", config={"rope_parameters": LONGROPE, "max_position_embeddings": 1024,
                                         "original_max_position_embeddings": 256})
    run(source, tmp_path / "out")
    assert read_bundle(tmp_path / "out").manifest["limits"]["max_tokens"] == 256
    with pytest.raises(ExportError, match="max_tokens 300 must be between 1 and 256"):
        run(source, tmp_path / "other", "--max-tokens", "300")


def test_shards_in_bfloat16_with_a_next_token_head_beside(checkpoint, tmp_path):
    source = checkpoint("llama")
    weights = {name: value.bfloat16() for name, value in load_file(source / "model.safetensors").items()}
    weights["lm_head.weight"] = torch.zeros(400, 32)
    names = sorted(weights)
    halves = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in halves.items():
        save_file({name: weights[name] for name in part}, source / file)
    (source / "model.safetensors").unlink()
    where = {name: file for file, part in halves.items() for name in part}
    (source / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    assert "largest difference" in run(source, tmp_path / "out")


def test_several_labels_are_named_by_the_checkpoint(checkpoint, tmp_path):
    source = checkpoint("llama")
    weights = load_file(source / "model.safetensors")
    weights["score.weight"] = torch.cat([weights["score.weight"]] * 3)
    save_file(weights, source / "model.safetensors")
    tiny.edit_json(source / "config.json", id2label={"0": "helpfulness", "1": "safety", "2": "truth"}, label2id={})
    with pytest.raises(ExportError, match=r"config.json: id2label names the labels helpfulness, safety, truth, and nothing says which of them is "
                                          "the score; give --label NAME"):
        run(source, tmp_path / "out")
    with pytest.raises(ExportError, match="head.label 'quality' is not among the labels"):
        run(source, tmp_path / "out", "--label", "quality")
    run(source, tmp_path / "out", "--label", "safety")
    bundle = read_bundle(tmp_path / "out")
    assert bundle.manifest["graph"]["labels"] == ["helpfulness", "safety", "truth"] and bundle.manifest["head"] == {"label": "safety"}


@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_model_in_memory_in_training_and_half_precision(checkpoint, tmp_path, layout):
    source = checkpoint("gemma2")
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32).bfloat16().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    verdict = export_bundle(model, source, tmp_path / "out", name="a", layout=layout, max_tokens=100, golden=[{"text": "plain"}])
    assert verdict.worst < 1e-5
    assert model.training and all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert read_bundle(tmp_path / "out").manifest["source"]["class"] == "Gemma2ForSequenceClassification"


@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_a_classifier_in_memory_is_read_where_transformers_reads_it(checkpoint, tmp_path, layout):
    source = checkpoint("qwen3")
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32)
    ids = [9, 8, 7, model.config.pad_token_id]
    export_bundle(model, source, tmp_path / "out", name="a", layout=layout, golden=[{"input_ids": ids}])
    bundle = read_bundle(tmp_path / "out")
    assert bundle.manifest["pooling"] == ("last_not_pad" if layout == "packed" else "in_graph")
    assert bundle.manifest["tokenizer"]["pad_id"] == model.config.pad_token_id
    with torch.no_grad():
        assert bundle.golden[0]["score"] == pytest.approx(model(input_ids=torch.tensor([ids])).logits.item(), abs=1e-5)
    export_bundle(model, source, tmp_path / "out", name="a", layout=layout, pooling="last_attended", golden=[{"input_ids": ids}])
    assert abs(read_bundle(tmp_path / "out").golden[0]["score"] - bundle.golden[0]["score"]) > 1e-3
    model.config.pad_token_id = None
    export_bundle(model, source, tmp_path / "out", name="a", golden=[{"input_ids": ids}])
    assert read_bundle(tmp_path / "out").manifest["pooling"] == "last_attended"


@pytest.mark.parametrize(("given", "words"), [
    ({"pad_id": 5}, "pad_id 5 is not the model's pad_token_id 0, which its pooling passes over"),
    ({"pooling": "mean"}, "pooling 'mean' must be one of last_attended, "),
    ({"pooling": "last_attended", "kind": "process", "separator": "<extra_0>"}, "pooling 'last_attended' is for reward models")])
def test_places_in_memory_that_are_none(checkpoint, tmp_path, given, words):
    source = checkpoint("qwen3")
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32)
    with pytest.raises(ExportError, match=words):
        export_bundle(model, source, tmp_path / "out", name="a", **given)


def test_body_with_a_head_of_its_own(checkpoint, tmp_path):
    source = checkpoint("qwen3")
    body = AutoModel.from_pretrained(source, dtype=torch.float32)
    head = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    tiny.fill(head, 4, 0.3)
    verdict = export_bundle(body, source, tmp_path / "out", name="a", kind="process", head=head, separator="<extra_0>",
                            golden=[{"text": "one<extra_0>two<extra_0>"}])
    manifest = read_bundle(tmp_path / "out").manifest
    assert manifest["steps"] == {"separator": "<extra_0>", "label": "right", "activation": "sigmoid"}
    assert manifest["graph"]["labels"] == ["right"] and "template" not in manifest and verdict.worst < 1e-5


def test_external_data_lies_beside_the_graph(checkpoint, tmp_path):
    run(checkpoint("qwen3"), tmp_path / "out", "--external-data")
    model = onnx.load(tmp_path / "out" / "model.onnx", load_external_data=False)
    places = {entry.value for tensor in model.graph.initializer for entry in tensor.external_data if entry.key == "location"}
    assert places == {"model.onnx_data"} and (tmp_path / "out" / "model.onnx").stat().st_size < 100_000
    run(checkpoint("qwen3"), tmp_path / "out")
    assert not (tmp_path / "out" / "model.onnx_data").exists()


def test_the_same_checkpoint_gives_the_same_bundle(checkpoint, tmp_path):
    for out in ("a", "b"):
        run(checkpoint("mistral", "process"), tmp_path / out, "--name", "same", "--separator", "[STEP]")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_no_next_token_head_and_no_expanded_keys_in_the_graph(checkpoint, tmp_path):
    run(checkpoint("llama"), tmp_path / "out")
    graph = onnx.load(tmp_path / "out" / "model.onnx").graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("Softmax") == 2 and not {"Expand", "Tile", "Cos", "Sin", "Exp"} & set(kinds)
    assert not any(tensor.dims[:] == [32, 400] for tensor in graph.initializer)


def test_models_in_memory_that_are_no_decoder_with_a_head(checkpoint, tmp_path):
    body = AutoModel.from_pretrained(checkpoint("qwen3"))
    given = {"tokenizer": checkpoint("qwen3"), "out": tmp_path / "out", "name": "a"}
    with pytest.raises(ExportError, match="Qwen3Model is a body without a head; give one as head="):
        export_bundle(body, **given)
    with pytest.raises(ExportError, match=r"the head does not take \[1, 32\]"):
        export_bundle(body, head=nn.Linear(16, 1), **given)
    bert = BertForSequenceClassification(BertConfig(vocab_size=400, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32))
    with pytest.raises(ExportError, match="BertForSequenceClassification is an encoder"):
        export_bundle(bert, **given)


def test_position_limit_is_that_of_every_body(checkpoint, tmp_path):
    policy = checkpoint("phi3", folder="policy", class_name="Phi3ForCausalLM", config={"max_position_embeddings": 1024})
    other = checkpoint("phi3", folder="reference", class_name="Phi3ForCausalLM", config={
        "rope_parameters": LONGROPE, "max_position_embeddings": 1024, "original_max_position_embeddings": 256})
    run(policy, tmp_path / "out", "--family", "dpo", "--reference", str(other))
    assert read_bundle(tmp_path / "out").manifest["limits"]["max_tokens"] == 256


def test_a_template_that_writes_the_date_gets_golden_items_as_text(checkpoint, tmp_path):
    source = checkpoint("qwen3")
    template = (source / "chat_template.jinja").read_text()
    (source / "chat_template.jinja").write_text("{{ strftime_now('%d %B %Y') }}\n" + template)
    run(source, tmp_path / "out")
    items = [pair["item"] for pair in read_bundle(tmp_path / "out").golden]
    assert len(items) == 3 and all(set(item) == {"text"} for item in items)


def test_files_of_an_earlier_bundle_go(checkpoint, tmp_path):
    first, second = checkpoint("qwen3", folder="first"), checkpoint("qwen3", folder="second")
    (first / "LICENSE").write_text("of the first")
    run(first, tmp_path / "out", "--external-data")
    run(second, tmp_path / "out")
    assert not (tmp_path / "out" / "LICENSE").exists() and not (tmp_path / "out" / "model.onnx_data").exists()
