"""What the `assay-export` command does with its options."""

import argparse
import tempfile
from pathlib import Path
from typing import cast

from .bodies.nested import known_config
from .bundle import Options, write_bundle
from .errors import ExportError, about
from .fields import Head, Manifest, Segment, TokenizerRules
from .graph.encoder import packs
from .load import checkpoint, choices, logit_score, lora
from .load.embedding import Embedder, read_embedder
from .load.sentence import read_sentence
from .manifest import base_manifest, check_label
from .options import arguments, check_options
from .place import check_out, check_place, parents_of
from .prove.second import hold_tokenizer, second_of
from .prove.theirs import tokenizer_of
from .read import licence
from .read.family import CROSS_ENCODER, EMBEDDER, Family, choose, resolve
from .read.files import check_directory
from .read.tokenizer import load_tokenizer
from .text import frames
from .text.golden import read_items
from .text.places import transformers_pooling
from .text.settings import DEFAULT_SEPARATOR, TextSettings, chat_template, check_text_files, end_token, read_settings

__all__ = ["arguments", "export"]


def export(options: argparse.Namespace) -> str:
    """Export as the options say; return one line for the user. ExportError when it cannot be done."""
    check_directory(options.source)
    if not lora.is_adapter(options.source):
        if options.base is not None:
            raise ExportError(f"--base is for LoRA adapters, and {options.source} has no {lora.CONFIG}, or a config.json beside it")
        return export_whole(options)
    check_place(options.out)
    for directory in filter(None, (options.source, options.base)):
        check_out(options.out, directory)
    with parents_of(options.out) as place, tempfile.TemporaryDirectory(prefix=".merged-", dir=place) as folder:
        merged = Path(folder) / options.source.resolve().name
        try:
            notices = lora.merge(options.source, options.base, merged)
            return "\n".join([*notices, export_whole(argparse.Namespace(**{**vars(options), "source": merged}))])
        except ExportError as error:
            raise ExportError(str(error).replace(str(merged), str(options.source))) from error


def export_whole(options: argparse.Namespace) -> str:
    """Export a checkpoint that is whole; return one line for the user."""
    if options.reference is not None:
        check_directory(options.reference)
        check_out(options.out, options.reference)
    check_out(options.out, options.source)
    check_place(options.out)
    embedder = read_embedder(options.source)
    sentence = None if embedder else read_sentence(options.source)
    _, class_name = checkpoint.read_config(options.source)
    with about(options.source / "config.json"):
        family = choose(class_name, options.family, EMBEDDER if embedder else CROSS_ENCODER if sentence else None)
    if family.of_tokens:
        embedder, sentence = Embedder("cosine", {}, None, []), None
    check_options(options, family)
    configs = {directory / "config.json": checkpoint.read_config(directory)[0] for directory in (options.source, options.reference) if directory}
    with about(options.source):
        raw, harmless, notices = known_config(configs, family, options.harmless)
        checkpoint.body_config(raw, options.source, family)
    tokenizer, _ = load_tokenizer(options.source)
    check_text_files(options.source)
    theirs = tokenizer_of(options.source, fallback=family.class_of == "authors")
    if options.check:
        hold_tokenizer(options.source / "tokenizer.json", tokenizer, theirs, raw.get("vocab_size"))
    family, read = logit_score.with_modules(frames.instructed(family, options.instruction), options.source, sentence, theirs, tokenizer, options)
    with about(options.source):
        own = resolve(family.manifest, tokenizer, raw)
    own.setdefault("tokenizer", {})
    family, told = frames.put_together(family, own["tokenizer"], tokenizer, theirs, options.source)
    if family.framed and not embedder:
        family, told = frames.with_text(family, options.source, chat_template(options.source, theirs), options.text)
    end = own["tokenizer"].get("end_id")
    if isinstance(end, list):
        own["tokenizer"]["end_id"] = end_token(options.source, tokenizer, theirs, end)
    settings = read_settings(options.source, tokenizer, theirs, raw, family, options.bos or own["tokenizer"].get("bos"))
    if family.framed:
        own["tokenizer"]["frame"], more = frames.fitting(frames.frame(theirs), settings, tokenizer)
        told += more
    with about(options.source):
        loaded = checkpoint.load(options.source, raw, family, tokenizer, options.reference, harmless)
    if settings.pad_id is not None and settings.pad_id < 0:
        settings.pad_id = None  # as Llama's first checkpoints say that they have none
    if "pad_token_id" not in raw and loaded.model.config.pad_token_id is not None:
        settings.pad_id = loaded.model.config.pad_token_id  # of the class, as transformers' pooling has it
    if family.class_of == "transformers" and family.head["form"] in ("linear", "classifier"):
        check_width(options.source / "config.json", raw, loaded.model.labels)
    name = options.name or options.out.resolve().name
    manifest = base_manifest(
        loaded.model, family.kind, family.labels or loaded.label_names, name=name, description=options.description,
        licence=options.licence or licence.of_card(options.source),
        source={"checkpoint": options.source.resolve().name, "class": class_name, "family": family.name, "digest": loaded.digest,
                "harmless": harmless or None},
        steps=step_settings(family, own.get("steps", {}), options), likelihood=loaded.model.likelihood)
    notices += read + told + fill(manifest, family, own, settings, options, loaded.model.config)
    if sentence is not None:
        notices += choices.behind(manifest, family, sentence, options)
    if embedder:
        manifest["embedding"] = {"size": loaded.model.labels, "similarity": embedder.similarity, "before": embedder.before or None}
        notices += embedder.notices
    elif family.framed:
        notices.append(choices.scored(manifest, raw))
    notices += unread(options.source, manifest, theirs)
    longest, more = choices.length(options, None if family.of_tokens else sentence or embedder, theirs, loaded.model.config)
    notices += more
    layout = options.layout or ("packed" if packs(loaded.model) else "padded")
    second = second_of(options.source, class_name, options.reference, family, raw, resolve(family.head, tokenizer, raw), theirs,
                       own.get("pooling") == "transformers" and options.pooling is None, loaded.model.labels)
    written = write_bundle(loaded.model, options.source, options.out, manifest, settings.template, Options(
        layout, "int8" if options.int8 else "int4" if options.int4 else options.dtype, longest, options.external_data, options.check,
        read_items(options.golden) if options.golden else None, options.source, options.head == "separate", second, options.assay, options.compute,
        options.operators, options.stages))
    verdict = written.verdict
    checked = ", not checked" if verdict is None else f", largest difference from PyTorch {verdict.worst:.1e} over {verdict.readings} readings"
    line = f"{options.out}: {name}, {family.kind}, {layout}, {written.golden}{checked}"
    return "\n".join([*loaded.notices, *notices, *written.notices, line])


def step_settings(family: Family, own: dict, options: argparse.Namespace) -> dict | None:
    """Return a process model's steps: the family's, then the options'."""
    if family.kind != "process":
        return None
    asked = {"separator": options.separator, "label": options.step_label, "activation": options.activation,
             "accumulate": False if options.per_step else None}
    return {"separator": DEFAULT_SEPARATOR} | own | {key: value for key, value in asked.items() if value is not None}


def fill(manifest: Manifest, family: Family, own: dict, settings: TextSettings, options: argparse.Namespace, config) -> list[str]:
    """Put the family's words, the checkpoint's text settings and the options into the manifest; return notices for the
    user.

    config is the body's of transformers, whose pad id its own pooling passes over.
    """
    notices = list(settings.notices)
    manifest.update(cast(Manifest, {key: value for key, value in own.items() if key not in ("steps", "tokenizer")}))
    rules: TokenizerRules = {"file": "tokenizer.json", "bos": settings.bos, "bos_id": settings.bos_id, "pad_id": settings.pad_id}
    manifest["tokenizer"] = {**rules, **cast(TokenizerRules, {key: value for key, value in own.get("tokenizer", {}).items() if key != "bos"})}
    if family.segments:
        manifest["template"] = {"segments": cast(list[Segment], family.segments)}
    elif settings.template is not None:
        manifest["template"] = {"variables": settings.variables, "date": options.date, "fields": family.fields}
    if options.date is not None and settings.template is None:
        raise ExportError("--date is for models with a chat template, and this one has none")
    if manifest["pooling"] == "transformers":
        pad, eos = config.pad_token_id, getattr(config, "eos_token_id", None)
        manifest["pooling"] = transformers_pooling(config)
        if pad is not None and pad in (eos if isinstance(eos, list) else [eos]) and options.pooling is None:
            notices.append(f"{options.source / 'config.json'}: pad_token_id is an end token too, and scores are read at the last other token, "
                           "as transformers does (pooling last_not_pad); give --pooling last_attended if it was trained to read the end token")
    if options.pooling:
        manifest["pooling"] = options.pooling
    head: Head = {**(manifest.get("head") or {})}
    if options.label is not None:
        head["label"] = options.label
    if family.kind == "reward" and options.activation is not None:
        head["activation"] = options.activation
    if options.score is not None:
        head["weights"] = choices.weights(options.score, manifest["graph"]["labels"])
    if family.kind == "reward" and not family.likelihood:
        check_label(head, manifest["graph"]["labels"], f"{options.source / 'config.json'}: id2label names", "--label NAME, or --score NAME=WEIGHT,...")
    for name in ("mean", "std", "final"):
        if getattr(options, name) is not None:
            head[name] = getattr(options, name)
    manifest["head"] = head or None
    if ratio := manifest.get("likelihood"):
        manifest["likelihood"] = {"beta": ratio["beta"] if options.beta is None else options.beta, "norm": options.norm or ratio["norm"]}
    return notices


def unread(source: Path, manifest: Manifest, theirs) -> list[str]:
    """Return notices of what a tokenizer does and this bundle does not."""
    notices = []
    eos = theirs.eos_token_id
    if eos is not None and manifest["tokenizer"].get("end", "keep") == "keep" and not (manifest.get("template") or {}).get("segments") \
            and not manifest["tokenizer"].get("frame") and theirs("a")["input_ids"][-1:] == [eos]:
        notices.append(f"{source}: the tokenizer puts {theirs.eos_token} behind a text by itself, and this bundle's ids end as the template ends")
    return notices


def check_width(path: Path, raw: dict, width: int) -> None:
    """Refuse a config.json that gives the head another number of outputs than its weights do."""
    for name, said in (("id2label", len(raw.get("id2label") or [])), ("num_labels", raw.get("num_labels") or 0)):
        if said and said != width:
            raise ExportError(f"{path}: {name} says that the head has {said} outputs, and its weights have {width}")
