"""From rows of readings to scores, as docs/BUNDLE.md defines them; double precision."""

import math

import torch

from ..errors import ExportError
from ..fields import Manifest
from .places import Encoded


def activate(rows: torch.Tensor, activation: str | None) -> torch.Tensor:
    """Return rows [N, labels] after softmax over the labels, sigmoid of each, or nothing."""
    rows = rows.double()
    if activation == "softmax":
        return torch.softmax(rows, -1)
    return torch.sigmoid(rows) if activation == "sigmoid" else rows


def reward(manifest: Manifest, readings: torch.Tensor, encoded: Encoded) -> float:
    """Return a reward model's score from the readings of every token [S, labels] (or of a graph that pools [1,
    labels])."""
    labels, head = manifest["graph"]["labels"], manifest.get("head") or {}
    mean, std = head.get("mean", 0.0), head.get("std", 1.0)
    last = sigmoid if head.get("final") == "sigmoid" else float
    if rules := manifest.get("likelihood"):
        return last((rules["beta"] * likelihood(manifest, readings, encoded, len(encoded.ids) - 1) - mean) / std)
    row = activate(readings[[encoded.row if encoded.place is None else encoded.place]], head.get("activation"))[0]
    values = dict(zip(labels, row.tolist(), strict=True))
    if head.get("weights"):
        value = sum(weight * values[label] for label, weight in head["weights"].items())
    elif head.get("gates"):
        gates = dict(zip(labels, activate(readings[[encoded.prompt]], head.get("activation"))[0].tolist(), strict=True))
        value = sum(gates[gate] * values[name] for name, gate in zip(head["gates"]["values"], head["gates"]["gates"], strict=True))
    else:
        value = values[head.get("label", labels[0])]
    return last((value - mean) / std)


def likelihood(manifest: Manifest, readings: torch.Tensor, encoded: Encoded, last: int, first: int | None = None) -> float:
    """Return Σ (policy − reference) over the tokens first (default: of the response) to last, or their mean."""
    start, rules = encoded.response if first is None else first, manifest.get("likelihood")
    assert start is not None and rules, "an item of a likelihood has a response"
    rows = readings[start - 1:last].double()
    values = rows[:, 0] - rows[:, 1] if rows.shape[1] == 2 else rows[:, 0]
    return (values.mean() if rules["norm"] == "mean" else values.sum()).item()


def steps(manifest: Manifest, readings: torch.Tensor, encoded: Encoded) -> list[float | None]:
    """Return one score for each step, None where it is skipped."""
    rules, labels = manifest["steps"], manifest["graph"]["labels"]
    skip, activation = rules.get("skip", 0), rules.get("activation")
    if ratio := manifest.get("likelihood"):
        first, found = encoded.response, []
        for end in encoded.steps:
            value = ratio["beta"] * likelihood(manifest, readings, encoded, end, first)
            first = encoded.response if rules.get("accumulate", True) else end + 1
            found.append(sigmoid(value) if activation == "sigmoid" else value)
    else:
        wanted = rules["label"] if isinstance(rules["label"], list) else [rules["label"]]
        columns = [labels.index(label) for label in wanted]
        found = activate(readings[encoded.steps], activation)[:, columns].sum(1).tolist()
    return [None] * min(skip, len(found)) + found[skip:]


def pair(manifest: Manifest, rows: list[torch.Tensor]) -> float:
    """Return the probability that the chosen response is better, from the rows [1, labels] of (chosen, rejected) and
    the other order."""
    rules, column = manifest["pair"], manifest["graph"]["labels"].index(manifest["pair"]["label"])
    first, second = (log_odds(row[0], column, rules["activation"]) for row in rows)
    if rules["orders"] == "probability":
        return (sigmoid(first) + 1 - sigmoid(second)) / 2
    return sigmoid((first - second) / 2)


def log_odds(row: torch.Tensor, column: int, activation: str) -> float:
    """Return the log-odds of a column of a row [labels] after its activation, softmax or sigmoid."""
    row = row.double()
    if activation == "sigmoid":
        return row[column].item()
    return (row[column] - torch.cat((row[:column], row[column + 1:])).logsumexp(0)).item()


def sigmoid(value: float) -> float:
    """Return 1 / (1 + exp(-value)) without overflow."""
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


def preference(manifest: Manifest, rows: list[tuple[torch.Tensor, torch.Tensor | None]]) -> float:
    """Return the probability that the first response is preferred; rows are each response's own [labels] and its
    prompt's."""
    rules, labels = manifest["preference"], manifest["graph"]["labels"]
    vectors = [row.double()[[labels.index(name) for name in rules["embedding"]]] for row, _ in rows]
    if rules.get("normalize"):
        vectors = [vector / vector.norm() for vector in vectors]
    scale = torch.ones(len(vectors[0]) // 2, dtype=torch.float64)
    if rules.get("scale"):
        prompt = rows[0][1]
        assert prompt is not None, "scales are read at the prompt"
        scale = prompt.double()[[labels.index(name) for name in rules["scale"]]]
    one, other = vectors
    score = (scale * (one[0::2] * other[1::2] - one[1::2] * other[0::2])).sum().item()
    if not math.isfinite(score):
        raise ExportError("PyTorch's own preference is not finite")
    return sigmoid(score / rules["temperature"])
