"""A graph is held to what float32 can tell: where PyTorch's own rounding is over the tolerance, to float64."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import read_bundle
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification

from assay_export import ExportError
from assay_export.cli import arguments, export
from assay_export.models.doubled import doubled
from assay_export.prove import check

BINARY = Path(__file__).parents[3] / "bin" / "assay"


@pytest.fixture
def scaled(checkpoint):
    """A function that returns a tiny checkpoint whose head is larger by a factor."""
    def make(factor: float, model_type: str = "llama") -> Path:
        source = checkpoint(model_type)
        weights = load_file(source / "model.safetensors")
        weights["score.weight"] *= factor
        save_file(weights, source / "model.safetensors", metadata={"format": "pt"})
        return source
    return make


def run(source, out, *options: str) -> str:
    """Export with the command; return what it says."""
    return export(arguments().parse_args([str(source), str(out), *options]))


@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_a_large_head_is_exported(scaled, tmp_path, layout):
    said = run(scaled(300), tmp_path / "out", "--layout", layout)
    bundle = read_bundle(tmp_path / "out")
    assert max(abs(pair["score"]) for pair in bundle.golden) > 20
    assert (bundle.manifest["golden"]["tolerance"] > 1e-4) == ("PyTorch's own float32 readings" in said)
    assert bundle.manifest["golden"]["tolerance"] < 2e-3
    subprocess.run([BINARY, "verify", tmp_path / "out"], check=True)


def test_a_larger_head_says_what_pytorch_itself_is_off(scaled, tmp_path):
    said = run(scaled(3000), tmp_path / "out")
    bundle = read_bundle(tmp_path / "out")
    assert "PyTorch's own float32 readings are up to" in said and f"golden pairs to {bundle.manifest['golden']['tolerance']:g}" in said
    assert 1e-4 < bundle.manifest["golden"]["tolerance"] <= 4e-3
    subprocess.run([BINARY, "verify", tmp_path / "out"], check=True)


def test_a_graph_that_is_wrong_is_not_forgiven(scaled, tmp_path, monkeypatch):
    read = check.read_packed
    monkeypatch.setattr(check, "read_packed", lambda *given: [rows + np.float32(0.3) for rows in read(*given)])
    with pytest.raises(ExportError, match="readings differ from PyTorch by 3.*e-01, relative above 1, and 1e-04 is allowed"):
        run(scaled(300), tmp_path / "out")


@pytest.mark.parametrize("model_type", ["llama", "gemma2", "qwen3"])
def test_everything_but_the_rotations_is_computed_in_float64(rights, model_type):
    model = AutoModelForSequenceClassification.from_pretrained(rights(model_type), dtype=torch.float32, attn_implementation="eager").eval()
    seen: list[tuple[str, torch.Tensor]] = []

    def keep(part, _, out) -> None:
        seen.extend((type(part).__name__, value) for value in (out if isinstance(out, tuple) else (out,)) if isinstance(value, torch.Tensor))

    for part in model.modules():
        part.register_forward_hook(keep)
    ids = torch.tensor([[5, 9, 7, 30, 31, 99]])
    with torch.no_grad():
        single, before = model(input_ids=ids).logits, list(seen)
        seen.clear()
        with doubled(model):
            double, after = model(input_ids=ids).logits, list(seen)
        assert model(input_ids=ids).logits.equal(single), "nothing is left behind"
    assert double.dtype == torch.float64 and 0 < (double - single).abs().max() < 1e-5
    assert len(after) == len(before) > 20 and sum("Rotary" in kind for kind, _ in after) == 2
    for (kind, one), (_, other) in zip(before, after, strict=True):
        assert one.dtype == torch.float32 and other.dtype == torch.float64
        assert one.double().equal(other) == ("Rotary" in kind or kind == "Embedding")
