"""Models that are asked for candidates: logits of the token that follows a prompt, and the vocabulary's log-sum."""

import json

import pytest
import torch
from conftest import read_bundle
from transformers import AutoModelForCausalLM, AutoTokenizer

from assay_export import ExportError, tiny
from assay_export.cli import arguments, export


def causal(checkpoint, model_type: str, **config):
    """Write a tiny causal language model beside its tokenizer; return the directory."""
    return checkpoint(model_type, class_name=f"{tiny.DECODERS[model_type]}ForCausalLM", folder=model_type, config=config)


def run(source, out, *options: str) -> str:
    """Export as family choice."""
    return export(arguments().parse_args([str(source), str(out), "--family", "choice", *options]))


@pytest.mark.parametrize(("model_type", "config"), [
    ("llama", {"tie_word_embeddings": False}), ("gemma2", {"final_logit_softcapping": 5.0, "tie_word_embeddings": True})])
def test_golden_pairs_are_transformers_own(checkpoint, tmp_path, model_type, config):
    """Tokens, logits and log-sum are those of transformers' tokenizer and class, of the built-in items too."""
    source = causal(checkpoint, model_type, **config)
    run(source, tmp_path / "out")
    bundle = read_bundle(tmp_path / "out")
    assert (bundle.manifest["kind"], bundle.manifest["graph"]["labels"]) == ("choice", ["logit", "log_sum"])
    tokenizer, model = AutoTokenizer.from_pretrained(source), AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).eval()
    assert bundle.golden
    for pair in bundle.golden:
        item = pair["item"]
        turns = item.get("messages") or [{"role": "user", "content": item["prompt"]}]
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        whole = [tokenizer(text + one, add_special_tokens=False)["input_ids"] for one in item["candidates"]]
        assert [ids[-1] for ids in whole] == pair["tokens"]
        assert all(ids[:-1] == pair["ids"][-len(ids) + 1:] for ids in whole)
        with torch.no_grad():
            logits = model(torch.tensor([pair["ids"]])).logits[0, -1].double()
        assert pair["logits"] == pytest.approx(logits[pair["tokens"]].tolist(), abs=1e-5)
        assert pair["log_sum"] == pytest.approx(logits.logsumexp(0).item(), abs=1e-5)


def test_lower_precision_says_what_it_changed(checkpoint, tmp_path):
    run(causal(checkpoint, "qwen3"), tmp_path / "out", "--dtype", "bfloat16")
    manifest = read_bundle(tmp_path / "out").manifest
    assert manifest["drift"]["max"] > 0
    assert manifest["golden"]["tolerance"] > 1e-4


@pytest.mark.parametrize(("options", "items", "says"), [
    (("--layout", "padded"), None, "needs --layout packed"),
    (("--head", "separate"), None, "reads the token after each row"),
    (("--mean", "1"), None, "--mean is for reward models"),
    ((), [{"prompt": "Yes or no?", "candidates": ["not one token"]}], "'not one token' is not exactly one token behind the prompt"),
    ((), [{"prompt": "Yes or no?", "response": "Y"}], "must have messages with candidates"),
])
def test_refusals(checkpoint, tmp_path, options, items, says):
    """One sentence, and nothing is written."""
    source, out = causal(checkpoint, "qwen3"), tmp_path / "out"
    if items is not None:
        (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
        options = ("--golden", str(tmp_path / "items.jsonl"))
    with pytest.raises(ExportError, match=says):
        run(source, out, *options)
    assert not out.exists()
