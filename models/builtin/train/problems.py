"""Arithmetic problems in symbols and words, right and flawed step-by-step solutions to them, and their labels.

Everything is drawn from a `random.Random`, so a seed fixes every problem. A problem is held out, for good, by a hash of its
expression: training never sees one whose `held_out` is true, however it is worded.
"""

import hashlib
from dataclasses import dataclass
from random import Random

LIMIT = 199
"""Largest number in a problem and in its right solution; the smallest is 0."""

UNITS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
         "eighteen nineteen").split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
NAMES = "Tom Ann Ben Eva Leo Mia Sam Zoe".split()
THINGS = "apples books coins cards stamps marbles pencils shells".split()
GAINS = ("{name} buys {n} more.", "{name} finds {n} more.", "{name} gets {n} more.", "Then {name} gets {n}.")
LOSSES = ("{name} gives away {n}.", "{name} loses {n}.", "{name} sells {n}.", "Then {name} loses {n}.")
SYMBOLIC = ("What is {e}?", "What is {e}?", "{e}?", "Compute {e}.", "Calculate {e}.", "{e} = ?", "{e}")
SPOKEN = ("What is {e}?", "Compute {e}.", "How much is {e}?")
ANSWERS = ("The answer is {n}.", "The answer is {n}.", "The answer is {n}.", "So the answer is {n}.", "Answer: {n}")


@dataclass(frozen=True)
class Problem:
    """A chain of additions and subtractions, and the text that asks for its result."""

    start: int
    operations: tuple[tuple[str, int], ...]
    prompt: str

    @property
    def held_out(self) -> bool:
        """True for one expression in sixteen, whatever its wording."""
        return held_out(self.start, self.operations)

    @property
    def result(self) -> int:
        return self.start + sum(n if sign == "+" else -n for sign, n in self.operations)


@dataclass(frozen=True)
class Solution:
    """The steps of one attempt. `first_error` is the index of the first wrong step, None when all are right.

    A step is right when it does what the problem asks next, on the number reached so far, with the right result. Every step
    after a wrong one counts as wrong too, since it builds on it.
    """

    steps: tuple[str, ...]
    first_error: int | None
    answer: int

    def labels(self) -> list[int]:
        """1 for each right step, 0 from the first error on."""
        wrong = len(self.steps) if self.first_error is None else self.first_error
        return [int(index < wrong) for index in range(len(self.steps))]


def held_out(start: int, operations) -> bool:
    """True when the hash of the bare expression falls in the held-out sixteenth."""
    expression = str(start) + "".join(f"{sign}{n}" for sign, n in operations)
    return hashlib.sha256(expression.encode()).digest()[0] < 16


def draw_problem(rng: Random, length: int, held: bool) -> Problem:
    """Return a problem of `length` operations, held out or not; numbers stay in 0…LIMIT, often in a smaller range."""
    while True:
        limit = rng.choice((20, 60, 100, LIMIT, LIMIT, LIMIT))
        value = start = rng.randint(1, limit)
        operations = []
        for _ in range(length):
            sign = rng.choice("+-") if 0 < value < limit else "+" if value == 0 else "-"
            n = rng.randint(1, limit - value if sign == "+" else value)
            operations.append((sign, n))
            value += n if sign == "+" else -n
        if held_out(start, operations) == held:
            return Problem(start, tuple(operations), word(rng, start, operations))


def word(rng: Random, start: int, operations) -> str:
    """Return the problem as text: in symbols (two in three), in number words, or as a small story."""
    kind = rng.random()
    if kind < 0.64:
        text = str(start) + "".join(f" {sign} {n}" for sign, n in operations)
        return rng.choice(SYMBOLIC).format(e=text.replace(" ", "") if rng.random() < 0.1 else text)
    if kind < 0.8:
        text = spell(start) + "".join(f" {'plus' if sign == '+' else 'minus'} {spell(n)}" for sign, n in operations)
        return rng.choice(SPOKEN).format(e=text)
    name, things = rng.choice(NAMES), rng.choice(THINGS)
    number = spell if rng.random() < 0.15 else str
    told = [f"{name} has {number(start)} {things}."]
    told += [rng.choice(GAINS if sign == "+" else LOSSES).format(name=name, n=number(n)) for sign, n in operations]
    if len(operations) == 1 and rng.random() < 0.5:
        told = [f"{told[0][:-1]} and {told[1].split(' ', 1)[1]}"] if told[1].startswith(name) else told
    return " ".join(told) + rng.choice((f" How many {things} does {name} have?", f" How many {things} are left?",
                                        f" How many {things} does {name} have now?"))


def spell(n: int) -> str:
    """Return a number below 1000 in English words."""
    if n >= 100:
        return f"{UNITS[n // 100]} hundred" + (f" {spell(n % 100)}" if n % 100 else "")
    return UNITS[n] if n < 20 else TENS[n // 10] + (f"-{UNITS[n % 10]}" if n % 10 else "")


def solve(rng: Random, problem: Problem, flawed: bool, dotted: bool | None = None, direct: float = 0.15) -> Solution:
    """Return a right solution, or one with an error at a random step that is carried on to a wrong answer.

    `dotted` says whether steps end in a full stop; None draws it. A share `direct` of the problems with one operation is
    answered outright, with the last step alone.
    """
    while True:
        solution = attempt(rng, problem, flawed, rng.random() < 0.4 if dotted is None else dotted, direct)
        if solution is not None and (solution.answer == problem.result) != flawed:
            return solution


def attempt(rng: Random, problem: Problem, flawed: bool, dotted: bool, direct_share: float) -> Solution | None:
    """One try of `solve`; None when an error led below zero. The answer may turn out right by luck."""
    operations = problem.operations
    direct = len(operations) == 1 and rng.random() < direct_share
    wrong = rng.randrange(len(operations) + 1) if flawed else None
    early = flawed and wrong == len(operations) > 1 and rng.random() < 0.3
    compact, prefix = rng.random() < 0.08, rng.random() < 0.12
    value, steps = problem.start, []
    for index, (sign, n) in enumerate(operations[:-1] if early else operations):
        if value < 0:
            return None
        left, result = value, value + (n if sign == "+" else -n)
        if index == wrong:
            left, sign, n, result = spoil(rng, left, sign, n, result)
        elif wrong is not None and wrong < index < len(operations) and rng.random() < 0.06:
            result = misadd(rng, left, sign, n, result)
        text = f"{left} {sign} {n} = {result}"
        text = text.replace(" ", "") if compact else text
        lead = rng.choice(("First, ", "Start: ") if index == 0 else ("Then ", "Next, ", "Now ")) if prefix else ""
        steps.append(lead + text + ("." if dotted else ""))
        value = result
    if value < 0:
        return None
    answer = value
    if wrong == len(operations) and not early:
        answer = misadd(rng, value, "+", 0, value)
    if direct:
        if flawed and wrong == 0:
            answer = misadd(rng, problem.start, *operations[0], problem.result)
        steps, wrong = [], 0 if flawed else None
    steps.append(rng.choice(ANSWERS + (("{n}", "{n}") if direct else ())).format(n=answer))
    first = len(steps) - 1 if early else wrong
    return Solution(tuple(steps), first, answer)


def spoil(rng: Random, left: int, sign: str, n: int, result: int) -> tuple[int, str, int, int]:
    """Return the step (left, sign, n, result) with one mistake: mostly a wrong result, else something copied wrong."""
    kind = rng.random()
    if kind < 0.64:
        return left, sign, n, misadd(rng, left, sign, n, result)
    if kind < 0.76:
        n = misadd(rng, n, "+", 0, n)
    elif kind < 0.88:
        left = misadd(rng, left, "+", 0, left)
    else:
        sign = "-" if sign == "+" else "+"
    return left, sign, n, left + (n if sign == "+" else -n)


def misadd(rng: Random, left: int, sign: str, n: int, result: int) -> int:
    """Return a number ≥ 0 other than `result`, as a slip would give it: off by one or ten, a carry lost, digits swapped, …"""
    while True:
        kind = rng.random()
        if kind < 0.3:
            wrong = result + rng.choice((-1, 1))
        elif kind < 0.5:
            wrong = result + rng.choice((-10, 10))
        elif kind < 0.65:
            wrong = result + rng.choice((-1, 1)) * rng.randint(2, 9)
        elif kind < 0.8:
            wrong = without_carry(left, sign, n)
        elif kind < 0.9:
            digits = list(str(abs(result)))
            rng.shuffle(digits)
            wrong = int("".join(digits))
        else:
            wrong = rng.randint(0, LIMIT)
        if wrong >= 0 and wrong != result:
            return wrong


def without_carry(left: int, sign: str, n: int) -> int:
    """Return left ± n computed digit by digit with every carry and borrow forgotten."""
    total = 0
    for place in (1, 10, 100):
        a, b = left // place % 10, n // place % 10
        total += place * ((a + b if sign == "+" else a - b) % 10)
    return total
