"""Weights that stay in their files until they are used give what weights in memory give. Tiny checkpoints are below
`weights.LARGE`, so it is lowered."""

import pytest
from conftest import read_bundle
from safetensors.torch import load_file, save_file

from assay_export.cli import arguments, export
from assay_export.read import weights
from parity.case import every_case

CASES = {case.name: case for case in every_case()}


@pytest.mark.parametrize(("name", "options"), [
    ("plain-qwen3", ()), ("plain-qwen3", ("--int8",)), ("plain-llama3", ("--dtype", "bfloat16", "--external-data")), ("plain-gpt2", ("--dtype", "float16")),
    ("dpo-qwen3-tied", ("--layout", "padded")), ("dpo-gemma2", ("--int8",)), ("armorm", ()), ("urm", ("--layout", "padded")), ("internlm2-reward", ()),
    ("rewardmath-prm", ()), ("bert-reranker", ("--layout", "padded")), ("oasst-deberta-v3", ("--layout", "padded", "--int8"))])
def test_lazy_weights_equal_pytorch(tmp_path, monkeypatch, name, options):
    monkeypatch.setattr(weights, "LARGE", 100)
    case, source = CASES[name], tmp_path / "source"
    case.write(source)
    reference = ("--reference", str(source / "reference")) if (source / "reference").is_dir() else ()
    said = export(arguments().parse_args([
        str(source), str(tmp_path / "out"), "--family", case.family, "--check", *case.options, *reference, *options]))
    assert "largest difference" in said and read_bundle(tmp_path / "out").manifest["name"] == "out"


def test_placeholders_are_large_and_are_read_when_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "LARGE", 100)
    CASES["plain-qwen3"].write(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")["model.layers.0.mlp.up_proj.weight"].bfloat16()
    save_file({"w": stored}, tmp_path / "half.safetensors")
    own = weights.parameter(load_file(tmp_path / "half.safetensors")["w"])
    assert own.untyped_storage().nbytes() == 4 and own.shape == stored.shape
    assert weights.load(own).equal(stored.float())
