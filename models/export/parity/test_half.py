"""Graphs in half precision beside transformers' own classes loaded in half precision: both are about as far from
float32."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from assay_export import fused, tiny
from assay_export.fused.emulated import Emulated
from assay_export.fused.kinds import READERS
from assay_export.graph import graph
from assay_export.models.heads import head_from_model
from assay_export.models.model import Part, decoder

from .case import every_case

TINY = ("qwen2", "qwen3", "llama", "mistral", "gemma2", "phi3")
CASES = {"smollm3": "smollm3", "olmo2": "olmo2", "olmo3": "olmo3", "glm": "glm", "glm4": "glm4", "gemma3_text": "gemma3-text", "exaone4": "exaone4",
         "seed_oss": "seed-oss", "hunyuan_v1_dense": "hunyuan-dense", "granite": "granite", "ministral3": "ministral3"}
"""Kinds of body, and the end of the name of a case whose class is transformers' sequence classifier, or its causal
model (granite)."""
MAX_TOKENS = 128


def written(kind: str, folder: Path) -> Path:
    """Write a tiny checkpoint of a kind of body; return its directory."""
    directory = folder / kind
    if kind in TINY:
        tokenizer = tiny.family_tokenizer(kind, 400, tiny.sentences(1, 200, 400))
        return tiny.write_checkpoint(directory, kind, "reward", tokenizer=tokenizer, seed=20)
    next(case for case in every_case() if case.name == f"body-{CASES[kind]}").write(directory)
    return directory


def test_every_kind_is_here():
    assert {*TINY, *CASES} == set(READERS) - {"gemma"}  # whose parts are Gemma 2's


@pytest.mark.parametrize("half", fused.HALVES)
@pytest.mark.parametrize("kind", [kind for kind in (*TINY, *CASES) if kind != "granite"])
def test_rounds_no_more_than_transformers(kind, half, tmp_path):
    source = written(kind, tmp_path)
    exact, theirs = (AutoModelForSequenceClassification.from_pretrained(source, dtype=dtype, attn_implementation="eager").eval()
                     for dtype in (torch.float32, getattr(torch, half)))
    model = decoder(Part(exact.model, head_from_model(exact)))
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
