"""The head of URM: of each attribute a normal distribution, and a weight from the same row."""

import torch
from torch import nn

from ..errors import ExportError
from .heads import Given, linear

SCALE, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
"""SELU's constants."""


class Selu(nn.Module):
    """SCALE · x above 0, SCALE · ALPHA · (exp(x) - 1) below, by way of tanh.

    exp(x) - 1 = 2t / (1 - t), t = tanh(x / 2). ONNX Runtime's exponential of a tensor depends on where in it a number
    lies.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        t = torch.tanh(torch.clamp(x, max=0) / 2)
        return SCALE * (torch.relu(x) + ALPHA * 2 * t / (1 - t))


class NormalWeights(nn.Module):
    """[N, hidden] -> [N, 1 + 3 · attributes]: the score, the means, the spreads as the head gives them, the weights."""

    def __init__(self, values: nn.Linear, weights: nn.Module):
        """values gives (mean, spread) of each attribute in turn, weights one number for each attribute."""
        super().__init__()
        self.values, self.weights = values, weights

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        means, spreads = self.values(hidden).unflatten(-1, (-1, 2)).unbind(-1)
        weights = self.weights(hidden)
        score = sum((means * weights).split(1, -1))  # one by one, as in ldl.py
        return torch.cat([score, means, spreads, weights], -1)


def urm_head(given: Given) -> nn.Module:
    """`score`, and `weights.fc`: three Linears with SELU between."""
    values = linear(given, "score", given.hidden)
    layers, size = [], given.hidden
    for number in (0, 2, 4):
        layers += [linear(given, f"weights.fc.{number}", size, True), Selu()]
        size = layers[-2].out_features
    if values.out_features != 2 * size:
        raise ExportError(f"weight score.weight has {values.out_features} rows, and the {size} weights of weights.fc ask for two each")
    return NormalWeights(values, nn.Sequential(*layers[:-1]))
