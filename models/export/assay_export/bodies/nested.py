"""The text's part of models of text and images: their config.json without what is around the text's own, and their
weights without the rest."""

from collections.abc import Collection
from pathlib import Path

import torch

from ..errors import ExportError
from ..read.family import Family
from .bodies import NESTED
from .keys import check_harmless, check_keys, refuse_unknown, unknown_keys

OTHERS = ("model.vision_tower.", "model.multi_modal_projector.", "vision_tower.", "multi_modal_projector.", "model.visual.", "visual.")
"""Where the weights of the other parts lie; no body of text has any such name."""

DRAFTS = {model_type: "mtp." for model_type in ("qwen3_5_text", "qwen3_5_moe_text", "qwen3_next")}
"""Where a part that guesses further tokens has its weights, by the body's model_type; transformers leaves it out,
too."""

OUTER = ("architectures", "id2label", "label2id", "num_labels", "problem_type")
"""Keys about the head, which stand around the text's config and are heeded there."""


def text_config(raw: dict, path: Path, harmless: Collection[str] = ()) -> tuple[dict, list[str], list[str]]:
    """Return a config.json as if it were of the text's body alone, the unknown keys around it that the user says are
    harmless, and notices.

    One that has no other inside is returned as it is. ExportError names a key around it that is not known.
    """
    nested = NESTED.get(str(raw.get("model_type")))
    if nested is None:
        return raw, [], []
    inner = raw.get(nested.inner)
    if not isinstance(inner, dict):
        raise ExportError(f"{path}: {nested.inner} is missing, and a {raw['model_type']} has its text's config there")
    found = inner.get("model_type", nested.model_type)
    if found != nested.model_type:
        raise ExportError(f"{path}: {nested.inner}: model_type {found!r} is not supported in a {raw['model_type']}; supported is {nested.model_type}")
    around = {key: value for key, value in raw.items() if key != nested.inner}
    unknown = list(unknown_keys(around, nested.keys, set(), raw["model_type"], str(path)))
    refuse_unknown(unknown, harmless, raw["model_type"], str(path))
    kept = inner | {"model_type": nested.model_type} | {key: raw[key] for key in OUTER if key in raw}
    return kept, unknown, [f"{path}: a {raw['model_type']} is read as the {nested.model_type} inside it, and takes text alone"]


def known_config(configs: dict[Path, dict], family: Family, harmless: Collection[str]) -> tuple[dict, list[str], list[str]]:
    """Hold a checkpoint's config.json, and that of its reference behind it, to the keys that are known.

    Return the first, or the text's part of it, the unknown keys that the user says are harmless, and notices.
    ExportError names a key that is not known, or that is and is called harmless.
    """
    texts, found, notices = [], [], []
    for path, raw in configs.items():
        text, around, said = text_config(raw, path, harmless)
        unknown = [*around, *check_keys(text, path, family, harmless)]
        notices += [*said, *(f"{path}: {key} is taken to change no score, as --harmless says" for key in unknown)]
        found += [key for key in unknown if key not in found]
        texts.append(text)
    check_harmless(harmless, found, next(iter(configs)))
    return texts[0], found, notices


def text_weights(weights: dict[str, torch.Tensor], model_type: str) -> dict[str, torch.Tensor]:
    """Return a checkpoint's weights without those of the parts that read images, or guess further tokens."""
    others = (*OTHERS, *([DRAFTS[model_type]] if model_type in DRAFTS else []))
    return {name: value for name, value in weights.items() if not name.startswith(others)}
