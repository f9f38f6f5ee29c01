"""Holding config.json to the keys that are known: each is heeded, harmless, or refused by name.

A key that nobody reads may be one that the authors' code read: another direction of attention, a multiplier, a kind of
position. transformers keeps such a key and goes on without a word, and so would both references of the check. Here it
ends the export, until the user says of it that it is harmless.
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path

from ..errors import ExportError
from ..read.family import Family
from .bodies import ROPE, Body, Keys, check_type

ROTATIONS = ("rope_scaling", "rope_parameters")
"""Objects whose keys are held to ROPE."""

BESIDE = {"partial_rotary_factor", "mrope_section", "mrope_interleaved"}
"""Keys that may stand inside those objects or beside them."""

SHOWN = 60
"""Characters of a value in a sentence."""


def check_keys(raw: dict, path: Path | str, family: Family | None = None, harmless: Collection[str] = (), option: str = "--harmless") -> list[str]:
    """Refuse keys of a config.json, raw, that are not known, and values that are not supported; return the harmless
    ones that it has.

    family may name keys of its authors' classes; harmless are unknown keys that change no score, as the user says with
    `option`.
    """
    model_type = (family.body if family else {}).get("model_type", raw.get("model_type"))
    body = check_type(model_type, str(path))
    own = family.known_keys if family else set()
    unknown = [*unknown_keys(raw, body.keys, own, body.model_type, str(path)), *unknown_rotations(raw, body, str(path))]
    refuse_unknown(unknown, harmless, body.model_type, str(path), option)
    return unknown


def refuse_unknown(unknown: list[str], harmless: Collection[str], model_type: str, path: str, option: str = "--harmless") -> None:
    """Refuse the unknown keys that the user does not say are harmless."""
    left = [name for name in unknown if name not in harmless]
    if left:
        several = len(left) > 1
        raise ExportError(f"{path}: {', '.join(left)} {'are keys' if several else 'is a key'} that a {model_type} is not known to have here, so whether "
                          f"{'they change' if several else 'it changes'} the scores is unknown; {' '.join(f'{option} {name}' for name in left)} "
                          f"says that {'they do' if several else 'it does'} not")


def check_harmless(given: Collection[str], found: Collection[str], path: Path | str, option: str = "--harmless") -> None:
    """Refuse to call a key harmless that config.json has not, or that is known."""
    for name in given:
        if name not in found:
            raise ExportError(f"{option} {name}: {path} has no such key, or what it does is known")


def unknown_keys(raw: dict, known: Keys, own: set[str], model_type: str, path: str) -> Iterator[str]:
    """Give the keys of an object with a value that are not known; refuse values that are not supported."""
    for key, value in raw.items():
        if value is None or key in own or key in known.used or key in known.harmless:
            continue
        if key not in known.only:
            yield key
            continue
        only = known.only[key]
        if not any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in only.values):
            right = " or ".join(json.dumps(one) for one in only.values)
            raise ExportError(f"{path}: {key}: {json.dumps(value)[:SHOWN]}{f', {only.why},' if only.why else ''} is not supported for {model_type}; "
                              f"supported {f'is {right}, and' if right else 'is'} a config without it")


def unknown_rotations(raw: dict, body: Body, path: str) -> Iterator[str]:
    """Give the unknown keys inside the objects about rotations, which may hold one object for each type of layer."""
    keys = body.keys
    only = ROPE.only | {key: only for key, only in keys.only.items() if key in BESIDE}
    known = Keys(ROPE.used | keys.used & BESIDE | body.rotation, ROPE.harmless | keys.harmless & BESIDE, only)
    for name in ROTATIONS:
        for inner, entries in nested(name, raw.get(name)):
            yield from (f"{inner}.{key}" for key in unknown_keys(entries, known, set(), body.model_type, f"{path}: {inner}"))


def nested(name: str, value) -> Iterator[tuple[str, dict]]:
    """Give an object's own entries, and the objects inside it, each with its name."""
    if isinstance(value, dict):
        yield name, {key: entry for key, entry in value.items() if not isinstance(entry, dict)}
        for key, entry in value.items():
            yield from nested(f"{name}.{key}", entry)
