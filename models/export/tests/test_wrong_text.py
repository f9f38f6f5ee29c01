"""Directories whose tokenizer or chat template is missing, broken, another model's, or says two things."""

import json
import shlex
import subprocess
import sys

import pytest
from conftest import read_bundle
from tokenizers import Tokenizer
from wrong import POINTER, Wrong, all_of, config, cut, drop, edit, gone, hold, instead, sentence, table, write

from assay_export.cli import arguments, export

FILE, SETTINGS, TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"


def tokenizer(change):
    """Return what edits tokenizer.json's object."""
    def spoil(source) -> None:
        content = json.loads((source / FILE).read_text(encoding="utf-8"))
        change(content)
        (source / FILE).write_text(json.dumps(content), encoding="utf-8")
    return spoil


def added(text: str, number: int) -> dict:
    """Return an added token as tokenizer.json has it."""
    return {"id": number, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


@table(
    Wrong("missing", gone(FILE), (FILE, "is missing; transformers writes it: python -c ")),
    Wrong("another kind of tokenizer", all_of(gone(FILE), write("tokenizer.model", b"\n\x0e")), (FILE, "is missing, and tokenizer.model is there")),
    Wrong("empty", write(FILE, ""), (FILE, "is empty, and a JSON object is wanted")),
    Wrong("cut short", cut(FILE, 1000), (FILE, "is not JSON")),
    Wrong("a list", write(FILE, "[]"), (FILE, "holds [], and a JSON object is wanted")),
    Wrong("in Latin-1", write(FILE, '{"version": "é"}'.encode("latin-1")), (FILE, "is not UTF-8")),
    Wrong("a pointer of git-lfs", write(FILE, POINTER), (FILE, "git lfs pull")),
    Wrong("a directory", instead(FILE, lambda path: path.mkdir()), (FILE, "is no regular file")),
    Wrong("an unknown model", write(FILE, '{"version": "1.0", "model": {"type": "Strange"}}'), (FILE, "cannot be read", "save the tokenizer again")),
    Wrong("a model without its vocabulary", tokenizer(lambda content: content["model"].pop("vocab")), (FILE, "cannot be read")),
    Wrong("a pair of tokens that are none", tokenizer(lambda content: content["model"]["merges"].append(["never", "seen"])), (FILE, "cannot be read")),
    Wrong("a field of tomorrow", tokenizer(lambda content: content["model"].update({"strange": 1})), (FILE, "field model.strange is unknown")),
    Wrong("a part of tomorrow", tokenizer(lambda content: content.update({"strange": 1})), (FILE, "field strange is unknown")),
    Wrong("a field of tomorrow in another part", tokenizer(lambda content: content["pre_tokenizer"].update({"strange": 1})),
          (FILE, "field pre_tokenizer.strange is unknown")),
)
def test_files_that_are_no_tokenizer(wrong, rights, tmp_path, monkeypatch, capfd):
    hold(wrong, rights(wrong.model_type), tmp_path, monkeypatch, capfd)


@table(
    Wrong("more tokens than the embedding has rows", tokenizer(lambda content: content["added_tokens"].append(added("<|new|>", 400))),
          ("", "tokenizer.json gives '<|new|>' the id 400, and the model's vocab_size is 400", "the tokenizer that the model was trained with")),
    Wrong("a token far behind the embedding", tokenizer(lambda content: content["added_tokens"].append(added("<|far|>", 5000))),
          ("", "tokenizer.json gives '<|far|>' the id ", "and the model's vocab_size is 400")),
    Wrong("a larger model's tokenizer", tokenizer(lambda content: content["model"]["vocab"].update({f"more{n}": 400 + n for n in range(50)})),
          ("", "and the model's vocab_size is 400")),
    Wrong("settings that are no JSON", write(SETTINGS, "{"), (SETTINGS, "is not JSON")),
    Wrong("settings that are a list", write(SETTINGS, "[]"), (SETTINGS, "holds []")),
    Wrong("special tokens that are a list", write("special_tokens_map.json", "[]"), ("special_tokens_map.json", "holds []")),
    Wrong("added tokens that are none", write("added_tokens.json", "{"), ("added_tokens.json", "is not JSON")),
    Wrong("a tokenizer of another class with files of its own", edit(SETTINGS, tokenizer_class="BertJapaneseTokenizer"), ("", "AutoTokenizer cannot load")),
    Wrong("a bos that the template writes and no token is", all_of(edit(SETTINGS, bos_token="<begin>"), write(TEMPLATE, "{{ bos_token }}x")),
          (SETTINGS, "bos_token is '<begin>', which the chat template writes and tokenizer.json does not have")),
    Wrong("no bos where one is asked for", drop(SETTINGS, "bos_token"), (SETTINGS, "bos_token is missing", "bos one needs it"), options=("--bos", "one")),
    Wrong("no pad where one is needed", all_of(config(pad_token_id=None), drop(SETTINGS, "pad_token")),
          ("", "neither config.json nor tokenizer_config.json has a pad token, and the padded layout needs one"), options=("--layout", "padded")),
    Wrong("no pad for a pooling that looks for it", all_of(config(pad_token_id=None), drop(SETTINGS, "pad_token")),
          ("", "has a pad token, and pooling last_not_pad needs one"), options=("--pooling", "last_not_pad")),
)
def test_a_tokenizer_that_the_model_or_its_settings_deny(wrong, rights, tmp_path, monkeypatch, capfd):
    hold(wrong, rights(wrong.model_type), tmp_path, monkeypatch, capfd)


NAMED = [{"name": "rag", "template": "{{ messages[0].content }}"}, {"name": "tool_use", "template": "x"}]
REFUSING = "{{ raise_exception('Only the moon may speak') }}"
CALLS_ITSELF = "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}"


@table(
    Wrong("not Jinja", write(TEMPLATE, "{% for m in messages %}{{ m.content }}"), (TEMPLATE, "line 1: TemplateSyntaxError")),
    Wrong("an expression that is none", write(TEMPLATE, "a\nb\n{{ messages[0]..content }}"), (TEMPLATE, "line 3: TemplateSyntaxError")),
    Wrong("an unknown filter", write(TEMPLATE, "{{ messages | shuffle }}"), (TEMPLATE, "shuffle")),
    Wrong("an unknown statement", write(TEMPLATE, "{% frobnicate %}"), (TEMPLATE, "frobnicate")),
    Wrong("nested too deep", write(TEMPLATE, "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}"), (TEMPLATE, "Recursion")),
    Wrong("in UTF-16", write(TEMPLATE, "{{ 'é' }}".encode("utf-16")), (TEMPLATE, "is not UTF-8")),
    Wrong("a pointer of git-lfs", write(TEMPLATE, POINTER), (TEMPLATE, "git lfs pull")),
    Wrong("a link to nothing", instead(TEMPLATE, lambda path: path.symlink_to("nowhere")), (TEMPLATE, "is a link to nowhere, which is not there")),
    Wrong("a macro that calls itself", write(TEMPLATE, CALLS_ITSELF), ("", "the chat template cannot be rendered: RecursionError")),
    Wrong("a division by zero", write(TEMPLATE, "{{ 1 // 0 }}"), ("", "the chat template cannot be rendered: ZeroDivisionError")),
    Wrong("a method that is not safe", write(TEMPLATE, "{{ ''.__class__.__mro__ }}"), ("", "the chat template cannot be rendered: SecurityError")),
    Wrong("a range without end", write(TEMPLATE, "{% for i in range(10 ** 9) %}{% endfor %}"), ("", "the chat template cannot be rendered: OverflowError")),
    Wrong("an include", write(TEMPLATE, "{% include 'other.jinja' %}"), ("", "the chat template cannot be rendered")),
    Wrong("a template that refuses all", write(TEMPLATE, REFUSING),
          ("", "no golden item can be made, so give some with --golden: the chat template refused a conversation: Only the moon may speak")),
    Wrong("a template of parts alone", write(TEMPLATE, "{% for m in messages %}{% for p in m.content %}{{ p['text'] }}{% endfor %}{% endfor %}"),
          ("", "the chat template renders different conversations alike", "it may want content as a list of parts")),
    Wrong("a template without the answer", write(TEMPLATE, "{{ messages[0].role }}: {{ messages[0]['content'] }}</s>"),
          ("", "the chat template renders different conversations alike, so it leaves out what was said")),
    Wrong("named templates without a default", all_of(gone(TEMPLATE), edit(SETTINGS, chat_template=NAMED)),
          ("", "has the chat templates rag, tool_use and none that is the default", "put the one that the model was trained with into chat_template")),
    Wrong("more templates in a folder, and no default", all_of(gone(TEMPLATE), write("additional_chat_templates/rag.jinja", "x")),
          ("", "has the chat templates rag and none that is the default")),
    Wrong("a number for a template", all_of(gone(TEMPLATE), edit(SETTINGS, chat_template=3)), (SETTINGS, "chat_template is 3, and must be a text")),
    Wrong("names without templates", all_of(gone(TEMPLATE), edit(SETTINGS, chat_template=[{"name": "default"}, "x"])),
          (SETTINGS, 'chat_template is [{"name": "default"}, "x"], and must be')),
    Wrong("settings with a template that is no Jinja", all_of(gone(TEMPLATE), edit(SETTINGS, chat_template="{{")), (SETTINGS, "chat_template, line 1")),
)
def test_chat_templates(wrong, rights, tmp_path, monkeypatch, capfd):
    hold(wrong, rights(wrong.model_type), tmp_path, monkeypatch, capfd)


@pytest.mark.parametrize(("template", "said"), [
    ("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "TimeoutError: it takes longer than 1 s"),
    ("{% set n = namespace(s='x' * 1000) %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}", "MemoryError")], ids=["time", "memory"])
def test_templates_that_take_all(rights, tmp_path, monkeypatch, capfd, template, said):
    monkeypatch.setattr("assay_export.text.bounds.SECONDS", 1)
    monkeypatch.setattr("assay_export.text.bounds.BYTES", 64 << 20)
    hold(Wrong("endless", write(TEMPLATE, template), ("", f"the chat template cannot be rendered: {said}")), rights("qwen3"), tmp_path, monkeypatch, capfd)


def test_the_command_that_writes_a_missing_tokenizer(rights, tmp_path, monkeypatch, capfd):
    """From the files of the tokenizer's older kind, as a checkpoint of years ago has them."""
    right, source = rights("qwen3"), tmp_path / "source"

    def older(source) -> None:
        tokenizer = Tokenizer.from_file(str(source / FILE))
        tokenizer.model.save(str(source))
        known = {str(number): {"content": token.content, "special": True} for number, token in tokenizer.get_added_tokens_decoder().items()}
        edit(SETTINGS, tokenizer_class="Qwen2Tokenizer", added_tokens_decoder=known)(source)
        (source / FILE).unlink()

    hold(Wrong("older files", older, (FILE, "is missing, and vocab.json is there")), right, tmp_path, monkeypatch, capfd)
    command = shlex.split(sentence(monkeypatch, capfd, source, tmp_path / "out").partition("writes it: python ")[2].partition(", in that folder")[0])
    subprocess.run([sys.executable, *command], cwd=source, check=True)
    export(arguments().parse_args([str(source), str(tmp_path / "out")]))
    assert read_bundle(tmp_path / "out").golden
