"""Integers in the place of float32: weights stored as int8, and linear layers that multiply int8 weights by 8-bit
activations.

A weight has int8 levels [out, in] and one scale per output channel. A linear layer divides each row of its activations
by the row's own scale, max|x| / STEPS, and rounds it to whole numbers; the products are summed in int32, which is
exact, and multiplied by both scales. No scale is shared between rows, so a token's result does not depend on what
stands beside it.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import pad
from transformers.pytorch_utils import Conv1D

from ..errors import ExportError

STEPS = 127
"""Largest level of a weight or an activation."""

PAIR = 128
"""Largest sum of neighbouring levels of one sign in an output channel's row.

ONNX Runtime's CPU product is fast for uint8 times int8. Without VNNI it adds two neighbouring products in int16, and
stops at 32767: 255 · PAIR is below, so the sums are the same numbers on every processor."""

ZERO = 128
"""The uint8 that stands for an activation of 0."""

SLACK = 0.02
"""Levels by which float32 may differ between PyTorch and ONNX Runtime ahead of a rounding."""

SMALLEST = 1e-30
"""Least scale of an activation row, so that a row of zeros is divided by something."""


def quantized(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return int8 levels [out, in] and one float32 scale per row, so that levels · scale is near the values; |level| ≤
    STEPS, and PAIR holds."""
    pairs = pad(values, (0, values.shape[1] % 2)).unflatten(1, (-1, 2))
    sums = torch.maximum(pairs.clamp(min=0).sum(2), pairs.clamp(max=0).sum(2).abs()).amax(1)
    scale = torch.maximum(values.abs().amax(1) / STEPS, sums / (PAIR - 0.5))  # two roundings add one level at most
    if not torch.isfinite(scale).all():
        raise ExportError("a weight holds a value that is not finite")
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return (values / scale[:, None]).round().clamp(-STEPS, STEPS).to(torch.int8), scale


def rounded(values: torch.Tensor) -> torch.Tensor:
    """Return a weight's float32 values [out, in] as they come back from storage."""
    levels, scale = quantized(values)
    return levels.float() * scale[:, None]


def linear(part: nn.Module, name: str) -> bool:
    """Tell whether a module's parameter is the weight of a linear layer."""
    return name == "weight" and isinstance(part, nn.Linear | Conv1D)


class Rounding:
    """Makes linear layers of PyTorch round what they are given, as those of the graph do."""

    def __init__(self):
        self.given: dict[str, list[np.ndarray]] = {}
        """Levels uint8 [..., in] to take instead, by the name of the layer's weight, one for each call; empty: round to
        the nearest."""
        self.first = False
        """Levels of fewer rows than PyTorch has are of the first, as an encoder's are, and not of the last."""

        self.sources: dict[str, list[str]] = {}
        """Of a graph whose weights have names of their own, the layers' names that each is made of."""

    def attach(self, name: str, part: nn.Module) -> None:
        """Round what a layer is given from now on; name is its weight's in the graph."""
        part.register_forward_pre_hook(lambda _, given: (self.rows(name, given[0]), *given[1:]))

    def rows(self, name: str, rows: torch.Tensor) -> torch.Tensor:
        """Return activations [..., in] as whole numbers times each row's scale."""
        scale = (rows.abs().amax(-1, keepdim=True) / STEPS).clamp(min=SMALLEST)
        return (self.taken(name, rows / scale) if self.given else (rows / scale).round()) * scale

    def taken(self, name: str, exact: torch.Tensor) -> torch.Tensor:
        """Return the levels given for a layer's next call; ExportError where one is not what `exact` [..., in] rounds
        to.

        A graph may have the last or the first rows only; or one more than PyTorch, of the last token, which no other
        follows.
        """
        own = exact.flatten(0, -2)
        levels = torch.from_numpy(self.given[name].pop(0).astype(np.float32) - ZERO).flatten(0, -2)[:len(own)]
        start = 0 if self.first else len(own) - len(levels)
        end = start + len(levels)
        away = float((own[start:end] - levels).abs().max())
        if not away <= 0.5 + SLACK:
            raise ExportError(f"{name}: the graph rounds an activation to a level {away:.2f} away, and 0.5 is the most")
        return torch.cat([own[:start].round(), levels, own[end:].round()]).view(exact.shape)
