"""Likelihood graphs: the log-probability of the token that follows, of a policy and of its reference."""

import json

import pytest
import torch
from conftest import read_bundle
from transformers import AutoModelForCausalLM

from assay_export import ExportError, tiny
from assay_export.cli import arguments, export
from assay_export.models import likelihood
from assay_export.read import family

FAMILY = """
title: Test
classes: [LlamaForCausalLM, Qwen2ForCausalLM, Gemma2ForCausalLM]
class_of: transformers
kind: %s
head: {form: likelihood}
manifest:
  likelihood: {beta: 0.5, norm: %s}
"""
ITEMS = [{"prompt": "What is 12 + 30?", "response": "42"}, {"prompt": "A question", "response": "A longer answer, in several words."},
         {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."},
                       {"role": "user", "content": "A colour?"}, {"role": "assistant", "content": "Blue, of course."}]}]


def put_family(monkeypatch, folder, text: str) -> None:
    """Make `test` the only family."""
    folder.mkdir(exist_ok=True)
    (folder / "test.yaml").write_text(text)
    monkeypatch.setattr(family, "FOLDER", folder)
    family.families.cache_clear()


@pytest.fixture(autouse=True)
def real_families():
    yield
    family.families.cache_clear()


def causal(checkpoint, model_type: str, seed: int, **config):
    """Write a tiny causal language model beside its tokenizer; return the directory."""
    name = f"{tiny.DECODERS[model_type]}ForCausalLM"
    return checkpoint(model_type, class_name=name, folder=f"{model_type}-{seed}", seed=seed, config=config)


def token_logprobs(source, ids: list[int]) -> torch.Tensor:
    """Return log p(ids[t] | ids[:t]) for t = 1, 2, …, by transformers' own class and a softmax over the whole
    vocabulary."""
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, :-1]
    return torch.log_softmax(logits.double(), -1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])]


@pytest.mark.parametrize(("model_type", "config"), [
    ("llama", {"tie_word_embeddings": False}), ("qwen2", {"tie_word_embeddings": True}),
    ("gemma2", {"final_logit_softcapping": 5.0, "tie_word_embeddings": True})])
@pytest.mark.parametrize("layout", ["packed", "padded"])
@pytest.mark.parametrize("norm", ["sum", "mean"])
def test_policy_and_reference_equal_transformers(checkpoint, tmp_path, monkeypatch, model_type, config, layout, norm):
    monkeypatch.setattr(likelihood, "BLOCK", 96)  # several blocks of the tiny vocabulary, the last one shorter
    put_family(monkeypatch, tmp_path / "families", FAMILY % ("reward", norm))
    policy, other = (causal(checkpoint, model_type, seed, **config) for seed in (5, 6))
    items = tmp_path / "items.jsonl"
    items.write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    said = export(arguments().parse_args([
        str(policy), str(tmp_path / "out"), "--family", "test", "--reference", str(other), "--layout", layout, "--golden", str(items), "--check"]))
    assert "largest difference" in said
    bundle = read_bundle(tmp_path / "out")
    assert bundle.manifest["graph"]["labels"] == ["policy", "reference"]
    assert bundle.manifest["graph"].get("layers") == (2 * 2 if layout == "packed" else None)
    for pair in bundle.golden:
        values = token_logprobs(policy, pair["ids"]) - token_logprobs(other, pair["ids"])
        start = response_start(bundle, pair)
        want = values[start - 1:].sum() if norm == "sum" else values[start - 1:].mean()
        assert pair["score"] == pytest.approx(0.5 * want.item(), abs=1e-4)


def response_start(bundle, pair: dict) -> int:
    """Return where the ids of an item with a changed response begin to differ, that is where the response begins."""
    from assay_export.read.tokenizer import load_tokenizer
    from assay_export.text.text import TextRules

    template = (bundle.path / "chat_template.jinja").read_text()
    rules = TextRules(load_tokenizer(bundle.path)[0], template, bundle.manifest)
    messages = rules.messages(pair["item"])
    others = [rules.encode({"messages": [*messages[:-1], {"role": "assistant", "content": text}]}) for text in ("§", "¤", "Z")]
    return min(next(at for at, (a, b) in enumerate(zip(pair["ids"], other, strict=False)) if a != b) for other in others)


def test_plain_policy_has_one_label(checkpoint, tmp_path, monkeypatch):
    put_family(monkeypatch, tmp_path / "families", FAMILY % ("reward", "sum"))
    export(arguments().parse_args([str(causal(checkpoint, "qwen2", 5)), str(tmp_path / "out"), "--family", "test", "--check"]))
    assert read_bundle(tmp_path / "out").manifest["graph"]["labels"] == ["policy"]


def test_reference_of_other_sizes_is_refused(checkpoint, tmp_path, monkeypatch):
    put_family(monkeypatch, tmp_path / "families", FAMILY % ("reward", "sum"))
    policy, other = causal(checkpoint, "qwen2", 5), causal(checkpoint, "qwen2", 6, num_key_value_heads=4)
    with pytest.raises(ExportError, match="the reference model's kv_heads is 4, and the policy's is 2"):
        export(arguments().parse_args([str(policy), str(tmp_path / "out"), "--family", "test", "--reference", str(other)]))


def test_steps_have_sums_up_to_their_ends(checkpoint, tmp_path, monkeypatch):
    put_family(monkeypatch, tmp_path / "families", FAMILY % ("process", "sum") + '  steps: {separator: "", join: "\\n\\n", tokenize: prefix, offset: 2}\n')
    item = {"prompt": "2 + 2 + 3?", "steps": ["2 + 2 = 4.", "4 + 3 = 7.", "So 7."]}
    items = tmp_path / "items.jsonl"
    items.write_text(json.dumps(item) + "\n")
    source = causal(checkpoint, "qwen2", 5)
    export(arguments().parse_args([str(source), str(tmp_path / "out"), "--family", "test", "--golden", str(items)]))
    bundle = read_bundle(tmp_path / "out")
    pair = bundle.golden[0]
    values = token_logprobs(source, pair["ids"])
    text = "<|im_start|>system\nYou are a careful assistant.<|im_end|>\n"
    text += "".join(f"<|im_start|>{role}\n" + (item["prompt"] + "<|im_end|>\n" if role == "user" else "") for role in ("user", "assistant"))
    assert bundle.manifest["pooling"] == "at_step" and "label" not in bundle.manifest["steps"]
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(str(bundle.path / "tokenizer.json"))
    start = len(tokenizer.encode(text, add_special_tokens=False).ids)
    for count, score in enumerate(pair["steps"], 1):
        end = len(tokenizer.encode(text + "\n\n".join(item["steps"][:count]), add_special_tokens=False).ids)
        assert score == pytest.approx(0.5 * values[start - 1:end - 1].sum().item(), abs=1e-4)
