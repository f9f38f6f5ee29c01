"""What computing in half precision changes: scores of golden items and readings of random sequences, beside those of
float32."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..errors import ExportError
from ..fields import GraphDrift
from ..models import drift, tolerance
from ..models.model import Model
from ..models.reference import Reference
from ..text.golden import golden_pairs
from ..text.text import TextRules
from .emulated import Emulated
from .written import Written

HIGHEST = 65504
"""Where float16 ends."""

HEADROOM = 1 << 14
"""Up to here a value leaves room for texts that were not tried."""


@dataclass(frozen=True)
class Lost:
    """What half precision changes."""

    score: float = 0.0
    """Largest difference as a share of max(1, |score|)."""
    order: float = 1.0
    """Share of the pairs of items that keep their order."""
    items: int = 0
    notices: tuple[str, ...] = ()
    """Sentences for the user."""

    @property
    def manifest(self) -> GraphDrift | None:
        """Return the manifest's `graph.drift`; None where nothing was measured."""
        return {"score": self.score, "order": self.order, "items": self.items} if self.items else None


NOTHING = Lost()
"""Of a graph in float32."""


def measure(graph: Path, compute: str, head: Path | None, model: Model, exact: Reference, pairs: list[dict], items: Iterable[dict], rules: TextRules,
            max_tokens: int, operators: str | None = None) -> Lost:
    """Return what a written graph in half precision changes.

    pairs are the golden items' pairs in float32. Besides, each of a few dozen random sequences is read at its last
    token; order is that of the first label there. ExportError where float16 overflows, or a reading is not finite.
    """
    emulated = Emulated(graph, compute, model, head) if operators is None else Written(graph, compute, model, head)
    found = compared(exact, emulated, tried(pairs, model, max_tokens), model, rules)
    told = check_sizes(emulated, compute)
    if not math.isfinite(found.score):
        raise ExportError(f"--compute {compute}: readings are not finite, and those of float32 are; give {other(compute)}")
    score = max(found.score, drift.apart(pairs, golden_pairs(items, emulated, rules, max_tokens)))
    return replace(found, score=drift.significant(score), notices=tuple(told))


def tried(pairs: list[dict], model: Model, max_tokens: int) -> list[list[int]]:
    """Return the sequences that are read at their last token: those of the golden pairs, and random ones."""
    golden = [ids for pair in pairs for ids in (pair["ids"] if pair["ids"] and isinstance(pair["ids"][0], list) else [pair["ids"]])]
    every = [*golden, *itertools.chain(*drift.sequences(model.sizes.vocab_size, max_tokens))]
    return [ids for ids in every if len(ids) > 1 or not model.likelihood]


def compared(exact: Reference, other: Reference | Emulated | Written, sequences: list[list[int]], model: Model, rules: TextRules) -> Lost:
    """Return how far readings at the last token are from the exact ones, infinite where one is not finite, and the
    order of the first label."""
    at = -2 if model.likelihood else -1
    before, after = (torch.stack([reference.readings(ids, rules.types(ids))[at] for ids in sequences]) for reference in (exact, other))
    apart = max(tolerance.apart(have, want) for have, want in zip(after.flatten().tolist(), before.flatten().tolist(), strict=True))
    score = apart if after.isfinite().all() else math.inf
    return Lost(drift.significant(score), kept(before[:, 0].tolist(), after[:, 0].tolist()), len(sequences))


def kept(before: list[float], after: list[float]) -> float:
    """Return the share of pairs that are in the same order."""
    pairs = list(itertools.combinations(range(len(before)), 2))
    same = sum((before[i] < before[j]) == (after[i] < after[j]) for i, j in pairs)
    return round(same / len(pairs), 4)


def check_sizes(emulated: Emulated | Written, compute: str) -> list[str]:
    """Refuse numbers that float16 cannot hold, and say where they come near to that."""
    name, size = emulated.largest()
    if compute != "float16" or size <= HEADROOM:
        return []
    if size > HIGHEST:
        raise ExportError(f"--compute float16: {name} reaches {size:.4g} on the golden items and random sequences, and float16 ends at {HIGHEST}; "
                          f"give {other(compute)}")
    return [f"{name} reaches {size:.4g} on the golden items and random sequences, and float16 ends at {HIGHEST}; where longer texts may reach further, "
            f"{other(compute)} is safer"]


def other(compute: str) -> str:
    """Return what to try instead."""
    return "--compute bfloat16" if compute == "float16" else "--compute float32"
