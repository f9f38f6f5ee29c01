"""Families' own templates: conversations that the authors' code has no form for are refused, and what is put around a
checkpoint's template."""

import json

import pytest
from tokenizers import Tokenizer, models

from assay_export.errors import ExportError
from assay_export.prove.theirs import tokenizer_of
from assay_export.read.family import families
from assay_export.text.settings import read_settings
from assay_export.text.text import TextRules

TURNS = {role[0]: {"role": role, "content": f"{role} says"} for role in ("system", "user", "assistant")}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def render(template: str, roles: str) -> str:
    """Return a conversation of these roles (s, u, a) through a template."""
    return TextRules(None, template, {"template": {"variables": TOKENS}}).render([TURNS[role] for role in roles], reference="k", principle="c")


@pytest.mark.parametrize(("name", "taken", "refused"), [
    ("beaver", "u ua uaua", "s su sua"), ("eurus-rm", "u ua uaua", "s su sua"), ("oasst-rm-pythia", "u ua uaua", "s su sua"),
    ("starling-7b", "u ua uaua", "s su sua"), ("ultrarm", "u ua uaua", "s su sua"),
    ("bge-reranker-gemma", "ua", "u au uaua sua"), ("qwen3-reranker", "ua sua", "u su au uaua suaua"),
    ("polar", "ua uaua sua", "u a su"), ("compass-verifier", "ua", "u au uaua sua"), ("xverify", "ua", "u au uaua sua"),
    ("nemotron-principle", "ua uaua", "u au uau"),
    ("math-shepherd", "ua", "u sua uaua"), ("meds3-prm", "ua", "u sua uaua"), ("trl-prm", "u", "su uau"), ("skywork-o1-prm", "u", "su uau")])
def test_conversations_without_a_form_are_refused(name, taken, refused):
    template = families()[name].template or families()[name].around("{% for turn in messages %}{{ turn.role + turn.content }}{% endfor %}")
    for roles in taken.split():
        assert all(TURNS[role]["content"] in render(template, roles) for role in roles)
    for roles in refused.split():
        with pytest.raises(ExportError, match="the chat template refused a conversation: .* reads "):
            render(template, roles)


@pytest.mark.parametrize(("template", "text"), [
    ("{% for turn in messages %}{{ turn['content'] + '</s>\\n' }}{% endfor %}", "user says</s>\nassistant says</s>"),
    ("\n  {%- for turn in messages -%}\n{{ turn['content'] }}{{ '\\n' }}\n{% endfor %}\n", "user says\n\nassistant says </s>"),
    ("{% set rendered = messages[0]['content'] %}{{ rendered }}\\n", "user says\\n </s>"), (" x\n", " x </s>"), ("\n\n", " </s>")])
def test_openrlhf_ends_as_in_training(template, text):
    family = families()["openrlhf"]
    assert render(family.around(template), "ua") == text


@pytest.mark.parametrize(("bos", "policy"), [("<s>", "one"), ({"__type": "AddedToken", "content": "<s>"}, "one"), (None, "none")])
def test_own_bos_is_one_where_the_tokenizer_has_one(bos, policy, tmp_path):
    tokenizer = Tokenizer(models.WordLevel({"<s>": 3, "a": 0}, unk_token="a"))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    settings = read_settings(tmp_path, tokenizer, tokenizer_of(tmp_path), {}, families()["trl-prm"], "own")
    assert (settings.bos, settings.bos_id, settings.variables) == (policy, 3 if bos else None, {})


@pytest.mark.parametrize(("end", "said"), [("<|im_end|>\n<|im_start|>assistant\n", None), ("{{ '<|im_end|>\\n' }}", "does not open the turn"),
                                           ("<|im_end|>\n", "does not open the turn"), ("<|im_end|>\n<|im_start|>assistant\n\n", None)])
def test_qwen3guard_stands_behind_the_turn_of_the_verdict(end, said):
    """A newline that ends a template is left out, as without what is put behind it."""
    template = "{{ messages[-1].content }}" + end
    if said is None:
        assert render(families()["qwen3guard"].around(template), "ua") == render(template, "ua") + "Safety:"
        return
    with pytest.raises(ExportError, match=said):
        render(families()["qwen3guard"].around(template), "ua")
