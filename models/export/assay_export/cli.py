"""The `assay-export` command."""

import argparse
import sys
from pathlib import Path

from . import checkpoint
from .bundle import export_bundle
from .errors import ExportError
from .families import kind_of
from .golden import read_items
from .settings import DEFAULT_SEPARATOR, read_settings
from .text import load_tokenizer


def arguments() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser("assay-export", description="Write an Assay bundle from a transformers checkpoint directory.")
    parser.add_argument("source", type=Path, metavar="SOURCE", help="checkpoint directory")
    parser.add_argument("out", type=Path, metavar="OUT", help="bundle directory to write")
    parser.add_argument("--layout", choices=("packed", "padded"), default="packed")
    parser.add_argument("--name", help="how requests name the model (default: the name of OUT)")
    parser.add_argument("--kind", choices=("reward", "process"), help="default: told from the checkpoint's class")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="longest sequence accepted")
    parser.add_argument("--bos", choices=("none", "one"), help="default: one when template or tokenizer writes a BOS")
    parser.add_argument("--separator", help=f"text of the token that ends a step (default: {DEFAULT_SEPARATOR})")
    parser.add_argument("--step-label", help='the label that means "right" (default: the last)')
    parser.add_argument("--activation", choices=("softmax", "sigmoid", "none"))
    parser.add_argument("--mean", type=float, default=0.0, help="score = (raw - mean) / std")
    parser.add_argument("--std", type=float, default=1.0)
    parser.add_argument("--description", default="", help="one line about the model")
    parser.add_argument("--licence", default="unknown", help="SPDX name of the checkpoint's licence")
    parser.add_argument("--external-data", action="store_true", help="weights in model.onnx_data whatever the size")
    parser.add_argument("--golden", type=Path, metavar="FILE", help="JSON lines of items to score with PyTorch")
    parser.add_argument("--check", action="store_true", help="compare the graph with PyTorch before the manifest is written")
    return parser


def export(options: argparse.Namespace) -> str:
    """Export as the options say; return one line for the user. ExportError when it cannot be done."""
    if not options.source.is_dir():
        raise ExportError(f"{options.source} is not a directory")
    tokenizer, _ = load_tokenizer(options.source)
    settings = read_settings(options.source, tokenizer, options.bos)
    loaded = checkpoint.load(options.source)
    kind = options.kind or kind_of(loaded.class_name)
    name = options.name or options.out.resolve().name
    verdict = export_bundle(
        loaded.body, options.source, options.out, name=name, kind=kind, layout=options.layout, max_tokens=options.max_tokens,
        labels=loaded.label_names, head=loaded.head, chat_template=settings.template, template_variables=settings.variables,
        bos=settings.bos, bos_id=settings.bos_id, pad_id=settings.pad_id,
        separator=options.separator or DEFAULT_SEPARATOR if kind == "process" else None, step_label=options.step_label,
        activation=options.activation, mean=options.mean, std=options.std, description=options.description,
        licence=options.licence, source={"checkpoint": options.source.resolve().name, "class": loaded.class_name, "digest": loaded.digest},
        golden=read_items(options.golden) if options.golden else None, external_data=options.external_data, check=options.check)
    checked = "" if verdict is None else f", largest difference from PyTorch {verdict.worst:.1e} over {verdict.readings} readings"
    return f"{options.out}: {name}, {kind}, {options.layout}{checked}"


def main() -> None:
    """Run the command; an export that fails says why in one line and exits with 1."""
    try:
        print(export(arguments().parse_args()))
    except ExportError as error:
        sys.exit(f"assay-export: {error}")
