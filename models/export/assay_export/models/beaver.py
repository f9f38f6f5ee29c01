"""The score head of PKU-Alignment's Beaver models, with its normalizer folded in."""

import torch
from torch import nn

from ..errors import ExportError
from ..read.weights import load
from .heads import Given, linear

EPSILON = 1e-8
FUNCTIONS = {"reward": "affine", "cost": "scale", "critic": "identity"}
"""What the normalizer does, by config.json's score_type."""


def beaver_head(given: Given) -> nn.Module:
    """One Linear, `score_head`; with do_normalize (x - mean) / std of a reward, x / std of a cost.

    It has a bias as config.json's bias says, or else as the checkpoint has it. mean and var are the normalizer's
    buffers, or config.json's.
    """
    stored = linear(given, "score_head", given.hidden, given.config.get("bias"))
    weight, labels = load(stored.weight), stored.out_features
    bias = torch.zeros(labels) if stored.bias is None else load(stored.bias)
    given.used.update(name for name in given.weights if name.startswith("normalizer."))
    score_type = given.config.get("score_type", "reward")
    if score_type not in FUNCTIONS:
        raise ExportError(f"config.json: score_type {score_type!r} must be one of {', '.join(FUNCTIONS)}")
    if given.config.get("do_normalize") and FUNCTIONS[score_type] != "identity":
        if FUNCTIONS[score_type] == "affine":
            bias = bias - moment(given, "mean", labels)
        deviation = moment(given, "var", labels).sqrt() + EPSILON
        weight, bias = weight / deviation[:, None], bias / deviation
    layer = nn.Linear(given.hidden, labels)
    layer.weight, layer.bias = nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)
    return layer


def moment(given: Given, name: str, labels: int) -> torch.Tensor:
    """Return the normalizer's mean or variance [labels]; ExportError when the checkpoint has neither buffer nor
    field."""
    if f"normalizer.{name}" in given.weights:
        return load(given.take(f"normalizer.{name}", (labels,)))
    value = given.config.get(name)
    if value is None:
        raise ExportError(f"the checkpoint has no weight normalizer.{name} and config.json no {name}, and do_normalize is true")
    return torch.tensor(value, dtype=torch.float32).reshape(labels)
