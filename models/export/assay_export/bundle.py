"""Writing a bundle from a model in memory."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from torch import nn

from . import graph, heads
from .check import Verdict, check_graph
from .errors import ExportError
from .families import Body, describe
from .golden import default_items, golden_pairs, write_pairs
from .manifest import write_manifest
from .reference import Reference, float32_copy
from .rope import position_limit
from .text import TextRules, load_tokenizer

MAX_TOKENS = 32768
FILES = ("assay.yaml", "model.onnx", "model.onnx_data", "tokenizer.json", "chat_template.jinja", "golden.jsonl")


def export_bundle(model: nn.Module, tokenizer: str | Path, out: str | Path, *, name: str, kind: str = "reward",
                  layout: str = "packed", max_tokens: int | None = None, labels: Sequence[str] | None = None,
                  head: nn.Module | None = None, chat_template: str | None = None,
                  template_variables: dict[str, str] | None = None, bos: str = "none", bos_id: int | None = None, pad_id: int = 0,
                  separator: str | None = None, step_label: str | None = None, activation: str | None = None,
                  mean: float = 0.0, std: float = 1.0, description: str = "", licence: str = "unknown",
                  source: dict[str, str] | None = None, golden: Iterable[dict] | None = None, external_data: bool = False,
                  check: bool = True) -> Verdict | None:
    """Write the bundle directory `out`; README.md explains each argument. Return what the check saw.

    ExportError names what is not supported or does not fit. `assay.yaml` is written last, so a directory without one is a
    bundle that was not finished.
    """
    if kind not in ("reward", "process") or layout not in ("packed", "padded"):
        raise ExportError(f"kind {kind!r} must be reward or process, and layout {layout!r} packed or padded")
    out = Path(out)
    body_module = model if head is not None else getattr(model, model.base_model_prefix)
    head = heads.head_from_model(model) if head is None else head
    body = describe(body_module.config)
    max_tokens = token_limit(body_module.config, max_tokens)
    width = heads.width(head, body_module.config.hidden_size)
    labels = label_list(labels, kind, width)
    activation = activation or ("softmax" if width > 1 else "sigmoid")
    step_label = step_label or labels[-1]
    parsed, tokenizer_text = load_tokenizer(Path(tokenizer))
    if parsed.get_vocab_size() > body.vocab_size:
        raise ExportError(f"tokenizer.json has {parsed.get_vocab_size()} tokens, and the model's vocab_size is {body.vocab_size}")
    rules = TextRules(parsed, chat_template, dict(template_variables or {}), bos, bos_id, separator if kind == "process" else None)
    check_rules(rules, kind, labels, step_label, activation, std)

    reference = Reference(body_module, head)
    items = default_items(kind, rules) if golden is None else golden
    pairs = golden_pairs(items, reference, rules, kind, column=labels.index(step_label), activation=activation, mean=mean, std=std,
                         max_tokens=max_tokens)
    out.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        (out / file).unlink(missing_ok=True)
    write_graph(out / "model.onnx", body_module, head, body, layout, kind, max_tokens, external_data)
    (out / "tokenizer.json").write_text(tokenizer_text, encoding="utf-8")
    if chat_template is not None:
        (out / "chat_template.jinja").write_text(chat_template, encoding="utf-8")
    if pairs:
        write_pairs(out / "golden.jsonl", pairs)
    verdict = None
    if check:
        verdict = check_graph(out / "model.onnx", layout, kind == "reward", body, reference, max_tokens,
                              [pair["ids"] for pair in pairs])
    write_manifest(out / "assay.yaml", {
        "version": 1, "name": name, "kind": kind, "description": description or None, "licence": licence,
        "source": {"checkpoint": name, "class": type(model).__name__} | (source or {}),
        "graph": {"file": "model.onnx", "layout": layout, "precision": "float32", "output": "readings", "labels": labels,
                  "vocab_size": body.vocab_size} | (
                      {"layers": body.layers, "kv_heads": body.kv_heads, "head_dim": body.head_dim} if layout == "packed" else {}),
        "tokenizer": {"file": "tokenizer.json", "bos": bos, "bos_id": bos_id if bos == "one" else None, "pad_id": pad_id},
        "template": {"file": "chat_template.jinja", "variables": rules.variables} if chat_template is not None else None,
        "pooling": "at_token" if kind == "process" else "last_attended" if layout == "packed" else "in_graph",
        "head": {"mean": mean, "std": std} if kind == "reward" and (mean, std) != (0.0, 1.0) else None,
        "steps": {"separator": separator, "label": step_label, "activation": activation} if kind == "process" else None,
        "limits": {"max_tokens": max_tokens},
        "golden": {"file": "golden.jsonl", "tolerance": 1e-4} if pairs else None,
    })
    return verdict


def token_limit(config, asked: int | None) -> int:
    """Return the longest sequence accepted: what was asked, else what the positions allow, at most MAX_TOKENS."""
    limit = position_limit(config)
    if asked is None:
        return min(limit, MAX_TOKENS)
    if not 1 <= asked <= limit:
        raise ExportError(f"max_tokens {asked} must be between 1 and {limit}, which is as far as the model's positions go")
    return asked


def label_list(labels: Sequence[str] | None, kind: str, width: int) -> list[str]:
    """Return one distinct name per output column."""
    if labels is None:
        if kind == "process":
            labels = {1: ["right"], 2: ["wrong", "right"]}.get(width)
        labels = labels or (["reward"] if width == 1 else [f"label_{column}" for column in range(width)])
    if len(labels) != width or len(set(labels)) != width:
        raise ExportError(f"labels {list(labels)} must be {width} distinct names, one for each output of the head")
    return list(labels)


def check_rules(rules: TextRules, kind: str, labels: list[str], step_label: str, activation: str, std: float) -> None:
    """Refuse settings that the server would refuse."""
    if rules.bos not in ("none", "one") or (rules.bos == "one" and rules.bos_id is None):
        raise ExportError(f"bos {rules.bos!r} must be none, or one together with bos_id")
    if not std > 0:
        raise ExportError(f"std {std} must be positive")
    if kind == "reward":
        return
    if not rules.separator:
        raise ExportError("a process model needs separator")
    rules.separator_id()
    if step_label not in labels:
        raise ExportError(f"step_label {step_label!r} is not among the labels {labels}")
    if activation not in ("softmax", "sigmoid", "none") or (activation == "softmax" and len(labels) == 1):
        raise ExportError(f"activation {activation!r} must be softmax (two labels or more), sigmoid or none")


def write_graph(path: Path, body_module: nn.Module, head: nn.Module, body: Body, layout: str, kind: str, max_tokens: int,
                external_data: bool) -> None:
    """Trace the layout's graph and write it."""
    module, head = graph.traceable(body_module, max_tokens), float32_copy(head)
    windows = set(body.windows)
    if layout == "packed":
        traced = graph.trace_packed(module, head, windows, body.layers, body.kv_heads, body.head_dim, body.vocab_size)
    else:
        traced = graph.trace_padded(module, head, windows, kind == "reward", body.vocab_size)
    graph.save(traced, path, external_data)
