"""The second reference: golden pairs held to the checkpoint as transformers itself loads it.

The first reference is built by this package's own reading of the directory, as the graph is, so an error in reading is
on both sides of their comparison. Here nothing of that reading is used: weights, head, pooling, tokenizer and template
are those of `from_pretrained`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer

from ..errors import ExportError
from ..load.checkpoint import read_config
from ..models.tolerance import TOLERANCE, apart
from ..read.family import Family
from ..text.golden import Readings, golden_pairs, sequences
from ..text.places import encode
from ..text.text import TextRules
from .reach import Far
from .theirs import TheirRules, model_of, rows

PROBES = ("What is 12 + 30?", " Hello,  World!\n\n\tÀ la CARTE: naïve Straße ½ ①", "'s 're DON'T 1234567 3.14 a_b-c@d.e/f\r\n",
          "日本語と中文 한국어 🙂👍🏽", "NaOH eBay mL iPhone", "x")
"""Texts of many kinds, for which tokenizers that are read otherwise seldom give the same ids."""


@dataclass
class Second:
    """Where a checkpoint's second reference comes from."""

    directories: dict[Path, str]
    """The checkpoint, and a likelihood's reference model, each with its class."""
    tokenizer: object
    """As AutoTokenizer loads it."""
    form: dict
    """The family's head, with its names resolved."""
    template: str | None
    """The family's own; None: the tokenizer's."""
    pooled: bool
    """A sequence classifier is read where transformers reads it."""
    labels: int | None
    """Of the head, where config.json does not say."""

    def hold(self, items: list[dict], pairs: list[dict], rules: TextRules, types: bool, max_tokens: int, reference: Readings, far: Far | None) -> None:
        """Compare golden pairs with transformers' own, and the first reference's reading of a long sequence, where
        there is one.

        ExportError tells the first difference. types: the model looks at token types.
        """
        kind, theirs = rules.manifest["kind"], TheirRules(rules, self.tokenizer, self.template)
        given: dict[tuple[int, ...], list[int] | None] = {}
        for number, item in enumerate(items, 1):
            for one in sequences(item, kind):
                ours, other = encode(rules, one).ids, encode(theirs, one).ids
                hold_ids(f"golden item {number}, {json.dumps(item, ensure_ascii=False)[:80]}: its ids", ours, other)
                given[tuple(other)] = theirs.types(other) if types else None
                if types:
                    hold_ids(f"golden item {number}, {json.dumps(item, ensure_ascii=False)[:80]}: its token_type_ids",
                             rules.types(ours) or [0] * len(ours), given[tuple(other)] or [0] * len(ours))
        if far is not None:
            given[tuple(far.ids)] = rules.types(far.ids) if types else None
        readings = self.readings(given)
        if far is not None:
            hold_far(far, reference.readings(far.ids, given[tuple(far.ids)]), readings[tuple(far.ids)])
        found = golden_pairs(items, Looked(readings), theirs, max_tokens)
        for number, (pair, right) in enumerate(zip(pairs, found, strict=True), 1):
            hold_pair(f"golden item {number}, {json.dumps(items[number - 1], ensure_ascii=False)[:80]}", pair, right, terms(pair, rules))

    def readings(self, given: dict[tuple[int, ...], list[int] | None]) -> dict[tuple[int, ...], torch.Tensor]:
        """Return the readings of sequences, given with their token types; models are loaded one after the other."""
        columns = []
        for directory, class_name in self.directories.items():
            model = model_of(directory, class_name, self.labels)
            columns.append([rows(model, self.form, list(ids), types, self.pooled) for ids, types in given.items()])
            del model
        return {ids: torch.cat(parts, -1) for ids, *parts in zip(given, *columns, strict=True)}


class Looked:
    """Readings that were computed already."""

    def __init__(self, found: dict[tuple[int, ...], torch.Tensor]):
        self.found = found

    def readings(self, ids: list[int], types: list[int] | None = None) -> torch.Tensor:
        return self.found[tuple(ids)]


def hold_ids(what: str, ours: list[int], theirs: list[int]) -> None:
    """Refuse ids that differ from transformers'."""
    if ours != theirs:
        at = next((at for at, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other), min(len(ours), len(theirs)))
        raise ExportError(f"{what} differ from transformers' own at index {at}: from there {ours[at:at + 6]}, and transformers has "
                          f"{theirs[at:at + 6]} ({len(ours)} and {len(theirs)} in all)")


def hold_pair(what: str, ours: dict, theirs: dict, count: int) -> None:
    """Refuse a golden pair whose scores differ from transformers'; count: of the terms that a score adds up."""
    for name in ("score", "probability", "steps", "logits", "log_sum"):
        mine, right = (value if isinstance(value := pair.get(name), list) else [value] for pair in (ours, theirs))
        for at, (have, want) in enumerate(zip(mine, right, strict=True)):
            field = f"{name}[{at}]" if name in ("steps", "logits") else name
            if (have is None) != (want is None):
                raise ExportError(f"{what}: its {field} is {have} as this package reads the checkpoint, and {want} as transformers loads it")
            if have is not None and not apart(have, want, count) <= TOLERANCE:
                raise ExportError(f"{what}: its {field} is {have:.7g} as this package reads the checkpoint, and {want:.7g} as transformers "
                                  f"loads it; {TOLERANCE:.0e} of it is allowed")


def hold_far(far: Far, ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Refuse readings of a long sequence that differ from transformers'; those of an encoder are of the whole."""
    at = 0 if len(ours) == 1 else far.places[-1]
    for have, want in zip(ours[at].tolist(), theirs[0 if len(theirs) == 1 else at].tolist(), strict=True):
        if not apart(have, want) <= TOLERANCE:
            raise ExportError(f"a sequence of {len(far.ids)} tokens reads {have:.7g} as this package reads the checkpoint, and {want:.7g} as transformers "
                              f"loads it; {TOLERANCE:.0e} of it is allowed")


def terms(pair: dict, rules: TextRules) -> int:
    """Return how many numbers a golden pair's scores add up: the tokens of a likelihood's sum."""
    return len(pair["ids"]) if rules.part("likelihood").get("norm") == "sum" else 1


def hold_tokenizer(path: Path, ours: Tokenizer, theirs, vocab_size: int | None) -> None:
    """Refuse a tokenizer.json that gives other ids than the tokenizer as transformers loads the directory.

    What gives ids from vocab_size on is passed over: transformers adds a token that only tokenizer_config.json names,
    and no model reads it.
    """
    added = {token.content for token in ours.get_added_tokens_decoder().values()} | {token.content for token in theirs.added_tokens_decoder.values()}
    for text in (*PROBES, *(f"a{token} b" for token in sorted(added))):
        have, want = ours.encode(text, add_special_tokens=False).ids, theirs(text, add_special_tokens=False)["input_ids"]
        if have != want and (vocab_size is None or max(want, default=0) < vocab_size):
            raise ExportError(f"{path} gives {text!r} the ids {have[:12]}, and AutoTokenizer, which reads tokenizer_config.json too, {want[:12]}; "
                              "save the tokenizer that the model was trained with once more, with transformers' save_pretrained")


def second_of(source: Path, class_name: str, reference: Path | None, family: Family, raw: dict, form: dict, tokenizer, pooled: bool,
              labels: int) -> Second | None:
    """Return a checkpoint's second reference, or None where its code is the authors' own.

    reference is a likelihood's second directory; form the family's head with its names resolved; pooled: scores are
    read where transformers reads them; labels: how many rows the head has.
    """
    if family.class_of != "transformers":
        return None
    directories = {source: class_name}
    if reference is not None:
        directories[reference] = read_config(reference)[1]
    around = family.prelude or family.postlude
    template = family.template or (family.around(tokenizer.chat_template or "") if around else None)
    silent = form["form"] in ("linear", "classifier") and not {"num_labels", "id2label"} & set(raw)
    return Second(directories, tokenizer, form, template, pooled, labels if silent else None)
