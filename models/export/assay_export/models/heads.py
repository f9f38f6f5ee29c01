"""Reward heads: what turns a token's last hidden state into readings.

A head is a module in float32, [N, hidden] -> [N, labels], traced into the graph. These functions make one from a
checkpoint's weights; `forms.py` lists them, and those in files of their own, by the name that a family's file gives
them.
"""

from dataclasses import dataclass

import torch
from torch import nn

from ..bodies.bodies import BODIES
from ..errors import ExportError
from ..read import weights as lazy

NAMES = ("score", "classifier")
"""Names under which a model in memory keeps its head."""

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU}


@dataclass
class Given:
    """What a head is built from."""

    form: dict
    """The family's `head`, with its names resolved."""
    weights: dict[str, torch.Tensor]
    """Every tensor of the checkpoint by name, as stored."""
    body: nn.Module
    embedding: torch.Tensor
    """The body's token embedding [V, .] as stored."""
    hidden: int
    config: dict
    """config.json as it stands."""

    def take(self, name: str, shape: tuple[int | None, ...] | None = None) -> nn.Parameter:
        """Return a weight in float32; ExportError when it is absent or has another shape (None: any size)."""
        value = self.weights.get(name)
        if value is None:
            raise ExportError(f"the checkpoint has no weight {name}")
        if shape is not None and (value.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, value.shape, strict=True))):
            wanted = ", ".join("labels" if size is None else str(size) for size in shape)
            raise ExportError(f"weight {name} has shape {list(value.shape)}, and [{wanted}] is wanted")
        self.used.add(name)
        return lazy.parameter(lazy.checked(name, value))

    def __post_init__(self):
        self.used: set[str] = set()
        """Names of the weights taken."""


def linear(given: Given, name: str, inputs: int, bias: bool | None = None) -> nn.Linear:
    """Return one Linear [., inputs] -> [., outputs] from `name.weight` and `name.bias`.

    bias: whether the authors' class has one, which a checkpoint must then have or not have; None: as the checkpoint has
    it.
    """
    weight = given.take(f"{name}.weight", (None, inputs))
    there = f"{name}.bias" in given.weights
    if there and bias is False:
        raise ExportError(f"the checkpoint has a weight {name}.bias, and the head has no bias")
    layer = nn.Linear(inputs, weight.shape[0], bias=there if bias is None else bias, device="meta")
    layer.weight = weight
    if layer.bias is not None:
        layer.bias = given.take(f"{name}.bias", (weight.shape[0],))
    return layer


def named(given: Given, ending: str) -> str:
    """Return the first of the form's names that has a weight of that ending; `name` is one name or a list."""
    names = given.form.get("name", "score")
    names = [names] if isinstance(names, str) else names
    for name in names:
        if f"{name}.{ending}" in given.weights:
            return name
    own = sorted(key for key in given.weights if key.startswith(tuple(f"{name}." for name in names)))
    beside = f", only {', '.join(own)}" if own else ""
    raise ExportError(f"the checkpoint has no head: no weight is named {' or '.join(f'{name}.{ending}' for name in names)}{beside}")


def linear_head(given: Given) -> nn.Module:
    """One Linear: `name.weight` and, as the form's `bias` says, `name.bias`."""
    return linear(given, named(given, "weight"), given.hidden, given.form.get("bias"))


def mlp_head(given: Given) -> nn.Module:
    """Linear, activation, Linear: `name.0` and `name.2`; activation is relu, tanh, gelu or silu, `bias` is of both."""
    activation = given.form.get("activation", "relu")
    if activation not in ACTIVATIONS:
        raise ExportError(f"head activation {activation!r} is unknown; known are {', '.join(ACTIVATIONS)}")
    name, bias = named(given, "0.weight"), given.form.get("bias")
    first = linear(given, f"{name}.0", given.hidden, bias)
    return nn.Sequential(first, ACTIVATIONS[activation](), linear(given, f"{name}.2", first.out_features, bias))


OUTPUTS = ("lm_head.weight", "embed_out.weight")
"""Names of a next-token head; InternLM2's is `output.weight`."""


def output_rows(given: Given) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the next-token head's weight [V, hidden] as stored, or the tied embedding, and its bias [V] where the
    class has one.

    ExportError where there is more than one, one under a name that transformers does not look for, or a bias that the
    class has not.
    """
    name = {"gpt_neox": "embed_out.weight", "internlm2": "output.weight"}.get(str(given.config.get("model_type")), "lm_head.weight")
    there = sorted(key for key in given.weights if key.endswith(OUTPUTS) or key == name)
    strange = [key for key in there if key != name]
    if strange:
        beside = f" beside {name}" if name in there else f", and {name} is wanted"
        raise ExportError(f"the checkpoint has a weight {strange[0]}{beside}")
    rows = stored_rows(given, name)
    bias, config = name.removesuffix("weight") + "bias", given.body.config
    said = BODIES[config.model_type].heeds("lm_head_bias")
    if BODIES[config.model_type].output_bias or (said and config.lm_head_bias):
        given.take(bias, (rows.shape[0],))
        return rows, given.weights[bias]
    if any(key.endswith(bias) for key in given.weights):
        why = "config.json does not say lm_head_bias: true" if said else "its class has no such bias"
        raise ExportError(f"the checkpoint has a weight {bias}, and {why}")
    return rows, None


def stored_rows(given: Given, name: str) -> torch.Tensor:
    """Return the weight of that name, or the embedding where config.json says that it is tied to it."""
    if name in given.weights:
        given.used.add(name)
        return lazy.checked(name, given.weights[name])
    tied = given.config.get("tie_word_embeddings", given.body.config.tie_word_embeddings)
    if tied is False:
        said = "says that it is not" if "tie_word_embeddings" in given.config else "does not say that it is"
        raise ExportError(f"the checkpoint has no weight {name}, and config.json {said} tied to the embedding")
    return given.embedding


@dataclass(frozen=True)
class Shape:
    """What a class does to its next-token logits."""

    scale: float = 1.0
    """Granite's and Cohere's factor."""
    cap: float | None = None
    """Gemma's cap: cap · tanh(x / cap)."""

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """Return logits as the class gives them."""
        logits = logits if self.scale == 1 else logits * self.scale
        return torch.tanh(logits / self.cap) * self.cap if self.cap else logits


def shape_of(config) -> Shape:
    """Return what the class of a body's config does to its next-token logits."""
    body = BODIES[config.model_type]
    scale = 1 / config.logits_scaling if body.heeds("logits_scaling") else config.logit_scale if body.heeds("logit_scale") else 1.0
    return Shape(float(scale), config.final_logit_softcapping if body.heeds("final_logit_softcapping") else None)


class Shaped(nn.Module):
    """A layer whose outputs are next-token logits, with what the class does to them."""

    def __init__(self, layer: nn.Module, shape: Shape):
        super().__init__()
        self.layer, self.shape = layer, shape

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.shape(self.layer(hidden))


def shaped(given: Given, layer: nn.Module) -> nn.Module:
    """Return a layer with what the body's class does to next-token logits, if it does anything."""
    shape = shape_of(given.body.config)
    return layer if shape == Shape() else Shaped(layer, shape)


def candidates_head(given: Given) -> nn.Module:
    """Next-token logits of a few tokens, in the order of `ids`."""
    ids = given.form.get("ids")
    rows, bias = output_rows(given)
    if not ids or not all(isinstance(one, int) and 0 <= one < rows.shape[0] for one in ids):
        raise ExportError(f"head ids {ids} must be token ids below {rows.shape[0]}")
    return shaped(given, from_rows(rows[torch.tensor(ids)], given.hidden, None if bias is None else bias[torch.tensor(ids)]))


def vocabulary_mean(given: Given) -> nn.Module:
    """The mean over the vocabulary of the next-token logits. A mean of products is the product with the mean row, so
    without a cap."""
    (rows, bias), shape = output_rows(given), shape_of(given.body.config)
    if shape.cap:
        raise ExportError("config.json: final_logit_softcapping: the mean of capped logits is not supported")
    mean = sum(block.double().sum(0) for block in rows.split(8192)) / rows.shape[0]
    return from_rows((mean[None] * shape.scale).float(), given.hidden, None if bias is None else bias.double().mean()[None] * shape.scale)


def from_rows(rows: torch.Tensor, hidden: int, bias: torch.Tensor | None = None) -> nn.Linear:
    """Return the Linear with these rows [labels, hidden] and this bias [labels]."""
    if rows.shape[1] != hidden:
        raise ExportError(f"the next-token head has rows of {rows.shape[1]}, and the body's hidden size is {hidden}")
    layer = nn.Linear(hidden, rows.shape[0], bias=bias is not None, device="meta")
    layer.weight = lazy.parameter(rows)
    if bias is not None:
        layer.bias = lazy.parameter(bias)
    return layer


class Pooled(nn.Module):
    """A head that reads a whole sequence of an encoder: the body and what pools it, called as model.Model's `encoder`
    says."""

    labels: int
    """Columns of its output."""
    width: int
    """Size of a row that its head reads, were it in a graph of its own."""

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body, self.config = body, body.config

    def set_attn_implementation(self, name: str) -> None:
        """As transformers' models have it."""
        self.body.set_attn_implementation(name)


def head_from_model(model: nn.Module) -> nn.Module:
    """Return the head of an in-memory transformers classification model."""
    for name in NAMES:
        if isinstance(getattr(model, name, None), nn.Module):
            return getattr(model, name)
    raise ExportError(f"{type(model).__name__} has no head named {' or '.join(NAMES)}; give one as head=")


def width(head: nn.Module, hidden: int, what: str = "head") -> int:
    """Return the number of readings that a head gives for each row; what names it in errors."""
    parameter = next(head.parameters(), None)
    dtype = torch.float32 if parameter is None else parameter.dtype
    try:
        with torch.no_grad():
            out = head(torch.zeros(1, hidden, dtype=dtype))
    except RuntimeError as error:
        raise ExportError(f"the {what} does not take [1, {hidden}]: {str(error).splitlines()[0]}") from None
    if out.ndim != 2 or out.shape[0] != 1:
        raise ExportError(f"the {what} turns [1, {hidden}] into {list(out.shape)}, and [1, labels] is wanted")
    return out.shape[1]
