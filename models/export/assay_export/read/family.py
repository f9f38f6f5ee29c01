"""Families of checkpoints: how the weights, the head and the text of each are to be read, one YAML file a family.

README.md describes the file. A family's `manifest` is merged into the bundle's manifest as it stands, once names of
tokens and of config fields are replaced by what they stand for.
"""

from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from tokenizers import Tokenizer

from ..errors import ExportError

FOLDER = Path(__file__).parent / "families"
KINDS = ("reward", "process", "pair", "preference", "choice", "embedding")
OWNERS = ("transformers", "authors")
SHOWN = 4
"""Classes that a sentence names at most."""
CROSS_ENCODER, EMBEDDER, OWN = "cross-encoder", "embedding", "own"
TOKENS = "tokens"
"""The form of a head that is none: the tokens' states. Such a family is chosen by its name alone, whatever the
directory says that it is."""


@dataclass(frozen=True)
class Family:
    """One file of `families/`."""

    name: str
    title: str
    kind: str
    head: dict
    classes: list[str]
    """Values of config.json's architectures[0] that it accepts."""
    class_of: str
    """Whose code those classes are, heads included: transformers', which then is a second reference, or the
    authors'."""
    default: bool | str = False
    """Chosen for its classes when no family is named; CROSS_ENCODER, EMBEDDER: only where the directory says that it is
    one of sentence-transformers."""
    reads: str = ""
    """What a checkpoint of it reads, for who must choose between families of one class."""
    checkpoints: list[str | dict[str, str]] = field(default_factory=list)
    """Names of published ones; as {name: options} where assay-export needs more than the family's name."""
    source: str = ""
    body: dict = field(default_factory=dict)
    """prefix and model_type: where the body's weights lie and what it is, if not as transformers has it."""
    keys: list[str] = field(default_factory=list)
    """Keys of config.json that the authors' classes add to those of the body: the head heeds them, or they change no
    score."""
    labels: list[str] | None = None
    template: str | None = None
    prelude: str = ""
    postlude: str = ""
    """Jinja put before and behind the template."""
    fields: dict[str, str] = field(default_factory=dict)
    """Fields of an item that the template names beside the conversation, reference and principle: required or
    optional."""
    segments: list[dict] | str | None = None
    """Instead of a template; OWN: as the checkpoint's tokenizer puts two texts together."""
    instruction: str | None = None
    """What an instruction adds before the prompt of segments, with {} in its place; None: the authors have none."""
    manifest: dict = field(default_factory=dict)
    notes: str = ""

    def around(self, template: str) -> str:
        """Return a checkpoint's own template with the prelude before and the postlude behind it.

        Jinja leaves out a newline that ends a template, so it is taken off where the postlude follows.
        """
        return self.prelude + (template.removesuffix("\n") if self.postlude else template) + self.postlude

    @property
    def commands(self) -> dict[str, str]:
        """Each checkpoint with what stands behind `assay-export DIR OUT` for it."""
        named = "" if self.default in (True, EMBEDDER) else f"--family {self.name}"
        known = {name: options for entry in self.checkpoints for name, options in (entry if isinstance(entry, dict) else {entry: ""}).items()}
        return {name: f"{named} {options}".strip() for name, options in known.items()}

    @property
    def likelihood(self) -> bool:
        """Tell whether its readings are log-probabilities of the response."""
        return self.head.get("form") == "likelihood"

    @property
    def of_tokens(self) -> bool:
        """Tell whether its readings are the states of tokens."""
        return self.head.get("form") == TOKENS

    @property
    def framed(self) -> bool:
        """Tell whether it reads one text, with what the tokenizer puts around it."""
        return self.manifest.get("tokenizer", {}).get("frame") == OWN

    @property
    def known_keys(self) -> set[str]:
        """Keys of config.json that it knows beside those of the body: `keys`, and those that it names itself."""
        return {*self.keys, *fields_named([self.head, self.manifest])}


@cache
def families() -> dict[str, Family]:
    """Return every family by name."""
    return {path.stem: read(path) for path in sorted(FOLDER.glob("*.yaml"))}


def read(path: Path) -> Family:
    """Read one family's file; ExportError names a field that is unknown or missing."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    known = {entry.name for entry in fields(Family)} - {"name"}
    wrong = sorted(set(content) - known) or sorted({"title", "kind", "head", "classes", "class_of"} - set(content))
    if wrong:
        raise ExportError(f"{path}: field {wrong[0]!r} is unknown or missing")
    if content["kind"] not in KINDS:
        raise ExportError(f"{path}: kind {content['kind']!r} must be one of {', '.join(KINDS)}")
    if content["class_of"] not in OWNERS:
        raise ExportError(f"{path}: class_of {content['class_of']!r} must be one of {', '.join(OWNERS)}")
    return Family(name=path.stem, **content)


def choose(class_name: str, name: str | None, says: str | None = None) -> Family:
    """Return the family of that name, or the only or the default one of a checkpoint's class; ExportError when it
    cannot be told.

    says: what of sentence-transformers the directory says that it is, CROSS_ENCODER or EMBEDDER. Families of embeddings
    are chosen for an EMBEDDER alone, and no other is.
    """
    known = families()
    takers = [family for family in known.values() if class_name in family.classes and not family.of_tokens
              and (family.kind == "embedding") == (says == EMBEDDER)]
    if name is not None:
        if name not in known:
            raise ExportError(f"family {name!r} is unknown; those that read the class {class_name} are {', '.join(family.name for family in takers)}")
        if class_name not in known[name].classes:
            read = known[name].classes
            near = read if len(read) <= SHOWN else get_close_matches(class_name, read, SHOWN, 0)
            more = f" and {len(read) - len(near)} more" if len(near) < len(read) else ""
            others = f", which {', '.join(family.name for family in takers)} read{'s' if len(takers) == 1 else ''}" if takers else ""
            raise ExportError(f"family {name} reads the classes {', '.join(near)}{more}, and the checkpoint's is {class_name[:80]!r}{others}")
        if not known[name].of_tokens and (known[name].kind == "embedding") != (says == EMBEDDER):
            why = f"family {name} makes scores" if says == EMBEDDER else f"family {name} is for those"
            raise ExportError(f"the directory {'is a' if says == EMBEDDER else 'has no modules.json that makes a'} SentenceTransformer, whose "
                              f"embeddings are no scores, and {why}")
        return known[name]
    chosen = [family for family in takers if family.default is True or (says and family.default == says)] or takers
    if len(chosen) == 1:
        return chosen[0]
    if takers:
        raise ExportError(f"class {class_name!r} is read by several families; choose one with --family: "
                          f"{', '.join(f'{family.name} ({family.reads})' if family.reads else family.name for family in takers)}")
    if says == EMBEDDER:
        read = sorted({own for family in known.values() if family.kind == "embedding" and not family.of_tokens for own in family.classes})
        raise ExportError(f"the directory is a SentenceTransformer, whose embeddings are no scores, and {class_name[:80]!r} is none of the classes that "
                          f"embed: {', '.join(read)}")
    classes = sorted({own for family in known.values() for own in family.classes})
    near = get_close_matches(class_name, classes, SHOWN, 0)
    raise ExportError(f"class {class_name[:80]!r} is not supported, and code that lies in a checkpoint is never run; of the {len(classes)} classes "
                      f"that are, which docs/MODELS.md lists, the nearest in name are {', '.join(near)}")


def resolve(value, tokenizer: Tokenizer, config: dict):
    """Return a copy of a family's value with `{token: …}`, `{tokens: […]}`, `{first: […], behind: …}` and `{config: …}`
    replaced by ids and config fields.

    ExportError names a token or a field that the checkpoint lacks. A segment's `{token: …}` keeps its text.
    """
    if isinstance(value, list):
        return [resolve(entry, tokenizer, config) for entry in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"token"}:
        return token_id(tokenizer, value["token"])
    if set(value) == {"tokens"}:
        return [token_id(tokenizer, token) for token in value["tokens"]]
    if set(value) == {"first", "behind"}:
        return first_ids(tokenizer, **value)
    if set(value) in ({"config"}, {"config", "default"}):
        return config_field(config, **value)
    return {key: entry if key == "read" and set(entry) == {"token"} else resolve(entry, tokenizer, config)
            for key, entry in value.items()}


def fields_named(value) -> set[str]:
    """Return the fields of config.json that a family's value names."""
    if isinstance(value, dict) and set(value) in ({"config"}, {"config", "default"}):
        return {value["config"].split(".")[0]}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for entry in inner for name in fields_named(entry)}


def config_field(field_of: dict, config: str, default=None):
    """Return a field of config.json, `a.b` for a field inside a field, or its default; ExportError when it has
    neither."""
    found: Any = field_of
    for part in config.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    found = default if found is None else found
    if found is None:
        raise ExportError(f"config.json: {config} is missing, and the family needs it")
    return found


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """Return a token's id; ExportError when the tokenizer lacks it."""
    found = tokenizer.token_to_id(token)
    if found is None:
        raise ExportError(f"tokenizer.json has no token {token!r}, and the family or manifest needs it")
    return found


def first_ids(tokenizer: Tokenizer, first: list[str], behind: str) -> list[int]:
    """Return the ids with which texts begin behind another text; ExportError where they do not tell the texts apart."""
    before = tokenizer.encode(behind, add_special_tokens=False).ids
    ids = []
    for text in first:
        whole = tokenizer.encode(behind + text, add_special_tokens=False).ids
        if whole[:len(before)] != before or len(whole) == len(before):
            raise ExportError(f"tokenizer.json melts {text!r} together with {behind!r} before it, and the family reads what follows there")
        ids.append(whole[len(before)])
    if len(set(ids)) < len(ids):
        raise ExportError(f"tokenizer.json begins two of the texts {', '.join(map(repr, first))} behind {behind!r} with one id, and the family tells them "
                          "apart by it")
    return ids
