"""Next-token heads with a bias: Phi's class always has one, and Phi-3.5-MoE's where config.json says lm_head_bias."""

import json

import pytest
import torch
from conftest import read_bundle
from safetensors.torch import load_file, save_file
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM

from assay_export import ExportError, tiny
from assay_export.bodies.bodies import BODIES, DECODERS
from assay_export.cli import arguments, export
from assay_export.load import checkpoint
from assay_export.models import heads, likelihood
from parity.cases.bodies import kind
from parity.decoders import write

PHI = ("phi", "PhiForCausalLM", {"partial_rotary_factor": 0.5})
PHIMOE = ("phimoe", "PhimoeForCausalLM", {"num_local_experts": 3, "lm_head_bias": True})


@pytest.fixture
def causal(tmp_path):
    """A function that writes a tiny causal language model whose head has a bias wide enough to be seen; it returns the
    directory."""
    def make(made: tuple[str, str, dict], folder: str = "in", seed: int = 351):
        model_type, class_name, config = made
        body = kind(model_type, **config)
        vocabulary = body.tokenizer().get_vocab_size()
        shapes = {"lm_head.weight": (vocabulary, 32), "lm_head.bias": (vocabulary,)}
        write(body, class_name, shapes, seed=seed, edit=lambda weights: weights["lm_head.bias"].mul_(20))(tmp_path / folder)
        return tmp_path / folder
    return make


def logits_of(source, ids: list[int]) -> torch.Tensor:
    """Return what transformers' own class gives each next token, [L, V]."""
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).eval()
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].double()


def run(source, out, *options: str) -> str:
    return export(arguments().parse_args([str(source), str(out), *options]))


def test_log_probabilities_of_policy_and_reference(causal, tmp_path, monkeypatch):
    monkeypatch.setattr(likelihood, "BLOCK", 96)  # several blocks of the tiny vocabulary, the last one shorter
    policy, other = causal(PHI), causal(PHI, "other", 352)
    run(policy, tmp_path / "out", "--family", "dpo", "--reference", str(other), "--layout", "packed")
    for pair in read_bundle(tmp_path / "out").golden:
        following = torch.tensor(pair["ids"][1:])[:, None]
        ours, theirs = (logits_of(source, pair["ids"])[:-1].log_softmax(-1).gather(1, following)[:, 0] for source in (policy, other))
        sums = (ours - theirs).flip(0).cumsum(0)  # of the last token, of the last two, …, of which one is the response's
        assert (sums - pair["score"]).abs().min() < 1e-4


def test_candidates_of_a_choice(causal, tmp_path):
    source = causal(PHIMOE)
    run(source, tmp_path / "out", "--family", "choice")
    for pair in read_bundle(tmp_path / "out").golden:
        logits = logits_of(source, pair["ids"])[-1]
        assert pair["logits"] == pytest.approx(logits[pair["tokens"]].tolist(), abs=1e-5)
        assert pair["log_sum"] == pytest.approx(logits.logsumexp(0).item(), abs=1e-5)


@pytest.mark.parametrize(("make", "form", "of"), [
    (heads.candidates_head, {"ids": [7, 5, 300]}, lambda logits: logits[:, [7, 5, 300]]),
    (heads.vocabulary_mean, {}, lambda logits: logits.mean(-1, keepdim=True))])
def test_heads_of_a_few_tokens_and_of_their_mean(causal, make, form, of):
    source, hidden = causal(PHI), torch.randn(4, 32, generator=torch.Generator().manual_seed(1))
    weights = load_file(source / "model.safetensors")
    raw = json.loads((source / "config.json").read_text())
    body = checkpoint.empty_body(AutoConfig.from_pretrained(source))
    head = make(heads.Given(form, weights, body, weights["model.embed_tokens.weight"], 32, raw))
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(head(hidden), of(model.lm_head(hidden)), atol=1e-5, rtol=0)


SMALL = {"num_hidden_layers": 1, "num_experts": 2, "num_local_experts": 2, "n_routed_experts": 8, "num_experts_per_tok": 2}
"""For any class: what makes one quickly, without values."""


@pytest.mark.parametrize("model_type", sorted(set(DECODERS) & set(CONFIG_MAPPING)))
def test_the_classes_with_a_bias_are_those_of_transformers(model_type):
    body = BODIES[model_type]
    for said in (False, True):
        config = AutoConfig.for_model(model_type, **SMALL, **({"lm_head_bias": said} if body.heeds("lm_head_bias") else {}))
        for name, size in (("num_key_value_heads", config.num_attention_heads), ("head_dim", 64)):
            if getattr(config, name, size) is None:  # which some classes' defaults leave open
                setattr(config, name, size)
        with torch.device("meta"):
            layer = AutoModelForCausalLM.from_config(config).get_output_embeddings()
        assert (layer.bias is not None) == (body.output_bias or (said and body.heeds("lm_head_bias")))


def test_a_bias_that_is_missing_or_not_said(causal, tmp_path):
    source = causal(PHIMOE)
    tiny.edit_json(source / "config.json", lm_head_bias=False)
    with pytest.raises(ExportError, match=r"a weight lm_head\.bias, and config\.json does not say lm_head_bias: true"):
        run(source, tmp_path / "out", "--family", "dpo")
    for made in (PHI, PHIMOE):
        source = causal(made)
        weights = load_file(source / "model.safetensors")
        weights.pop("lm_head.bias")
        save_file(weights, source / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ExportError, match=r"the checkpoint has no weight lm_head\.bias"):
            run(source, tmp_path / "out", "--family", "choice")
    assert not (tmp_path / "out").exists()
