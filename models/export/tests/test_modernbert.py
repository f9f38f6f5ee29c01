"""ModernBERT's head has an order of its own, and settings that few checkpoints use: pooling, dense, activation, norm, classifier."""

import pytest
import torch
from conftest import read_bundle
from transformers import AutoTokenizer, ModernBertForSequenceClassification

from assay_export.cli import arguments, export
from parity.cases.encoders import MODERN, MODERN_SIZES, writer


@pytest.mark.parametrize("settings", [
    {"classifier_pooling": "cls", "classifier_bias": True, "norm_bias": True, "classifier_activation": "silu"},
    {"classifier_pooling": "mean", "classifier_bias": True, "attention_bias": True, "mlp_bias": True, "hidden_activation": "relu"}],
    ids=["first token", "mean"])
def test_settings_that_few_checkpoints_use(tmp_path, settings):
    """The graph is held to PyTorch at several lengths, padded, by the export itself."""
    source = tmp_path / "source"
    writer(*MODERN, 61, **settings, **MODERN_SIZES)(source)
    assert "largest difference" in export(arguments().parse_args([str(source), str(tmp_path / "out"), "--family", "modernbert-pair", "--layout", "padded"]))
    tokenizer, model = AutoTokenizer.from_pretrained(source), ModernBertForSequenceClassification.from_pretrained(source, dtype=torch.float32).eval()
    for pair in read_bundle(tmp_path / "out").golden:
        given = tokenizer(pair["item"]["prompt"], pair["item"]["response"], return_tensors="pt")
        assert pair["ids"] == given["input_ids"][0].tolist()
        with torch.no_grad():
            found = model(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).logits.item()
        assert pair["score"] == pytest.approx(found, abs=1e-5)
