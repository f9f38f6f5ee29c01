"""A CrossEncoder of sentence-transformers that reads next-token logits: a causal language model and, behind it,
LogitScore."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer

from ..errors import ExportError
from ..read.family import Family
from ..read.files import read_json
from ..text.frames import two_texts
from .modules import folders
from .sentence import ACTIVATIONS, MODULES, SETTINGS, TRANSFORMER, CrossEncoder, optional

FORM = "logit_score"
"""The form of head in the family's file, until the tokens are known."""

OUTPUT = "causal_logits"
"""Under what name the one module hands logits to the other."""

CONTENT = {"flat": "%s", "structured": "[{'type': 'text', 'text': %s}]"}
"""A message's content, in Jinja, by the words of modality_config."""

ROLES = ("{%% set asked = %s %%}{%% if messages[0]['role'] == 'system' %%}{%% set asked = [{'role': 'system', 'content': %s}] %%}"
         "{%% set messages = messages[1:] %%}{%% endif %%}{%% if messages | map(attribute='role') | join(' ') != 'user assistant' %%}"
         "{{ raise_exception('a CrossEncoder reads one query and one document, and a prompt before them as a system turn') }}{%% endif %%}"
         "{%% set messages = asked + [{'role': 'query', 'content': %s}, {'role': 'document', 'content': %s}] %%}")
"""What stands before a checkpoint's chat template, so that it sees the roles that CrossEncoder gives a pair."""

NOT_NAMES = ("chat_template", "tools", "documents", "continue_final_message", "tokenize", "padding", "truncation", "max_length", "return_tensors",
             "return_dict", "return_assistant_tokens_mask", "tokenizer_kwargs", "processor_kwargs", "messages", "asked")
"""Arguments of apply_chat_template that a template does not see as a name, and names that the roles need."""


def with_modules(family: Family, directory: Path, sentence: CrossEncoder | None, theirs, tokenizer: Tokenizer,
                 options: argparse.Namespace) -> tuple[Family, list[str]]:
    """Return the family with what a directory says of its tokens, its text and its activation, and sentences for the
    user.

    theirs is the tokenizer as transformers loads it. A family of another head comes back as it is.
    """
    if family.head["form"] != FORM:
        if sentence is None or not sentence.logits:
            return family, []
        if options.family is None:
            raise ExportError(f"{directory / MODULES}: LogitScore reads next-token logits, and the class that config.json names has none that are read "
                              "here; give --family if the checkpoint is read otherwise")
        return family, [f"{directory / MODULES}: LogitScore is passed over, since --family {family.name} says what is read; without --family it is read"]
    if sentence is None or not sentence.logits:
        raise ExportError(f"{directory}: family {family.name} is for directories whose modules.json of sentence-transformers names LogitScore")
    found = score(folders(directory)[1][1])
    labels = [name for name, own in zip(("true", "false"), found, strict=True) if own is not None]
    head: dict = {"weights": {"true": 1, "false": -1}} if len(labels) == 2 else {}
    if sentence.activation is None and options.final is None:
        raise ExportError(f"{sentence.where}, and supported are {' and '.join(ACTIVATIONS)}; give --final sigmoid or none")
    if sentence.activation == "sigmoid":
        head["final"] = "sigmoid"
    family = replace(family, head={"form": "candidates", "ids": [own for own in found if own is not None]}, labels=labels,
                     manifest=family.manifest | {"head": head})
    said = [] if options.final is not None else [
        f"{sentence.where}: the score is the {'sigmoid of the ' if head.get('final') else ''}{' less the '.join(f'logit of {own}' for own in labels)} "
        f"token, as CrossEncoder.predict has it; --final {'none' if head.get('final') else 'sigmoid'} makes it another"]
    own = optional(directory / TRANSFORMER)
    message = inner(own, directory, "modality_config").get("message")
    prompt = default_prompt(directory / SETTINGS)
    if message is None:
        segments, _ = two_texts(theirs, tokenizer)
        return replace(family, segments=[part | {"fixed": prompt} if prompt and part.get("text") == "prompt" else part for part in segments]), said
    if not theirs.chat_template:
        raise ExportError(f"{directory} has no chat template, and {TRANSFORMER} says that two texts are rendered through one (modality_config: message)")
    names = inner(inner(own, directory, "processing_kwargs"), directory, "chat_template")
    return replace(family, prelude=prelude(inner({"message": message}, directory, "message"), prompt, names, directory / TRANSFORMER)), said


def inner(own: dict, directory: Path, name: str) -> dict:
    """Return an object of the Transformer's file, empty when it is not there."""
    found = own.get(name) or {}
    if not isinstance(found, dict):
        raise ExportError(f"{directory / TRANSFORMER}: {name} is {json.dumps(found)[:40]}, and a JSON object is wanted")
    return found


def score(folder: Path) -> tuple[int, int | None]:
    """Return the ids of LogitScore's tokens, the second of which it may lack."""
    path, config = folder / "config.json", read_json(folder / "config.json")
    if config.get("module_input_name", OUTPUT) != OUTPUT:
        raise ExportError(f"{path}: module_input_name is {config['module_input_name']!r}, and {OUTPUT} is wanted")
    true = token(config.get("true_token_id"), f"{path}: true_token_id")
    false = None if config.get("false_token_id") is None else token(config["false_token_id"], f"{path}: false_token_id")
    if true == false:
        raise ExportError(f"{path}: true_token_id and false_token_id are both {true}, so that every score is 0")
    return true, false


def token(own, where: str) -> int:
    """Return a token's id as a file gives it."""
    if type(own) is not int or own < 0:
        raise ExportError(f"{where} is {json.dumps(own)[:40]}, and a token's id is wanted")
    return own


def default_prompt(path: Path) -> str | None:
    """Return the prompt that goes before every query, if there is one."""
    settings = optional(path)
    name, prompts = settings.get("default_prompt_name"), settings.get("prompts") or {}
    if name is None:
        return None
    prompt = prompts.get(name) if isinstance(prompts, dict) else None
    if not isinstance(prompt, str | None):
        raise ExportError(f"{path}: prompts: the prompt {name!r} is {json.dumps(prompt)[:40]}, and must be a text")
    return prompt or None


def prelude(message: dict, prompt: str | None, names: dict, path: Path) -> str:
    """Return the Jinja that gives the checkpoint's template the roles and the names that CrossEncoder gives it.

    It ends with a statement and a newline, which a template does not see, so that the template's first line is its own.
    """
    form = message.get("format")
    if form not in CONTENT:
        raise ExportError(f"{path}: modality_config: message: format is {json.dumps(form)[:40]}, and must be one of {', '.join(CONTENT)}")
    content = CONTENT[form]
    asked = "[]" if prompt is None else f"[{{'role': 'system', 'content': {content % literal(prompt)}}}]"
    sets = ""
    for name, value in names.items():
        if name == "restore_suffix":  # of what is cut, and nothing is cut here
            continue
        if not name.isidentifier() or name in NOT_NAMES or not isinstance(value, bool | int | float | str | None):
            raise ExportError(f"{path}: processing_kwargs: chat_template: {name}: {json.dumps(value)[:40]} is not supported")
        sets += f"{{% set {name} = {literal(value)} %}}"
    first, second = (content % f"messages[{at}]['content']" for at in (0, 1))
    return ROLES % (asked, first, first, second) + sets + "\n"


def literal(value) -> str:
    """Return a value as Jinja writes it."""
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
