"""The numbers of a result by name: the score, and what it is made of."""

from collections.abc import Mapping
from typing import Any

AGGREGATES = ("min", "product", "mean", "last")  # of the steps of a process model


def part(result: Mapping[str, Any], name: str) -> float | None:
    """Return one number of a result, or None where it has none.

    score and raw are the result's own; min, product, mean and last those of its steps. components.NAME is a reading of
    a recipe (of steps the least), values.NAME one of its named numbers, scores.LABEL and logits.LABEL those of a model
    with several labels. A bare name is looked for among values, components, scores, in this order.
    """
    found: Any
    if name in ("score", "raw", *AGGREGATES):
        found = result.get(name)
        return None if found is None else float(found)
    where, dot, rest = name.partition(".")
    if dot and where in ("values", "components", "scores", "logits"):
        found = result.get(where, {}).get(rest)
        if isinstance(found, Mapping):
            steps = found.get("steps")
            found = min(steps) if steps else found.get("score")
        return None if found is None else float(found)
    for where in ("values", "components", "scores"):
        if name in result.get(where, {}):
            return part(result, f"{where}.{name}")
    return None


def parts(result: Mapping[str, Any]) -> dict[str, float]:
    """Return every number that a result's score is made of, by its name above: values, components and labels."""
    names = [f"{where}.{name}" for where in ("values", "components", "scores") for name in result.get(where, {})]
    found = {name: part(result, name) for name in ("raw", *names)}
    return {name: number for name, number in found.items() if number is not None}
