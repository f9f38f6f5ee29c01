"""Golden items: rendered as transformers renders, on a day that may be fixed, and never dropped without a word."""

import pytest
from conftest import read_bundle
from transformers import AutoTokenizer

from assay_export import ExportError
from assay_export.cli import arguments, export

GENERATION = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% generation %}{{ m.content }}{% endgeneration %}{{ '<|im_end|>' }}{% endfor %}"


@pytest.fixture
def templated(checkpoint, tmp_path):
    """A function that exports a tiny checkpoint with a template; it returns what the export says, and the bundle."""
    def make(template: str | None, *options: str, model_type: str = "qwen3", kind: str = "reward"):
        source = checkpoint(model_type, kind)
        (source / "chat_template.jinja").unlink()
        if template is not None:
            (source / "chat_template.jinja").write_text(template)
        said = export(arguments().parse_args([str(source), str(tmp_path / "out"), *options]))
        return said, read_bundle(tmp_path / "out"), AutoTokenizer.from_pretrained(source)
    return make


def conversation(item: dict) -> list[dict]:
    """Return an item's conversation."""
    turns = [("user", item.get("prompt")), ("assistant", item.get("response"))]
    return item.get("messages") or [{"role": role, "content": content} for role, content in turns]


@pytest.mark.parametrize("template", [
    GENERATION,
    "{{ messages | tojson(separators=(',', ':'), sort_keys=true, ensure_ascii=true) }}",
    "{% if tools is none and documents is not none %}{{ 'x' }}{% endif %}{{ messages[-1].content }}",
    "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ ns.n ~ m.content }}{% endfor %}",
])
def test_items_are_rendered_as_transformers_renders_them(templated, template):
    said, bundle, tokenizer = templated(template)
    assert ", 3 golden pairs" in said
    for pair in bundle.golden:
        text = tokenizer.apply_chat_template(conversation(pair["item"]), tokenize=False)
        assert pair["ids"] == tokenizer(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize(("template", "words"), [
    ("{{ messages | nosuchfilter }}", "chat_template.jinja, line 1: TemplateAssertionError: No filter named 'nosuchfilter'"),
    ("{{ 1 / 0 }}", "the chat template cannot be rendered: ZeroDivisionError: division by zero"),
    ("{{ messages[0]['content'] + 1 }}", "the chat template cannot be rendered: TypeError: "),
    ("{% for p in messages[0].content %}{{ p.text }}{{ p.text.x }}{% endfor %}", "cannot be rendered: UndefinedError"),
    ("{{ raise_exception('never') }}", "no golden item can be made, so give some with --golden: the chat template refused a conversation: never"),
])
def test_an_item_that_cannot_be_made_ends_the_export(templated, template, words):
    with pytest.raises(ExportError) as caught:
        templated(template)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_an_item_that_the_template_itself_refuses_is_passed_over(templated):
    said, bundle, _ = templated("{% if messages | length > 2 %}{{ raise_exception('one turn') }}{% endif %}{{ messages[1].content }}")
    assert ", 2 golden pairs" in said and [set(pair["item"]) for pair in bundle.golden] == [{"prompt", "response"}] * 2


def test_a_model_of_text_only_says_why_it_has_no_pairs(templated):
    said, bundle, _ = templated(None)
    assert ", no golden pairs, since it takes text and ids only" in said and "golden" not in bundle.manifest


def test_a_fixed_day_is_what_golden_items_are_rendered_on(templated):
    said, bundle, tokenizer = templated("{{ strftime_now('%d %b %Y %H:%M') }} {{ messages[-1].content }}", "--date", "2024-07-26")
    assert bundle.manifest["template"]["date"] == "2024-07-26" and "strftime_now" not in said and ", 3 golden pairs" in said
    assert bundle.golden[0]["ids"] == tokenizer("26 Jul 2024 00:00 42", add_special_tokens=False)["input_ids"]


def test_without_a_day_the_export_says_that_scores_follow_it(templated):
    said, bundle, _ = templated("{{ strftime_now('%d %b %Y') }} {{ messages[-1].content }}")
    assert "the chat template writes the date (strftime_now), so scores follow the day" in said and "give --date 2024-07-26" in said
    assert "date" not in bundle.manifest["template"] and all(set(pair["item"]) == {"text"} for pair in bundle.golden)


@pytest.mark.parametrize(("day", "words"), [("26 July", "--date 26 July is no day"), ("20240726", "must be written as 2024-07-26")])
def test_days_that_are_none(templated, day, words):
    with pytest.raises(ExportError, match=words):
        templated("{{ messages[-1].content }}", "--date", day)


def test_a_day_without_a_template(templated):
    with pytest.raises(ExportError, match="--date is for models with a chat template"):
        templated(None, "--date", "2024-07-26")
