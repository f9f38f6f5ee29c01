"""Writing a bundle: manifest, graph, tokenizer, template, golden pairs."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import onnx_ir as ir

from . import fused
from .bodies.rope import limit_notice, position_limit
from .errors import ExportError, about
from .fields import Graph, Manifest, Template
from .graph import graph, separate
from .manifest import check_manifest, name_preference, write_manifest
from .models import drift
from .models.model import Model
from .models.reference import Reference
from .models.tolerance import TOLERANCE
from .place import beside, check_place
from .prove import served
from .prove.check import BATCH_MATES, Verdict, check_graph, longest_sample
from .prove.reach import reach
from .prove.second import Second
from .read import licence
from .read.tokenizer import check_ids, load_tokenizer
from .text.golden import default_items, golden_pairs, undated, write_pairs
from .text.probes import golden_probes
from .text.text import TextRules

MAX_TOKENS = 32768
GRAPH = "model.onnx"
"""The graph's file, or that of its first stage."""

UNSEEN = ("no assay binary is at hand, so what a server renders and reads was not compared with transformers; it holds the golden pairs, probe "
          "conversations among them, to that when it loads the bundle. Give the binary with --assay FILE, or put it on PATH")
"""What is said where the server's own rendering could not be asked for."""


@dataclass
class Options:
    """How a bundle is written, whatever the model."""

    layout: str = "packed"
    precision: str = "float32"
    max_tokens: int | None = None
    external_data: bool = False
    check: bool = True
    golden: Iterable[dict] | None = None
    """Items; None: a few of our own."""
    source: Path | None = None
    """The checkpoint's directory, whose licence files go along."""
    separate: bool = False
    """The head is in a graph of its own."""
    second: Second | None = None
    """What the golden pairs are held to besides, when there is a check: the checkpoint as transformers loads it."""
    assay: Path | None = None
    """The server's binary, which must render and tokenize as this package does; None: the one that is found."""
    compute: str | None = None
    """What a graph for GPUs computes in; None: it is one for processors, in float32."""
    operators: str | None = None
    """assay: a graph for GPUs has the operators of that domain; None: stock ones."""
    stages: int = 1
    """A graph for GPUs is cut into so many, each with some of the layers."""


@dataclass
class Written:
    """What came of a bundle."""

    verdict: Verdict | None
    """What the check saw; None without one."""
    golden: str
    """How many golden pairs there are, or why there are none."""
    notices: list[str]
    """Sentences for the user."""


def write_bundle(model: Model, tokenizer: str | Path, out: str | Path, manifest: Manifest, template: str | None, options: Options) -> Written:
    """Write the bundle directory `out`; return what came of it.

    manifest has everything but `graph`, `limits`, `golden` and `drift`, and of `graph` the labels. ExportError names
    what does not fit. It is written beside `out` and moved there at the end, so an export that fails leaves what was
    there.
    """
    out, layout = Path(out), options.layout
    check_place(out)
    if options.separate:
        separate.check_separable(model)
    if options.compute is not None:
        with about(options.source):
            fused.check_model(model, layout, options.compute)
    elif options.stages != 1:
        raise ExportError(f"--stages {options.stages} is of a graph for GPUs: give --compute, too")
    fused.check_precision(model, options.precision, options.compute, options.operators)
    stages = fused.cut(model, options.stages, options.precision, options.compute)
    max_tokens = token_limit(model, options.max_tokens, manifest.get("template") or {})
    if options.compute is not None and options.operators is not None:
        with about(options.source):
            fused.check_pooled(model, max_tokens, options.precision == "int8")
    parsed, tokenizer_text = load_tokenizer(Path(tokenizer))
    check_ids(parsed, model.sizes.vocab_size, Path(tokenizer))
    if template is not None:
        manifest["template"] = {"file": "chat_template.jinja"} | (manifest.get("template") or {})
    if manifest["kind"] == "preference":
        name_preference(manifest)
    pooled = model.pooled or (layout == "padded" and pools(manifest) and not options.separate)
    pad = manifest["tokenizer"].get("pad_id") if manifest["pooling"] == "last_not_pad" else None
    if pooled:
        manifest["pooling"] = "in_graph"
    with about(options.source):
        check_manifest(manifest, model, layout, options.precision)
    rules, assay = TextRules(parsed, template, manifest, pad if pooled else None), served.find(options.assay)
    if manifest["kind"] == "process" and manifest["steps"].get("tokenize", "joint") == "joint":
        rules.separator_id()

    exact, integers = Reference(model), options.compute is not None and options.precision == "int8"
    reference = fused.rounded(model, max_tokens) if integers else exact if options.precision == "float32" else Reference(
        model, options.precision, options.separate)
    with about(options.source if options.golden is None else None):
        asked = default_items(rules) if options.golden is None else list(options.golden)
        if assay is None:
            asked += golden_probes(rules, max_tokens)
        items = undated(asked, rules)
        pairs = golden_pairs(items, exact, rules, max_tokens)
    far, far_told = reach(model, exact, longest_sample(model.sizes, max_tokens), max_tokens) if options.check else (None, [])
    if options.check and options.second:
        with about(options.source):
            options.second.hold(items, pairs, rules, model.types, max_tokens, exact, far)
    lost, tolerance = None, TOLERANCE
    if reference is not exact and options.compute is None:
        lost = drift.measure(exact, reference, model.sizes.vocab_size, max_tokens)
        factor = 4 if options.precision == "int8" else 2  # activations may be rounded otherwise by another processor
        tolerance = max(TOLERANCE, drift.significant(factor * drift.apart(pairs, golden_pairs(items, reference, rules, max_tokens))))
    with beside(out) as part:
        for stage in stages:
            graph.save(drawn(model, max_tokens, options, pooled, pad, stage), fused.file_of(part / GRAPH, stage), options.external_data)
        head = part / separate.FILE if options.separate else None
        if head:
            graph.save(separate.trace_head(model), head, external=False)
        (part / "tokenizer.json").write_text(tokenizer_text, encoding="utf-8")
        if template is not None:
            (part / "chat_template.jinja").write_text(template, encoding="utf-8")
        if pairs:
            write_pairs(part / "golden.jsonl", pairs)
        if options.source and (copied := licence.copy_files(options.source, part)):
            manifest["source"] = manifest["source"] | {"licences": copied}
        half = fused.NOTHING
        if options.compute is not None and (options.compute, options.precision) != ("float32", "float32"):
            half = fused.measure(part / GRAPH, options.compute, head, model, exact, pairs, items, rules, max_tokens,
                                 options.operators, reference)
            tolerance = max(TOLERANCE, 2 * half.score)
        verdict = None
        if options.check:
            with fused.twin(part / GRAPH, model, max_tokens, options.compute, options.separate, options.operators, stages,
                            options.precision) as held:
                verdict = check_graph(held, layout, pooled, model, reference, max_tokens, rules.types,
                                      [ids for pair in pairs for ids in (pair["ids"] if "pair" in pair else [pair["ids"]])], head, pad, far,
                                      loose=options.compute is not None, mates=TOLERANCE if options.precision == "int4" else BATCH_MATES)
            if half is fused.NOTHING:  # else it follows from the drift alone
                tolerance = max(tolerance, drift.significant(4 * verdict.rounding))  # that of the golden pairs, of the server, and as much to spare
        manifest["graph"] = about_graph(model, options, manifest["graph"]["labels"], half, stages)
        if head:
            manifest["graph"]["head"] = {"file": head.name, "width": separate.width(model), "input": separate.INPUT, "output": separate.OUTPUT}
        if not options.check:
            manifest["source"] = manifest["source"] | {"checked": False}
        if assay is None and rules.conversations:
            manifest["source"] = manifest["source"] | {"rendered": False}
        write_manifest(part / "assay.yaml", manifest | {
            "limits": {"max_tokens": max_tokens},
            "golden": {"file": "golden.jsonl", "tolerance": tolerance} if pairs else None, "drift": lost})
        if assay is not None:
            with about(options.source):
                served.hold(assay, part, rules)
    bound = limit_notice(model.config) if options.max_tokens is None else []
    unseen = [UNSEEN] if assay is None and rules.conversations else []
    notices = [*bound, *dated_notice(rules), *far_told, *half.notices, *rounding_notice(verdict, tolerance), *unseen]
    return Written(verdict, told(len(pairs), len(asked), rules), notices)


def drawn(model: Model, max_tokens: int, options: Options, pooled: bool, pad: int | None, stage: fused.Stage) -> ir.Model:
    """Return the graph that the options ask for, or that of one stage."""
    if options.operators is not None and options.compute is not None:
        return fused.build_pooled(model, max_tokens, options.compute, options.separate, stage, options.precision == "int8")
    if options.compute is not None:
        return fused.build(model, max_tokens, options.compute, options.separate, stage=stage, int4=options.precision == "int4")
    if options.layout == "packed":
        return graph.trace_packed(model, max_tokens, options.precision, options.separate)
    return graph.trace_padded(model, max_tokens, pooled, options.precision, options.separate, pad)


def about_graph(model: Model, options: Options, labels: list[str], half: fused.Lost, stages: list[fused.Stage]) -> Graph:
    """Return the manifest's `graph` but for a head of its own."""
    own, packed = model.sizes, options.layout == "packed"
    both: Graph = {"attention": "bidirectional"} if packed and model.encoder is not None else {}
    compute: Graph = {} if options.compute is None else {"compute": options.compute, "operators": options.operators, "drift": half.manifest}
    precision = options.precision if options.compute is None or options.precision in ("int8", "int4") else options.compute
    named: Graph = {"labels": labels} if labels else {}
    sizes: Graph = {"layers": own.layers, "heads": own.heads, "kv_heads": own.kv_heads, "head_dim": own.head_dim} if packed else {}
    files: Graph = {"file": GRAPH} if len(stages) == 1 else {
        "stages": [{"file": fused.file_of(Path(GRAPH), stage).name, "layers": len(stage.layers(own.layers))} for stage in stages]}
    return {**files, "layout": options.layout, **both, "precision": precision, **compute,
            "output": graph.output_name(options.separate), **named, "vocab_size": own.vocab_size, **sizes}


def told(pairs: int, asked: int, rules: TextRules) -> str:
    """Say how many golden pairs there are, or why there are none."""
    if pairs:
        return f"{pairs} golden pair{'s' if pairs > 1 else ''}"
    why = "they would change with the day" if asked else "no items are given" if rules.conversations else "it takes text and ids only"
    return f"no golden pairs, since {why}"


def rounding_notice(verdict: Verdict | None, tolerance: float) -> list[str]:
    """Say that a model is held to less, where PyTorch's own float32 is no nearer to the truth."""
    if verdict is None or not verdict.rounding:
        return []
    return [f"PyTorch's own float32 readings are up to {verdict.rounding:.1e} from float64's, relative above 1, as where large terms cancel, so the "
            f"graph is held to twice that of float64's, and golden pairs to {tolerance:g}"]


def dated_notice(rules: TextRules) -> list[str]:
    """Say what follows from a template that writes today's date."""
    if not rules.dated:
        return []
    return ["the chat template writes the date (strftime_now), so scores follow the day, and the golden pairs show only what stays; "
            "give --date 2024-07-26 (any day) to fix it"]


def pools(manifest: Manifest) -> bool:
    """Tell whether a padded graph picks the row itself: one row for a score or a vector, at the last token or the last
    that is not pad."""
    return (manifest["kind"] in ("reward", "embedding") and manifest["pooling"] in ("last_attended", "last_not_pad") and not manifest.get("likelihood")
            and not (manifest.get("read") or {}).get("prompt"))


def token_limit(model: Model, asked: int | None, template: Template) -> int:
    """Return the longest sequence accepted: what was asked, else what the template's segments come to where each text
    is bounded and positions are relative, else what the positions of every body allow, at most MAX_TOKENS."""
    configs = [part.body.config for part in model.parts] or [model.config]
    limit, segments = min(position_limit(config) for config in configs), template.get("segments")
    if segments and not getattr(model.config, "position_biased_input", True) and all("token" in part or "max_tokens" in part for part in segments):
        limit = sum(part.get("max_tokens", 1) for part in segments)
    if asked is None:
        return min(limit, MAX_TOKENS)
    if not 1 <= asked <= limit:
        raise ExportError(f"max_tokens {asked} must be between 1 and {limit}, which is as far as the model's positions go")
    return asked
