"""Models of named numbers: the bundle, its golden pairs, and what is refused."""

import numpy as np
import onnx
import pytest
import torch
from conftest import read_bundle
from torch import nn

from assay_export import ExportError, export_features, tiny
from assay_export.prove.check import open_graph, run

FEATURES, MEAN, STD = ["length", "overlap", "age days"], [120.0, 0.5, 4000.0], [40.0, 0.25, 900.0]


def judge(outputs: int = 1) -> nn.Module:
    """Return a small seeded network on three features."""
    module = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, outputs))
    tiny.fill(module, 7, 0.5)
    return module


def export(tmp_path, module=None, **settings):
    """Write a bundle of the judge and return it."""
    settings = {"name": "judge", "features": FEATURES, "mean": MEAN, "std": STD} | settings
    verdict = export_features(module or judge(), tmp_path / "out", **settings)
    assert verdict.worst < 1e-5
    return read_bundle(tmp_path / "out")


def test_the_bundle_says_what_it_reads_and_normalises_inside(tmp_path):
    items = [{"length": 80, "overlap": 0.1, "age days": 3000}, {"age days": 5200.5, "overlap": 1, "length": 10}]
    module = judge().double().train()
    bundle = export(tmp_path, module, golden=items, licence="MIT", description="d")
    assert module.training and next(module.parameters()).dtype == torch.float64
    assert bundle.manifest == {
        "version": 1, "name": "judge", "kind": "reward", "description": "d", "licence": "MIT", "source": {"checkpoint": "judge", "class": "Sequential"},
        "graph": {"file": "judge.onnx", "layout": "features", "precision": "float32", "input": "features", "output": "readings",
                  "labels": ["reward"], "features": FEATURES},
        "golden": {"file": "golden.jsonl", "tolerance": 1e-4}}
    rows = torch.tensor([[item[name] for name in FEATURES] for item in items])
    want = judge().double()((rows.double() - torch.tensor(MEAN)) / torch.tensor(STD))[:, 0].tolist()
    assert [pair["item"] for pair in bundle.golden] == [{"features": item} for item in items]
    np.testing.assert_allclose([pair["score"] for pair in bundle.golden], want, atol=1e-5)
    np.testing.assert_allclose(run(open_graph(bundle.path / "judge.onnx"), {"features": rows.numpy()})[0][:, 0], want, atol=1e-5)
    assert onnx.load(bundle.path / "judge.onnx").graph.input[0].type.tensor_type.shape.dim[1].dim_value == 3


def test_items_of_our_own_and_several_labels(tmp_path):
    bundle = export(tmp_path, judge(2), labels=["help", "harm"])
    assert len(bundle.golden) == 4 and len({pair["score"] for pair in bundle.golden}) == 4
    for pair in bundle.golden:
        assert set(pair["scores"]) == {"help", "harm"} and pair["scores"]["help"] == pair["score"]


def test_without_golden_items_there_is_no_golden_file(tmp_path):
    bundle = export(tmp_path)
    assert bundle.golden
    bundle = export(tmp_path, golden=[], mean=None, std=None)
    assert not bundle.golden and "golden" not in bundle.manifest


@pytest.mark.parametrize(("settings", "words"), [
    ({"features": ["a", "a", "b"]}, "features .* must be distinct names"),
    ({"features": []}, "must be distinct names"),
    ({"features": ["a", "b"], "mean": None, "std": None}, r"the module does not take \[1, 2\]"),
    ({"mean": [1.0]}, "mean .* must be 3 finite numbers, one for each feature"),
    ({"std": [1.0, float("nan"), 1.0]}, "std .* must be 3 finite numbers"),
    ({"std": [1.0, 0.0, 1.0]}, "std of feature overlap is 0.0, and must be positive"),
    ({"labels": ["a", "b"]}, "labels .* must be 1 distinct names"),
    ({"name": "a b"}, "name 'a b' must match"),
    ({"golden": [{"length": 1, "overlap": 1}]}, "feature 'age days' is missing"),
    ({"golden": [dict.fromkeys(FEATURES, 1) | {"colour": 1}]}, "feature 'colour' is unknown"),
    ({"golden": [dict.fromkeys(FEATURES, float("inf"))]}, "feature 'length' is not finite"),
])
def test_refusals(tmp_path, settings, words):
    with pytest.raises(ExportError, match=words):
        export(tmp_path, **settings)
    assert not (tmp_path / "out" / "assay.yaml").exists()


def test_readings_that_are_not_finite_are_refused(tmp_path):
    module = judge()
    with torch.no_grad():
        module[2].bias.fill_(float("inf"))
    with pytest.raises(ExportError, match="not finite"):
        export(tmp_path, module)
