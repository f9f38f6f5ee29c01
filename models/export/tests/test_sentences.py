"""What used to end in a traceback, or in a sentence that misled, ends in one that names the file and the key."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from assay_export import tiny
from assay_export.cli import arguments, export
from assay_export.errors import ExportError


def said(source, tmp_path, *options: str) -> str:
    """Export; return the sentence in which it ends."""
    with pytest.raises(ExportError) as caught:
        export(arguments().parse_args([str(source), str(tmp_path / "out"), *options]))
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()
    return str(caught.value)


@pytest.mark.parametrize(("fields", "words"), [
    ({"pad_token_id": 400}, "config.json: pad_token_id is 400, and vocab_size 400"),
    ({"chunk_size_feed_forward": 4}, "config.json: chunk_size_feed_forward: 4, and 0 computes the same at once, is not supported"),
    ({"architectures": "Qwen3ForSequenceClassification"}, 'config.json: architectures is "Qwen3ForSequenceClassification", and must be a list'),
    ({"rope_scaling": {"type": "su", "short_factor": [1.0], "long_factor": [1.0]}}, "config.json: rope_scaling: type 'su' is longrope's old name"),
    ({"hidden_size": "wide"}, "config.json: "), ({"num_attention_heads": None}, "config.json: "), ({"rms_norm_eps": []}, "config.json: "),
    ({"transformers_weights": "x.safetensors"}, "config.json: transformers_weights: "),
])
def test_values_of_the_config(checkpoint, tmp_path, fields, words):
    source = checkpoint()
    tiny.edit_json(source / "config.json", **fields)
    assert words in said(source, tmp_path)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "special_tokens_map.json"])
def test_files_that_hold_no_object(checkpoint, tmp_path, name):
    source = checkpoint()
    (source / name).write_text("[1]")
    assert f"{name} holds [1], and a JSON object is wanted" in said(source, tmp_path)


@pytest.mark.parametrize(("places", "words"), [([1], "weight_map is missing or empty"), ({"a": 1}, "weight_map names 1, and a shard's name is a text")])
def test_an_index_that_is_none(checkpoint, tmp_path, places, words):
    source = checkpoint()
    (source / "model.safetensors").unlink()
    (source / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    assert words in said(source, tmp_path)


def test_what_a_call_returns_beside_its_result_changes_nothing(checkpoint, tmp_path):
    source = checkpoint()
    tiny.edit_json(source / "config.json", return_dict=False, output_hidden_states=True, use_cache=True)
    assert "largest difference" in export(arguments().parse_args([str(source), str(tmp_path / "out")]))


def test_a_value_head_beside_the_weights_is_read(checkpoint, tmp_path):
    source = checkpoint("qwen2", class_name="Qwen2ForCausalLM")
    assert "no weight is named v_head.summary.weight" in said(source, tmp_path, "--family", "trl-value-head")
    save_file({"v_head.summary.weight": torch.ones(1, 32), "v_head.summary.bias": torch.zeros(1)}, source / "value_head.safetensors")
    assert load_file(source / "value_head.safetensors")
    assert "3 golden pairs" in export(arguments().parse_args([str(source), str(tmp_path / "out"), "--family", "trl-value-head"]))
