"""Own heads against plain arithmetic, and what they refuse."""

import pytest
import torch
from torch import nn

from assay_export.errors import ExportError
from assay_export.load.forms import FORMS
from assay_export.models.beaver import beaver_head
from assay_export.models.gated import gated_head
from assay_export.models.heads import Given, linear_head, mlp_head
from assay_export.models.ldl import ldl_head
from assay_export.models.oasst import oasst_head
from assay_export.read.family import families

HIDDEN, ATTRIBUTES = 8, 3


def given(weights: dict[str, tuple[int, ...]], config: dict, **form) -> Given:
    """Return what a head is built from, with seeded weights."""
    generator = torch.Generator().manual_seed(1)
    tensors = {name: torch.randn(shape, generator=generator) for name, shape in weights.items()}
    return Given(form, tensors, nn.Identity(), torch.zeros(4, HIDDEN), HIDDEN, config)


GATED = {"regression_layer.weight": (2 * ATTRIBUTES, HIDDEN), "gating.layers.0.weight": (5, HIDDEN), "gating.layers.0.bias": (5,),
         "gating.layers.1.weight": (ATTRIBUTES, 5), "gating.layers.1.bias": (ATTRIBUTES,), "gating.logit_scale": (1,)}


def test_gated_weighs_transformed_quantile_means():
    own = given(GATED | {"reward_transform_matrix": (ATTRIBUTES, ATTRIBUTES)}, {"num_quantiles": 2}, temperature=4, transform=True)
    last, prompt = torch.randn(2, HIDDEN, generator=torch.Generator().manual_seed(2))
    rows = gated_head(own)(torch.stack([prompt, last]))
    score = (rows[0, ATTRIBUTES:] * rows[1, :ATTRIBUTES]).sum()
    weights = own.weights
    rewards = (weights["regression_layer.weight"] @ last).reshape(ATTRIBUTES, 2).mean(1) @ weights["reward_transform_matrix"]
    inner = torch.relu(weights["gating.layers.0.weight"] @ prompt + weights["gating.layers.0.bias"])
    gates = torch.softmax((weights["gating.layers.1.weight"] @ inner + weights["gating.layers.1.bias"]) / 4, -1) * weights["gating.logit_scale"]
    torch.testing.assert_close(score, (gates * rewards).sum())
    assert own.used == set(weights)


@pytest.mark.parametrize(("score_type", "normalize", "expect"), [
    ("reward", True, lambda raw: (raw + 1.5) / 2), ("cost", True, lambda raw: raw / 2), ("critic", True, lambda raw: raw),
    ("reward", False, lambda raw: raw)])
def test_beaver_folds_its_normalizer(score_type, normalize, expect):
    own = given({"score_head.weight": (1, HIDDEN)}, {"score_type": score_type, "do_normalize": normalize, "mean": [-1.5], "var": [4.0]})
    row = torch.randn(HIDDEN, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(beaver_head(own)(row), expect(own.weights["score_head.weight"] @ row))


@pytest.mark.parametrize("bias", [None, True])
def test_linear_adds_its_bias(bias):
    own = given({"score.weight": (2, HIDDEN), "score.bias": (2,)}, {}, bias=bias)
    row = torch.randn(HIDDEN, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(linear_head(own)(row), own.weights["score.weight"] @ row + own.weights["score.bias"])
    assert own.used == set(own.weights)


@pytest.mark.parametrize("bias", [None, False])
def test_linear_without_a_bias(bias):
    own = given({"score.weight": (2, HIDDEN)}, {}, bias=bias)
    row = torch.randn(HIDDEN, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(linear_head(own)(row), own.weights["score.weight"] @ row)


def test_beaver_takes_its_normalizer_from_the_weights_first():
    own = given({"score_head.weight": (1, HIDDEN), "normalizer.mean": (1,), "normalizer.var": (1,), "normalizer.count": (1,)}, {
        "do_normalize": True, "mean": [9.0], "var": [9.0]})
    own.weights["normalizer.var"] = torch.tensor([4.0])
    row = torch.randn(HIDDEN, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(beaver_head(own)(row), (own.weights["score_head.weight"] @ row - own.weights["normalizer.mean"]) / 2)
    assert own.used == set(own.weights)


SCORE = {"score_head.weight": (1, HIDDEN)}
TRUE = ("token-classification", "token-value", "trl-prm", "meds3-prm", "trl-value-head", "skywork-o1-prm", "qwen-prm", "qwen-math-rm", "worldpm",
        "inf-orm", "grm")
"""Families of classes whose head has a bias by construction."""


@pytest.mark.parametrize("name", TRUE)
def test_families_with_a_bias_refuse_a_head_without(name):
    form = families()[name].head
    names = form["name"] if isinstance(form["name"], str) else form["name"][0]
    last = f"{names}.2" if form["form"] == "mlp" else names
    whole = {f"{names}.0.weight": (5, HIDDEN), f"{names}.0.bias": (5,), f"{last}.weight": (2, 5)} if form["form"] == "mlp" else {
        f"{last}.weight": (2, HIDDEN)}
    with pytest.raises(ExportError, match=f"^the checkpoint has no weight {last}.bias$"):
        FORMS[form["form"]](given(whole, {}, **form))


@pytest.mark.parametrize(("build", "own", "says"), [
    (linear_head, given({"score.weight": (2, HIDDEN), "score.bias": (2,)}, {}, bias=False), "has a weight score.bias, and the head has no bias"),
    (mlp_head, given({"score.0.weight": (5, HIDDEN), "score.2.weight": (1, 5), "score.2.bias": (1,)}, {}, bias=True), "no weight score.0.bias"),
    (oasst_head, given({"out_proj.weight": (1, HIDDEN)}, {}), "no weight out_proj.bias"),
    (ldl_head, given({"regression_layer.network.0.weight": (10, HIDDEN)}, {}), "no weight regression_layer.network.0.bias"),
    (gated_head, given(GATED, {"num_quantiles": 2}, temperature=1, transform=True), "no weight reward_transform_matrix"),
    (gated_head, given({name: shape for name, shape in GATED.items() if name != "gating.layers.1.bias"}, {"num_quantiles": 2}, temperature=1),
     "no weight gating.layers.1.bias"),
    (beaver_head, given(SCORE, {"bias": True}), "no weight score_head.bias"),
    (beaver_head, given(SCORE | {"score_head.bias": (1,)}, {"bias": False}), "has a weight score_head.bias, and the head has no bias"),
    (beaver_head, given(SCORE, {"do_normalize": True}), "no weight normalizer.mean and config.json no mean, and do_normalize is true"),
    (beaver_head, given(SCORE | {"normalizer.mean": (1,)}, {"do_normalize": True}), "no weight normalizer.var and config.json no var"),
    (beaver_head, given(SCORE, {"do_normalize": True, "score_type": "cost"}), "no weight normalizer.var and config.json no var"),
    (gated_head, given(GATED, {"num_quantiles": 4}), "num_quantiles is 4"),
    (gated_head, given({"regression_layer.weight": (3, HIDDEN), "gating.logit_scale": (1,)}, {}), "no weight gating.layers.0.weight"),
    (gated_head, given(GATED | {"gating.layers.1.weight": (2, 5), "gating.layers.1.bias": (2,)}, {"num_quantiles": 2}), "has 2 rows"),
    (beaver_head, given({"score_head.weight": (1, HIDDEN)}, {"score_type": "joy"}), "score_type 'joy'"),
    (beaver_head, given({}, {}), "no weight score_head.weight"),
    (oasst_head, given({"out_proj.weight": (1, HIDDEN)}, {"pooling": "mean"}), "pooling 'mean' is not supported")])
def test_refusals_name_what_is_wrong(build, own, says):
    with pytest.raises(ExportError, match=says):
        build(own)
