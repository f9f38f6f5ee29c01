"""What a graph is made of: bodies with their heads, or an encoder."""

from dataclasses import dataclass, replace

import torch
from torch import nn

from ..bodies.bodies import Sizes, describe
from ..errors import ExportError
from . import heads
from .likelihood import Likelihood


@dataclass(frozen=True)
class Part:
    """A decoder body and the head on its rows; it gives `labels` columns of the readings."""

    body: nn.Module
    head: nn.Module

    @property
    def likelihood(self) -> bool:
        """Tell whether the head also needs the token that follows each row."""
        return isinstance(self.head, Likelihood)


@dataclass(frozen=True)
class Model:
    """One body with its head, or a policy and its reference, whose columns stand side by side; or an encoder."""

    parts: tuple[Part, ...]
    sizes: Sizes
    """Of the first body; `layers` and `windows` of all."""
    labels: int
    encoder: nn.Module | None = None
    """Called with input_ids, attention_mask and token_type_ids [B, S]; returns [B, labels], or where it does not pool
    [B, S, labels]. There are no parts then."""
    types: bool = False
    """The encoder looks at token_type_ids."""

    @property
    def pooled(self) -> bool:
        """Tell whether it gives one row of a sequence, as encoders do that pool, and not one of each token."""
        return self.encoder is not None and not getattr(self.encoder, "every_token", False)

    @property
    def likelihood(self) -> bool:
        """Tell whether the readings are of following tokens: log-probabilities, or logits."""
        return any(part.likelihood for part in self.parts)

    @property
    def config(self):
        """The transformers config of the first body."""
        return self.encoder.config if self.encoder is not None else self.parts[0].body.config


def decoder(*parts: Part) -> Model:
    """Put bodies and heads together; ExportError when a reference's sizes do not fit."""
    sizes = [describe(part.body.config) for part in parts]
    for other in sizes[1:]:
        for name in ("kv_heads", "head_dim", "vocab_size"):
            if getattr(other, name) != getattr(sizes[0], name):
                raise ExportError(f"the reference model's {name} is {getattr(other, name)}, and the policy's is {getattr(sizes[0], name)}")
    whole = replace(sizes[0], layers=sum(one.layers for one in sizes), windows=frozenset().union(*(one.windows for one in sizes)))
    labels = sum(part.head.columns if part.likelihood else heads.width(part.head, size.hidden) for part, size in zip(parts, sizes, strict=True))
    return Model(tuple(parts), whole, labels)


def encoder(module: nn.Module, labels: int) -> Model:
    """Return an encoder's model; module has transformers' `config`."""
    return Model((), describe(module.config), labels, module, types=(getattr(module.config, "type_vocab_size", 0) or 0) > 1)


def readings(parts, hidden: list[torch.Tensor], targets: torch.Tensor | None) -> torch.Tensor:
    """Return the parts' readings side by side from the last hidden states [N, hidden] of each and the ids that follow
    [N]."""
    rows = [part.head(own, targets) if part.likelihood else part.head(own) for part, own in zip(parts, hidden, strict=True)]
    return rows[0] if len(rows) == 1 else torch.cat(rows, -1)
