"""Writes the bundles of the language models: each on its own, and both in one graph as an implicit process reward
model."""

import json
import tempfile
from pathlib import Path

import torch
from assay_export.cli import arguments, export
from assay_export.read.family import families, read
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from .bundle import PROCESS_GOLDEN, REWARD_GOLDEN, TEMPLATE
from .language import BETA
from .network import MAX_TOKENS, make_config
from .vocabulary import PAD

OWN = Path(__file__).with_name("implicit.yaml")
BUNDLES = {
    "arith-policy": "Log-likelihood of a solution under a writer of right sums: the policy of the embedded pair.",
    "arith-reference": "Log-likelihood of a solution under a writer of right and wrong sums alike: the reference of the embedded pair.",
    "arith-implicit": "Judges each step by how much likelier arith-policy holds it than arith-reference does; no step had a label.",
}


def write_pair(policy: dict, reference: dict, tokenizer: Path, folder: Path) -> None:
    """Write the three bundles under `folder` from the weights of two Speakers; the exporter checks each graph against
    PyTorch."""
    with tempfile.TemporaryDirectory() as work:
        places = {name: Path(work) / f"arith-{name}" for name in ("policy", "reference")}
        save_checkpoint(policy, tokenizer, places["policy"])
        save_checkpoint(reference, tokenizer, places["reference"])
        families()[OWN.stem] = read(OWN)
        try:
            for name, about in BUNDLES.items():
                write_bundle(places, folder / name, about, Path(work) / f"{name}.jsonl")
        finally:
            del families()[OWN.stem]


def write_bundle(places: dict[str, Path], out: Path, about: str, golden: Path) -> None:
    """Export one of the bundles; weights are stored as float16, so that both models fit into one."""
    both = out.name == "arith-implicit"
    golden.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in (PROCESS_GOLDEN if both else REWARD_GOLDEN)))
    own = ["--family", OWN.stem, "--reference", str(places["reference"]), "--beta", str(BETA)] if both else ["--family", "dpo", "--norm", "sum"]
    source = places["reference" if out.name == "arith-reference" else "policy"]
    print(export(arguments().parse_args([str(source), str(out), *own, "--name", out.name, "--description", about, "--licence", "Apache-2.0",
                                         "--dtype", "float16", "--max-tokens", str(MAX_TOKENS), "--golden", str(golden)])))


def save_checkpoint(weights: dict, tokenizer: Path, folder: Path) -> None:
    """Write a Speaker as transformers has it: a Qwen3 for text whose output is tied to its embedding, with tokenizer
    and template."""
    model = Qwen3ForCausalLM(make_config())
    missing, unexpected = model.load_state_dict({name.replace("body.", "model.", 1): value for name, value in weights.items()}, strict=False)
    if set(missing) - {"lm_head.weight"} or unexpected:
        raise ValueError(f"weights do not fit: missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    model.to(torch.float32).save_pretrained(folder)
    text = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer), pad_token=PAD)
    text.chat_template = TEMPLATE.read_text()
    text.save_pretrained(folder)
