"""What a decoder is made of, as far as its graph must know: the parts of a layer, and the numbers that they take."""

from dataclasses import dataclass, field

from torch import nn

from ..bodies.rope import RotaryTable


@dataclass(frozen=True)
class Norm:
    """A division by the root of the mean square of a row, and a multiplication by offset + weight."""

    weight: nn.Parameter
    eps: float
    offset: float = 0.0
    """Gemma's weights are what is added to 1."""


@dataclass(frozen=True)
class Product:
    """A linear layer, or several of one input whose outputs stand side by side."""

    weights: tuple[nn.Parameter, ...]
    """Each [outputs, inputs]."""
    biases: tuple[nn.Parameter, ...] = ()
    """None, or as many as weights."""

    @property
    def shape(self) -> tuple[int, int]:
        """Inputs and outputs of them all."""
        return self.weights[0].shape[1], sum(weight.shape[0] for weight in self.weights)


@dataclass(frozen=True)
class Attention:
    """Queries, keys and values of one product, and what is done with them."""

    qkv: Product
    out: Product
    heads: int
    kv_heads: int
    head_dim: int
    scale: float
    """What the products of queries and keys are multiplied by."""
    rotation: str | None
    """Name of the table by which queries and keys are turned; None: they are not."""
    window: int | None = None
    softcap: float | None = None
    query_norm: Norm | None = None
    key_norm: Norm | None = None
    """Of each head's queries and keys; of all heads at once where the weight is as long."""
    norms_turned: bool = False
    """They are normed behind their rotation, and not before it."""
    neighbours: bool = False
    """A rotation turns each number of a head with its neighbour, and not with that of the other half."""


@dataclass(frozen=True)
class Gated:
    """The feed-forward part: activation(gate) · up, by one product, and down."""

    gate_up: Product
    down: Product
    activation: str
    """As config.json names it."""


@dataclass(frozen=True)
class Layer:
    """One layer: x + after(attention(before(x))), and the same with the feed-forward part."""

    attention: Attention
    gated: Gated
    before: tuple[Norm | None, Norm | None]
    """Of what attention and the feed-forward part read."""
    after: tuple[Norm | None, Norm | None] = (None, None)
    """Of what they give."""
    multiplier: float = 1.0
    """Of what is added to x."""


@dataclass(frozen=True)
class Body:
    """A decoder without its head."""

    embedding: nn.Parameter
    layers: list[Layer]
    norm: Norm
    tables: dict[str, RotaryTable] = field(default_factory=dict)
    """Cosines and sines by their name in Attention.rotation."""
    multiplier: float = 1.0
    """Of the embedding."""
