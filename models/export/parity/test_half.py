"""Graphs in half precision beside transformers' own classes loaded in half precision: both are about as far from
float32."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from assay_export import fused, tiny
from assay_export.fused.emulated import Emulated
from assay_export.fused.encoders.kinds import READERS as ENCODERS
from assay_export.fused.kinds import READERS
from assay_export.graph import graph
from assay_export.graph.encoder import Classifier
from assay_export.models.heads import head_from_model
from assay_export.models.model import Model, Part, decoder, encoder
from assay_export.models.reference import Reference

from . import trained
from .case import every_case

TINY = ("qwen2", "qwen3", "llama", "mistral", "gemma2", "phi3")
CASES = {"smollm3": "body-smollm3", "olmo2": "body-olmo2", "olmo3": "body-olmo3", "glm": "body-glm", "glm4": "body-glm4",
         "gemma3_text": "body-gemma3-text", "exaone4": "body-exaone4", "seed_oss": "body-seed-oss", "hunyuan_v1_dense": "body-hunyuan-dense",
         "granite": "body-granite", "ministral3": "body-ministral3", "bert": "bert-reranker", "roberta": "roberta-reranker",
         "xlm-roberta": "bge-reranker", "electra": "electra-reranker", "distilbert": "distilbert-reranker", "modernbert": "modernbert-reranker-mean",
         "eurobert": "eurobert-reranker", "gte": "gte-reranker", "nomic_bert": "nomic-reranker"}
"""Kinds of body, and a case whose class is transformers' sequence classifier, or its causal model (granite)."""
MAX_TOKENS = 128


def written(kind: str, folder: Path) -> Path:
    """Write a tiny checkpoint of a kind of body; return its directory."""
    directory = folder / kind
    if kind in TINY:
        tokenizer = tiny.family_tokenizer(kind, 400, tiny.sentences(1, 200, 400))
        return tiny.write_checkpoint(directory, kind, "reward", tokenizer=tokenizer, seed=20)
    next(case for case in every_case() if case.name == CASES[kind]).write(directory)
    return directory


def model_of(kind: str, exact) -> Model:
    """Return the model of a class in float32."""
    return encoder(Classifier(exact), exact.config.num_labels) if kind in ENCODERS else decoder(Part(exact.model, head_from_model(exact)))


def test_every_kind_is_here():
    assert {*TINY, *CASES} == ({*READERS} | {*ENCODERS}) - {"gemma"}  # whose parts are Gemma 2's


@pytest.mark.parametrize("half", fused.HALVES)
@pytest.mark.parametrize("kind", [kind for kind in (*TINY, *CASES) if kind != "granite"])
def test_rounds_no_more_than_transformers(kind, half, tmp_path):
    source = written(kind, tmp_path)
    exact, theirs = (AutoModelForSequenceClassification.from_pretrained(source, dtype=dtype, attn_implementation="eager").eval()
                     for dtype in (torch.float32, getattr(torch, half)))
    model = model_of(kind, exact)
    graph.save(fused.build(model, MAX_TOKENS, half), tmp_path / "model.onnx", external=False)
    emulated, rng = Emulated(tmp_path / "model.onnx", half, model, None), np.random.default_rng(1)
    ours_off, theirs_off, apart = [], [], []
    for length in (5, 40, 100) * 10:
        ids = rng.integers(16, model.sizes.vocab_size, size=length).tolist()
        with torch.no_grad():
            right, other = (own(input_ids=torch.tensor([ids])).logits[0].float() for own in (exact, theirs))
        near = emulated.readings(ids)[-1]
        ours_off.append((near - right).abs().max().item())
        theirs_off.append((other - right).abs().max().item())
        apart.append((near - other).abs().max().item())
    assert 0 < np.mean(ours_off) < 2 * np.mean(theirs_off)  # of 30 readings, whose differences have long tails
    assert max(apart) < 2 * max(ours_off + theirs_off)


def test_a_trained_model_keeps_its_order(tmp_path):
    """Of pairs of held-out responses, beside the authors' class in the same type."""
    own = trained.model()
    assert max(abs(Reference(own).readings(ids)[-1, 0].item() - score) for ids, score in trained.golden()) < 1e-4
    orders = trained.orders(tmp_path)
    for half, least in (("float16", 0.999), ("bfloat16", 0.995)):
        found = orders[half]
        assert min(found["stock"], found["assay"]) >= least and found["int8"] >= 0.99
        assert min(found["stock"], found["assay"]) >= found["theirs"] - 1e-3
