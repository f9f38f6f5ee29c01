"""Groups of responses, and what the formulas of docs/API.md make of them, in plain Python.

Nothing here is shared with the Go code: statistics are Python's own module's, the strengths of Bradley and Terry come
from the fixed point of their own equations (Zermelo, 1929), and the Nash mixture is found among all supports with
fractions, without rounding. The test runs this file and compares.
"""

import itertools
import json
import math
import random
import statistics
from collections import Counter
from fractions import Fraction


def described(scores):
    """What /v1/rank calls statistics."""
    known = [s for s in scores if s is not None]
    several = len(known) > 1
    mean = statistics.fmean(known) if known else None
    deviation = statistics.stdev(known) if several else None

    def each(f, wanted=True):
        return [f(i, s) if s is not None and wanted else None for i, s in enumerate(scores)]

    def others(i):
        return statistics.fmean(s for j, s in enumerate(scores) if j != i and s is not None)

    return {
        "count": len(known),
        "mean": mean,
        "deviation": deviation,
        "constant": len(set(known)) < 2,
        "leave_one_out": each(lambda i, s: s - others(i), several),
        "normalized": each(lambda i, s: (s - mean) / (deviation + 1e-4), several),
        "ranks": each(lambda i, s: 1 + sum(o > s for o in known)),
    }


def ordered(scores):
    """Indices from the best to the worst; Python's sort keeps equal ones in their order."""
    return sorted((i for i, s in enumerate(scores) if s is not None), key=lambda i: -scores[i])


def alike(indices):
    return {i: 1 / len(indices) for i in indices}


def voted(scores, answers, strategy):
    """The weight of each answer, and the responses of the one that wins."""
    by = {}
    for i, (score, answer) in enumerate(zip(scores, answers)):
        if score is not None and answer:
            by.setdefault(answer, []).append(i)
    weight = {
        "majority": lambda members: len(members),
        "weighted_vote": lambda members: math.fsum(scores[i] for i in members),
        "weighted_mean": lambda members: statistics.fmean(scores[i] for i in members),
    }[strategy]
    votes = {answer: weight(members) for answer, members in by.items()}
    if strategy == "majority":
        assert votes == Counter(a for s, a in zip(scores, answers) if s is not None and a)
    winner = max(votes, key=votes.get, default=None)  # the first of equal ones
    return {"votes": votes, "answer": winner, "picks": alike(by[winner]) if by else {}}


def chosen(scores, rng):
    """Selections whose answer does not depend on a random number."""
    order = ordered(scores)
    if not order:
        return []
    n, share, power = rng.randint(1, len(scores)), rng.choice([0.25, 0.29, 0.5, 1]), rng.choice([0.5, 1, 2, 3])
    answers = [rng.choice(["4", "5", "", "six"]) for _ in scores]
    positive = [None if s is None else abs(s) for s in scores]
    sizes = {i: abs(scores[i]) ** power for i in order}
    total = math.fsum(sizes.values())
    even = [i for i in order if math.isclose(total, 0)]
    kept = order[: math.floor(Fraction(str(share)) * len(order))]
    all_of = [
        {"strategy": "best_of_n", "scores": scores, "picks": {order[0]: 1}},
        {"strategy": "top_n", "n": n, "scores": scores, "picks": alike(order[:n])},
        {"strategy": "top_share", "share": share, "scores": scores, "picks": alike(kept) if kept else {}},
        {"strategy": "best_worst", "scores": scores, "picks": alike({order[0], order[-1]})},
        {"strategy": "power_weights", "power": power, "scores": scores,
         "picks": alike(even) if even else {i: size / total for i, size in sizes.items() if size > 0}},
    ]
    for strategy, of in (("majority", scores), ("weighted_vote", positive), ("weighted_mean", scores)):
        all_of.append({"strategy": strategy, "answers": answers, "scores": of, **voted(of, answers, strategy)})
    return all_of


def tournament(p):
    """INPO's bracket: the best and the worst, and how many comparisons that took."""
    n, games = len(p), 0

    def play(i, j):
        nonlocal games
        games += 1
        return (i, j) if p[i][j] >= 0.5 else (j, i)

    winners, losers = zip(*(play(i, i + 1) for i in range(0, n, 2)))
    while len(winners) > 1:
        winners = [play(a, b)[0] for a, b in zip(winners[::2], winners[1::2])]
        losers = [play(a, b)[1] for a, b in zip(losers[::2], losers[1::2])]
    agrees = play(winners[0], losers[0])[0] == winners[0]
    return {"best": winners[0], "worst": losers[0], "games": games, "agrees": agrees}


def strengths(p):
    """Bradley and Terry's, in log-odds with the sum 0."""
    n = len(p)
    w = [1.0] * n
    for _ in range(100_000):
        new = [sum(p[i][j] for j in range(n) if j != i) / sum(1 / (w[i] + w[j]) for j in range(n) if j != i) for i in range(n)]
        scale = math.exp(math.fsum(map(math.log, new)) / n)
        new = [x / scale for x in new]
        moved = max(abs(math.log(a / b)) for a, b in zip(new, w))
        w = new
        if moved < 1e-14:
            break
    return [math.log(x) for x in w]


def solved(rows, right):
    """The solution of a square system of fractions, None where there is not exactly one."""
    n = len(rows)
    rows = [list(row) + [b] for row, b in zip(rows, right)]
    for k in range(n):
        at = next((i for i in range(k, n) if rows[i][k]), None)
        if at is None:
            return None
        rows[k], rows[at] = rows[at], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(n):
            if i != k:
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k])]
    return [row[n] for row in rows]


def nash(p):
    """The mixture that loses to nobody, of which there is one where no P is 1/2: its support is odd."""
    n = len(p)
    pay = [[Fraction(str(x)) - Fraction(1, 2) for x in row] for row in p]
    for size in range(1, n + 1, 2):
        for support in itertools.combinations(range(n), size):
            rows = [[pay[i][j] for i in support] for j in support[1:]] + [[Fraction(1)] * size]
            mixture = solved(rows, [Fraction(0)] * (size - 1) + [Fraction(1)])
            if mixture is None or min(mixture) <= 0:
                continue
            full = dict(zip(support, mixture))
            if all(sum(x * pay[i][j] for i, x in full.items()) >= 0 for j in range(n)):
                return [float(full.get(i, 0)) for i in range(n)]
    raise AssertionError("every game has a mixture")


def compared(rng, n):
    """A matrix of preferences, and what is made of it."""
    p = [[0.5] * n for _ in range(n)]
    for i in range(n):
        for j in range(i):
            x = rng.choice([k for k in range(5, 96) if k != 50])
            p[i][j], p[j][i] = x / 100, (100 - x) / 100
    theta = strengths(p)
    mixture = nash(p)
    return {
        "preference": p,
        "win_rate": [statistics.fmean(x for j, x in enumerate(row) if j != i) for i, row in enumerate(p)],
        "copeland": [sum(x > 0.5 for x in row) / (n - 1) for row in p],
        "bradley_terry": theta,
        "elo": [500 * x / math.log(10) for x in theta],
        "nash": mixture,
        "tournament": tournament(p) if n & (n - 1) == 0 else None,
    }


def main():
    rng = random.Random(20261129)
    groups = [[], [None], [2.0], [2.0, None], [1.5, 1.5, None, 1.5], [0.0, 0.0]]
    for _ in range(60):
        spread = rng.choice([1e-3, 1, 1e4])
        groups.append([
            None if rng.random() < 0.15 else rng.choice([round(rng.gauss(0, spread), 6), float(rng.randint(-2, 2))])
            for _ in range(rng.randint(1, 12))
        ])
    print(json.dumps({
        "statistics": [{"scores": scores, "want": described(scores)} for scores in groups],
        "choices": [choice for scores in groups for choice in chosen(scores, rng)],
        "comparisons": [compared(rng, rng.choice([2, 3, 4, 5, 6, 7, 8, 8])) for _ in range(40)],
    }))


if __name__ == "__main__":
    main()
