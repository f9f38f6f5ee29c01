"""What storing weights in lower precision changes, measured in PyTorch."""

import itertools
import random

from . import tolerance
from .reference import Reference

LENGTHS = (16, 48, 128)
EACH = 20
"""Random sequences of every length."""


def sequences(vocab_size: int, max_tokens: int) -> list[list[list[int]]]:
    """Return EACH random sequences of each length, always the same ones."""
    rng = random.Random(0)
    return [[[rng.randrange(vocab_size) for _ in range(min(length, max_tokens))] for _ in range(EACH)] for length in LENGTHS]


def measure(exact: Reference, lower: Reference, vocab_size: int, max_tokens: int) -> dict[str, float]:
    """Return the manifest's `drift` of two references of one checkpoint, over random sequences read at their last
    token.

    A difference is the largest over the labels, before any activation; order is that of the first label.
    """
    differences, before, after = [], [], []
    for ids in sequences(vocab_size, max_tokens):
        right, near = exact.last_rows(ids), lower.last_rows(ids)
        differences += (right - near).abs().amax(1).tolist()
        before += right[:, 0].tolist()
        after += near[:, 0].tolist()
    pairs = list(itertools.combinations(range(len(before)), 2))
    kept = sum((before[i] < before[j]) == (after[i] < after[j]) for i, j in pairs)
    return {"items": len(before), "max": significant(max(differences)), "mean": significant(sum(differences) / len(differences)),
            "pairs": len(pairs), "order": round(kept / len(pairs), 4)}


def apart(pairs: list[dict], others: list[dict]) -> float:
    """Return the largest difference of scores between golden pairs of the same items, relative above 1."""
    both = zip((number for pair in pairs for number in scores_of(pair)), (number for pair in others for number in scores_of(pair)), strict=True)
    return max((tolerance.apart(other, one) for one, other in both), default=0.0)


def scores_of(pair: dict) -> list[float]:
    """Return a golden pair's scores: one, one a step where it has one, a probability, a vector, or logits and their log
    Σ exp."""
    found = pair.get("steps") or pair.get("vector") or pair.get("logits", []) + [pair[name] for name in ("score", "probability", "log_sum") if name in pair]
    return [score for score in found if score is not None]


def significant(value: float) -> float:
    """Return a value with three significant digits."""
    return float(f"{value:.3g}")
