"""Text settings of a checkpoint directory: chat template, special tokens as transformers has them, BOS policy, pad
id."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from tokenizers import Tokenizer

from ..errors import ExportError
from ..read.family import Family
from ..read.files import read_json, read_text
from .render import check_template

DEFAULT_SEPARATOR = "<extra_0>"


@dataclass
class TextSettings:
    """What a checkpoint says about text, in the words of the manifest."""

    template: str | None
    variables: dict[str, str] = field(default_factory=dict)
    bos: str = "none"
    bos_id: int | None = None
    pad_id: int | None = None
    notices: list[str] = field(default_factory=list)
    """Sentences for the user."""


def read_settings(directory: Path, tokenizer: Tokenizer, theirs, raw: dict, family: Family, bos: str | None = None) -> TextSettings:
    """Read a checkpoint's text settings; theirs is the tokenizer as transformers loads it, which knows the special
    tokens.

    bos overrules the BOS policy found ("none" | "one" | "two"); "own" is one where the tokenizer has a BOS, none where
    it has not. raw is config.json, whose pad id goes before the tokenizer's: it is what transformers' pooling looks
    for.
    """
    path, notices = directory / "tokenizer_config.json", []
    template = None if family.segments or family.kind == "embedding" else family.template or chat_template(directory, theirs)
    if template is None and not family.segments and family.kind != "embedding":
        other = ", and chat_template.json is read by processors only" if (directory / "chat_template.json").exists() else ""
        notices.append(f"{directory} has no chat template{other}, so the model takes text and ids only")
    template = family.around(template) if template else template
    named = special_tokens(theirs)
    variables = {name: value for name, value in named.items() if template and name in template}
    strange = next((name for name, value in variables.items() if tokenizer.token_to_id(value) is None), None)
    if strange is not None:
        raise ExportError(f"{path}: {strange} is {variables[strange]!r}, which the chat template writes and tokenizer.json does not have; save the "
                          "tokenizer that the model was trained with once more, with transformers' save_pretrained")
    bos_id = tokenizer.token_to_id(named["bos_token"]) if "bos_token" in named else None
    if bos == "own":
        bos = "one" if "bos_token" in named else "none"
    policy = bos or ("one" if puts_bos(theirs, bos_id, template) else "none")
    if policy != "none" and bos_id is None:
        raise ExportError(f"{path}: bos_token is missing or unknown to tokenizer.json, and bos {policy} needs it")
    pad_id = raw.get("pad_token_id")
    if pad_id is None and "pad_token" in named:
        pad_id = tokenizer.token_to_id(named["pad_token"])
    return TextSettings(template, variables, policy, bos_id if policy != "none" else None, pad_id, notices)


def check_text_files(directory: Path) -> None:
    """Refuse files about text that are no JSON objects or no text, before transformers stumbles over them."""
    for name in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"):
        if (directory / name).exists() or (directory / name).is_symlink():
            read_json(directory / name)
    path = directory / "chat_template.jinja"
    if path.exists() or path.is_symlink():
        check_template(read_text(path), str(path))
    path = directory / "tokenizer_config.json"
    given = read_json(path).get("chat_template") if path.exists() else None
    templates = given if isinstance(given, dict) else {"default": given}
    if isinstance(given, list) and all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in given):
        templates = {one["name"]: one.get("template") for one in given}
    for name, template in templates.items():
        if template is not None and not isinstance(template, str):
            raise ExportError(f"{path}: chat_template is {json.dumps(template)[:60]}, and must be a text, or a list of objects with name and template")
        if name == "default" and template:
            check_template(template, f"{path}: chat_template")


def special_tokens(theirs) -> dict[str, str]:
    """Return the special tokens that a template may name, by name, those of every tokenizer first."""
    known = {name: str(value) for name, value in theirs.special_tokens_map.items() if isinstance(value, str)}
    first = ("bos_token", "eos_token", "pad_token", "unk_token")
    return {name: known[name] for name in (*first, *sorted(set(known) - set(first))) if name in known}


def chat_template(directory: Path, theirs) -> str | None:
    """Return the chat template: chat_template.jinja first, then tokenizer_config.json (its "default" when it has
    several).

    theirs is the tokenizer as transformers loads it. ExportError when it has several, and none is the default.
    """
    path, config = directory / "chat_template.jinja", directory / "tokenizer_config.json"
    if path.exists():
        return read_text(path)
    if isinstance(theirs.chat_template, dict) and "default" not in theirs.chat_template:
        raise ExportError(f"{directory} has the chat templates {', '.join(sorted(theirs.chat_template))} and none that is the default; put the one "
                          f"that the model was trained with into {path.name}")
    template = read_json(config).get("chat_template") if config.exists() else None
    if isinstance(template, list):
        return next((entry["template"] for entry in template if entry["name"] == "default"), None)
    return template.get("default") if isinstance(template, dict) else template


def end_token(directory: Path, tokenizer: Tokenizer, theirs, ids: list[int]) -> int:
    """Return the id of the tokenizer's eos_token, which must be one of the several that config.json names."""
    named = special_tokens(theirs).get("eos_token")
    found = tokenizer.token_to_id(named) if named else None
    if found not in ids:
        raise ExportError(f"{directory / 'tokenizer_config.json'}: eos_token is {named!r}, and config.json's eos_token_id names the ids {ids}")
    return found


def puts_bos(theirs, bos_id: int | None, template: str | None) -> bool:
    """Tell whether the model was trained with a BOS in front: its template writes one, or its tokenizer, as
    transformers loads it."""
    if bos_id is None:
        return False
    if template and "bos_token" in template:
        return True
    return theirs("a")["input_ids"][:1] == [bos_id]
