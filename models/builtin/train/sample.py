"""Draws solutions from the policy: the file of samples that voting is measured on, made anew by `python -m train samples`."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer
from transformers import DynamicCache

from .batches import render
from .heldout import LENGTHS
from .language import Speaker
from .problems import Problem, draw_problem
from .vocabulary import END

SAMPLES = 8
TEMPERATURE = 1.6
"""Far above 1: the policy is right so often at 1 that no vote is lost. At 1.6 about half of the samples of short chains are right."""
COUNTS = {"in": 300, "hard": 100}
LONGEST = 160
"""Tokens of a sample at most; none of the file was cut there."""


def write_samples(model: Speaker, tokenizer: Tokenizer, path: Path, seed: int) -> None:
    """Write SAMPLES responses to each of fresh held-out problems, with the answer of each response and the right one."""
    generator = torch.Generator().manual_seed(seed)
    with path.open("w") as file:
        for split, problem in fresh(seed):
            responses = sample(model.eval(), tokenizer, problem.prompt, generator)
            answers = [answer_of(response) for response in responses]
            row = {"split": split, "prompt": problem.prompt, "responses": responses, "answers": answers,
                   "correct": [answer == str(problem.result) for answer in answers]}
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def fresh(seed: int) -> Iterator[tuple[str, Problem]]:
    """Yield held-out problems of each split, none twice."""
    rng, seen = Random(seed), set()
    for split, count in COUNTS.items():
        made = 0
        while made < count:
            problem = draw_problem(rng, LENGTHS[split][made % len(LENGTHS[split])], held=True)
            if (problem.start, problem.operations) not in seen:
                seen.add((problem.start, problem.operations))
                made += 1
                yield split, problem


@torch.no_grad()
def sample(model: Speaker, tokenizer: Tokenizer, prompt: str, generator: torch.Generator) -> list[str]:
    """Return SAMPLES responses to one prompt, each token drawn from softmax(logits / TEMPERATURE), up to the closing token."""
    end = tokenizer.token_to_id(END)
    begin = tokenizer.encode(render(prompt, "").rsplit(END, 1)[0], add_special_tokens=False).ids
    ids, cache, written = torch.tensor([begin]).repeat(SAMPLES, 1), DynamicCache(), []
    for _ in range(LONGEST):
        hidden = model.body(input_ids=ids, past_key_values=cache, use_cache=True).last_hidden_state[:, -1]
        chances = torch.softmax((hidden @ model.body.embed_tokens.weight.T).double() / TEMPERATURE, -1)
        ids = torch.multinomial(chances, 1, generator=generator)
        written.append(ids)
        if all((torch.cat(written, 1) == end).any(1)):
            break
    rows = torch.cat(written, 1).tolist()
    return [tokenizer.decode(row[:row.index(end)] if end in row else row, skip_special_tokens=False) for row in rows]


def answer_of(response: str) -> str | None:
    """Return the number that a response ends with, None where it ends with none."""
    digits = ""
    for char in reversed(response.rstrip(" .\n")):
        if not char.isdigit():
            break
        digits = char + digits
    return digits or None
