"""Endless training batches from a seed: problems, solutions, token ids, and where to read what."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from tokenizers import Tokenizer

from . import problems
from .vocabulary import END, SEPARATOR, START

SHORT, LONG = (1, 2, 3), (1, 2, 3, 4, 5)
"""Operations in a training problem, all equally likely: at first, and later."""
POOL = 16
"""Batches drawn together and sorted by length, so that little is padded."""


@dataclass
class Batch:
    """One step's data. Flat positions index the [B·S] rows of the hidden states."""

    ids: torch.Tensor           # [B, S]
    predict: torch.Tensor       # [L] flat positions whose next token is learned: the right steps
    targets: torch.Tensor       # [L] those next tokens
    results: torch.Tensor       # [L] 1.0 where the next token belongs to a result: after an equals sign, or outright
    steps: torch.Tensor         # [N] flat positions that end a step
    labels: torch.Tensor        # [N] 1 right, 0 wrong
    after: torch.Tensor         # [N] 1.0 where an earlier step is wrong already
    last: torch.Tensor          # [B] flat position of each row's last token


def render(prompt: str, response: str) -> str:
    """Return what chat_template.jinja makes of one question and one answer."""
    return f"{START}user\n{prompt}{END}\n{START}assistant\n{response}{END}\n"


def marked(solution: problems.Solution) -> str:
    """Return a solution as the process model reads it: a separator after every step."""
    return "".join(step + SEPARATOR for step in solution.steps)


def collate(tokenizer: Tokenizer, rows: list[tuple[str, problems.Solution, str, str]]) -> Batch:
    """Make a batch of (prompt, solution, response text, joiner) rows; the joiner ends every step of the response.

    The last step of a plain response has no joiner: it is read at the row's last token.
    """
    texts = [render(prompt, response) for prompt, _, response, _ in rows]
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    width = -(-max(len(e.ids) for e in encodings) // 8) * 8
    ids = np.zeros((len(rows), width), np.int64)
    results = np.zeros(ids.shape, np.float32)
    predict, steps, labels, after, last = [], [], [], [], []
    for row, (encoding, text, (prompt, solution, response, joiner)) in enumerate(zip(encodings, texts, rows, strict=True)):
        length = len(encoding.ids)
        ids[row, :length] = encoding.ids
        ends = np.array([end for _, end in encoding.offsets])
        begin = len(text) - len(response) - len(END) - 1
        start, bounds = begin, []
        for step in solution.steps:
            if "=" in step:
                first, until = np.searchsorted(ends, [start + step.index("=") + 2, start + len(step)])
                results[row, first - 1:until] = 1
            elif joiner != SEPARATOR and len(solution.steps) == 1:
                digit = next(place for place, char in enumerate(step) if char.isdigit())
                first, until = np.searchsorted(ends, [start + digit + 1, start + len(step)])
                results[row, first - 1:until] = 1
            start += len(step) + len(joiner)
            bounds.append(start)
        reads = np.searchsorted(ends, bounds)
        if joiner != SEPARATOR:
            reads[-1] = length - 1
            if joiner == " ":
                reads[:-1] = np.searchsorted(ends, np.array(bounds[:-1]) - 1)
        marks = solution.labels()
        right = sum(marks)
        if right:
            first = np.searchsorted(ends, begin)
            predict.append(row * width + np.arange(first, reads[right - 1]))
        steps.append(row * width + reads)
        labels += marks
        after += [float(right < index) for index in range(len(marks))]
        last.append(row * width + length - 1)
    flat = np.concatenate(predict) if predict else np.zeros(0, np.int64)
    return Batch(torch.from_numpy(ids), torch.from_numpy(flat), torch.from_numpy(ids.reshape(-1)[flat + 1]),
                 torch.from_numpy(results.reshape(-1)[flat]), torch.from_numpy(np.concatenate(steps)), torch.tensor(labels),
                 torch.tensor(after), torch.tensor(last))


def step_batches(tokenizer: Tokenizer, seed: int, size: int, short: int) -> Iterator[Batch]:
    """Yield batches of `size` marked solutions, about half of them flawed, without end; the first `short` are SHORT ones."""
    rng = Random(seed)
    for drawn in itertools.count(0, POOL):
        pool = []
        for _ in range(size * POOL):
            problem = problems.draw_problem(rng, rng.choice(SHORT if drawn < short else LONG), held=False)
            solution = problems.solve(rng, problem, flawed=rng.random() < 0.5)
            pool.append((problem.prompt, solution, marked(solution), SEPARATOR))
        pool.sort(key=lambda row: len(row[0]) + len(row[2]))
        groups = [pool[start:start + size] for start in range(0, len(pool), size)]
        rng.shuffle(groups)
        for group in groups:
            yield collate(tokenizer, group)


def plain(rng: Random, problem: problems.Problem, flawed: bool) -> tuple[str, problems.Solution, str, str]:
    """Return a row whose response is the steps as running text, on lines of their own or in one line."""
    joiner = rng.choice(("\n", " "))
    solution = problems.solve(rng, problem, flawed, dotted=True if joiner == " " else None, direct=0.4)
    return problem.prompt, solution, joiner.join(solution.steps), joiner


def pair_batches(tokenizer: Tokenizer, seed: int, size: int) -> Iterator[Batch]:
    """Yield batches of `size` rows, without end: rows 2i and 2i + 1 are a right and a flawed response to one problem."""
    rng = Random(seed)
    while True:
        pool = []
        for _ in range(size // 2 * POOL):
            problem = problems.draw_problem(rng, rng.choice(LONG), held=False)
            pool.append((plain(rng, problem, flawed=False), plain(rng, problem, flawed=True)))
        pool.sort(key=lambda pair: max(len(row[0]) + len(row[2]) for row in pair))
        groups = [pool[start:start + size // 2] for start in range(0, len(pool), size // 2)]
        rng.shuffle(groups)
        for group in groups:
            yield collate(tokenizer, [row for pair in group for row in pair])
