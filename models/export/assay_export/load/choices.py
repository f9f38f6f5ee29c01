"""What a checkpoint and the options make of a head's outputs, and the sentences that tell the user."""

import argparse
import math

from ..bodies.rope import position_limit
from ..errors import ExportError
from ..fields import Manifest
from ..read.family import Family
from .embedding import Embedder
from .sentence import ACTIVATIONS, CrossEncoder


def weights(asked: str, labels: list[str]) -> dict[str, float]:
    """Return the weights that --score names; ExportError when they are none."""
    found: dict[str, float] = {}
    for part in asked.split(","):
        name, _, number = part.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if name not in labels or name in found or not math.isfinite(value):
            raise ExportError(f"--score {asked!r}: {part!r} is no label with a number, each label once; the labels are {', '.join(labels)}")
        found[name] = value
    return found


def behind(manifest: Manifest, family: Family, sentence: CrossEncoder, options: argparse.Namespace) -> list[str]:
    """Put the activation of sentence-transformers' CrossEncoder behind the score, where no option and no family says
    another; return notices."""
    head = manifest.get("head") or {}
    if options.activation is not None or family.kind != "reward" or family.head["form"] not in ("classifier", "modules"):
        return []
    if sentence.activation is None:
        raise ExportError(f"{sentence.where}, and supported are {' and '.join(ACTIVATIONS)}; give --activation none, sigmoid or softmax")
    if "activation" not in head and sentence.activation != "none":
        manifest["head"] = {"activation": sentence.activation} | head
    says = {"none": "the raw output", "sigmoid": "the sigmoid of the output"}[sentence.activation]
    return [f"{sentence.where}: the score is {says}, as CrossEncoder.predict has it; --activation {'sigmoid' if sentence.activation == 'none' else 'none'} "
            "makes it another"]


def scored(manifest: Manifest, raw: dict) -> str:
    """Say what the score of a classifier is, and what would make it another."""
    head, labels = manifest.get("head") or {}, manifest["graph"]["labels"]
    activation = head.get("activation", "none")
    of = "the weighted sum of " + ", ".join(head["weights"]) if "weights" in head else f"label {head['label']!r}" if "label" in head else "the one output"
    fit = "sigmoid" if len(labels) == 1 or raw.get("problem_type") == "multi_label_classification" else "softmax"
    if activation == "none":
        return f"the score is raw, of {of}; --activation {fit} would make a probability of it"
    return f"the score is of {of}, after {activation} over {len(labels)} labels" if activation == "softmax" else f"the score is of {of}, after sigmoid"


def length(options: argparse.Namespace, sentence: CrossEncoder | Embedder | None, theirs, config) -> tuple[int | None, list[str]]:
    """Return the longest sequence accepted, None for what the model's positions allow, and notices."""
    if options.max_tokens is not None or sentence is None:
        return options.max_tokens, []
    longest = min(sentence.longest or theirs.model_max_length, theirs.model_max_length)
    if longest >= position_limit(config):
        return None, []
    what = "CrossEncoder cuts two texts" if isinstance(sentence, CrossEncoder) else "SentenceTransformer cuts a text"
    return longest, [f"{what} to {longest} tokens (model_max_length or max_seq_length), so longer ones are refused; --max-tokens "
                     "accepts them whole"]
