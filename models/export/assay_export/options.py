"""The options of the `assay-export` command, and for which families each means something."""

import argparse
from datetime import date
from pathlib import Path

from .errors import ExportError
from .fused import COMPUTES
from .manifest import POOLING
from .read.family import Family
from .store.storage import PRECISIONS
from .text import frames
from .text.settings import DEFAULT_SEPARATOR


def arguments() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser("assay-export", description="Write an Assay bundle from a transformers checkpoint directory.")
    parser.add_argument("source", type=Path, metavar="SOURCE", help="checkpoint directory")
    parser.add_argument("out", type=Path, metavar="OUT", help="bundle directory to write")
    parser.add_argument("--layout", choices=("packed", "padded"), help="default: packed where the model's attention can be arranged, which "
                        "DeBERTa's and gated delta layers cannot")
    parser.add_argument("--head", choices=("inside", "separate"), default="inside",
                        help="separate: a graph of its own, head.onnx, on the hidden states that leave the backbone")
    parser.add_argument("--name", help="how requests name the model (default: the name of OUT)")
    parser.add_argument("--family", help="how the checkpoint is read (default: told from its class)")
    parser.add_argument("--reference", type=Path, metavar="DIR", help="likelihood families: checkpoint of the reference model")
    parser.add_argument("--base", type=Path, metavar="DIR", help="LoRA adapters: checkpoint of the base model (default: the one that they name)")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="longest sequence accepted")
    parser.add_argument("--bos", choices=("none", "one", "two"), help="default: one when template or tokenizer writes a BOS")
    parser.add_argument("--pooling", choices=POOLING, help="which token of a reward model is read (default: the family's)")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="the day that a chat template writes (default: today, and scores follow the day)")
    parser.add_argument("--separator", help=f"text of the token that ends a step (default: {DEFAULT_SEPARATOR})")
    parser.add_argument("--step-label", help='the label that means "right" (default: the last)')
    parser.add_argument("--activation", choices=("softmax", "sigmoid", "none"),
                        help="of a process model's labels, or of a reward model's, whose scores are raw outputs without it")
    parser.add_argument("--label", metavar="NAME", help="which of a reward model's labels is the score, where there are several")
    parser.add_argument("--score", metavar="NAME=WEIGHT,...", help="the score is the weighted sum of these labels of a reward model")
    parser.add_argument("--text", choices=tuple(frames.RULES), help="families of one text: what is read of a conversation (default: the chat template, "
                        "else the response)")
    parser.add_argument("--mean", type=float, help="score = (raw - mean) / std")
    parser.add_argument("--std", type=float)
    parser.add_argument("--final", choices=("sigmoid", "none"), help="of a reward model's score, behind mean and std (default: the family's)")
    parser.add_argument("--instruction", metavar="TEXT", help="families whose prompt has a place for one: what goes before every query")
    parser.add_argument("--beta", type=float, help="likelihood families: score = beta * raw (default: the family's)")
    parser.add_argument("--norm", choices=("sum", "mean"), help="likelihood families: over the response's tokens (default: the family's)")
    parser.add_argument("--per-step", action="store_true", help="likelihood families of kind process: what each step adds, not the sum so far")
    stored = parser.add_mutually_exclusive_group()
    stored.add_argument("--dtype", choices=PRECISIONS[:3], default="float32", help="how large weights are stored; sums are float32")
    stored.add_argument("--int8", action="store_true", help="store large weights as int8; linear layers multiply integers, one activation scale per token; "
                        "with --compute it needs --operators assay, and is of the layers' linear weights")
    stored.add_argument("--int4", action="store_true", help="with --compute: store the weights of linear layers as int4, which saves memory and is no "
                        "faster")
    parser.add_argument("--compute", choices=COMPUTES, help="a graph for GPUs, whose large weights are stored and multiplied in that type: packed alone "
                        "(default: one for processors, in float32)")
    parser.add_argument("--operators", choices=("assay",), help="with --compute: layers are operators of our own, with keys and values in pools that are "
                        "written where they are (default: stock operators of ONNX Runtime)")
    parser.add_argument("--stages", type=int, default=1, metavar="N", help="with --compute: the layers are cut into N graphs of about as many weights "
                        "each, for a server that has N GPUs hold one copy (default: 1)")
    parser.add_argument("--description", default="", help="one line about the model")
    parser.add_argument("--licence", help="SPDX name of the checkpoint's licence (default: what its README.md says)")
    parser.add_argument("--external-data", action="store_true", help="weights in model.onnx_data whatever the size")
    parser.add_argument("--harmless", action="append", default=[], metavar="KEY",
                        help="a key of config.json that is not known here and changes no score; may be given several times")
    parser.add_argument("--golden", type=Path, metavar="FILE", help="JSON lines of items to score with PyTorch")
    parser.add_argument("--check", action=argparse.BooleanOptionalAction, default=True,
                        help="compare golden pairs with transformers' own loading and the graph with PyTorch (default; --no-check is noted in "
                        "the manifest)")
    parser.add_argument("--assay", type=Path, metavar="FILE", help="the server's binary, which must render and tokenize as transformers does (default: "
                        "assay on PATH, else the one of this checkout; without one the manifest notes it)")
    parser.add_argument("--traceback", action="store_true", help="show where a fault of assay-export itself lies, for a report of it")
    return parser


def check_options(options: argparse.Namespace, family: Family) -> None:
    """Refuse options that mean nothing for a family."""
    likelihood, process, reward = family.likelihood, family.kind == "process", family.kind == "reward"
    rows = family.manifest.get("pooling") in ("transformers", *POOLING)
    for names, fits, meant in (
            (("reference", "beta", "norm"), likelihood, "likelihood families"),
            (("per_step",), likelihood and process, "likelihood families of kind process"),
            (("separator",), process, "process models"),
            (("activation",), process or (reward and not likelihood), "models whose head has labels"),
            (("text",), family.framed and family.kind != "embedding", "families that read one text of a conversation"),
            (("step_label",), process and not likelihood, "process models whose head has labels"),
            (("label", "score"), reward and not likelihood and not {"weights", "gates"} & set(family.manifest.get("head") or {}),
             "reward models whose score is one of their labels"),
            (("mean", "std", "final"), reward, "reward models"),
            (("instruction",), family.instruction is not None, "families whose prompt has a place for one"),
            (("pooling",), reward and rows, "reward models that are read at one token by a rule")):
        for name in names:
            if not fits and not any(getattr(options, name) is left for left in (None, False)):
                raise ExportError(f"--{name.replace('_', '-')} is for {meant}, and family {family.name} is none")
    if options.operators is not None and options.compute is None:
        raise ExportError(f"--operators {options.operators} needs --compute float32, float16 or bfloat16")
    if options.stages != 1 and options.compute is None:
        raise ExportError(f"--stages {options.stages} is of a graph for GPUs: give --compute, too")
    if likelihood and options.activation == "softmax":
        raise ExportError(f"--activation softmax needs labels, and family {family.name} has log-probabilities: sigmoid or none")
    if options.label is not None and options.score is not None:
        raise ExportError("--label and --score both say what the score is; give one of them")
    if options.date is not None:
        try:
            date.fromisoformat(options.date)
        except ValueError:
            raise ExportError(f"--date {options.date} is no day; write it as 2024-07-26") from None
        if len(options.date) != len("2024-07-26"):
            raise ExportError(f"--date {options.date} must be written as 2024-07-26")
    if options.beta == 0:
        raise ExportError("--beta 0 would make every score 0")
