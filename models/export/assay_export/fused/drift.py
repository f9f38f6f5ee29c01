"""What computing in half precision changes, and storing weights in four bits: scores of golden items and readings of
random sequences, beside those of float32."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import ExportError
from ..fields import GraphDrift
from ..models import drift, tolerance
from ..models.model import Model
from ..models.reference import Reference
from ..text.golden import Readings, golden_pairs
from ..text.text import TextRules
from .emulated import Emulated
from .written import Written

HIGHEST = 65504
"""Where float16 ends."""

COMPUTED = 4
"""Of so many sequences one is computed with the weights in four bits in float32, since rounding them again and again
takes long."""

HEADROOM = 1 << 14
"""Up to here a value leaves room for texts that were not tried."""


@dataclass(frozen=True)
class Lost:
    """What a graph changes."""

    score: float = 0.0
    """Largest difference as a share of max(1, |score|)."""
    order: float = 1.0
    """Share of the pairs of items that keep their order."""
    items: int = 0
    computed: float | None = None
    """What of score computing changes, where weights are in four bits: nothing in float32."""
    notices: tuple[str, ...] = ()
    """Sentences for the user."""

    @property
    def manifest(self) -> GraphDrift | None:
        """Return the manifest's `graph.drift`; None where nothing was measured."""
        if not self.items:
            return None
        computed: GraphDrift = {} if self.computed is None else {"computed": self.computed}
        return {"score": self.score, "order": self.order, "items": self.items, **computed}


NOTHING = Lost()
"""Of a graph in float32 with weights of float32."""


def measure(graph: Path, compute: str, head: Path | None, model: Model, exact: Reference, pairs: list[dict], items: Iterable[dict], rules: TextRules,
            max_tokens: int, operators: str | None, lower: Reference) -> Lost:
    """Return what a written graph changes that is in half precision, or has its weights in four bits.

    pairs are the golden items' pairs in float32. Besides, each of a few dozen random sequences is read at its last
    token; order is that of the first label there. What computes in float32 changes what lower does, PyTorch with the
    graph's own weights. ExportError where float16 overflows, or a reading is not finite.
    """
    if compute == "float32":
        emulated: Readings = lower
    else:
        emulated = Emulated(graph, compute, model, head) if operators is None else Written(graph, compute, model, head)
    golden = [ids for pair in pairs for ids in (pair["ids"] if pair["ids"] and isinstance(pair["ids"][0], list) else [pair["ids"]])]
    sequences = [ids for ids in [*golden, *itertools.chain(*drift.sequences(model.sizes.vocab_size, max_tokens))] if len(ids) > 1 or not model.likelihood]
    at = -2 if model.likelihood else -1
    before, after = (torch.stack([reference.readings(ids, rules.types(ids))[at] for ids in sequences]) for reference in (exact, emulated))
    told = check_sizes(emulated, compute) if isinstance(emulated, Emulated | Written) else []
    if not after.isfinite().all():
        raise ExportError(f"--compute {compute}: readings are not finite, and those of float32 are; give {other(compute)}")
    score = max(largest(after, before), drift.apart(pairs, golden_pairs(items, emulated, rules, max_tokens)))
    computed = 0.0 if emulated is lower else None
    if lower is not exact and emulated is not lower:
        stored = torch.stack([lower.readings(ids, rules.types(ids))[at] for ids in sequences[::COMPUTED]])
        computed = drift.significant(largest(after[::COMPUTED], stored))
    return Lost(drift.significant(score), kept(before[:, 0].tolist(), after[:, 0].tolist()), len(sequences), computed, tuple(told))


def largest(have: torch.Tensor, want: torch.Tensor) -> float:
    """Return the largest difference of readings, as a share of max(1, |want|)."""
    return max(tolerance.apart(one, other) for one, other in zip(have.flatten().tolist(), want.flatten().tolist(), strict=True))


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
