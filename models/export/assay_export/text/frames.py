"""What a tokenizer writes around one text or two by itself, and how conversations become the one text of a
classifier."""

from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer

from ..errors import ExportError
from ..read.family import OWN, Family
from .render import render
from .settings import TextSettings

RULES = {"response": "{{ messages[-1]['content'] }}", "conversation": "{% for message in messages %}{{ message['content'] }}{% endfor %}"}
"""Templates by which a conversation becomes one text where the checkpoint has none: its last turn, or all of them, one
behind the other."""

PROBES = (("What is 12 + 30?", "It is 42."), ("x", "Yes"))
"""Texts that a tokenizer writes the same around."""


def around(theirs, *texts: str) -> list[list[int]]:
    """Return the ids that a tokenizer of transformers writes before, between and behind texts; ExportError when they
    cannot be told."""
    whole, found, at = theirs(*texts)["input_ids"], [], 0
    for text in texts:
        own = theirs(text, add_special_tokens=False)["input_ids"]
        start = next((start for start in range(at, len(whole) - len(own) + 1) if whole[start:start + len(own)] == own), None)
        if start is None:
            raise ExportError(f"tokenizer.json gives {text!r} other ids among its special tokens than alone, so what it writes around a text is unknown")
        found.append(whole[at:start])
        at = start + len(own)
    return [*found, whole[at:]]


def same_around(theirs, count: int) -> list[list[int]]:
    """Return what a tokenizer writes around so many texts, whatever they are; ExportError when it writes other ids
    around other texts."""
    found = [around(theirs, *texts[:count]) for texts in PROBES]
    if found[0] != found[1]:
        raise ExportError(f"tokenizer.json writes the ids {found[0]} around one text and {found[1]} around another")
    return found[0]


def frame(theirs) -> dict[str, list[int]] | None:
    """Return the manifest's frame: what a tokenizer writes before and behind one text; None when that is nothing."""
    before, after = same_around(theirs, 1)
    return {"before": before, "after": after} if before or after else None


def two_texts(theirs, tokenizer: Tokenizer) -> tuple[list[dict], int | None]:
    """Return the segments of a prompt and a response as a tokenizer puts two texts together, and the id behind whose
    first place its token types are 1; None when they never are."""
    before, between, after = ([{"token": tokenizer.id_to_token(one)} for one in ids] for ids in same_around(theirs, 2))
    encoded = theirs(*PROBES[0])
    ids, types = encoded["input_ids"], encoded.get("token_type_ids") or []
    segments: list[dict] = [*before, {"text": "prompt"}, *between, {"text": "response"}, *after]
    if 1 not in types:
        return segments, None
    first = types.index(1)
    if first == 0 or ids.index(ids[first - 1]) != first - 1 or set(types[first:]) != {1}:
        raise ExportError(f"tokenizer.json gives two texts the token types {types}, and they must be 0 up to the first of one id and 1 behind it")
    return segments, ids[first - 1]


def with_text(family: Family, directory: Path, own: str | None, asked: str | None) -> tuple[Family, list[str]]:
    """Return a family of one text with the template that makes it, and sentences for the user.

    own is the checkpoint's chat template; asked names one of RULES, which then goes before it.
    """
    if asked is not None:
        return replace(family, template=RULES[asked]), []
    if own is not None:
        return family, [f"{directory}: a conversation becomes one text by the checkpoint's chat template; --text response reads its last turn alone"]
    return replace(family, template=RULES["response"]), [
        f"{directory} has no chat template: of a conversation the last turn alone is read; --text conversation reads all turns, one behind the other"]


def fitting(found: dict[str, list[int]] | None, settings: TextSettings, tokenizer: Tokenizer) -> tuple[dict[str, list[int]] | None, list[str]]:
    """Return the frame, or None where the chat template writes it already, and sentences for the user.

    ExportError when the template writes one side of it alone.
    """
    if found is None or settings.template is None:
        return found, []
    turns = [{"role": "user", "content": PROBES[0][0]}, {"role": "assistant", "content": PROBES[0][1]}]
    ids = tokenizer.encode(render(settings.template, turns, None, False, settings.variables), add_special_tokens=False).ids
    before, after = found["before"], found["after"]
    leads, ends = bool(before) and ids[:len(before)] == before, bool(after) and ids[-len(after):] == after
    if not leads and not ends:
        return found, []
    if leads != ends and before and after:
        raise ExportError(f"the chat template writes what the tokenizer puts {'before' if leads else 'behind'} a text, and not what it puts "
                          f"{'behind' if leads else 'before'} it, so what the model was trained with is unknown; --text response or --text "
                          "conversation makes a text without the template")
    return None, ["the chat template writes what the tokenizer puts around a text, so it is not put there again, and text items must have it"]


def put_together(family: Family, own: dict, tokenizer: Tokenizer, theirs, directory: Path) -> tuple[Family, list[str]]:
    """Return a family with the segments that the tokenizer itself writes, where it asks for those, and sentences for
    the user.

    own is the manifest's tokenizer, which gets the rule of the token types, or loses it where the tokenizer gives none.
    """
    if family.segments == OWN:
        segments, own["type_after"] = two_texts(theirs, tokenizer)
        return replace(family, segments=segments), []
    if own.get("type_after") is None or theirs(*PROBES[0]).get("token_type_ids") is not None:
        return family, []
    own["type_after"] = None
    return family, [f"{directory / 'tokenizer_config.json'}: the tokenizer gives no token_type_ids (model_input_names), so they are 0 throughout, as "
                    "transformers has it"]


def instructed(family: Family, instruction: str | None) -> Family:
    """Return a family whose segments have an instruction before the prompt, in one piece with it as the authors put it
    there."""
    if not instruction:
        return family
    assert family.instruction is not None and isinstance(family.segments, list), "check_options refuses an instruction for others"
    added = family.instruction.replace("{}", instruction)
    return replace(family, segments=[part | {"fixed": added + part.get("fixed", "")} if part.get("text") == "prompt" else part
                                     for part in family.segments])
