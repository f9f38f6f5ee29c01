"""Makes a random Qwen3-style reward model for benchmarks: `python -m assay_export.random_model OUT`.

OUT gets `checkpoint`, and the bundles `bench-packed`, `bench-padded` and `bench-packed-int8` made from it. Scores mean nothing; sizes, text and
tokenization are like a real small model's. The same arguments and versions give the same files.
"""

import argparse
from pathlib import Path

from . import tiny
from .cli import arguments, export

BUNDLES = {"bench-packed": ("--layout", "packed"), "bench-padded": ("--layout", "padded"), "bench-packed-int8": ("--layout", "packed", "--int8")}
"""Bundles with the options of the command."""


def options() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser("python -m assay_export.random_model", description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="directory to write")
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--intermediate", type=int, help="default: 4 × hidden")
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--heads", type=int, help="default: hidden / 64")
    parser.add_argument("--kv-heads", type=int, help="default: a third of the heads")
    parser.add_argument("--vocab", type=int, default=8192)
    parser.add_argument("--max-tokens", type=int, default=4096)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def make(given: argparse.Namespace) -> list[str]:
    """Write the checkpoint and the bundles; return a line for each bundle."""
    heads = given.heads or max(1, given.hidden // 64)
    config = {"hidden_size": given.hidden, "intermediate_size": given.intermediate or 4 * given.hidden, "head_dim": 64,
              "num_hidden_layers": given.layers, "num_attention_heads": heads, "num_key_value_heads": given.kv_heads or max(1, heads // 3),
              "max_position_embeddings": given.max_tokens}
    tokenizer = tiny.family_tokenizer("qwen3", given.vocab, tiny.sentences(given.seed, 30000, 20000))
    tiny.write_checkpoint(given.out / "checkpoint", "qwen3", "reward", tokenizer=tokenizer, seed=given.seed, spread=0.04, config=config)
    return [export(arguments().parse_args([
        str(given.out / "checkpoint"), str(given.out / name), "--check", "--licence", "Apache-2.0",
        "--description", "Random weights, for benchmarks", *options])) for name, options in BUNDLES.items()]


if __name__ == "__main__":
    print("\n".join(make(options())))
