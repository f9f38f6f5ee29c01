"""Fields of an item that a template names beside the conversation: golden items have them, and transformers renders the
same texts."""

import json
from dataclasses import replace

import pytest
from conftest import read_bundle
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer

from assay_export import ExportError
from assay_export.cli import arguments, export
from assay_export.read import family

PRELUDE = "{% if principle is defined %}{{ 'by ' + principle }}{% endif %}{{ 'like ' + reference + '\\n' }}"


@pytest.fixture
def compared(checkpoint, tmp_path, monkeypatch):
    """A function that exports a tiny checkpoint of a family that needs a reference and takes a principle; it returns
    the bundle and the tokenizer."""
    own = replace(family.families()["sequence-classification"], name="compared", prelude=PRELUDE, fields={"reference": "required", "principle": "optional"})
    monkeypatch.setattr(family, "families", lambda: {"compared": own})

    def make(*items: dict):
        source, options = checkpoint("qwen3"), []
        if items:
            (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
            options = ["--golden", str(tmp_path / "items.jsonl")]
        export(arguments().parse_args([str(source), str(tmp_path / "out"), *options]))
        return read_bundle(tmp_path / "out"), AutoTokenizer.from_pretrained(source)
    return make


def test_golden_items_of_our_own_have_the_fields(compared):
    bundle, tokenizer = compared()
    assert bundle.manifest["template"]["fields"] == {"reference": "required", "principle": "optional"}
    named = [{name: pair["item"][name] for name in ("reference", "principle") if name in pair["item"]} for pair in bundle.golden]
    assert [sorted(given) for given in named] == [["reference"], ["principle", "reference"], ["principle", "reference"]]
    for pair, given in zip(bundle.golden, named, strict=True):
        item = pair["item"]
        turns = item.get("messages") or [{"role": "user", "content": item["prompt"]}, {"role": "assistant", "content": item["response"]}]
        text = tokenizer.apply_chat_template(turns, chat_template=PRELUDE + tokenizer.chat_template, tokenize=False, **given)
        assert pair["ids"] == tokenizer(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize(("item", "words"), [
    ({"prompt": "p", "response": "r"}, "lacks reference, which the template needs"),
    ({"prompt": "p", "response": "r", "principle": "x"}, "lacks reference, which the template needs"),
    ({"text": "t", "reference": "k"}, "has reference, and text is rendered already"),
    ({"prompt": "p", "response": "r", "reference": "k", "rubric": "x"}, "must have messages"),
])
def test_a_golden_item_without_its_fields_ends_the_export(compared, item, words):
    with pytest.raises(ExportError) as caught:
        compared(item)
    assert words in str(caught.value)


def test_a_field_that_no_template_names_ends_the_export(checkpoint, tmp_path):
    (tmp_path / "items.jsonl").write_text('{"prompt": "p", "response": "r", "reference": "k"}\n')
    with pytest.raises(ExportError, match="has reference, and the template names none"):
        export(arguments().parse_args([str(checkpoint("qwen3")), str(tmp_path / "out"), "--golden", str(tmp_path / "items.jsonl")]))


def test_first_ids_tell_the_texts_apart():
    tokenizer = Tokenizer(models.BPE({"a": 0, "b": 1, "c": 2, "ab": 3, "ca": 4}, [("a", "b"), ("c", "a")]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("b", "isolated")
    assert family.first_ids(tokenizer, ["a", "b"], "b") == [0, 1]
    for first, behind, words in ((["b", "bb"], "b", "begins two of the texts 'b', 'bb' behind 'b' with one id"),
                                 (["a"], "c", "melts 'a' together with 'c' before it"), ([""], "c", "melts '' together with 'c'")):
        with pytest.raises(ExportError) as caught:
            family.first_ids(tokenizer, first, behind)
        assert words in str(caught.value)
