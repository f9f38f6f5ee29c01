"""The server's own rendering and tokens: a bundle's text side as the `assay` binary has it, held to transformers' on
probe conversations.

The server runs templates on an engine of its own and tokenizers through a library of its own, and this package neither.
Both are known to agree on many templates; this holds them to it on the one that is exported.
"""

import json
import os
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path

from ..errors import ExportError
from ..text.places import encode
from ..text.probes import probes
from ..text.render import Refusal
from ..text.text import TextRules, Watched, beside

CHECKOUT = Path(__file__).parents[4]
"""Of the repository, where this package is run from one."""

DAY = "2024-07-26"
"""The day that a template writes for both engines, where the manifest fixes none."""

SECONDS = 300
"""That the binary may take."""

TEMPLATE_ERROR = "template_error"
"""The server's code for a conversation that its template did not render."""


def find(given: Path | None) -> Path | None:
    """Return the binary: the one that is given, else `assay` on PATH, else the checkout's own; None where there is
    none."""
    if given is not None:
        if not (given.is_file() and os.access(given, os.X_OK)):
            raise ExportError(f"--assay {given} is no program that can be run")
        return given.resolve()
    if on_path := shutil.which("assay"):
        return Path(on_path)
    built = CHECKOUT / "bin" / "assay"
    return built if (CHECKOUT / "go.mod").is_file() and os.access(built, os.X_OK) else None


def hold(assay: Path, bundle: Path, rules: TextRules) -> None:
    """Compare what the binary makes of the probes with transformers' text and this package's ids and places.

    ExportError tells the first difference, or why the binary does not take the bundle.
    """
    if rules.dated:
        rules = TextRules(rules.tokenizer, rules.template, deepcopy(rules.manifest), rules.pad)
        rules.part("template")["date"] = DAY
    items = probes(rules)
    for number, (item, theirs) in enumerate(zip(items, tokenized(assay, bundle, items), strict=True), 1):
        compare(f"probe conversation {number}, {json.dumps(item, ensure_ascii=False)[:160]}", item, theirs, rules)


def tokenized(assay: Path, bundle: Path, items: list[dict]) -> list[dict]:
    """Return what the binary says of each item, as `assay tokenize --json` has it."""
    if not items:
        return []
    command = [str(assay), "tokenize", "--json", "--date", DAY, str(bundle)]
    try:
        ran = subprocess.run(command, input="".join(json.dumps(item) + "\n" for item in items), capture_output=True, encoding="utf-8", timeout=SECONDS)
        answers = [json.loads(line) for line in ran.stdout.splitlines()]
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ExportError(f"{assay} tokenize cannot be asked what a server would read: {type(error).__name__}; give another binary with --assay") from error
    if len(answers) == len(items) and all(isinstance(answer, dict) for answer in answers):
        return answers
    said = " ".join(ran.stderr.split())[:300] or f"it ended with status {ran.returncode} and {len(answers)} answers to {len(items)} items"
    if ran.returncode == 1 and "bad_bundle" in said:
        raise ExportError(f"a server would refuse the bundle: {said}")
    raise ExportError(f"{assay} does not say what a server would read, so it may be of another version: {said}; give another with --assay")


def compare(what: str, item: dict, theirs: dict, rules: TextRules) -> None:
    """Refuse an item that the server renders or reads otherwise than this package. What either refuses for other
    reasons than the template's, such as its length, says nothing."""
    watched, refused, said = Watched(rules.tokenizer, rules.template, rules.manifest, rules.pad), theirs.get("error"), None
    try:
        ids, places = read(watched, item)
    except ExportError as error:
        ids, places, said = [], [], error
    if said is None and refused is not None and refused.get("code") == TEMPLATE_ERROR:
        raise ExportError(f"{what}: a server would not render it as transformers does: {str(refused.get('detail'))[:200]}")
    if refused is None and (watched.refused is not None or isinstance(said, Refusal)):
        raise ExportError(f"{what}: a server would render it, and transformers does not: {said}")
    if refused is not None or not ids:
        return
    if "text" in theirs and watched.text is not None and theirs["text"] != watched.text:
        at = first(theirs["text"], watched.text)
        raise ExportError(f"{what}: a server would render it otherwise than transformers from character {at} on: {theirs['text'][at:at + 40]!r}, "
                          f"and transformers has {watched.text[at:at + 40]!r}")
    for name, ours, other in (("ids", ids, theirs.get("input_ids", [])), ("places read", places, theirs.get("read", []))):
        if ours != other:
            at = first(ours, other)
            raise ExportError(f"{what}: its {name} would be others in a server from index {at} on: {other[at:at + 6]}, and here {ours[at:at + 6]} "
                              f"({len(other)} and {len(ours)} in all)")


def read(rules: TextRules, item: dict) -> tuple[list[int], list[int]]:
    """Return an item's ids and the places read, the last where the graph pools; a choice model's prompt alone."""
    if rules.manifest["kind"] == "choice":
        ids = rules.policies(rules.tokenize(rules.render(rules.messages(item), add_generation_prompt=True, **beside(item))))
        return ids, [len(ids) - 1]
    encoded = encode(rules, item)
    return encoded.ids, encoded.read(rules.part("steps").get("skip", 0)) or [len(encoded.ids) - 1]


def first(one, other) -> int:
    """Return where two sequences begin to differ."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
