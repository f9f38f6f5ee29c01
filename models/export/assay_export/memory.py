"""A model in memory as a bundle."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import cast

from torch import nn

from .bodies.bodies import ENCODERS
from .bodies.keys import check_harmless, check_keys
from .bundle import Options, write_bundle
from .errors import ExportError
from .fields import Head, Source
from .manifest import POOLING, base_manifest, check_label
from .models import heads
from .models.model import Part, decoder
from .models.reference import float32_copy
from .prove.check import Verdict
from .text.places import transformers_pooling


def export_bundle(model: nn.Module, tokenizer: str | Path, out: str | Path, *, name: str, kind: str = "reward",
                  layout: str = "packed", precision: str = "float32", max_tokens: int | None = None, labels: Sequence[str] | None = None,
                  label: str | None = None, head: nn.Module | None = None, chat_template: str | None = None,
                  template_variables: dict[str, str] | None = None, template_date: str | None = None,
                  bos: str = "none", bos_id: int | None = None, pad_id: int | None = None, pooling: str | None = None,
                  separator: str | None = None, step_label: str | None = None, activation: str | None = None,
                  mean: float = 0.0, std: float = 1.0, description: str = "", licence: str = "unknown",
                  source: dict[str, str] | None = None, golden: Iterable[dict] | None = None, external_data: bool = False,
                  check: bool = True, separate_head: bool = False, harmless: Collection[str] = (),
                  assay: str | Path | None = None, compute: str | None = None,
                  operators: str | None = None, stages: int = 1) -> Verdict | None:
    """Write the bundle directory `out` from a model in memory; README.md explains each argument. Return what the check
    saw.

    ExportError names what is not supported or does not fit. An export that fails leaves what was in `out`.
    """
    if kind not in ("reward", "process") or layout not in ("packed", "padded"):
        raise ExportError(f"kind {kind!r} must be reward or process, and layout {layout!r} packed or padded")
    if model.config.model_type in ENCODERS:
        raise ExportError(f"{type(model).__name__} is an encoder; save it and export its directory with assay-export")
    if head is None and not hasattr(model, model.base_model_prefix):
        raise ExportError(f"{type(model).__name__} is a body without a head; give one as head=")
    path = f"the config of {type(model).__name__}"
    found = check_keys(model.config.to_dict(), path, None, harmless, "harmless=")
    check_harmless(harmless, found, path, "harmless=")
    model = float32_copy(model)  # once, as every later copy then shares its parameters
    body = model if head is not None else getattr(model, model.base_model_prefix)
    whole = decoder(Part(body, heads.head_from_model(model) if head is None else float32_copy(head)))
    steps = {"separator": separator, "label": step_label, "activation": activation} if kind == "process" else None
    origin = cast(Source, {"checkpoint": name, "class": type(model).__name__, **(source or {}), **({"harmless": found} if found else {})})
    manifest = base_manifest(whole, kind, labels, name=name, description=description, licence=licence, source=origin, steps=steps)
    manifest["pooling"], pad = pooled_at(model.config, kind, pooling, head is not None, pad_id) or manifest["pooling"], model.config.pad_token_id
    manifest["tokenizer"] = {"file": "tokenizer.json", "bos": bos, "bos_id": bos_id if bos != "none" else None,
                             "pad_id": pad_id if pad_id is not None else pad if pad is not None and pad >= 0 else 0}
    manifest["template"] = {"variables": dict(template_variables or {}), "date": template_date} if chat_template is not None else None
    rule: Head = {} if label is None else {"label": label}
    if (mean, std) != (0.0, 1.0):
        rule |= {"mean": mean, "std": std}
    if kind == "reward":
        check_label(rule, manifest["graph"]["labels"], "the head has", "label=")
    manifest["head"] = rule if kind == "reward" else None
    return write_bundle(whole, tokenizer, out, manifest, chat_template, Options(
        layout, precision, max_tokens, external_data, check, golden, separate=separate_head, assay=Path(assay) if assay else None,
        compute=compute, operators=operators, stages=stages)).verdict


def pooled_at(config, kind: str, asked: str | None, own_head: bool, pad_id: int | None) -> str | None:
    """Return the rule by which a reward model in memory is read: the one asked for, that of transformers' classifier,
    or the last token where the head is the caller's own; None for a process model, which is read at its separators."""
    if kind == "process" and asked is not None:
        raise ExportError(f"pooling {asked!r} is for reward models, and a process model is read at each separator")
    if asked is not None and asked not in POOLING:
        raise ExportError(f"pooling {asked!r} must be one of {', '.join(POOLING)}")
    if kind == "process" or asked is not None:
        return asked
    rule = "last_attended" if own_head else transformers_pooling(config)
    if rule == "last_not_pad" and pad_id not in (None, config.pad_token_id):
        raise ExportError(f"pad_id {pad_id} is not the model's pad_token_id {config.pad_token_id}, which its pooling passes over; leave it out, or "
                          "say with pooling= where the model is read")
    return rule
