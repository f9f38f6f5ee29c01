"""The learning curves of GRPO by four rewards: Assay's, a recipe of two models, the right answer itself, and chance.

`python curves.py` trains the same policy four times on the same questions (grpo.py) and writes docs/examples/grpo.json
and grpo.svg: accuracy on held-out questions, which none of the rewards is told of.
"""

import argparse
import json
from pathlib import Path

from grpo import STEPS, train
from plot import draw
from serving import serving
from task import ROOT

NAMES = {"oracle": "the right answer", "recipe": "Assay, two models", "assay": "Assay, arith-rm", "random": "chance"}


def main(steps: int, out: Path, names: list[str]) -> dict[str, dict]:
    """Train by each reward, write the numbers and the plot, and print them."""
    found = {}
    with serving("--recipe", str(ROOT / "examples" / "two.yaml")) as url:
        for name in names:
            found[name] = train(name, url, steps)
            line = "  ".join(f"{point['step']}: {point['accuracy']:.2f}" for point in found[name]["points"])
            print(f"{NAMES[name]:20} {line}  ({found[name]['seconds']} s)", flush=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / "grpo.json").write_text(json.dumps(found, indent=1) + "\n")
    lines = {NAMES[name]: [(point["step"], point["accuracy"]) for point in one["points"]] for name, one in found.items()}
    draw(out / "grpo.svg", "GRPO: accuracy on held-out questions, sampled at temperature 1", "updates", "accuracy", lines)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "examples")
    parser.add_argument("rewards", nargs="*", default=list(NAMES), help=f"some of: {', '.join(NAMES)}")
    chosen = parser.parse_args()
    main(chosen.steps, chosen.out, chosen.rewards)
