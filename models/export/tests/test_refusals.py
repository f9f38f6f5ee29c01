"""What cannot be exported is refused in one sentence that names the thing; nothing is ever initialised in a weight's place."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from assay_export import ExportError, tiny
from assay_export.cli import arguments, export, main


def refused(source, tmp_path, *options: str) -> str:
    """Export, expect a refusal, and return its sentence; no manifest may have been written."""
    out = tmp_path / "out"
    with pytest.raises(ExportError) as caught:
        export(arguments().parse_args([str(source), str(out), *options]))
    assert not (out / "assay.yaml").exists()
    return str(caught.value)


def change_weights(source, change) -> None:
    """Rewrite a checkpoint's weights after `change` edited the mapping in place."""
    weights = load_file(source / "model.safetensors")
    change(weights)
    save_file(weights, source / "model.safetensors")


def test_unknown_class(checkpoint, tmp_path):
    source = checkpoint()
    tiny.edit_json(source / "config.json", architectures=["MambaForSequenceClassification"])
    assert "class 'MambaForSequenceClassification' is not supported; supported are" in refused(source, tmp_path)


def test_unknown_model_type(checkpoint, tmp_path):
    source = checkpoint()
    tiny.edit_json(source / "config.json", model_type="mamba")
    assert "model_type 'mamba' is not supported" in refused(source, tmp_path)


def test_code_in_the_checkpoint_is_not_run(checkpoint, tmp_path):
    source, mark = checkpoint(), tmp_path / "ran"
    (source / "modeling_x.py").write_text(f"open({str(mark)!r}, 'w')")
    tiny.edit_json(source / "config.json", auto_map={"AutoModel": "modeling_x.X", "AutoConfig": "modeling_x.X"})
    export(arguments().parse_args([str(source), str(tmp_path / "out")]))
    assert not mark.exists()


@pytest.mark.parametrize("name", [
    "score.weight", "model.norm.weight", "model.layers.1.self_attn.q_norm.weight", "model.embed_tokens.weight"])
def test_missing_weight(checkpoint, tmp_path, name):
    source = checkpoint()
    change_weights(source, lambda weights: weights.pop(name))
    message = refused(source, tmp_path)
    assert name in message and "no" in message


def test_half_of_a_two_layer_head(checkpoint, tmp_path):
    source = checkpoint("qwen2", "process", class_name="Qwen2ForProcessRewardModel")
    change_weights(source, lambda weights: weights.pop("score.2.weight"))
    assert "no weight score.2.weight" in refused(source, tmp_path)


def test_weight_of_another_shape(checkpoint, tmp_path):
    source = checkpoint()
    change_weights(source, lambda weights: weights.update({"model.norm.weight": torch.ones(31)}))
    assert "weight model.norm.weight has shape [31], and config.json asks for [32]" in refused(source, tmp_path)


def test_head_of_another_width(checkpoint, tmp_path):
    source = checkpoint()
    change_weights(source, lambda weights: weights.update({"score.weight": torch.ones(1, 31)}))
    assert "weight score.weight has shape [1, 31], and [labels, 32] is wanted" in refused(source, tmp_path)


def test_weight_that_nothing_uses(checkpoint, tmp_path):
    source = checkpoint()
    change_weights(source, lambda weights: weights.update({"model.layers.0.self_attn.q_proj.lora_A": torch.ones(2, 2)}))
    assert "model.layers.0.self_attn.q_proj.lora_A that Qwen3Model does not use" in refused(source, tmp_path)


def test_missing_shard(checkpoint, tmp_path):
    source = checkpoint()
    names = list(load_file(source / "model.safetensors"))
    where = dict.fromkeys(names, "model-00001.safetensors") | {names[0]: "model-00002.safetensors"}
    (source / "model.safetensors").rename(source / "model-00001.safetensors")
    (source / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    assert "model-00002.safetensors is missing" in refused(source, tmp_path)


def test_shard_outside_the_directory(checkpoint, tmp_path):
    source = checkpoint()
    (source / "model.safetensors").unlink()
    (source / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../x.safetensors"}}))
    assert "'../x.safetensors' leaves the directory" in refused(source, tmp_path)


def test_pickled_weights(checkpoint, tmp_path):
    source = checkpoint()
    (source / "model.safetensors").rename(source / "pytorch_model.bin")
    assert "only pickled weights" in refused(source, tmp_path)


def test_broken_files(checkpoint, tmp_path):
    source = checkpoint()
    (source / "model.safetensors").write_bytes(b"nothing")
    assert "is not a safetensors file" in refused(source, tmp_path)
    (source / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "Strange"}}')
    assert "tokenizer.json cannot be read" in refused(source, tmp_path)
    (source / "tokenizer.json").unlink()
    assert "tokenizer.json is missing" in refused(source, tmp_path)
    (source / "config.json").write_text("{")
    assert "is not JSON" in refused(source, tmp_path)
    (source / "config.json").unlink()
    assert "config.json is missing" in refused(source, tmp_path)


@pytest.mark.parametrize(("part", "words"), [
    (None, "field strange is unknown"), ("model", "field model.strange is unknown"), ("pre_tokenizer", "field pre_tokenizer.strange is unknown")])
def test_tokenizer_with_an_unknown_field(checkpoint, tmp_path, part, words):
    source = checkpoint()
    content = json.loads((source / "tokenizer.json").read_text())
    (content if part is None else content[part])["strange"] = 1
    (source / "tokenizer.json").write_text(json.dumps(content))
    assert words in refused(source, tmp_path)


@pytest.mark.parametrize(("options", "words"), [
    (("--layout", "padded"), "neither config.json nor tokenizer_config.json has a pad token, and the padded layout needs one"),
    (("--pooling", "last_not_pad"), "has a pad token, and pooling last_not_pad needs one")])
def test_no_pad_token(checkpoint, tmp_path, options, words):
    source = checkpoint()
    tiny.edit_json(source / "config.json", pad_token_id=None)
    tiny.edit_json(source / "tokenizer_config.json", pad_token=None)
    assert words in refused(source, tmp_path, *options)


def test_labels_that_do_not_fit(checkpoint, tmp_path):
    source = checkpoint("llama")
    assert "labels ['quality', " in (said := refused(source, tmp_path, "--family", "steerlm"))
    assert "9 distinct names" not in said and "must be 1 distinct names, one for each output of the head" in said


def test_family_that_does_not_fit(checkpoint, tmp_path):
    source = checkpoint("qwen2")
    assert "family 'best' is unknown; known are armorm, " in refused(source, tmp_path, "--family", "best")
    said = refused(source, tmp_path, "--family", "ultrarm")
    assert "family ultrarm reads the classes LlamaRewardModel, and the checkpoint's is 'Qwen2ForSequenceClassification'" in said


def test_class_that_several_families_read(checkpoint, tmp_path):
    source = checkpoint("llama")
    tiny.edit_json(source / "config.json", architectures=["LlamaForCausalLM"])
    assert "class 'LlamaForCausalLM' is read by several families; choose one with --family: " in refused(source, tmp_path)


@pytest.mark.parametrize(("field", "value", "words"), [
    ("quantization_config", {"bits": 4}, "quantized weights are not supported"),
    ("rope_parameters", {"rope_type": "strange", "rope_theta": 1.0}, "strange"),
    ("layer_types", ["full_attention", "linear_attention"], "linear_attention"),
    ("architectures", None, "architectures is missing"),
    ("is_causal", False, "config.json: is_causal: false, so that tokens see what follows them, is not supported for qwen3"),
])
def test_config_that_is_not_supported(checkpoint, tmp_path, field, value, words):
    source = checkpoint()
    tiny.edit_json(source / "config.json", **{field: value})
    assert words in refused(source, tmp_path)


@pytest.mark.parametrize(("options", "words"), [
    (("--max-tokens", "9999"), "max_tokens 9999 must be between 1 and 320"),
    (("--name", "a b"), "name 'a b' must match"),
    (("--std", "0"), "std 0.0 must be positive"),
    (("--bos", "one"), "bos_token is missing"),
])
def test_options_that_do_not_fit(checkpoint, tmp_path, options, words):
    assert words in refused(checkpoint(), tmp_path, *options)


@pytest.mark.parametrize(("options", "words"), [
    (("--separator", "\n\n"), "is not one token in any context"),
    (("--separator", "no such token"), "is not one token in any context"),
    (("--step-label", "good"), "step_label 'good' is not among the labels ['wrong', 'right']"),
])
def test_process_options_that_do_not_fit(checkpoint, tmp_path, options, words):
    assert words in refused(checkpoint("qwen3", "process"), tmp_path, *options)


@pytest.mark.parametrize(("class_name", "options", "words"), [
    (None, ("--reference", "."), "--reference is for likelihood families, and family sequence-classification is none"),
    (None, ("--separator", "x"), "--separator is for process models"),
    ("Qwen2ForTokenClassification", ("--label", "x"), "--label is for reward models whose score is one of their labels"),
    (None, ("--activation", "sigmoid"), "--activation is for process models"),
    (None, ("--step-label", "x"), "--step-label is for process models whose head has labels"),
    ("Qwen2ForTokenClassification", ("--mean", "1"), "--mean is for reward models, and family token-classification is none"),
    ("Qwen2ForTokenClassification", ("--pooling", "last_attended"), "--pooling is for reward models that are read at one token by a rule"),
    ("Qwen2ForCausalLM", ("--family", "dpo", "--pooling", "last_not_pad"), "--pooling is for reward models that are read at one token by a rule"),
    ("Qwen2ForCausalLM", ("--family", "eurus-prm", "--activation", "softmax"), "--activation softmax needs labels"),
    ("Qwen2ForCausalLM", ("--family", "eurus-prm", "--step-label", "policy"), "--step-label is for process models whose head has labels"),
    ("AtheneForSequenceClassification", ("--pooling", "last_not_pad"), "--pooling is for reward models that are read at one token by a rule"),
])
def test_options_that_mean_nothing_for_a_family(checkpoint, tmp_path, class_name, options, words):
    source = checkpoint("qwen2")
    if class_name:
        tiny.edit_json(source / "config.json", architectures=[class_name])
    if class_name and class_name.startswith("Athene"):
        options = ("--family", "athene-rm", *options)
    assert words in refused(source, tmp_path, *options)


def test_two_precisions_at_once(checkpoint, tmp_path, capsys):
    with pytest.raises(SystemExit):
        arguments().parse_args(["a", "b", "--int8", "--dtype", "float16"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_reference_with_another_vocabulary(checkpoint, tmp_path):
    policy, other = (checkpoint("qwen2", folder=name, class_name="Qwen2ForCausalLM") for name in ("policy", "reference"))
    text = (other / "tokenizer.json").read_text()
    (other / "tokenizer.json").write_text(text.replace("<|im_start|>", "<|begin|>"))
    assert "the reference has another vocabulary than the policy" in refused(policy, tmp_path, "--family", "dpo", "--reference", str(other))
    (other / "tokenizer.json").unlink()
    assert "tokenizer.json is missing" in refused(policy, tmp_path, "--family", "dpo", "--reference", str(other))


def test_likelihood_without_a_chat_template(checkpoint, tmp_path):
    source = checkpoint("qwen2", class_name="Qwen2ForCausalLM")
    (source / "chat_template.jinja").unlink()
    assert "the checkpoint has no chat template" in refused(source, tmp_path, "--family", "dpo")


def test_out_that_cannot_be_written(checkpoint, tmp_path):
    source = checkpoint()
    (tmp_path / "out").write_text("")
    with pytest.raises(ExportError, match="out is a file, and a bundle is a directory"):
        export(arguments().parse_args([str(source), str(tmp_path / "out")]))
    with pytest.raises(ExportError, match="is the checkpoint's own directory"):
        export(arguments().parse_args([str(source), str(source)]))


@pytest.mark.parametrize(("line", "words"), [
    ('["a"]', "line 1 is"), ('{"prompt": "a"}', "must have messages or prompt with response or"),
    ('{"prompt": "a", "chosen": "b", "rejected": "c"}', "must have"), ('{"text": "a", "strange": 1}', "must have")])
def test_golden_items_that_are_none(checkpoint, tmp_path, line, words):
    (tmp_path / "items.jsonl").write_text(line + "\n")
    assert words in refused(checkpoint(), tmp_path, "--golden", str(tmp_path / "items.jsonl"))


def test_an_index_that_names_nothing(checkpoint, tmp_path):
    source = checkpoint()
    (source / "model.safetensors").unlink()
    (source / "model.safetensors.index.json").write_text('{"weight_map": {}}')
    assert "weight_map is missing or empty" in refused(source, tmp_path)


def test_conversation_that_the_template_refuses(checkpoint, tmp_path):
    items = tmp_path / "items.jsonl"
    items.write_text(json.dumps({"messages": [{"role": "system", "content": "x"}]}))
    assert "the chat template refused a conversation: This model takes no system message" in refused(
        checkpoint("gemma2"), tmp_path, "--golden", str(items))


def test_the_command_says_why_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["assay-export", str(tmp_path / "nowhere"), str(tmp_path / "out")])
    with pytest.raises(SystemExit, match="assay-export: .*nowhere is not a directory"):
        main()
