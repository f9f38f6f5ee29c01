"""What computing in half precision changes, and storing weights as int8 or int4: scores of golden items and readings of
random sequences, beside those of float32. What computing changes alone is measured, too, where weights are narrower."""

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
from ..text.golden import Readings, golden_pairs
from ..text.text import TextRules
from .emulated import Emulated
from .written import Written

HIGHEST = 65504
"""Where float16 ends."""

COMPUTED = 4
"""Of so many sequences one is computed with the weights as stored in float32, since rounding them again and again
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
    """What computing changes alone, beside float32 with the weights as stored; None where these are no narrower than
    what it computes in."""
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
    """Return what a written graph changes that is in half precision, or has narrower weights.

    pairs are the golden items' pairs in float32. Besides, each of a few dozen random sequences is read at its last
    token; order is that of the first label there. lower is PyTorch with the graph's own weights, by which computed is
    measured where they are narrower; a graph of stock operators in float32 changes what lower does. ExportError where
    float16 overflows, or a reading is not finite.
    """
    if operators is not None:
        emulated: Readings = Written(graph, compute, model, head)
    else:
        emulated = lower if compute == "float32" else Emulated(graph, compute, model, head)
    sequences = tried(pairs, model, max_tokens)
    found, told = compared(exact, emulated, sequences, model, rules), check_sizes(emulated, compute) if isinstance(emulated, Emulated | Written) else []
    if not math.isfinite(found.score):
        raise ExportError(f"--compute {compute}: readings are not finite, and those of float32 are; give {other(compute)}")
    score, computed = max(found.score, drift.apart(pairs, golden_pairs(items, emulated, rules, max_tokens))), None
    if lower is not exact:
        computed = 0.0 if emulated is lower else compared(lower, emulated, sequences[::COMPUTED], model, rules).score
    return replace(found, score=drift.significant(score), computed=computed, notices=tuple(told))


def tried(pairs: list[dict], model: Model, max_tokens: int) -> list[list[int]]:
    """Return the sequences that are read at their last token: those of the golden pairs, and random ones."""
    golden = [ids for pair in pairs for ids in (pair["ids"] if pair["ids"] and isinstance(pair["ids"][0], list) else [pair["ids"]])]
    every = [*golden, *itertools.chain(*drift.sequences(model.sizes.vocab_size, max_tokens))]
    return [ids for ids in every if len(ids) > 1 or not model.likelihood]


def compared(exact: Reference, other: Readings, sequences: list[list[int]], model: Model, rules: TextRules) -> Lost:
    """Return how far readings at the last token are from the exact ones, infinite where one is not finite, and the
    order of the first label."""
    before, after = (last_rows(reference, sequences, model, rules) for reference in (exact, other))
    apart = max(tolerance.apart(have, want) for have, want in zip(after.flatten().tolist(), before.flatten().tolist(), strict=True))
    score = apart if after.isfinite().all() else math.inf
    return Lost(drift.significant(score), kept(before[:, 0].tolist(), after[:, 0].tolist()), len(sequences))


def last_rows(reference: Readings, sequences: list[list[int]], model: Model, rules: TextRules) -> torch.Tensor:
    """Return the readings at the last token of each sequence, [sequences, labels]. Decoders compute sequences of one
    length together where they can, since each forward of a large model reads all of its weights."""
    at = -2 if model.likelihood else -1
    if model.encoder is not None or not isinstance(reference, Reference | Written):
        return torch.stack([reference.readings(ids, rules.types(ids))[at] for ids in sequences])
    rows: dict[int, torch.Tensor] = {}
    for length in sorted({len(ids) for ids in sequences}):
        places = [place for place, ids in enumerate(sequences) if len(ids) == length]
        rows |= zip(places, reference.last_rows([sequences[place] for place in places]), strict=True)
    return torch.stack([rows[place] for place in range(len(sequences))])


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
