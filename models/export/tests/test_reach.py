"""The check reads a sequence that is longer than a window, or than the length that a rotation was made for, however far
that is."""

import pytest
from transformers import AutoConfig

from assay_export import ExportError
from assay_export.bodies import attention
from assay_export.cli import arguments, export
from assay_export.load import checkpoint as reading
from assay_export.models.reference import Reference
from assay_export.prove import check, reach
from assay_export.read.family import families

FAR = {"sliding_window": 1100, "max_position_embeddings": 2048}
"""A window that no sequence of 1,024 tokens crosses."""


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """The sequences that are read in batches are looked at elsewhere, and take long where a window is large."""
    monkeypatch.setattr(check, "longest_sample", lambda *_: 60)


def run(source, out, *options: str) -> str:
    """Export with the command; return what it says."""
    return export(arguments().parse_args([str(source), str(out), *options]))


@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_a_graph_whose_window_is_wrong_only_far_out(checkpoint, tmp_path, monkeypatch, layout):
    source = checkpoint("mistral", config=FAR)
    assert "not compared" not in run(source, tmp_path / "right", "--layout", layout, "--max-tokens", "1300")
    masks = attention.masks_by_window

    def wide(query, key, usable, windows):
        """See 50 tokens too many."""
        return {window: mask for window, mask in zip(sorted(windows), masks(query, key, usable, {window + 50 for window in windows}).values(), strict=True)}

    monkeypatch.setattr(f"assay_export.graph.{layout}.masks_by_window", wide)
    with pytest.raises(ExportError, match="readings differ from PyTorch by"):
        run(source, tmp_path / "wrong", "--layout", layout, "--max-tokens", "1300")


def test_a_window_that_is_read_otherwise_than_transformers_reads_it(checkpoint, tmp_path, monkeypatch):
    """Then PyTorch and the graph agree, and only the directory as transformers loads it tells."""
    source = checkpoint("mistral", config=FAR)
    body_config = reading.body_config

    def wider(raw, *given):
        config = body_config(raw, *given)
        config.sliding_window = 1150
        return config

    monkeypatch.setattr(reading, "body_config", wider)
    with pytest.raises(ExportError, match="a sequence of 1214 tokens reads .* as this package reads the checkpoint, and .* as transformers loads it"):
        run(source, tmp_path / "out", "--max-tokens", "1300")


def test_what_would_take_too_long_is_told(checkpoint, monkeypatch):
    source = checkpoint("mistral", config=FAR)
    raw, _ = reading.read_config(source)
    model = reading.load(source, raw, families()["sequence-classification"], reading.load_tokenizer(source)[0]).model
    reference = Reference(model)
    far, told = reach.reach(model, reference, 1024, 1300)
    assert told == [] and far is not None and len(far.ids) == 1164 and far.places == [581, 1098, 1099, 1100, 1101, 1102, 1163]
    assert model.config.pad_token_id not in far.ids
    assert reach.reach(model, reference, 1024, 1100) == (None, []), "a sequence of 1,100 tokens lies in one window"
    for name, value in (("SECONDS", 0.0), ("BYTES", 1 << 20)):
        with monkeypatch.context() as patch:
            patch.setattr(reach, name, value)
            far, told = reach.reach(model, reference, 1024, 1300)
            assert far is None and "compared with PyTorch in sequences of up to 1100 tokens" in told[0]


def test_where_something_changes(checkpoint):
    source = checkpoint("llama", config={"max_position_embeddings": 4096, "rope_scaling": {
        "rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 2048}})
    config = AutoConfig.from_pretrained(source)

    class Sizes:
        windows = frozenset({None, 64, 1500})

    assert reach.edges(Sizes, [config], 200, 4096) == [1500, 2048] and reach.edges(Sizes, [config], 1501, 2048) == []
