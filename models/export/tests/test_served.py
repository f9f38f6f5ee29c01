"""The server's binary is asked what it would render and read, and held to transformers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import read_bundle

from assay_export import ExportError
from assay_export.cli import arguments, export
from assay_export.prove import served
from assay_export.text import probes
from parity.case import every_case

BINARY = Path(__file__).parents[3] / "bin" / "assay"
LATER = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% if loop.index > 2 %}{{ m.content | wordcount }}{% endif %}{% endfor %}"
"""A template with a filter that Jinja2 has and the server's engine has not, where a conversation is long."""


@pytest.fixture(autouse=True)
def untraced(monkeypatch):
    """What is rendered and read is looked at here, and a graph takes most of an export's time."""
    if not BINARY.exists():
        pytest.fail("bin/assay is missing; make bin/assay builds it")
    for name in ("trace_packed", "trace_padded"):
        monkeypatch.setattr(f"assay_export.graph.graph.{name}", lambda *_: None)
    monkeypatch.setattr("assay_export.graph.graph.save", lambda traced, path, external: path.write_bytes(b""))


@pytest.fixture
def exported(rights, tmp_path):
    """A function that exports a tiny checkpoint, with a template of its own if one is given; it returns what the export
    says, and the bundle."""
    def make(*options: str, template: str | None = None):
        source = tmp_path / "source"
        source.mkdir()
        for file in rights("qwen3").iterdir():
            (source / file.name).symlink_to(file)
        if template is not None:
            (source / "chat_template.jinja").unlink()
            (source / "chat_template.jinja").write_text(template)
        return export(arguments().parse_args([str(source), str(tmp_path / "out"), "--no-check", *options])), read_bundle(tmp_path / "out")
    return make


def program(path: Path, edit: str) -> str:
    """Write a program that is the binary, but for what `edit` does to the list of its answers."""
    path.write_text(f"#!{sys.executable}\nimport json, subprocess, sys\n"
                    f"ran = subprocess.run([{str(BINARY)!r}, *sys.argv[1:]], stdin=sys.stdin, stdout=subprocess.PIPE, text=True)\n"
                    f"answers = [json.loads(line) for line in ran.stdout.splitlines()]\n{edit}\n"
                    "print('\\n'.join(map(json.dumps, answers)))\nsys.exit(ran.returncode)\n")
    path.chmod(0o755)
    return str(path)


def test_what_a_server_reads_alike_is_not_told(exported):
    said, bundle = exported("--assay", str(BINARY))
    assert "assay" not in said and "rendered" not in bundle.manifest["source"] and ", 3 golden pairs" in said


CASES = {case.name: case for case in every_case()}


@pytest.mark.parametrize("name", [
    "skywork-v2-qwen3", "qwen25-math-prm", "math-shepherd", "rewardmath-prm", "implicit-prm", "trl-prm-llama3", "rlhflow-prm-deepseek-data",
    "rlhflow-pair", "pairrm", "gpm-llama", "dpo-llama3", "choice-qwen3", "armorm", "bert-reranker", "bert-text"])
def test_probes_of_every_kind(tmp_path, monkeypatch, name):
    case = CASES[name]
    case.write(tmp_path / "source")
    asked: list[tuple[dict, dict]] = []
    compare = served.compare
    monkeypatch.setattr(served, "compare", lambda what, item, theirs, rules: (asked.append((item, theirs)), compare(what, item, theirs, rules)))
    reference = ("--reference", str(tmp_path / "source" / "reference")) if (tmp_path / "source" / "reference").is_dir() else ()
    export(arguments().parse_args([str(tmp_path / "source"), str(tmp_path / "out"), "--family", case.family, "--assay", str(BINARY), "--no-check",
                                   *reference, *case.options]))
    assert len(asked) >= len(probes.TALKS) and sum("error" not in theirs for _, theirs in asked) >= 2


@pytest.mark.parametrize(("edit", "words"), [
    ("answers[3]['text'] = answers[3]['text'].replace('colour', 'coluor')", "probe conversation 4, .*: a server would render it otherwise than "
     "transformers from character [0-9]+ on: 'uor.*', and transformers has 'our"),
    ("answers[5]['input_ids'][7] += 1", "probe conversation 6, .*: its ids would be others in a server from index 7 on: "),
    ("answers[5]['read'][0] -= 1", "probe conversation 6, .*: its places read would be others in a server from index 0 on: "),
    ("answers[0] = {'error': {'code': 'template_error', 'detail': 'no, thanks'}}", "probe conversation 1, .*: a server would not render it as "
     "transformers does: no, thanks"),
    ("answers.pop()", "does not say what a server would read, so it may be of another version"),
], ids=["text", "ids", "places", "refusal", "too few"])
def test_the_first_difference_ends_the_export(exported, tmp_path, edit, words):
    with pytest.raises(ExportError, match=words):
        exported("--assay", program(tmp_path / "other", edit))
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob("*.part-*"))


def test_a_template_that_the_servers_engine_cannot_render(exported, tmp_path):
    with pytest.raises(ExportError, match=r"probe conversation 3, .*: a server would not render it as transformers does: .*wordcount"):
        exported("--assay", str(BINARY), template=LATER)
    assert not (tmp_path / "out").exists()


def test_a_template_that_the_server_would_refuse_at_once(exported):
    with pytest.raises(ExportError, match="a server would refuse the bundle: assay: bad_bundle: .*wordcount"):
        exported("--assay", str(BINARY), template=LATER.replace("loop.index > 2", "true"))


def test_a_template_that_refuses_on_both_sides(exported):
    template = "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools') }}{% endif %}{{ m.role ~ m.content }}{% endfor %}"
    said, bundle = exported("--assay", str(BINARY), template=template)
    assert "rendered" not in bundle.manifest["source"]


def test_a_template_with_a_date(exported):
    said, bundle = exported("--assay", str(BINARY), template="{{ strftime_now('%d %b %Y %H:%M:%S') }}{% for m in messages %}{{ m.content }}{% endfor %}")
    assert "scores follow the day" in said and "date" not in bundle.manifest["template"]


def test_without_a_binary_the_probes_are_golden_pairs(exported, monkeypatch, tmp_path):
    monkeypatch.setattr(served, "CHECKOUT", tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    said, bundle = exported()
    assert "no assay binary is at hand" in said and bundle.manifest["source"]["rendered"] is False
    assert {"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": "True"}]} in [pair["item"] for pair in bundle.golden]
    assert len(bundle.golden) == 3 + len(probes.TALKS), "all but the one without an answer, and one with the tokenizer's own tokens"
    lines = "".join(json.dumps(pair["item"]) + "\n" for pair in bundle.golden)
    ran = subprocess.run([BINARY, "tokenize", "--json", tmp_path / "out"], input=lines, capture_output=True, text=True, check=True)
    assert [json.loads(line)["input_ids"] for line in ran.stdout.splitlines()] == [pair["ids"] for pair in bundle.golden]


def test_the_binary_is_found_on_the_path_and_in_the_checkout(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "/nowhere")
    assert served.find(None) == BINARY
    other = Path(program(tmp_path / "assay", ""))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert served.find(None) == other and served.find(BINARY) == BINARY


@pytest.mark.parametrize(("program", "words"), [("nothing", "--assay nothing is no program that can be run"),
                                                ("/bin/true", "/bin/true does not say what a server would read"),
                                                ("/bin/false", "/bin/false does not say what a server would read")])
def test_binaries_that_are_none(exported, program, words):
    with pytest.raises(ExportError, match=words):
        exported("--assay", program)


def test_a_model_of_text_alone_has_nothing_to_render(rights, tmp_path, monkeypatch):
    monkeypatch.setattr(served, "find", lambda given: None)
    source = tmp_path / "source"
    source.mkdir()
    for file in rights("qwen3").iterdir():
        if file.name != "chat_template.jinja":
            (source / file.name).symlink_to(file)
    assert "assay binary" not in export(arguments().parse_args([str(source), str(tmp_path / "out"), "--no-check"]))
    assert "rendered" not in yaml.safe_load((tmp_path / "out" / "assay.yaml").read_text())["source"]
