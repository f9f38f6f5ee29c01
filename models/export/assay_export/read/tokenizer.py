"""Reading a checkpoint's `tokenizer.json`."""

import json
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer

from ..errors import ExportError, first_line
from .files import read_json, read_text

PARTS = ("version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model")
"""Fields of the file."""

DATA = ("vocab", "merges", "special_tokens")
"""Fields that hold tokens, not fields."""

OLD = ("str_rep", "add_prefix_space")
"""Fields of older files that the library reads and writes under other names."""


SLOW = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.txt", "vocab.json", "tiktoken.model", "tekken.json")
"""Files of tokenizers that are not read here."""


def load_tokenizer(source: Path) -> tuple[Tokenizer, str]:
    """Return the tokenizer of a `tokenizer.json` (or of a directory that holds one) and the text to put into a bundle.

    Truncation and padding that the file may ask for are taken out: a server must see every token. ExportError names a
    field that the library does not know, since ids may depend on it.
    """
    path = source / "tokenizer.json" if source.is_dir() else source
    if not path.exists() and not path.is_symlink():
        other = next((name for name in SLOW if (path.parent / name).exists()), None)
        raise ExportError(f"{path} is missing{f', and {other} is there' if other else ''}; transformers writes it: python -c \"import transformers as t; "
                          "t.AutoTokenizer.from_pretrained('.').save_pretrained('.')\", in that folder")
    text = read_text(path)
    content = read_json(path)
    try:
        if content.get("truncation") or content.get("padding"):
            content["truncation"] = content["padding"] = None
            text = json.dumps(content, ensure_ascii=False)
        strange = next((name for name in content if name not in PARTS), None)
        if strange is None:
            tokenizer = Tokenizer.from_str(text)
            strange = unknown(content, json.loads(tokenizer.to_str()), "")
    except Exception as error:  # the tokenizers library raises plain Exception
        raise ExportError(f"{path} cannot be read: {first_line(error)}; save the tokenizer again with transformers' save_pretrained") from None
    if strange:
        raise ExportError(f"{path}: field {strange} is unknown; save the tokenizer with tokenizers {version('tokenizers')} or older")
    return tokenizer, text


def check_ids(tokenizer: Tokenizer, vocab_size: int, where: Path) -> None:
    """Refuse a tokenizer with an id for which a model has no embedding."""
    token, highest = max(tokenizer.get_vocab().items(), key=lambda entry: entry[1], default=("", -1))
    if highest >= vocab_size:
        raise ExportError(f"{where}: tokenizer.json gives {token!r} the id {highest}, and the model's vocab_size is {vocab_size}; take the tokenizer that "
                          "the model was trained with")


def unknown(given, kept, path: str) -> str | None:
    """Return the path of the first field with a value that the library did not keep, or None."""
    if isinstance(given, list) and isinstance(kept, list):
        return next((found for at, both in enumerate(zip(given, kept, strict=False)) if (found := unknown(*both, f"{path}[{at}]"))), None)
    if not isinstance(given, dict) or not isinstance(kept, dict):
        return None
    for name, value in given.items():
        where = f"{path}.{name}".lstrip(".")
        if name not in kept and name not in OLD and value is not None:
            return where
        found = None if name in DATA else unknown(value, kept.get(name), where)
        if found:
            return found
    return None
