"""Reward heads: what turns a token's last hidden state into readings."""

import torch
from torch import nn

from .errors import ExportError

NAMES = ("score", "classifier")
"""Names under which a checkpoint or a model keeps its head."""


def head_from_weights(weights: dict[str, torch.Tensor], hidden: int) -> tuple[nn.Module, set[str]]:
    """Build the head from a checkpoint's weights; return it and the names it used.

    Two forms are known: one Linear (`score.weight`, maybe `score.bias`) and Linear–ReLU–Linear (`score.0.*`, `score.2.*`), as
    in Qwen's reward and process models. ExportError when there is no head or its shape does not fit.
    """
    for name in NAMES:
        own = {key: value for key, value in weights.items() if key.startswith(name + ".")}
        if not own:
            continue
        if f"{name}.weight" in own:
            layers = [linear(own, name, hidden)]
        elif f"{name}.0.weight" in own:
            first = linear(own, f"{name}.0", hidden)
            layers = [first, nn.ReLU(), linear(own, f"{name}.2", first.out_features)]
        else:
            raise ExportError(f"the checkpoint has no weight {name}.weight or {name}.0.weight, only {', '.join(sorted(own))}")
        return (layers[0] if len(layers) == 1 else nn.Sequential(*layers)), set(own)
    raise ExportError(f"the checkpoint has no head: no weight is named {' or '.join(name + '.weight' for name in NAMES)}")


def linear(weights: dict[str, torch.Tensor], name: str, inputs: int) -> nn.Linear:
    """Build one Linear [., inputs] -> [., outputs] from `name.weight` and, when there, `name.bias`."""
    weight, bias = weights.get(f"{name}.weight"), weights.get(f"{name}.bias")
    if weight is None:
        raise ExportError(f"the checkpoint has no weight {name}.weight")
    if weight.ndim != 2 or weight.shape[1] != inputs:
        raise ExportError(f"weight {name}.weight has shape {list(weight.shape)}, and [labels, {inputs}] is wanted")
    layer = nn.utils.skip_init(nn.Linear, inputs, weight.shape[0], bias=bias is not None, dtype=torch.float32)
    layer.weight = nn.Parameter(weight.float(), requires_grad=False)
    if bias is not None:
        if bias.shape != weight.shape[:1]:
            raise ExportError(f"weight {name}.bias has shape {list(bias.shape)}, and [{weight.shape[0]}] is wanted")
        layer.bias = nn.Parameter(bias.float(), requires_grad=False)
    return layer


def head_from_model(model: nn.Module) -> nn.Module:
    """Return the head of an in-memory transformers classification model."""
    for name in NAMES:
        if isinstance(getattr(model, name, None), nn.Module):
            return getattr(model, name)
    raise ExportError(f"{type(model).__name__} has no head named {' or '.join(NAMES)}; give one as head=")


def width(head: nn.Module, hidden: int) -> int:
    """Return the number of readings that a head gives for each token."""
    parameter = next(head.parameters(), None)
    dtype = torch.float32 if parameter is None else parameter.dtype
    with torch.no_grad():
        out = head(torch.zeros(1, hidden, dtype=dtype))
    if out.ndim != 2 or out.shape[0] != 1:
        raise ExportError(f"the head turns [1, {hidden}] into {list(out.shape)}, and [1, labels] is wanted")
    return out.shape[1]
