"""The held-out files: questions whose expression training never sees, as pairs, as labelled steps, and as eight samples."""

import json
from pathlib import Path
from random import Random

from . import problems

LENGTHS = {"in": (1, 2, 3, 4, 5), "hard": (6, 7, 8)}
"""Operations in a problem: as many as in training, and more than any in training."""
PAIRS = {"in": 300, "hard": 150}
STEPS = {"in": 300, "hard": 200}
BEST_OF_8 = {"in": 150, "hard": 70}
SAMPLER = 0.5
"""Chance that one of the eight responses is right."""


def write_heldout(folder: Path, seed: int) -> None:
    """Write pairs.jsonl, steps.jsonl and best_of_8.jsonl; no question occurs twice."""
    rng, seen = Random(seed), set()
    folder.mkdir(parents=True, exist_ok=True)

    def fresh(split: str, index: int) -> problems.Problem:
        while True:
            problem = problems.draw_problem(rng, LENGTHS[split][index % len(LENGTHS[split])], held=True)
            if (problem.start, problem.operations) not in seen:
                seen.add((problem.start, problem.operations))
                return problem

    for name, counts, make in (("pairs", PAIRS, pair), ("steps", STEPS, steps), ("best_of_8", BEST_OF_8, best_of_8)):
        with (folder / f"{name}.jsonl").open("w") as file:
            for split, count in counts.items():
                for index in range(count):
                    problem = fresh(split, index)
                    row = {"split": split, "prompt": problem.prompt, **make(rng, problem)}
                    file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def pair(rng: Random, problem: problems.Problem) -> dict:
    """A right and a flawed response, each on lines of its own or in one line."""
    return {name: text(rng, problem, flawed, rng.choice(("\n", " ")))
            for name, flawed in (("chosen", False), ("rejected", True))}


def steps(rng: Random, problem: problems.Problem) -> dict:
    """A solution, right in half of the cases, and the index of its first wrong step."""
    solution = problems.solve(rng, problem, flawed=rng.random() < 0.5)
    return {"steps": list(solution.steps), "first_error": solution.first_error}


def best_of_8(rng: Random, problem: problems.Problem) -> dict:
    """Eight responses of a sampler that is right with chance SAMPLER each time; steps stand on lines of their own."""
    correct = [rng.random() < SAMPLER for _ in range(8)]
    return {"responses": [text(rng, problem, not right, "\n") for right in correct], "correct": correct}


def text(rng: Random, problem: problems.Problem, flawed: bool, joiner: str) -> str:
    """One response as running text."""
    return joiner.join(problems.solve(rng, problem, flawed, dotted=True if joiner == " " else None).steps)
