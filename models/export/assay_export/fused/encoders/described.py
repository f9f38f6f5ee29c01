"""What an encoder is made of, as far as its graph must know; attention, gates and RMS norms are described as a
decoder's."""

from dataclasses import dataclass, field

from torch import nn

from ...bodies.rope import RotaryTable
from .. import described
from ..described import Attention, Gated, Product


@dataclass(frozen=True)
class LayerNorm:
    """A row's distance from its mean, divided by its standard deviation, times a weight, and a bias added."""

    weight: nn.Parameter
    bias: nn.Parameter | None
    eps: float


Norm = LayerNorm | described.Norm


@dataclass(frozen=True)
class FeedForward:
    """The feed-forward part without a gate: down · activation(up)."""

    up: Product
    down: Product
    activation: str
    """As config.json names it."""


@dataclass(frozen=True)
class Layer:
    """Attention and a feed-forward part; each adds to what flows through the layers, and the sum is normed."""

    attention: Attention
    inner: FeedForward | Gated
    norms: tuple[Norm, Norm]
    """Of the sum behind attention, and of that behind the feed-forward part. Where norms stand in front of parts, the
    second is the next layer's first, or the body's last."""


@dataclass(frozen=True)
class Embedding:
    """What a token becomes: the sum of its rows, normed, and maybe made as wide as the layers are."""

    words: nn.Parameter
    positions: nn.Parameter | None
    types: nn.Parameter | None
    norm: LayerNorm | None
    widened: Product | None = None


@dataclass(frozen=True)
class Body:
    """An encoder without its head."""

    embedding: Embedding
    layers: list[Layer]
    before: Norm | None = None
    """In front of the first layer."""
    behind: bool = True
    """Norms stand behind the parts, so that the norm of a sum is what the next part adds to, and not the sum."""
    tables: dict[str, RotaryTable] = field(default_factory=dict)
    """Cosines and sines by their name in Attention.rotation."""
    pad: int | None = None
    """RoBERTa's positions begin behind this id, and pass over it wherever it stands."""
