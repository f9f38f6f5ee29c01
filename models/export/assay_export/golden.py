"""Golden pairs: items as users give them, with the scores that PyTorch gives."""

import json
from collections.abc import Iterable
from pathlib import Path

from .errors import ExportError
from .reference import Reference, step_scores
from .text import TextRules

REWARD_ITEMS = [
    {"prompt": "What is 12 + 30?", "response": "42"},
    {"prompt": "What is 12 + 30?", "response": "It is 41, because 12 + 30 = 41."},
    {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi! How can I help?"},
                  {"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": "Blue."}]},
]
PROCESS_ITEMS = [
    {"prompt": "What is 2 + 2 + 3?", "steps": ["2 + 2 = 4.", "4 + 3 = 7.", "The answer is 7."]},
    {"prompt": "What is 2 + 2 + 3?", "steps": ["2 + 2 = 5.", "5 + 3 = 8."]},
]


def read_items(path: Path) -> list[dict]:
    """Return the items of a JSON-lines file: items themselves, or golden pairs whose `item` is taken."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise ExportError(f"{path}: {error}") from None
    return [line.get("item", line) for line in lines]


def default_items(kind: str, rules: TextRules) -> list[dict]:
    """Return a few items of our own for a model that has a chat template; none for one without."""
    if rules.template is None:
        return []
    return REWARD_ITEMS if kind == "reward" else PROCESS_ITEMS


def golden_pairs(items: Iterable[dict], reference: Reference, rules: TextRules, kind: str, *, column: int, activation: str,
                 mean: float, std: float, max_tokens: int) -> list[dict]:
    """Return each item with its `ids` and its `score` (reward) or `steps` (process) from PyTorch."""
    pairs = []
    for item in items:
        ids = rules.encode(item)
        if not 0 < len(ids) <= max_tokens:
            raise ExportError(f"golden item {json.dumps(item)[:80]} has {len(ids)} tokens, and 1 to {max_tokens} are accepted")
        readings = reference.readings(ids)
        if not readings.isfinite().all():
            raise ExportError(f"golden item {json.dumps(item)[:80]}: PyTorch's own readings are not finite")
        pair = {"item": item, "ids": ids}
        if kind == "reward":
            pair["score"] = (readings[-1, 0].item() - mean) / std
        else:
            pair["steps"] = step_scores(readings[step_ends(ids, rules)], column, activation)
        pairs.append(pair)
    return pairs


def step_ends(ids: list[int], rules: TextRules) -> list[int]:
    """Return the positions of the step separators; ExportError when there is none."""
    separator = rules.separator_id()
    ends = [at for at, token in enumerate(ids) if token == separator]
    if not ends:
        raise ExportError(f"a golden item has no separator {rules.separator!r}")
    return ends


def write_pairs(path: Path, pairs: list[dict]) -> None:
    """Write one JSON object a line."""
    path.write_text("".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs), encoding="utf-8")
