"""Makes the bundles that the server's tests use: `python -m assay_export.fixtures OUT`, and `--fused OUT` those for
GPUs.

Six families, reward and process, packed and padded, from tiny random checkpoints, with golden pairs from PyTorch;
besides them one two-layer process head, one bundle with external data and one in each lower precision. For GPUs a
decoder and an encoder in each type that a graph computes in, an encoder with windows in one, two encoders of domain
assay, two decoders with integer products, two cut into stages and one with weights of four bits. The same versions
give the same files.
"""

import argparse
import importlib.metadata
import shutil
import tempfile
from pathlib import Path

from . import tiny
from .cli import arguments, export
from .fused import COMPUTES
from .text.golden import write_pairs

VOCAB = 400
SEED = 20

STORY = [" ".join(tiny.sentences(40 + number, 60, 12)).replace("\n", " ") for number in range(4)]

LOWER = {"float16": ("--dtype", "float16"), "bfloat16": ("--dtype", "bfloat16"), "int8": ("--int8",)}
"""Precisions in which one bundle is stored, with the command's options."""

HEADS = {"head_dim": 32, "hidden_size": 64, "num_hidden_layers": 2}
"""What the kernels of domain assay need: heads of 32 numbers."""

ENCODER_HEADS = {"hidden_size": 64, "num_attention_heads": 2}
"""The same of encoders."""

VERSIONED = ("torch", "transformers", "tokenizers", "onnx", "onnxscript", "onnxruntime")


def talk(*contents: str, system: str | None = None) -> list[dict[str, str]]:
    """Return a conversation of alternating user and assistant turns, maybe after a system turn."""
    turns = [{"role": ("user", "assistant")[number % 2], "content": content} for number, content in enumerate(contents)]
    return ([{"role": "system", "content": system}] if system else []) + turns


REWARD: list[dict] = [
    {"prompt": "What is 12 + 30?", "response": "42"},
    {"prompt": "What is 12 + 30?", "response": "It is 41, because 12 + 30 = 41."},
    {"prompt": "What is 12 + 30?", "response": STORY[0][:400]},
    {"messages": talk("  Hello \n", " Hi! How can I help? ", "Name a colour.", "Blue.")},
    {"messages": talk("Résumé in 日本語, 🙂?", "はい — 'naïve' & <b>\"ok\"</b> {{ x }}")},
    {"messages": talk(STORY[1][:150], STORY[2][:250])},
    {"messages": talk("A question without an answer")},
    {"text": "a"},
    {"text": "rendered by the client, as it is"},
    {"text": STORY[3][:500]},
]
SYSTEM = {"messages": talk("Hello", "Hi.", system="Be brief.")}
PROCESS: list[dict] = [
    {"prompt": "What is 2 + 2 + 3?", "steps": ["2 + 2 = 4.", " 4 + 3 = 7.", " The answer is 7."]},
    {"prompt": "What is 2 + 2 + 3?", "steps": ["2 + 2 = 5.", " 5 + 3 = 8."]},
    {"prompt": "What is 2 + 2 + 3?", "steps": ["7"]},
    {"prompt": "日本語で?", "steps": ["Été: 1\n\n", "🙂 + 🙂 = 2"]},
    {"prompt": STORY[0][:120], "steps": [STORY[number][at:at + 40] + "." for number in (1, 2) for at in (0, 50, 100)]},
    {"messages": talk("Hello", "Hi.", "Add 1 and 1."), "steps": ["1 + 1", " = 2"]},
]

PAIRS: list[dict] = [
    {"prompt": "where do owls sleep?", "response": "Most owls sleep by day, in trees and in barns."}, {"prompt": "where do owls sleep?", "response": "Hi"},
    {"prompt": "Résumé in 日本語, 🙂?", "response": "  はい — 'naïve' & <b>\"ok\"</b>  "}, {"prompt": "a", "response": "b"},
    {"prompt": STORY[0][:60], "response": STORY[1][:400]}, {"prompt": STORY[2][:30], "response": STORY[3][:90]}, {"text": "A text without a question"}]


def items(model_type: str, kind: str, vocab: int) -> list[dict]:
    """Return a family's golden items: the common ones, a system turn where its template takes one, and ids."""
    family = tiny.FAMILIES[model_type]
    ids = [7 + (number * number) % (vocab - 7) for number in range(180)]
    if kind == "reward":
        return REWARD + ([] if model_type == "gemma2" else [SYSTEM]) + [{"input_ids": ids[:1]}, {"input_ids": ids[:33]}, {"input_ids": ids}]
    text = f"Rendered by the client{family.separator} in two steps{family.separator}"
    return PROCESS + [{"text": text}]


def make(out: Path, scratch: Path, model_type: str, kind: str, layout: str, *, name: str | None = None, seed: int = SEED,
         class_name: str | None = None, extra: tuple[str, ...] = (), config: dict | None = None) -> str:
    """Write one fixture bundle through the command; return its line."""
    name = name or f"{model_type}-{kind}-{layout}"
    tokenizer = tiny.family_tokenizer(model_type, VOCAB, tiny.sentences(1, 200, 400))
    source = scratch / f"tiny-{model_type}-{kind}{'-' + class_name if class_name else ''}{'-other' if config else ''}"
    if not source.exists():
        tiny.write_checkpoint(source, model_type, kind, tokenizer=tokenizer, seed=seed, class_name=class_name, config=config)
        write_pairs(source / "items.jsonl", items(model_type, kind, tokenizer.get_vocab_size()))
    separator = ("--separator", tiny.FAMILIES[model_type].separator) if kind == "process" else ()
    return export(arguments().parse_args([
        str(source), str(out / name), "--layout", layout, "--name", name, "--golden", str(source / "items.jsonl"), "--check",
        "--licence", "Apache-2.0", "--description", "Tiny random weights, for tests", *separator, *extra]))


def main() -> None:
    """Make every fixture afresh."""
    parser = argparse.ArgumentParser("python -m assay_export.fixtures", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--fused", action="store_true", help="those for GPUs")
    parser.add_argument("out", type=Path, help="directory of bundles; what it holds is replaced")
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        (make_fused if options.fused else make_all)(options.out, Path(scratch))


def make_all(out: Path, scratch: Path) -> None:
    """Make the bundles for processors."""
    lines = []
    for number, model_type in enumerate(tiny.FAMILIES):
        for kind in ("reward", "process"):
            for layout in ("packed", "padded"):
                lines.append(make(out, scratch, model_type, kind, layout, seed=SEED + number))
                print(lines[-1], flush=True)
    lines.append(make(out, scratch, "qwen2", "process", "packed", name="qwen2prm-process-packed", class_name="Qwen2ForProcessRewardModel"))
    lines.append(make(out, scratch, "qwen3", "reward", "packed", name="qwen3-reward-packed-external", seed=SEED + 1,
                      extra=("--external-data", "--mean", "0.5", "--std", "2")))
    for precision, option in LOWER.items():
        lines.append(make(out, scratch, "qwen3", "reward", "packed", name=f"qwen3-reward-packed-{precision}", seed=SEED + 1, extra=option))
    write_readme(out, "Bundles with tiny random weights, for tests.", "python -m assay_export.fixtures models/testdata/bundles",
                 f"Seeds are {SEED} plus the family's number. Largest differences from PyTorch when made:", [line.partition(": ")[2] for line in lines])


def make_encoder(out: Path, scratch: Path, model_type: str, compute: str, operators: str | None = None) -> str:
    """Write one encoder's fixture bundle for GPUs through the command; return its line."""
    kind = f"{model_type}-{operators}" if operators else model_type
    source, name, extra = scratch / f"tiny-{kind}", f"{kind}-{compute}", ("--operators", operators) if operators else ()
    if not source.exists():
        tiny.write_encoder(source, model_type, VOCAB, tiny.sentences(1, 200, 400), SEED, config=ENCODER_HEADS if operators else None)
        ids = [4 + (number * number) % (VOCAB - 4) for number in range(240)]
        write_pairs(source / "items.jsonl", [*PAIRS, *({"input_ids": ids[:length]} for length in (1, 2, 17, 130, 240)),
                                             {"input_ids": [0, *ids[:20], 0, *ids[:9], 0]}])
    return export(arguments().parse_args([
        str(source), str(out / name), "--name", name, "--family", f"{model_type}-pair", "--golden", str(source / "items.jsonl"), "--compute", compute,
        "--licence", "Apache-2.0", "--description", "Tiny random weights, for tests", *extra]))


def make_fused(out: Path, scratch: Path) -> None:
    """Make the bundles for GPUs."""
    lines = [make(out, scratch, "qwen2", "reward", "packed", name=f"qwen2-{compute}", extra=("--compute", compute)) for compute in COMPUTES]
    lines += [make(out, scratch, model_type, "reward", "packed", name=f"{model_type}-assay-{compute}", config=HEADS,
                   extra=("--compute", compute, "--operators", "assay")) for model_type in ("qwen2", "qwen3") for compute in COMPUTES]
    lines.append(make(out, scratch, "qwen3", "reward", "packed", name="qwen3-assay-bfloat16-external", config=HEADS,
                      extra=("--compute", "bfloat16", "--operators", "assay", "--external-data")))
    lines += [make(out, scratch, model_type, "reward", "packed", name=f"{model_type}-assay-{compute}-int8", config=HEADS,
                   extra=("--compute", compute, "--operators", "assay", "--int8")) for model_type, compute in (("qwen2", "bfloat16"), ("qwen3", "float16"))]
    lines += [make_encoder(out, scratch, model_type, compute)
              for model_type, compute in (*(("bert", compute) for compute in COMPUTES), ("modernbert", "float16"))]
    lines += [make_encoder(out, scratch, model_type, compute, "assay") for model_type, compute in (("bert", "float16"), ("modernbert", "bfloat16"))]
    lines.append(make(out, scratch, "qwen2", "reward", "packed", name="qwen2-float32-stages", extra=("--compute", "float32", "--stages", "2")))
    lines.append(make(out, scratch, "qwen3", "reward", "packed", name="qwen3-assay-float16-stages", config=HEADS,
                      extra=("--compute", "float16", "--operators", "assay", "--stages", "2")))
    lines.append(make(out, scratch, "qwen2", "reward", "packed", name="qwen2-int4-float16", extra=("--compute", "float16", "--int4")))
    write_readme(out, "Bundles for GPUs with tiny random weights, for tests.", "python -m assay_export.fixtures --fused models/testdata/fused",
                 f"The seed is {SEED}. Largest differences from PyTorch when made, of half precision those of its twin in float32:",
                 [line.partition(": ")[2] for line in lines])


def write_readme(folder: Path, what: str, command: str, told: str, lines: list[str]) -> None:
    """Write what a folder of fixtures holds, by which command and versions it was made, and a line for each."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in VERSIONED)
    (folder / "README.txt").write_text("\n".join([f"{what} Made by:", f"  {command}", f"with {versions}.", told, "", *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
