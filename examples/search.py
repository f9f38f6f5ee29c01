"""Best-of-n and beam search: what more samples are worth when Assay chooses among them, and what its cache spares.

`python search.py` samples 64 responses of the policy to each held-out question, has /v1/rank choose among the first 1,
2, 4 … 64 of them, and lets /v1/steps guide a beam search step by step. It writes docs/examples/search.json and
best-of-n.svg beside it.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import assay
import torch
from assay.search import best_of_n, step_beam
from plot import draw
from policy import MOST, load
from serving import serving
from task import ROOT, answer_of, questions

SIZES = (1, 2, 4, 8, 16, 32, 64)
QUESTIONS, SEED = 40, 9
GROUPS = 8
"""Of a size, so many groups of a question's samples are ranked apart, as far as there are disjoint ones, and count the
same."""
COUNTED = ("asked", "computed", "padding", "shared", "cached")
GENERATE = {"max_new_tokens": MOST, "top_k": 0, "eos_token_id": 2}


def ways(client: assay.Client, row: dict, responses: list[str]) -> dict[str, bool]:
    """Tell of each way to choose among responses whether it finds the right answer. One request to /v1/rank tells
    all of them."""
    answers = [answer_of(response) or "" for response in responses]
    ranked = client.rank(row["prompt"], responses, model="arith-rm", activation="sigmoid", strategy="weighted_vote", answers=answers)
    votes = ranked["selected"].get("votes", [])
    most = max(votes, key=lambda vote: (len(vote["indices"]), -vote["indices"][0]), default={"answer": None})
    return {"any of them is right": row["answer"] in answers, "vote, weighted by arith-rm": ranked["selected"].get("answer") == row["answer"],
            "best by arith-rm": answers[ranked["best"]] == row["answer"], "majority": most["answer"] == row["answer"]}


def measure_best(model: Any, tokenizer: Any, client: assay.Client, rows: list[dict], sizes: tuple[int, ...]) -> dict[str, list[list[float]]]:
    """Return [n, accuracy] of each way and each n."""
    found: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        best = best_of_n(model, tokenizer, client, row["prompt"], n=max(sizes), generate=GENERATE, model="arith-rm")
        for size in sizes:
            groups = [best.responses[start:start + size] for start in range(0, max(sizes), size)][:GROUPS]
            told = [ways(client, row, group) for group in groups]
            for way in told[0]:
                found.setdefault(way, {}).setdefault(size, []).append(sum(one[way] for one in told) / len(told))
    return {way: [[size, sum(shares) / len(shares)] for size, shares in by.items()] for way, by in found.items()}


def measure_beam(model: Any, tokenizer: Any, client: assay.Client, rows: list[dict], beams: int = 4, width: int = 4) -> dict[str, Any]:
    """Return the accuracy of beam search by arith-prm's weakest step, and what its tokens came to, as the server's
    metrics count them.

    Of those that were asked about, some another candidate of the request has too (shared), and some an earlier step
    has left in the cache.
    """
    before = counted(client)
    right = 0
    for row in rows:
        found = step_beam(model, tokenizer, client, row["prompt"], beams=beams, width=width, most_steps=4, generate=GENERATE, model="arith-prm")
        right += answer_of(found.text) == row["answer"]
    after = counted(client)
    return {"beams": beams, "width": width, "accuracy": right / len(rows), "tokens": {kind: after[kind] - before[kind] for kind in COUNTED}}


def counted(client: assay.Client) -> dict[str, int]:
    """Return the tokens of arith-prm that the server has been asked about, and how it came by them."""
    lines = client.metrics().splitlines()
    return {kind: sum(int(float(line.split()[-1])) for line in lines if line.startswith(f"assay_{kind}_tokens_total{{") and "arith-prm" in line)
            for kind in COUNTED}


def main(count: int, sizes: tuple[int, ...], out: Path) -> dict[str, Any]:
    """Measure both, write the numbers and the plot, and print them."""
    torch.manual_seed(SEED)
    model, tokenizer = load()
    rows = questions(7, count, held=True)
    with serving() as url, assay.Client(url) as client:
        best = measure_best(model, tokenizer, client, rows, sizes)
        beam = measure_beam(model, tokenizer, client, rows)
    found = {"questions": count, "best_of_n": best, "beam": beam}
    out.mkdir(parents=True, exist_ok=True)
    (out / "search.json").write_text(json.dumps(found, indent=1) + "\n")
    draw(out / "best-of-n.svg", f"Accuracy on {count} held-out questions", "samples", "accuracy", best, doubling=True)
    for way, points in best.items():
        print(f"{way:28}", " ".join(f"{size}: {share:.2f}" for size, share in points))
    tokens = beam["tokens"]
    print(f"beam search, {beam['beams']} beams of {beam['width']}: {beam['accuracy']:.2f}; of {tokens['asked']} tokens {tokens['computed']} were computed, "
          f"{tokens['shared']} shared with others of the request, {tokens['cached']} in the cache")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    parser.add_argument("--most", type=int, default=max(SIZES), help="samples of a question")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "examples")
    chosen = parser.parse_args()
    main(chosen.questions, tuple(size for size in SIZES if size <= chosen.most), chosen.out)
