"""Cross-encoders that read next-token logits: what the files of sentence-transformers may say of tokens, text and
activation."""

import json

import pytest
from conftest import read_bundle
from test_texts import refused, run

from assay_export.load.logit_score import prelude
from assay_export.text.render import render
from parity.case import every_case

CASES = {case.name: case for case in every_case()}
UNCHECKED = ("--no-check",)


@pytest.fixture
def qwen(tmp_path):
    """A tiny Qwen3 with LogitScore, a chat template and a prompt."""
    CASES["logit-score-qwen3"].write(tmp_path / "source")
    return tmp_path / "source"


def change(path, **fields) -> None:
    """Change fields of a JSON file; None takes one out."""
    content = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))


def test_it_is_the_family_of_a_directory_that_names_logit_score(qwen, tmp_path):
    said = run(qwen, tmp_path / "out")
    assert "names no activation_fn: the score is the sigmoid of the logit of true less the logit of false token, as CrossEncoder.predict has it" in said
    manifest = read_bundle(tmp_path / "out").manifest
    assert manifest["source"]["family"] == "logit-score"
    assert manifest["head"] == {"weights": {"true": 1, "false": -1}, "final": "sigmoid"}


def test_another_family_and_another_activation_can_be_asked_for(qwen, tmp_path):
    said = run(qwen, tmp_path / "out", "--family", "qwen3-reranker", *UNCHECKED)
    assert "modules.json: LogitScore is passed over, since --family qwen3-reranker says what is read" in said
    assert "CrossEncoder.predict" not in run(qwen, tmp_path / "other", "--final", "none", *UNCHECKED)
    assert read_bundle(tmp_path / "other").manifest["head"] == {"weights": {"true": 1, "false": -1}, "final": "none"}


@pytest.mark.parametrize(("file", "fields", "words"), [
    ("1_LogitScore/config.json", {"true_token_id": None}, "config.json: true_token_id is null, and a token's id is wanted"),
    ("1_LogitScore/config.json", {"true_token_id": "yes"}, 'config.json: true_token_id is "yes", and a token\'s id is wanted'),
    ("1_LogitScore/config.json", {"false_token_id": 1, "true_token_id": 1}, "true_token_id and false_token_id are both 1, so that every score is 0"),
    ("1_LogitScore/config.json", {"true_token_id": 99999}, "head ids [99999, "),
    ("1_LogitScore/config.json", {"module_input_name": "logits"}, "module_input_name is 'logits', and causal_logits is wanted"),
    ("config_sentence_transformers.json", {"activation_fn": "torch.nn.modules.activation.Tanh"},
     "activation_fn is torch.nn.modules.activation.Tanh, and supported are Identity and Sigmoid; give --final sigmoid or none"),
    ("config_sentence_transformers.json", {"prompts": {"task": 1}}, "prompts: the prompt 'task' is 1, and must be a text"),
    ("sentence_bert_config.json", {"transformer_task": "any-to-any"}, "transformer_task is 'any-to-any', and these modules need text-generation"),
    ("sentence_bert_config.json", {"modality_config": {"message": {}}}, "modality_config: message: format is null, and must be one of flat, structured"),
    ("sentence_bert_config.json", {"processing_kwargs": {"chat_template": {"tools": []}}}, "processing_kwargs: chat_template: tools: [] is not supported"),
    ("sentence_bert_config.json", {"processing_kwargs": {"chat_template": [1]}}, "chat_template is [1], and a JSON object is wanted"),
    ("sentence_bert_config.json", {"processing_kwargs": {"text": {"max_length": 5}}}, "processing_kwargs: {'text': {'max_length': 5}} changes what"),
])
def test_what_is_not_read_is_refused(qwen, tmp_path, file, fields, words):
    change(qwen / file, **fields)
    assert words in refused(qwen, tmp_path / "out", *UNCHECKED)


def test_a_message_needs_a_chat_template(qwen, tmp_path):
    (qwen / "chat_template.jinja").unlink()
    assert "has no chat template, and sentence_bert_config.json says that two texts are rendered through one" in refused(qwen, tmp_path / "out", *UNCHECKED)


def test_a_directory_without_logit_score_is_not_of_the_family(qwen, tmp_path):
    (qwen / "modules.json").unlink()
    assert "family logit-score is for directories whose modules.json of sentence-transformers names LogitScore" in refused(
        qwen, tmp_path / "out", "--family", "logit-score", *UNCHECKED)


@pytest.mark.parametrize(("form", "first"), [("flat", "a"), ("structured", [{"type": "text", "text": "a"}])])
@pytest.mark.parametrize("template", ["\n  {% for m in messages %}\n{{ m }}|{{ thinking }}\n{% endfor %}", "  {{ messages }}", "{{ messages }}\n"])
def test_a_template_sees_what_cross_encoder_gives_it(form, first, template):
    """The roles, the prompt in front and further names, and a first line that is its own."""
    before = prelude({"format": form}, 'say "yes" {% or %}\n', {"thinking": False, "restore_suffix": True}, None)
    items = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b}}"}]
    wrap = (lambda text: text) if form == "flat" else (lambda text: [{"type": "text", "text": text}])
    pair = [{"role": "query", "content": first}, {"role": "document", "content": wrap("b}}")}]
    for given, prompt in ((items, 'say "yes" {% or %}\n'), ([{"role": "system", "content": "other"}, *items], "other")):
        seen = [{"role": "system", "content": wrap(prompt)}, *pair]
        assert render(before + template, given, None, False, {}) == render("{% set thinking = false %}\n" + template, seen, None, False, {})
