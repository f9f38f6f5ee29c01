"""Heads whose attributes are weighed by gates that another place of the text gives (ArmoRM, QRM).

Of every row the graph gives the attributes' values and the gates; the server adds up the last row's values by the gates
of the prompt's row (docs/BUNDLE.md, `head.gates`).
"""

import torch
from torch import nn

from ..errors import ExportError
from ..read.weights import load
from .heads import Given, linear


class GatedHead(nn.Module):
    """[N, hidden] -> [N, 2 · attributes]: first the values, then the gates."""

    def __init__(self, values: nn.Linear, layers: nn.Module, temperature: float, scale: torch.Tensor, adjust: torch.Tensor):
        """adjust [attributes, attributes] turns the network's gates g into those of the plain values: adjust · g."""
        super().__init__()
        self.values, self.layers, self.temperature = values, layers, temperature
        self.register_buffer("adjust", (adjust * scale).T.contiguous())

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        gates = torch.softmax(self.layers(hidden) / self.temperature, -1) @ self.adjust
        return torch.cat([self.values(hidden), gates], -1)


def gated_head(given: Given) -> nn.Module:
    """Values by `regression_layer`, the mean over its quantiles when config.json has num_quantiles; gates by
    `gating.layers`.

    `reward_transform_matrix` T mixes the values before they are weighed: Σ_j g_j Σ_i v_i T_ij = Σ_i v_i (T · g)_i. With
    the form's `transform` a checkpoint must have it. The gates' logits are divided by the form's `temperature`.
    """
    quantiles = int(given.config.get("num_quantiles", 1))
    rows = load(given.take("regression_layer.weight", (None, given.hidden)))
    attributes, left = divmod(rows.shape[0], quantiles)
    if left:
        raise ExportError(f"weight regression_layer.weight has {rows.shape[0]} rows, and config.json's num_quantiles is {quantiles}")
    values = nn.Linear(given.hidden, attributes, bias=False)
    values.weight = nn.Parameter(rows.view(attributes, quantiles, -1).mean(1), requires_grad=False)
    adjust = torch.eye(attributes)
    if given.form.get("transform") or "reward_transform_matrix" in given.weights:
        adjust = load(given.take("reward_transform_matrix", (attributes, attributes)))
    layers = gating_layers(given, attributes)
    scale = load(given.take("gating.logit_scale", (1,)))
    return GatedHead(values, layers, float(given.form["temperature"]), scale, adjust)


def gating_layers(given: Given, attributes: int) -> nn.Sequential:
    """Return the gating network: Linears with ReLU between, each followed by its batch norm where the checkpoint has
    one, and then without bias."""
    numbers = sorted({int(name.split(".")[2]) for name in given.weights if name.startswith("gating.layers.")})
    if not numbers:
        raise ExportError("the checkpoint has no weight gating.layers.0.weight")
    layers, size = [], given.hidden
    for number in numbers:
        name = f"gating.layers.{number}"
        if f"{name}.running_mean" in given.weights:
            layers.append(batch_norm(given, name, size))
            continue
        layer = linear(given, name, size, f"gating.layers.{number + 2}.running_mean" not in given.weights)
        layers.append(layer)
        size = layer.out_features
        if number != numbers[-1]:
            layers.append(nn.ReLU())
    if size != attributes:
        raise ExportError(f"weight {name}.weight has {size} rows, and {attributes} attributes are wanted")
    return nn.Sequential(*layers)


def batch_norm(given: Given, name: str, size: int) -> nn.BatchNorm1d:
    """Return a batch norm as trained."""
    norm = nn.BatchNorm1d(size)
    for part in ("weight", "bias", "running_mean", "running_var"):
        value = load(given.take(f"{name}.{part}", (size,)))
        setattr(norm, part, nn.Parameter(value, requires_grad=False) if part in ("weight", "bias") else value)
    given.used.add(f"{name}.num_batches_tracked")
    return norm.eval()
