"""Classifiers of one text: which family a checkpoint is, what a conversation becomes, what stands around it, and what the score is."""

import json

import pytest
import torch
from conftest import read_bundle
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from assay_export import ExportError, tiny
from assay_export.cli import arguments, export
from parity.cases import texts
from parity.cases.encoders import BERT_TOKENS, WORDPIECE, writer

TURNS = {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi! How can I help?"}]}
TEXT = ("--family", "encoder-text", "--no-check")
FEW = {"num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}


@pytest.fixture
def classifier(tmp_path):
    """A function that writes a tiny BERT with labels, a chat template and further fields of config.json."""
    def make(*labels: str, template: str | None = None, **config):
        writer("bert", "BertForSequenceClassification", WORDPIECE, BERT_TOKENS, 5, template, **FEW, **(texts.labelled(*labels) if labels else {}),
               **config)(tmp_path / "bert")
        return tmp_path / "bert"
    return make


def run(source, out, *options: str) -> str:
    """Export with the command; return what it says."""
    return export(arguments().parse_args([str(source), str(out), *options]))


def refused(source, out, *options: str) -> str:
    """Export; return the sentence in which it ends."""
    with pytest.raises(ExportError) as caught:
        run(source, out, *options)
    assert "\n" not in str(caught.value) and not out.exists()
    return str(caught.value)


def given(source, text: str) -> tuple[list[int], torch.Tensor]:
    """Return the ids and logits that transformers gives of a text."""
    encoded = AutoTokenizer.from_pretrained(source)(text, return_tensors="pt")
    with torch.no_grad():
        return encoded["input_ids"][0].tolist(), AutoModelForSequenceClassification.from_pretrained(source).eval()(**encoded).logits[0]


def test_a_class_of_one_text_or_two_must_be_told(classifier, tmp_path):
    said = refused(classifier(), tmp_path / "out")
    assert "class 'BertForSequenceClassification' is read by several families; choose one with --family: " in said
    assert "bert-pair (a prompt and a response, or a query and a passage, as two texts: rerankers and other cross-encoders)" in said
    assert "encoder-text (one text: sentiment, toxicity and other classifiers)" in said


def test_without_a_template_the_response_is_read_and_that_is_said(classifier, tmp_path):
    source = classifier("nothate", "hate")
    said = run(source, tmp_path / "out", *TEXT[:-1], "--label", "nothate")
    assert "has no chat template: of a conversation the last turn alone is read; --text conversation reads all turns" in said
    assert "the score is raw, of label 'nothate'; --activation softmax would make a probability of it" in said
    bundle = read_bundle(tmp_path / "out")
    for pair in bundle.golden:
        ids, logits = given(source, pair["item"].get("response") or pair["item"]["messages"][-1]["content"])
        assert pair["ids"] == ids and pair["score"] == pytest.approx(logits[0].item(), abs=1e-5)
    frame = bundle.manifest["tokenizer"]["frame"]
    assert frame == {"before": [WORDPIECE().token_to_id("[CLS]")], "after": [WORDPIECE().token_to_id("[SEP]")]}
    assert bundle.manifest["head"] == {"label": "nothate"}
    assert (tmp_path / "out" / "chat_template.jinja").read_text() == "{{ messages[-1]['content'] }}"


def test_a_conversation_may_be_read_whole(classifier, tmp_path):
    source = classifier(template="{{ messages }}")
    (tmp_path / "golden").write_text(json.dumps(TURNS))
    assert "chat template" not in run(source, tmp_path / "out", *TEXT, "--text", "conversation", "--golden", str(tmp_path / "golden"))
    ids, logits = given(source, "HelloHi! How can I help?")
    assert read_bundle(tmp_path / "out").golden[0] == {"item": TURNS, "ids": ids, "score": pytest.approx(logits[0].item(), abs=1e-5)}


@pytest.mark.parametrize(("template", "framed"), [
    ("{% for m in messages %}{{ m.role }}: {{ m.content }} {% endfor %}", True),
    ("[CLS]{% for m in messages %}{{ m.content }}[SEP]{% endfor %}", False)])
def test_a_chat_template_goes_first_and_the_frame_is_not_put_twice(classifier, tmp_path, template, framed):
    source = classifier(template=template)
    (tmp_path / "golden").write_text(json.dumps(TURNS))
    said = run(source, tmp_path / "out", *TEXT[:-1], "--golden", str(tmp_path / "golden"))
    assert "a conversation becomes one text by the checkpoint's chat template; --text response reads its last turn alone" in said
    assert ("the chat template writes what the tokenizer puts around a text, so it is not put there again" in said) != framed
    bundle, tokenizer = read_bundle(tmp_path / "out"), AutoTokenizer.from_pretrained(source)
    text = tokenizer.apply_chat_template(TURNS["messages"], tokenize=False)
    assert ("frame" in bundle.manifest["tokenizer"]) == framed
    assert bundle.golden[0]["ids"] == tokenizer(text, add_special_tokens=framed)["input_ids"]


def test_a_chat_template_that_writes_half_of_the_frame(classifier, tmp_path):
    source = classifier(template="[CLS]{{ messages[-1].content }}")
    assert "the chat template writes what the tokenizer puts before a text, and not what it puts behind it" in refused(source, tmp_path / "out", *TEXT)
    run(source, tmp_path / "out", *TEXT, "--text", "response")


@pytest.mark.parametrize(("labels", "config", "options", "words"), [
    (("a", "b"), {}, (), "id2label names the labels a, b, and nothing says which of them is the score; give --label NAME, or --score NAME=WEIGHT,..."),
    (("a", "b"), {}, ("--label", "c"), "head.label 'c' is not among the labels"),
    (("a", "b"), {}, ("--score", "a=1,c=2"), "--score 'a=1,c=2': 'c=2' is no label with a number, each label once; the labels are a, b"),
    (("a", "b"), {}, ("--score", "a=1,a=2"), "'a=2' is no label with a number"), (("a", "b"), {}, ("--score", "a"), "'a' is no label with a number"),
    (("a", "b"), {}, ("--score", "a=nan"), "'a=nan' is no label with a number"),
    (("a", "b"), {}, ("--score", "a=1", "--label", "b"), "--label and --score both say what the score is"),
    ((), {}, ("--activation", "softmax"), "activation 'softmax' needs two labels or more, and the head has one"),
    ((), {}, ("--bos", "one"), "bos_token is missing or unknown"), ((), {}, ("--pooling", "last_not_pad"), "--pooling is for reward models that are read"),
])
def test_options_that_do_not_fit(classifier, tmp_path, labels, config, options, words):
    assert words in refused(classifier(*labels, **config), tmp_path / "out", *TEXT, *options)


def test_text_is_for_families_of_one_text(checkpoint, tmp_path):
    assert "--text is for families that read one text of a conversation, and family sequence-classification is none" in refused(
        checkpoint("llama"), tmp_path / "out", "--text", "response")


def test_what_the_score_is_of_several_labels(classifier, tmp_path):
    source = classifier("toxic", "insult", problem_type="multi_label_classification")
    said = run(source, tmp_path / "out", *TEXT, "--label", "toxic")
    assert "the score is raw, of label 'toxic'; --activation sigmoid would make a probability of it" in said
    said = run(source, tmp_path / "more", *TEXT, "--score", "toxic=-1,insult=-0.5", "--activation", "sigmoid")
    assert "the score is of the weighted sum of toxic, insult, after sigmoid" in said
    bundle = read_bundle(tmp_path / "more")
    assert bundle.manifest["head"] == {"activation": "sigmoid", "weights": {"toxic": -1.0, "insult": -0.5}}
    both = torch.sigmoid(given(source, "42")[1])
    assert bundle.golden[0]["score"] == pytest.approx((-both[0] - both[1] / 2).item(), abs=1e-5)
    assert bundle.golden[0]["item"]["response"] == "42"


def test_a_first_and_a_last_token_of_the_policies_do_not_go_with_a_frame(classifier, tmp_path):
    source = classifier()
    tiny.edit_json(source / "tokenizer_config.json", bos_token="[CLS]")
    assert "the tokenizer's own first and last tokens are put around every text" in refused(source, tmp_path / "out", *TEXT, "--bos", "one")
