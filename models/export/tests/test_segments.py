"""Segments with fixed text: each is tokenized alone, an instruction goes before the prompt, and what a score may be behind them."""

import json
import math
import subprocess
import sys

import pytest
from conftest import read_bundle
from safetensors.torch import load_file, save_file
from test_texts import refused, run
from torch import save
from transformers import AutoTokenizer

from parity.case import every_case
from parity.checkpoint import read

CASES = {case.name: case for case in every_case()}
UNCHECKED = ("--no-check",)
ITEMS = [{"prompt": "a\n", "response": "\nb"}, {"prompt": "Which?", "response": "That, and no other."}]


@pytest.fixture
def mxbai(tmp_path):
    """A tiny mxbai-rerank v2, and two golden items."""
    CASES["mxbai-rerank-v2"].write(tmp_path / "source")
    (tmp_path / "golden").write_text("\n".join(map(json.dumps, ITEMS)))
    return tmp_path / "source"


def export(source, tmp_path, out: str, *options: str):
    """Export with the golden items; return the bundle."""
    run(source, tmp_path / out, "--family", "mxbai-rerank-v2", "--golden", str(tmp_path / "golden"), *UNCHECKED, *options)
    return read_bundle(tmp_path / out)


def test_an_instruction_stands_in_one_piece_with_the_query(mxbai, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(mxbai)
    plain = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]  # noqa: E731
    segments = export(mxbai, tmp_path, "out").manifest["template"]["segments"]
    bundle = export(mxbai, tmp_path, "asked", "--instruction", "Find {code}.")
    changed = [{"fixed": "instruction: Find {code}.\nquery: ", "text": "prompt"} if part.get("text") == "prompt" else part for part in segments]
    assert bundle.manifest["template"]["segments"] == changed
    for item, pair in zip(ITEMS, bundle.golden, strict=True):
        texts = {"prompt": item["prompt"], "response": item["response"], None: ""}
        assert pair["ids"] == [one for part in changed for one in plain(part["fixed"] + texts[part.get("text")])]
    assert export(mxbai, tmp_path, "empty", "--instruction", "").manifest["template"]["segments"] == segments


def test_a_sigmoid_stands_behind_mean_and_std(mxbai, tmp_path):
    raw, final = export(mxbai, tmp_path, "out"), export(mxbai, tmp_path, "final", "--mean", "0.5", "--std", "2", "--final", "sigmoid")
    assert final.manifest["head"] == {"weights": {"1": 1, "0": -1}, "mean": 0.5, "std": 2.0, "final": "sigmoid"}
    for pair, other in zip(raw.golden, final.golden, strict=True):
        assert other["score"] == pytest.approx(1 / (1 + math.exp((0.5 - pair["score"]) / 2)), abs=1e-6)


@pytest.mark.parametrize(("options", "words"), [
    (("--family", "qwen3-reranker", "--instruction", "a"), "--instruction is for families whose prompt has a place for one"),
    (("--family", "mxbai-rerank-v2", "--instruction", "é" * 5000), "has 10021 bytes, and may have 8192; give a shorter --instruction"),
])
def test_an_instruction_that_has_no_place(tmp_path, options, words):
    CASES["mxbai-rerank-v2" if "mxbai-rerank-v2" in options else "qwen3-reranker"].write(tmp_path / "source")
    assert words in refused(tmp_path / "source", tmp_path / "out", *UNCHECKED, *options)


@pytest.mark.parametrize(("case", "pickle", "made"), [
    ("reasonflux-prm-1.5b", "reward_head.pt", "reward_head.safetensors"), ("trl-value-head", "value_head.bin", "value_head.safetensors")])
def test_a_pickled_head_is_refused_with_what_converts_it(tmp_path, case, pickle, made):
    """The command of the sentence, run in the folder, makes the file that the export reads."""
    source, family = tmp_path / "source", CASES[case].family
    CASES[case].write(source)
    if case == "reasonflux-prm-1.5b":
        head = load_file(source / made)
        (source / made).unlink()
        save({name.removeprefix("reward_head."): value for name, value in head.items()}, source / pickle)
    else:
        weights = read(source)[1]
        head = {name: weights.pop(name) for name in list(weights) if name.startswith("v_head.")}
        save_file(weights, source / "model.safetensors", metadata={"format": "pt"})
        save(head, source / pickle)
    said = refused(source, tmp_path / "out", "--family", family, *UNCHECKED)
    assert f"{pickle} is pickled, which can run code; convert it, in its folder: python -c " in said
    converted(said, source)
    assert {name: value.tolist() for name, value in load_file(source / made).items()} == {name: value.tolist() for name, value in head.items()}
    run(source, tmp_path / "out", "--family", family, *UNCHECKED)


def converted(said: str, folder) -> None:
    """Run the command that a sentence ends with."""
    command = said.split("in its folder: ")[1]
    subprocess.run(["bash", "-c", command.replace("python", sys.executable, 1)], cwd=folder, check=True, timeout=120)


@pytest.mark.parametrize(("fields", "words"), [
    ({"pooling": "last"}, "config.json: pooling is 'last'; supported is avg"), ({"is_causal": True}, "config.json: is_causal: tokens see only what"),
    ({"temperature": 0}, "config.json: temperature is 0, and must be positive"), ({"rms_norm_eps": None}, "config.json: rms_norm_eps is missing"),
    ({"rope_parameters": None}, "config.json: rope_theta is missing"),
])
def test_bidirectional_llamas_that_pool_otherwise(tmp_path, fields, words):
    source = tmp_path / "source"
    CASES["llama-nemotron-rerank"].write(source)
    config = json.loads((source / "config.json").read_text()) | fields
    (source / "config.json").write_text(json.dumps({name: value for name, value in config.items() if value is not None}))
    assert words in refused(source, tmp_path / "out", *UNCHECKED)
