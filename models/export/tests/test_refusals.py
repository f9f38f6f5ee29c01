"""What cannot be exported is refused in one sentence that names the thing; nothing is ever initialised in a weight's place."""

import json

import pytest
from safetensors.torch import load_file, save_file

from assay_export import ExportError, tiny
from assay_export.cli import arguments, export


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


def test_code_in_the_checkpoint_is_not_run(checkpoint, tmp_path):
    source, mark = checkpoint(), tmp_path / "ran"
    (source / "modeling_x.py").write_text(f"open({str(mark)!r}, 'w')")
    tiny.edit_json(source / "config.json", auto_map={"AutoModel": "modeling_x.X", "AutoConfig": "modeling_x.X"})
    export(arguments().parse_args([str(source), str(tmp_path / "out")]))
    assert not mark.exists()


def test_half_of_a_two_layer_head(checkpoint, tmp_path):
    source = checkpoint("qwen2", "process", class_name="Qwen2ForProcessRewardModel")
    change_weights(source, lambda weights: weights.pop("score.2.weight"))
    assert "no weight score.2.weight" in refused(source, tmp_path)


def test_labels_that_do_not_fit(checkpoint, tmp_path):
    source = checkpoint("llama")
    assert "labels ['quality', " in (said := refused(source, tmp_path, "--family", "steerlm"))
    assert "9 distinct names" not in said and "must be 1 distinct names, one for each output of the head" in said


def test_family_that_does_not_fit(checkpoint, tmp_path):
    source = checkpoint("qwen2")
    said = refused(source, tmp_path, "--family", "best")
    assert "family 'best' is unknown; those that read the class Qwen2ForSequenceClassification are openrlhf, sequence-classification" in said
    said = refused(source, tmp_path, "--family", "ultrarm")
    assert "family ultrarm reads the classes LlamaRewardModel, and the checkpoint's is 'Qwen2ForSequenceClassification'" in said


def test_class_that_several_families_read(checkpoint, tmp_path):
    source = checkpoint("llama")
    tiny.edit_json(source / "config.json", architectures=["LlamaForCausalLM"])
    assert "class 'LlamaForCausalLM' is read by several families; choose one with --family: " in refused(source, tmp_path)


@pytest.mark.parametrize(("field", "value", "words"), [
    ("rope_parameters", {"rope_type": "strange", "rope_theta": 1.0}, "strange"),
    ("layer_types", ["full_attention", "linear_attention"], "linear_attention"),
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
    ("Qwen2ForCausalLM", ("--family", "dpo", "--activation", "sigmoid"), "--activation is for models whose head has labels"),
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


@pytest.mark.parametrize(("line", "words"), [
    ('["a"]', "line 1 is"), ('{"prompt": "a"}', "must have messages or prompt with response or"),
    ('{"prompt": "a", "chosen": "b", "rejected": "c"}', "must have"), ('{"text": "a", "strange": 1}', "must have")])
def test_golden_items_that_are_none(checkpoint, tmp_path, line, words):
    (tmp_path / "items.jsonl").write_text(line + "\n")
    assert words in refused(checkpoint(), tmp_path, "--golden", str(tmp_path / "items.jsonl"))


def test_conversation_that_the_template_refuses(checkpoint, tmp_path):
    items = tmp_path / "items.jsonl"
    items.write_text(json.dumps({"messages": [{"role": "system", "content": "x"}]}))
    assert "the chat template refused a conversation: This model takes no system message" in refused(
        checkpoint("gemma2"), tmp_path, "--golden", str(items))
