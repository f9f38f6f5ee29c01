"""Writing `assay.yaml`; `docs/BUNDLE.md` says what each field means."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from .errors import ExportError
from .fields import Gates, Head, Manifest, Source, Steps
from .graph.encoder import packs
from .models.model import Model
from .store.storage import PRECISIONS

POOLING = ("last_attended", "last_not_pad", "before_first_pad", "count_not_pad")
"""Rules by which a reward model is read at one token."""

NEED_PAD = ("last_not_pad", "before_first_pad", "count_not_pad")
"""Pooling rules that look for the pad id."""

MOST_FIXED = 8 << 10
"""Bytes that fixed text of one segment may have."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def check_name(name: str) -> None:
    """Refuse a name that requests cannot use."""
    if not NAME.fullmatch(name):
        raise ExportError(f"name {name!r} must match {NAME.pattern}")


def check_manifest(manifest: Manifest, model: Model, layout: str, precision: str) -> None:
    """Refuse settings that the server would refuse; what follows from a family's file is left to the server and the
    tests."""
    check_name(manifest["name"])
    if precision not in PRECISIONS:
        raise ExportError(f"precision {precision!r} must be one of {', '.join(PRECISIONS)}")
    if layout == "packed" and not packs(model):
        own = "attention of its own" if model.encoder is not None else "layers with a state that flows through a whole text"
        raise ExportError(f"model_type {model.config.model_type!r} has {own}, which the packed layout cannot arrange: give --layout padded")
    if manifest["kind"] == "choice" and layout != "packed":
        raise ExportError("a model that is asked for candidates reads a prompt once for all of them, which needs --layout packed")
    labels, tokenizer = manifest["graph"]["labels"], manifest["tokenizer"]
    if tokenizer["bos"] not in ("none", "one", "two") or (tokenizer["bos"] != "none" and tokenizer.get("bos_id") is None):
        raise ExportError(f"bos {tokenizer['bos']!r} must be none, or one or two together with bos_id")
    if tokenizer.get("end", "keep") not in ("keep", "append", "replace"):
        raise ExportError(f"tokenizer.end {tokenizer['end']!r} must be keep, append or replace")
    if tokenizer.get("pad_id") is None and (layout == "padded" or manifest["pooling"] in NEED_PAD):
        what = f"pooling {manifest['pooling']}" if manifest["pooling"] in NEED_PAD else "the padded layout"
        raise ExportError(f"neither config.json nor tokenizer_config.json has a pad token, and {what} needs one")
    if tokenizer.get("frame") and (tokenizer["bos"] != "none" or tokenizer.get("end", "keep") != "keep"):
        raise ExportError(f"bos {tokenizer['bos']!r}: the tokenizer's own first and last tokens are put around every text, and no other goes with them")
    segments = (manifest.get("template") or {}).get("segments") or []
    long = next((part["fixed"] for part in segments if len(part.get("fixed", "").encode()) > MOST_FIXED), None)
    if long is not None:
        raise ExportError(f"fixed text of a segment, {long[:40]!r}, has {len(long.encode())} bytes, and may have {MOST_FIXED}; "
                          "give a shorter --instruction")
    head = manifest.get("head") or {}
    if head.get("activation") == "softmax" and len(labels) == 1:
        raise ExportError("activation 'softmax' needs two labels or more, and the head has one: sigmoid or none")
    apart = manifest["kind"] == "process" and manifest["steps"].get("tokenize", "joint") != "joint"
    if not manifest.get("template") and (manifest.get("likelihood") or apart or manifest["kind"] in ("pair", "preference")):
        raise ExportError("the checkpoint has no chat template, and rendered text does not show where the response and its steps begin")
    if not head.get("std", 1) > 0:
        raise ExportError(f"std {head['std']} must be positive")
    gates: Gates = head.get("gates") or {}
    named = {"head.label": [head["label"]] if "label" in head else [], "head.weights": list(head.get("weights") or {}),
             "head.gates": [*gates.get("values", []), *gates.get("gates", [])]}
    if manifest["kind"] == "process":
        steps = manifest["steps"]
        if not steps.get("separator") and steps.get("tokenize", "joint") == "joint":
            raise ExportError("a process model needs separator")
        wanted = steps.get("label", [])
        named["step_label"] = [wanted] if isinstance(wanted, str) else wanted
        if steps["activation"] not in ("softmax", "sigmoid", "none") or (steps["activation"] == "softmax" and len(labels) == 1):
            raise ExportError(f"activation {steps['activation']!r} must be softmax (two labels or more), sigmoid or none")
    for field, names in named.items():
        for name in names:
            if name not in labels:
                raise ExportError(f"{field} {name!r} is not among the labels {labels}")


def base_manifest(model: Model, kind: str, labels: Sequence[str] | None, *, name: str, description: str, licence: str, source: Source,
                  steps: Mapping[str, Any] | None, likelihood: bool = False) -> Manifest:
    """Return the manifest's first fields in order, with the usual labels, pooling and steps where they are not
    given."""
    labels = label_list(labels, kind, model.labels, likelihood)
    manifest: Manifest = {
        "version": 1, "name": name, "kind": kind, "description": description or None, "licence": licence, "source": source,
        "graph": {"labels": labels}, "tokenizer": {"bos": "none"}, "template": None, "pooling": "last_attended", "read": None, "head": None}
    if kind == "process":
        given = cast(Steps, {key: value for key, value in (steps or {}).items() if value is not None})
        manifest["pooling"] = "at_token" if given.get("tokenize", "joint") == "joint" else "at_step"
        label: Steps = {} if likelihood else {"label": labels[-1]}
        usual: Steps = {"separator": given.get("separator"), **label,
                        "activation": "none" if likelihood else "softmax" if len(labels) > 1 else "sigmoid"}
        manifest["steps"] = {**usual, **given}
    return manifest


def check_label(head: Head, labels: list[str], what: str, option: str) -> None:
    """Refuse a reward model of several labels of which none is said to be the score; what introduces the labels, option
    names the remedy."""
    if len(labels) > 1 and not {"label", "weights", "gates"} & set(head):
        raise ExportError(f"{what} the labels {', '.join(labels)}, and nothing says which of them is the score; give {option}")


def label_list(labels: Sequence[str] | None, kind: str, width: int, likelihood: bool = False) -> list[str]:
    """Return one distinct name per output column, of which an embedding's have none."""
    if kind == "embedding":
        return []
    if kind == "choice":
        return ["logit", "log_sum"]
    if likelihood:
        return ["policy", "reference"][:width]
    if labels is None:
        if kind == "process":
            labels = {1: ["right"], 2: ["wrong", "right"]}.get(width)
        labels = labels or (["reward"] if width == 1 else [f"label_{column}" for column in range(width)])
    if len(labels) != width or len(set(labels)) != width:
        raise ExportError(f"labels {list(labels)} must be {width} distinct names, one for each output of the head")
    return list(labels)


def name_preference(manifest: Manifest) -> None:
    """Put the labels v0, v1, … in the place of a preference's `{labels: v}`. Scales that the head lacks go, with the
    place where they are read."""
    rules = manifest["preference"]
    for field in ("embedding", "scale"):
        if isinstance(rules.get(field), dict):
            start = rules[field]["labels"]
            rules[field] = [label for label in manifest["graph"]["labels"] if label.rstrip("0123456789") == start]
    if not rules.get("scale"):
        rules["scale"] = manifest["read"] = None


class Flow(dict):
    """A mapping written on one line."""


def write_manifest(path: Path, fields: Mapping[str, Any]) -> None:
    """Write the manifest with its fields in the order given; fields that are None are left out."""
    class Dumper(yaml.SafeDumper):
        pass

    Dumper.add_representer(Flow, lambda d, data: d.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True))
    Dumper.add_representer(list, lambda d, data: d.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True))
    Dumper.add_representer(str, represent_text)
    path.write_text(yaml.dump(pruned(fields), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")


def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Write a string bare where no reader could take it for anything else, and in double quotes elsewhere."""
    bare = re.fullmatch(r"[A-Za-z][A-Za-z0-9._/ -]*", text)
    return yaml.SafeDumper.represent_str(dumper, text) if bare else dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


def pruned(fields: Mapping[str, Any]) -> dict:
    """Return a copy without None values and without mappings left empty; inner mappings are written on one line."""
    kept = {}
    for key, value in fields.items():
        if isinstance(value, list):
            value = [Flow(entry) if isinstance(entry, dict) else entry for entry in value]
        if isinstance(value, dict):
            value = Flow(pruned(value)) if key != "graph" else pruned(value)
            if not value:
                continue
        if value is not None:
            kept[key] = value
    return kept
