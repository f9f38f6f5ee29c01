"""Remakes the embedded bundles end to end: `python -m train` from models/builtin.

Stages, in order: tokenizer; the eight trainings of TRAINING; heldout, export; the two trainings of LANGUAGE; pair, samples,
measure, votes. Name some to run only those; each reads what the earlier ones left in the work folder, but that LANGUAGE begins
from arith-rm's bundle. The trainings take about an hour on two cores, those of LANGUAGE ten minutes of it.
"""

import argparse
import json
import os
import time
from pathlib import Path

# Read by glibc and libgomp when torch starts: keep freed memory for the next batch, and do not spin while waiting.
SETTINGS = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "17179869184",
            "MALLOC_TOP_PAD_": "268435456", "GOMP_SPINCOUNT": "0", "OMP_WAIT_POLICY": "PASSIVE"}

HERE = Path(__file__).resolve().parent.parent
TOKENIZER_SEED, HELDOUT_SEED, SAMPLES_SEED = 1, 2, 41
TRAINING = {
    "short": {"seed": 1, "steps": 1500, "short": 1400, "rate": 2e-3, "end": 0.732, "size": 64},
    "chains": {"seed": 11, "steps": 750, "rate": 1.5e-3, "end": 0.632, "size": 64},
    "sums": {"seed": 13, "steps": 450, "rate": 7e-4, "end": 0.83, "size": 32, "result_weight": 5},
    "early": {"seed": 14, "steps": 1900, "rate": 1e-3, "end": 0.02, "size": 32, "result_weight": 5, "early": True},
    "process": {"seed": 15, "steps": 750, "rate": 8e-4, "end": 0.02, "size": 32, "result_weight": 5, "early": True},
    "pairs": {"seed": 21, "steps": 450, "rate": 5e-4, "end": 0.02, "size": 32},
    "more": {"seed": 22, "steps": 400, "rate": 8e-4, "end": 0.02, "size": 32, "early": True},
    "reward": {"seed": 23, "steps": 700, "rate": 1e-3, "end": 0.02, "size": 32, "early": True},
}
"""The trainings, each from the weights of the one before; train/fit.py explains the settings, CARD.md the reasons."""
LANGUAGE = {
    "reference": {"seed": 31, "steps": 300, "rate": 5e-4, "end": 0.05, "size": 32},
    "policy": {"seed": 32, "steps": 400, "rate": 5e-4, "end": 0.02, "size": 32},
}
"""The trainings of the language models, the first from arith-rm's weights as its bundle has them; train/language.py explains them."""
STAGES = ("tokenizer", *TRAINING, "heldout", "export", *LANGUAGE, "pair", "samples", "measure", "votes")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__.splitlines()[0])
    parser.add_argument("stages", nargs="*", default=STAGES, help=f"some of: {', '.join(STAGES)}")
    parser.add_argument("--work", type=Path, default=HERE / ".work", help="folder for checkpoints and logs")
    parser.add_argument("--out", type=Path, default=HERE, help="folder that gets arith-rm, arith-prm, heldout and CARD.md")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    if unknown := set(chosen.stages) - set(STAGES):
        parser.error(f"no such stage: {', '.join(sorted(unknown))}")
    for stage in STAGES:
        if stage in chosen.stages:
            began = time.monotonic()
            run(stage, chosen.work, chosen.out, chosen.threads)
            print(f"{stage}: {time.monotonic() - began:.0f} s", flush=True)


def run(stage: str, work: Path, out: Path, threads: int) -> None:
    """Run one stage; its imports come late so that `heldout` and `measure` need no torch."""
    tokenizer_file = work / "tokenizer.json"
    if stage == "tokenizer":
        from .vocabulary import make_tokenizer

        make_tokenizer(tokenizer_file, TOKENIZER_SEED)
    elif stage in TRAINING:
        import torch
        from tokenizers import Tokenizer

        from .fit import train_process, train_reward

        torch.set_num_threads(threads)
        order = list(TRAINING)
        before = order[order.index(stage) - 1] if stage != order[0] else None
        start = torch.load(work / before / "model.pt") if before else None
        fit = train_reward if stage in ("pairs", "more", "reward") else train_process
        fit(Tokenizer.from_file(str(tokenizer_file)), work / stage, start, **TRAINING[stage])
    elif stage in LANGUAGE:
        import torch
        from tokenizers import Tokenizer

        from .language import from_bundle, train_policy, train_reference

        torch.set_num_threads(threads)
        tokenizer = Tokenizer.from_file(str(out / "arith-rm" / "tokenizer.json"))
        if stage == "reference":
            train_reference(tokenizer, work / stage, from_bundle(out / "arith-rm"), **LANGUAGE[stage])
        else:
            train_policy(tokenizer, work / stage, torch.load(work / "reference" / "model.pt"), **LANGUAGE[stage])
    elif stage == "samples":
        import torch
        from tokenizers import Tokenizer

        from .language import Speaker
        from .sample import write_samples

        torch.set_num_threads(threads)
        model = Speaker()
        model.load_state_dict(torch.load(work / "policy" / "model.pt"))
        tokenizer = Tokenizer.from_file(str(out / "arith-rm" / "tokenizer.json"))
        write_samples(model, tokenizer, out / "heldout" / "samples.jsonl", SAMPLES_SEED)
    elif stage == "pair":
        import torch

        from .pair import write_pair

        policy, reference = (torch.load(work / name / "model.pt") for name in ("policy", "reference"))
        write_pair(policy, reference, out / "arith-rm" / "tokenizer.json", out)
    elif stage == "votes":
        from .card import language_table, write_card
        from .votes import measure_language

        found = measure_language(out)
        (out / "heldout" / "language.json").write_text(json.dumps(found, indent=2) + "\n")
        write_card(out / "CARD.md", language=language_table(found))
    elif stage == "heldout":
        from .heldout import write_heldout

        write_heldout(out / "heldout", HELDOUT_SEED)
    elif stage == "export":
        import torch

        from .bundle import write_bundles
        from .network import Verifier

        models = []
        for name in ("process", "reward"):
            models.append(Verifier().eval())
            models[-1].load_state_dict(torch.load(work / name / "model.pt"))
        write_bundles(*models, tokenizer_file, out)
    else:
        from .card import examples, table, write_card
        from .measure import Bundle, measure

        found = measure(out)
        (out / "heldout" / "expected.json").write_text(json.dumps(found, indent=2) + "\n")
        shown = examples(Bundle(out / "arith-rm"), Bundle(out / "arith-prm"))
        write_card(out / "CARD.md", table=table(found), examples=shown)


if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in SETTINGS.items()):
        import sys

        os.execve(sys.executable, [sys.executable, "-m", "train", *sys.argv[1:]], os.environ | SETTINGS)
    main()
