"""What a user may change of a likelihood family, and what is refused elsewhere."""

import pytest
from conftest import read_bundle

from assay_export import ExportError
from assay_export.cli import arguments, export


def run(source, out, *options: str) -> None:
    """Export with these options."""
    export(arguments().parse_args([str(source), str(out), *options]))


def test_beta_and_norm_go_into_the_manifest(checkpoint, tmp_path):
    run(checkpoint("qwen2", class_name="Qwen2ForCausalLM"), tmp_path / "out", "--family", "dpo", "--beta", "0.1", "--norm", "mean")
    assert read_bundle(tmp_path / "out").manifest["likelihood"] == {"beta": 0.1, "norm": "mean"}


def test_steps_may_be_scored_alone(checkpoint, tmp_path):
    run(checkpoint("qwen2", class_name="Qwen2ForCausalLM"), tmp_path / "out", "--family", "eurus-prm", "--per-step")
    manifest = read_bundle(tmp_path / "out").manifest
    assert manifest["steps"]["accumulate"] is False and manifest["likelihood"] == {"beta": 0.001, "norm": "sum"}


def test_a_prelude_stands_before_the_checkpoints_template(checkpoint, tmp_path):
    source = checkpoint("qwen2", class_name="Qwen2ForCausalLM")
    run(source, tmp_path / "out", "--family", "cream")
    template = (source / "chat_template.jinja").read_text()
    assert (tmp_path / "out" / "chat_template.jinja").read_text() == "{% set add_generation_prompt = false %}" + template


@pytest.mark.parametrize(("class_name", "options", "says"), [
    ("Qwen2ForSequenceClassification", ["--beta", "1"], "--beta is for likelihood families, and family sequence-classification is none"),
    ("Qwen2ForSequenceClassification", ["--per-step"], "--per-step is for likelihood families"),
    ("Qwen2ForCausalLM", ["--family", "dpo", "--per-step"], "--per-step is for likelihood families of kind process, and family dpo is none"),
    ("Qwen2ForCausalLM", ["--family", "dpo", "--beta", "0"], "--beta 0 would make every score 0")])
def test_options_are_refused_where_they_do_not_apply(checkpoint, tmp_path, class_name, options, says):
    with pytest.raises(ExportError, match=says):
        run(checkpoint("qwen2", class_name=class_name), tmp_path / "out", *options)
