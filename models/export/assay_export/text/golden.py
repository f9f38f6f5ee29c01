"""Golden pairs: items as users give them, with the scores that PyTorch gives."""

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Protocol

import torch

from ..errors import ExportError
from ..fields import Manifest
from . import scores
from .places import Encoded, encode
from .render import Refusal
from .text import BESIDE, TextRules, beside

REWARD_ITEMS: list[dict] = [
    {"prompt": "What is 12 + 30?", "response": "42"},
    {"prompt": "What is 12 + 30?", "response": "It is 41, because 12 + 30 = 41."},
    {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi! How can I help?"},
                  {"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": "Blue."}]},
]
PROCESS_ITEMS: list[dict] = [
    {"prompt": "What is 2 + 2 + 3?", "steps": ["2 + 2 = 4.", "4 + 3 = 7.", "The answer is 7."]},
    {"prompt": "What is 2 + 2 + 3?", "steps": ["2 + 2 = 5.", "5 + 3 = 8."]},
]

FORMS = (("messages",), ("prompt", "response"), ("messages", "steps"), ("prompt", "steps"), ("text",), ("input_ids",))
PAIR_FORMS = (("messages", "chosen", "rejected"), ("prompt", "chosen", "rejected"))
TEXT_FORMS = (("text",), ("input_ids",))
CHOICE_FORMS = (("messages", "candidates"), ("prompt", "candidates"), ("text", "candidates"))
"""Fields of an item, of one for a model that compares two responses, for one that embeds, and for one that is asked for
candidates."""

CHOICES: list[dict] = [
    {"prompt": "Is 12 + 30 equal to 42? Answer Y or N.", "candidates": ["Y", "N"]},
    {"prompt": "What is 3 + 4? Answer with one digit.", "candidates": ["5", "6", "7", "8"]},
    {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi! How can I help?"},
                  {"role": "user", "content": "Which is a colour? A: Seven. B: Blue. C: Loud."}], "candidates": ["A", "B", "C"]},
]
TEXTS: list[dict] = [
    {"text": "What is 12 + 30?"},
    {"text": "It is 42, because 12 + 30 = 42."},
    {"text": "A lighthouse keeper writes to her brother about the weather, the price of oil and a ship that passed in the night."},
]
"""What an embedding model reads."""

PAIRS = [
    {"prompt": "What is 12 + 30?", "chosen": "42", "rejected": "It is 41, because 12 + 30 = 41."},
    {"prompt": "Name a colour.", "chosen": "Blue.", "rejected": "Seven."},
]
OWN = {"reference": "12 + 30 = 42.", "principle": "correctness"}
"""What golden items of our own have beside the conversation, where the template names it."""


class Readings(Protocol):
    """What gives the readings of every token of a sequence, as reference.Reference does."""

    def readings(self, ids: list[int], types: list[int] | None = None) -> torch.Tensor: ...


def read_items(path: Path) -> list[dict]:
    """Return the items of a JSON-lines file: items themselves, or golden pairs whose `item` or `pair` is taken."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise ExportError(f"{path}: {error}") from None
    for number, line in enumerate(lines, 1):
        if not isinstance(line, dict):
            raise ExportError(f"{path}: line {number} is {json.dumps(line)[:40]}, and a golden item is an object")
    return [line.get("item", line.get("pair", line)) for line in lines]


def default_items(rules: TextRules) -> list[dict]:
    """Return a few items of our own for a model that takes conversations or embeds texts, none for any other.

    An item that the template itself refuses is left out; ExportError when it refuses all, or when another cannot be
    made, or when two of them have the same ids, so that the template leaves out what was said.
    """
    kind = rules.manifest["kind"]
    if kind == "embedding":
        return TEXTS
    if not rules.conversations:
        return []
    items, said = {"pair": PAIRS, "preference": PAIRS, "process": PROCESS_ITEMS, "choice": CHOICES}.get(kind, REWARD_ITEMS), None
    fields = rules.part("template").get("fields") or {}
    kept: list[dict] = []
    seen: set[tuple[int, ...]] = set()
    for number, item in enumerate(items):
        item = item | {name: OWN[name] for name, need in fields.items() if need == "required" or number > 0}
        try:
            texts = {tuple(encode(rules, one).ids) for one in sequences(item, kind)}
        except Refusal as error:
            said = error
            continue
        if texts & seen or ("chosen" in item and len(texts) < 2):
            raise ExportError("the chat template renders different conversations alike, so it leaves out what was said; it may want content as a list "
                              "of parts, where a text is given")
        kept.append(item)
        seen |= texts
    if not kept:
        raise ExportError(f"no golden item can be made, so give some with --golden: {said}") from said
    return kept


def sequences(item: dict, kind: str) -> list[dict]:
    """Return what a model reads of a golden item: the item itself, of two responses both orders or each, or each
    candidate behind the prompt."""
    if "candidates" in item:
        prompt = {key: value for key, value in item.items() if key != "candidates"}
        return [prompt | {"candidate": one} for one in item["candidates"]]
    if "chosen" not in item:
        return [item]
    rest = {key: value for key, value in item.items() if key not in ("chosen", "rejected")}
    one, other = item["chosen"], item["rejected"]
    if kind == "pair":
        return [rest | {"first": one, "second": other}, rest | {"first": other, "second": one}]
    return [rest | {"response": one}, rest | {"response": other}]


def check_item(item: dict, kind: str, fields: dict[str, str]) -> None:
    """Refuse an item that a model of the kind, whose template names these fields, cannot be asked about."""
    forms = {"pair": PAIR_FORMS, "preference": PAIR_FORMS, "choice": CHOICE_FORMS, "embedding": TEXT_FORMS}.get(kind, FORMS)
    if set(item) - set(BESIDE) not in map(set, forms):
        known = " or ".join(" with ".join(form) for form in forms)
        raise ExportError(f"golden item {json.dumps(item)[:80]} must have {known}, as a model of kind {kind} needs it")
    rendered = "text" in item or "input_ids" in item
    for name in BESIDE:
        if name in item and (rendered or name not in fields):
            why = "text is rendered already" if rendered else "the template names none"
            raise ExportError(f"golden item {json.dumps(item)[:80]} has {name}, and {why}")
        if name not in item and not rendered and fields.get(name) == "required":
            raise ExportError(f"golden item {json.dumps(item)[:80]} lacks {name}, which the template needs")


def undated(items: list[dict], rules: TextRules) -> list[dict]:
    """Return the items as text that is rendered already where the template writes today's date; none of those that must
    show more than text."""
    if not rules.dated:
        return items
    joint = rules.part("steps").get("tokenize", "joint") == "joint"
    if rules.manifest["kind"] not in ("reward", "process") or rules.part("likelihood") or rules.part("read").get("prompt") or not joint:
        return [item for item in items if "text" in item or "input_ids" in item]
    return [item if "text" in item or "input_ids" in item else {"text": rules.render(rules.messages(item), False, **beside(item))} for item in items]


def golden_pairs(items: Iterable[dict], reference: Readings, rules: TextRules, max_tokens: int) -> list[dict]:
    """Return each item with its `ids` and what PyTorch gives: `score`, `steps`, `probability`, `vector`, or `logits`
    and `log_sum`."""
    kind = rules.manifest["kind"]
    for item in items:
        check_item(item, kind, rules.part("template").get("fields") or {})
    make = {"pair": both_orders, "preference": preferred, "choice": chosen, "embedding": embedded}.get(kind, scored)
    return [make(item, partial(read, item=item, reference=reference, rules=rules, max_tokens=max_tokens), rules.manifest) for item in items]


Reader = Callable[[dict], tuple[Encoded, torch.Tensor]]


def scored(item: dict, reader: Reader, manifest: Manifest) -> dict:
    """Return the golden pair of a reward or process item."""
    encoded, readings = reader(item)
    pair = {"item": item, "ids": encoded.ids}
    if manifest["kind"] == "process":
        places = encoded.steps[manifest["steps"].get("skip", 0):]
        return pair | ({} if manifest.get("likelihood") else {"read": places}) | {"steps": scores.steps(manifest, readings, encoded)}
    score = scores.reward(manifest, readings, encoded)
    return pair | ({"read": encoded.read()} if encoded.place is not None else {}) | {"score": score}


def both_orders(item: dict, reader: Reader, manifest: Manifest) -> dict:
    """Return the golden pair of a pair model, which reads (chosen, rejected) and (rejected, chosen)."""
    orders = [reader(one) for one in sequences(item, "pair")]
    rows = [readings[-1 if encoded.place is None else encoded.place][None] for encoded, readings in orders]
    return {"pair": item, "ids": [encoded.ids for encoded, _ in orders], "probability": scores.pair(manifest, rows)}


def preferred(item: dict, reader: Reader, manifest: Manifest) -> dict:
    """Return the golden pair of a preference model, which reads chosen and rejected apart."""
    both = [reader(one) for one in sequences(item, "preference")]
    rows = [(readings[encoded.place], None if encoded.prompt is None else readings[encoded.prompt]) for encoded, readings in both]
    return {"pair": item, "ids": [encoded.ids for encoded, _ in both], "probability": scores.preference(manifest, rows)}


def chosen(item: dict, reader: Reader, manifest: Manifest) -> dict:
    """Return the golden pair of a model that is asked for candidates: each one's id and logit, and the vocabulary's log
    Σ exp."""
    each = [reader(one) for one in sequences(item, "choice")]
    rows = [readings[encoded.place].double().tolist() for encoded, readings in each]
    return {"item": item, "ids": each[0][0].ids[:-1], "tokens": [encoded.ids[-1] for encoded, _ in each],
            "logits": [logit for logit, _ in rows], "log_sum": rows[0][1]}


def embedded(item: dict, reader: Reader, manifest: Manifest) -> dict:
    """Return the golden pair of an embedding model: the text's vector, whose numbers are a float32's nine digits."""
    encoded, readings = reader(item)
    row = readings[encoded.row if encoded.place is None else encoded.place]
    return {"item": item, "ids": encoded.ids, "vector": [float(f"{value:.9g}") for value in row.tolist()]}


def read(one: dict, item: dict, reference: Readings, rules: TextRules, max_tokens: int) -> tuple[Encoded, torch.Tensor]:
    """Return an item's ids with the places read, and its readings; ExportError when they cannot be had."""
    encoded = encode(rules, one)
    if not 0 < len(encoded.ids) <= max_tokens:
        raise ExportError(f"golden item {json.dumps(item)[:80]} has {len(encoded.ids)} tokens, and 1 to {max_tokens} are accepted")
    readings = reference.readings(encoded.ids, rules.types(encoded.ids))
    if not readings.isfinite().all():
        raise ExportError(f"golden item {json.dumps(item)[:80]}: PyTorch's own readings are not finite")
    return encoded, readings


def write_pairs(path: Path, pairs: list[dict]) -> None:
    """Write one JSON object a line."""
    path.write_text("".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs), encoding="utf-8")
