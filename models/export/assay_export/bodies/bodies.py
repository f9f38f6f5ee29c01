"""The kinds of body that are read, and what the exporter must know of each: the keys of its config.json, its sizes and
windows."""

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from ..errors import ExportError
from . import falcon, latent


@dataclass(frozen=True)
class Only:
    """Values that a key may have; any other is refused."""

    values: list[Any]
    why: str = ""
    """What another would mean, to stand behind it in a sentence."""


@dataclass(frozen=True)
class Keys:
    """What the keys of an object of config.json do; a key that is in none of the three is unknown."""

    used: frozenset[str] = frozenset()
    harmless: frozenset[str] = frozenset()
    only: dict[str, Only] = field(default_factory=dict)


@dataclass(frozen=True)
class Body:
    """A kind of body: one `model_type` of config.json."""

    model_type: str
    prefix: str
    """Of its class names."""
    encoder: bool
    """Its tokens see each other, and not only what stands before them."""
    keys: Keys
    rotation: frozenset[str] = frozenset()
    """Keys of its own inside the objects about rotations."""
    output_bias: bool = False
    """Its next-token head always has a bias; others that heed lm_head_bias have one where config.json says so."""

    def heeds(self, key: str) -> bool:
        """Tell whether a key of config.json changes what it computes."""
        return key in self.keys.used


@dataclass(frozen=True)
class Sizes:
    """The sizes and windows of a body that a graph's inputs depend on."""

    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    hidden: int
    """Size of a last hidden state."""
    vocab_size: int
    windows: frozenset[int | None]
    """Sliding windows in use; None stands for a layer that sees everything before it."""


@dataclass(frozen=True)
class Nested:
    """A model of text and images, whose text is a body with a config of its own."""

    inner: str
    """Key of that config in theirs."""
    model_type: str
    """Of the text's body."""
    keys: Keys
    """Of the config around it."""


def read_bodies(path: Path) -> tuple[dict[str, Body], Keys, dict[str, Nested]]:
    """Return every body of the file by its model_type, the keys of the objects about rotations, and models with a body
    inside."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    bodies = {}
    for model_type, own in content["bodies"].items():
        parts = [content["every"], content["sights"][own["sight"]], {"used": [content["groups"][name] for name in own["groups"]]}, own]
        bodies[model_type] = Body(model_type, own["prefix"], own["sight"] == "encoder", keys_of(parts), frozenset(own.get("rotation", ())),
                                  own.get("output_bias", False))
    nested = {name: Nested(own["inner"], own["model_type"], keys_of([content["every"], {"harmless": own["harmless"]}]))
              for name, own in content["nested"].items()}
    return bodies, keys_of([content["rope"]]), nested


def keys_of(parts: list[dict]) -> Keys:
    """Return the keys of several parts of the file together."""
    used, harmless = (frozenset(flat([part.get(name, []) for part in parts])) for name in ("used", "harmless"))
    return Keys(used, harmless, {key: Only(**value) for part in parts for key, value in part.get("only", {}).items()})


def flat(names: list) -> list[str]:
    """Return the names of lists inside lists."""
    return [name for entry in names for name in (flat(entry) if isinstance(entry, list) else [entry])]


BODIES, ROPE, NESTED = read_bodies(Path(__file__).with_suffix(".yaml"))
"""Every kind of body by its model_type, the keys of rope_scaling and rope_parameters, and models of text and images by
theirs."""

DECODERS = {body.model_type: body.prefix for body in BODIES.values() if not body.encoder}
"""Supported `model_type` values of config.json whose tokens see what stands before them, each with the prefix of its
class names."""

ENCODERS = {body.model_type: body.prefix for body in BODIES.values() if body.encoder}
"""Those whose tokens see each other."""

FLOWING = "linear_attention"
"""Among layer_types: a gated delta layer (`delta.py`), which has no window."""


OLD_FALCONS = ("RefinedWebModel", "RefinedWeb")
"""What Falcon 7B and 40B were called before transformers had the class."""


def check_type(model_type: str | None, where: str = "config.json") -> Body:
    """Return the kind of body of a config.json; ExportError when it is not supported."""
    if model_type in OLD_FALCONS:
        raise ExportError(f"{where}: model_type {model_type!r} is an old name of falcon, with other keys (n_head, n_layer, n_head_kv for "
                          "num_attention_heads, num_hidden_layers, num_kv_heads); take the config.json that its makers publish now")
    if model_type not in BODIES:
        known = [*BODIES, *NESTED]
        near = ", ".join(get_close_matches(str(model_type), known, 6, 0))
        raise ExportError(f"{where}: model_type {str(model_type)[:80]!r} is not supported; supported are {len(known)} kinds, whose classes "
                          f"docs/MODELS.md lists, the nearest in name {near}")
    return BODIES[model_type]


def describe(config) -> Sizes:
    """Return the body's sizes from a transformers config; ExportError when a feature is not supported."""
    body = check_type(config.model_type)
    heads = config.num_attention_heads
    kv_heads = (getattr(config, "num_key_value_heads", None) if body.heeds("num_key_value_heads") else None) or heads
    if config.model_type == falcon.MODEL_TYPE:
        kv_heads = falcon.key_heads(config)
    head_dim = (getattr(config, "head_dim", None) if body.heeds("head_dim") and not body.encoder else None) or config.hidden_size // heads
    if config.model_type in latent.LATENT:
        kv_heads, head_dim = heads, max(latent.head_sizes(config))
    hidden = getattr(config, "word_embed_proj_dim", None) or config.hidden_size
    return Sizes(config.num_hidden_layers, heads, kv_heads, head_dim, hidden, config.vocab_size, windows(config))


def flows(config) -> bool:
    """Tell whether a body has layers whose tokens read a state, which flows through a whole text and fits no tile."""
    return FLOWING in (getattr(config, "layer_types", None) or [])[:config.num_hidden_layers]


def windows(config) -> frozenset[int | None]:
    """Return the set of sliding windows over the layers."""
    body = BODIES[config.model_type]
    kinds = getattr(config, "layer_types", None) if body.heeds("layer_types") else None
    if kinds is None:
        return frozenset({getattr(config, "sliding_window", None) or None if body.heeds("sliding_window") else None})
    kinds = set(kinds[:config.num_hidden_layers]) - ({FLOWING} if body.heeds("linear_conv_kernel_dim") else set())
    strange = kinds - {"full_attention", "sliding_attention"}
    if strange:
        raise ExportError(f"config.json: layer_types has {sorted(strange)[0]!r}; supported are full_attention and sliding_attention")
    return frozenset(config.sliding_window if kind == "sliding_attention" else None for kind in kinds)
