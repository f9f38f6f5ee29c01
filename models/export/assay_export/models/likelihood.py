"""The heads that read what a causal language model gives a next token that is told to it: its log-probability, or its
logit.

The vocabulary is gone through in blocks whose sums are put together at the end, so [N, V] never exists.
"""

import torch
from torch import nn

from .heads import Given, Shape, from_rows, output_rows, shape_of

BLOCK = 8192
"""Columns of the vocabulary computed together."""


class Likelihood(nn.Module):
    """Maps hidden states [N, hidden] and the ids that follow [N] to log-probabilities [N, 1], or to logits with log Σ
    exp beside them [N, 2]."""

    def __init__(self, rows: torch.Tensor, bias: torch.Tensor | None, shape: Shape, apart: bool = False):
        """rows [V, hidden] as stored, bias [V] if there is one; shape: what the class does to logits; apart: the logit
        and the log Σ exp of the vocabulary, not their difference."""
        super().__init__()
        self.blocks = nn.ModuleList()
        self.shape, self.apart = shape, apart
        self.columns = 2 if apart else 1
        for start in range(0, rows.shape[0], BLOCK):
            end = start + BLOCK
            self.blocks.append(from_rows(rows[start:end], rows.shape[1], None if bias is None else bias[start:end]))

    def forward(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        wanted, sums, start = None, [], 0
        for layer in self.blocks:
            logits = self.shape(layer(hidden))
            place = targets[:, None] - start
            own = torch.gather(logits, 1, place.clamp(0, layer.out_features - 1))
            wanted = own if wanted is None else torch.where(place >= 0, own, wanted)
            sums.append(log_sum(logits))
            start += layer.out_features
        total = sums[0] if len(sums) == 1 else log_sum(torch.cat(sums, 1))
        return torch.cat([wanted, total], 1) if self.apart else wanted - total


def log_sum(logits: torch.Tensor) -> torch.Tensor:
    """Return log Σ exp of each row [N, .] as [N, 1].

    By way of a log-softmax, which ONNX Runtime computes row by row; its exponential of a tensor depends on where in it
    a number lies.
    """
    return logits.amax(1, keepdim=True) - torch.log_softmax(logits, 1).amax(1, keepdim=True)


def likelihood_head(given: Given) -> Likelihood:
    """Return the head of a causal language model's checkpoint."""
    return Likelihood(*output_rows(given), shape_of(given.body.config))


def choice_head(given: Given) -> Likelihood:
    """Return the head of a causal language model that is asked for candidates: the next token's logit, and the
    vocabulary's log Σ exp."""
    return Likelihood(*output_rows(given), shape_of(given.body.config), apart=True)
