"""Linear layers of integers in a graph of domain assay: which they are, under the names that the graph and PyTorch have
for them, and PyTorch with the same rounding."""

from ..models.model import Model
from ..models.reference import Reference
from .described import Layer, Product
from .kinds import reader


def products(layer: Layer, name: str) -> dict[str, Product]:
    """Return a layer's linear layers, by the names of their weights in the graph."""
    own = {"qkv": layer.attention.qkv, "out": layer.attention.out, "gate_up": layer.gated.gate_up, "down": layer.gated.down}
    return {f"{name}.{kind}.weight": product for kind, product in own.items()}


def sources(model: Model, max_tokens: int) -> dict[str, list[str]]:
    """Return the parameters that each weight of the graph's layers is made of, under their names in a Reference."""
    body = model.parts[0].body
    names = {id(own): f"bodies.0.{name}" for name, own in body.named_parameters()}
    layers = reader(body.config)(body, max_tokens).read().layers
    return {weight: [names[id(part)] for part in product.weights]
            for number, layer in enumerate(layers) for weight, product in products(layer, f"layer.{number}").items()}


def rounded(model: Model, max_tokens: int) -> Reference:
    """Return PyTorch with the layers' linear weights rounded to int8, and what they multiply."""
    made_of = sources(model, max_tokens)
    reference = Reference(model, "int8", only={name for names in made_of.values() for name in names})
    assert reference.rounding is not None, "int8 rounds"
    reference.rounding.sources = made_of
    return reference
