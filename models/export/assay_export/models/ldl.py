"""The head of LDL-Reward: distributions of attributes over levels, and weights of the attributes, from the same row."""

import torch
from torch import nn

from ..errors import ExportError
from .heads import Given, linear

LEVELS = 10
"""Levels of an attribute, 0 to 1 at equal distances."""


class LabelDistribution(nn.Module):
    """[N, hidden] -> [N, 1]: the sum of the attributes' mean levels by their weights.

    Sums go one by one: ONNX Runtime sums a short row in an order that depends on where it lies among the others.
    """

    def __init__(self, values: nn.Module, gates: nn.Module, temperature: float | None):
        """temperature: of a softmax over the gates; None: they are taken as they are."""
        super().__init__()
        self.values, self.gates, self.temperature = values, gates, temperature

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        shares = torch.softmax(self.values(hidden).unflatten(-1, (-1, LEVELS)), -1)
        means = sum(share[..., 0] * level / (LEVELS - 1) for level, share in enumerate(shares.split(1, -1)))
        gates = self.gates(hidden)
        if self.temperature is not None:
            gates = torch.softmax(gates / self.temperature, -1)
        return sum((gates * means).split(1, -1))


def ldl_head(given: Given) -> nn.Module:
    """`regression_layer.network` and `gating_layer.network`, Linears with leaky ReLU between; softmax and temperature
    of config.json."""
    values, gates = network(given, "regression_layer.network"), network(given, "gating_layer.network")
    if values[-1].out_features != LEVELS * gates[-1].out_features:
        raise ExportError(f"the gates have {gates[-1].out_features} outputs, and {LEVELS} levels each of {values[-1].out_features} values "
                          "ask for a tenth of them")
    temperature = float(given.config.get("temperature", 1.0)) if given.config.get("softmax") else None
    return LabelDistribution(values, gates, temperature)


def network(given: Given, name: str) -> nn.Sequential:
    """Return the Linears under a name, in the order of their numbers, with leaky ReLU between."""
    numbers = sorted({int(key.removeprefix(f"{name}.").split(".")[0]) for key in given.weights if key.startswith(f"{name}.")})
    if not numbers:
        raise ExportError(f"the checkpoint has no weight {name}.0.weight")
    layers, size = [], given.hidden
    for number in numbers:
        layers += [linear(given, f"{name}.{number}", size, True), nn.LeakyReLU()]
        size = layers[-2].out_features
    return nn.Sequential(*layers[:-1])
