"""Own heads against plain arithmetic, and what they refuse."""

import pytest
import torch
from torch import nn

from assay_export.beaver import beaver_head
from assay_export.errors import ExportError
from assay_export.gated import gated_head
from assay_export.heads import Given
from assay_export.oasst import oasst_head

HIDDEN, ATTRIBUTES = 8, 3


def given(weights: dict[str, tuple[int, ...]], config: dict, **form) -> Given:
    """Return what a head is built from, with seeded weights."""
    generator = torch.Generator().manual_seed(1)
    tensors = {name: torch.randn(shape, generator=generator) for name, shape in weights.items()}
    return Given(form, tensors, nn.Identity(), torch.zeros(4, HIDDEN), HIDDEN, config)


GATED = {"regression_layer.weight": (2 * ATTRIBUTES, HIDDEN), "gating.layers.0.weight": (5, HIDDEN), "gating.layers.0.bias": (5,),
         "gating.layers.1.weight": (ATTRIBUTES, 5), "gating.layers.1.bias": (ATTRIBUTES,), "gating.logit_scale": (1,)}


def test_gated_weighs_transformed_quantile_means():
    own = given(GATED | {"reward_transform_matrix": (ATTRIBUTES, ATTRIBUTES)}, {"num_quantiles": 2, "gating_temperature": 4})
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


@pytest.mark.parametrize(("build", "own", "says"), [
    (gated_head, given(GATED, {"num_quantiles": 4}), "num_quantiles is 4"),
    (gated_head, given({"regression_layer.weight": (3, HIDDEN), "gating.logit_scale": (1,)}, {}), "no weight gating.layers.0.weight"),
    (gated_head, given(GATED | {"gating.layers.1.weight": (2, 5), "gating.layers.1.bias": (2,)}, {"num_quantiles": 2}), "has 2 rows"),
    (beaver_head, given({"score_head.weight": (1, HIDDEN)}, {"score_type": "joy"}), "score_type 'joy'"),
    (beaver_head, given({}, {}), "no weight score_head.weight"),
    (oasst_head, given({"out_proj.weight": (1, HIDDEN)}, {"pooling": "mean"}), "pooling 'mean' is not supported")])
def test_refusals_name_what_is_wrong(build, own, says):
    with pytest.raises(ExportError, match=says):
        build(own)
