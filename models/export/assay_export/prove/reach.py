"""One sequence that is longer than a body's sliding windows, and than the length that its rotation was made for."""

import random
import time
from dataclasses import dataclass

from ..bodies.bodies import Sizes
from ..bodies.rope import rotations
from ..models.heads import Pooled
from ..models.model import Model
from ..models.reference import Reference

BEYOND = 64
"""Tokens behind the last place where something changes."""

SECONDS = 120.0
"""That PyTorch may take for the sequence, as far as a shorter one tells."""

BYTES = 2 << 30
"""That its attention's scores may take, or as many as the weights do where those are more."""

TRIED = 256
"""Tokens of the sequence by which the time is told."""


@dataclass
class Far:
    """A long sequence."""

    ids: list[int]
    places: list[int]
    """Where it is read: around each place where something changes, in the middle and at its end."""


def reach(model: Model, reference: Reference, seen: int, max_tokens: int) -> tuple[Far | None, list[str]]:
    """Return the longest sequence that time and memory allow, and sentences for the user; none where nothing changes
    behind `seen` tokens."""
    if isinstance(model.encoder, Pooled):
        return None, []  # whose head looks for certain tokens
    configs = [part.body.config for part in model.parts] or [model.config]
    places = edges(model.sizes, configs, seen, max_tokens)
    fit = [place for place in places if memory(model, length(place, max_tokens)) <= max(BYTES, weights(model))]
    rng, pad = random.Random(1), model.config.pad_token_id  # which no text has inside
    ids = [rng.randrange(model.sizes.vocab_size) for _ in range(length(fit[-1], max_tokens))] if fit else []
    ids = [token if token != pad else int(pad == 0) for token in ids]
    if fit:
        begun = time.monotonic()
        reference.readings(ids[:TRIED])
        each = (time.monotonic() - begun) / TRIED
        fit = [place for place in fit if each * length(place, max_tokens) <= SECONDS]
    missed = [place for place in places if place not in fit]
    told = [f"the graph was compared with PyTorch in sequences of up to {missed[0]} tokens, and a window, or the length that a rotation was made for, "
            "ends there; longer ones would take too long or too much memory"] if missed else []
    if not fit:
        return None, told
    ids = ids[:length(fit[-1], max_tokens)]
    last = len(ids) - (2 if model.likelihood else 1)
    return Far(ids, sorted({at for place in fit for at in range(place - 2, place + 3) if 0 <= at < last} | {last // 2, last})), told


def edges(sizes: Sizes, configs: list, seen: int, max_tokens: int) -> list[int]:
    """Return the places from `seen` on, in order, at which a window ends or a rotation's first length."""
    lengths = {rope.get("original_max_position_embeddings") for config in configs for rope in rotations(config)}
    return sorted(place for place in lengths | sizes.windows if isinstance(place, int) and seen <= place < max_tokens)


def length(place: int, max_tokens: int) -> int:
    """Return how long a sequence must be to show what changes at a place."""
    return min(max_tokens, place + BEYOND)


def memory(model: Model, tokens: int) -> int:
    """Return about how many bytes a layer's scores take in a sequence, or the vocabulary's logits at all of its
    tokens."""
    return max(4 * model.sizes.heads * tokens * tokens, 12 * tokens * model.sizes.vocab_size if model.likelihood else 0)


def weights(model: Model) -> int:
    """Return how many bytes the weights have in float32."""
    modules = [model.encoder] if model.encoder is not None else [part.body for part in model.parts]
    return sum(4 * parameter.numel() for module in modules for parameter in module.parameters())
