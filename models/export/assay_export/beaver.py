"""The score head of PKU-Alignment's Beaver models, with its normalizer folded in."""

import torch
from torch import nn

from .errors import ExportError
from .heads import Given
from .weights import load

EPSILON = 1e-8
FUNCTIONS = {"reward": "affine", "cost": "scale", "critic": "identity"}
"""What the normalizer does, by config.json's score_type."""


def beaver_head(given: Given) -> nn.Module:
    """One Linear, `score_head`; with do_normalize (x - mean) / std of a reward, x / std of a cost.

    mean and var are the normalizer's buffers, or config.json's mean and var, or 0 and 1.
    """
    weight = load(given.take("score_head.weight", (None, given.hidden)))
    labels = weight.shape[0]
    biased = "score_head.bias" in given.weights
    bias = load(given.take("score_head.bias", (labels,))) if biased else torch.zeros(labels)
    mean, deviation = moment(given, "mean", 0.0, labels), moment(given, "var", 1.0, labels).sqrt() + EPSILON
    given.used.update(name for name in given.weights if name.startswith("normalizer."))
    score_type = given.config.get("score_type", "reward")
    if score_type not in FUNCTIONS:
        raise ExportError(f"config.json: score_type {score_type!r} must be one of {', '.join(FUNCTIONS)}")
    if given.config.get("do_normalize") and FUNCTIONS[score_type] != "identity":
        if FUNCTIONS[score_type] == "affine":
            bias = bias - mean
        weight, bias = weight / deviation[:, None], bias / deviation
    layer = nn.Linear(given.hidden, labels)
    layer.weight, layer.bias = nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)
    return layer


def moment(given: Given, name: str, default: float, labels: int) -> torch.Tensor:
    """Return the normalizer's mean or variance [labels]."""
    if f"normalizer.{name}" in given.weights:
        return load(given.take(f"normalizer.{name}", (labels,)))
    value = given.config.get(name)
    return torch.full((labels,), default) if value is None else torch.tensor(value, dtype=torch.float32).reshape(labels)
