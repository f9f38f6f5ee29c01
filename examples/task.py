"""The task of the examples: one or two additions and subtractions of numbers up to 60, answered step by step.

    What is 17 + 25 - 9?          17 + 25 = 42
                                  42 - 9 = 33
                                  The answer is 33.

Problems are drawn by the generator that the embedded models were trained with, from a seed. It keeps one expression in
sixteen out of every training; accuracy is measured on those alone, as the share of responses whose last number is the
result.
"""

import importlib.util
import re
import sys
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIMIT, LENGTHS = 60, (1, 2)
"""The largest number of a problem, and how many operations it has."""


def load_problems() -> Any:
    """Return models/builtin/train/problems.py, which is no part of an installed package."""
    path = ROOT / "models" / "builtin" / "train" / "problems.py"
    spec = importlib.util.spec_from_file_location("arithmetic_problems", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


problems = load_problems()


def draw(rng: Random, held: bool) -> Any:
    """Return a Problem whose numbers, results between included, are at most LIMIT; held out or not."""
    while True:
        problem = problems.draw_problem(rng, rng.choice(LENGTHS), held)
        reached = [problem.start]
        for sign, n in problem.operations:
            reached.append(reached[-1] + (n if sign == "+" else -n))
        if max(reached) <= LIMIT and max(n for _, n in problem.operations) <= LIMIT:
            return problem


def question(problem: Any) -> str:
    """Return the one wording that the examples use."""
    return f"What is {problem.start}" + "".join(f" {sign} {n}" for sign, n in problem.operations) + "?"


def questions(seed: int, count: int, held: bool) -> list[dict]:
    """Return `count` rows of a prompt, as turns, and the answer that is right; of held-out ones none is there twice."""
    rng, rows = Random(seed), {}
    while len(rows) < count:
        problem = draw(rng, held)
        text = question(problem)
        rows[text if held else len(rows)] = {"prompt": [{"role": "user", "content": text}], "answer": str(problem.result)}
    return list(rows.values())


def answer_of(response: str) -> str | None:
    """Return the number that a response ends with, None where it ends with none."""
    found = re.search(r"(\d+)\.?\s*$", response)
    return found and found[1]

