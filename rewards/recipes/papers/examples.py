"""Compute the worked examples of the recipes from the papers' formulas, by themselves: plain Python, nothing of ours.

Run `python3 examples.py` to see them; a test holds the recipes, and the examples that they carry, to these numbers.
"""

import json
import math


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def process_advantage(q: list[float], alpha: float, k: float, before: float) -> dict:
    """Equation 5: Q^pi(s_h, a_h) + alpha * A^mu(s_h, a_h), A^mu = Q^mu(s_h, a_h) - Q^mu(s_{h-1}, a_{h-1}), Q^BoK = 1 - (1 - Q)^K."""
    mu = [1 - (1 - x) ** k for x in [before, *q]]
    advantage = [mu[h + 1] - mu[h] for h in range(len(q))]
    return {"values": {"gained": sum(advantage)}, "score": q[-1] + alpha * sum(advantage),
            "steps": [q[h] + alpha * advantage[h] for h in range(len(q))]}


def clip_delta(q: list[float], eta: float, alpha: float) -> dict:
    """Clip first, r = min(r - eta, 0); then r_k - r_{k+1} for k < K - 1, r_{K-1} at K - 1, 0 at K."""
    clipped, count = [min(x - eta, 0) for x in q], len(q)
    delta = [clipped[k] - clipped[k + 1] if k < count - 2 else clipped[k] if k == count - 2 else 0.0 for k in range(count)]
    return {"score": alpha * sum(delta), "steps": [alpha * d for d in delta]}


def log_sigmoid_sum(rewards: list[float], references: list[float]) -> dict:
    """u = sum over j of log sigmoid(r_j - r_j^ref)."""
    return {"score": sum(math.log(sigmoid(r - ref)) for r, ref in zip(rewards, references, strict=True))}


def constrained_mixture(rewards: list[float], multipliers: list[float]) -> dict:
    """Sum of sigmoid(lambda_i) * r_i; the KL term's weight is N - sum of sigmoid(lambda_i)."""
    weights = [sigmoid(m) for m in multipliers]
    return {"values": {"kl_weight": len(weights) - sum(weights)}, "score": sum(w * r for w, r in zip(weights, rewards, strict=True))}


def examples() -> dict:
    """Return name → params, given, and what comes of them."""
    q = [0.5, 0.25, 0.75]
    medsss = [0.2, 0.9, 0.5, 0.8]
    ratios = [0.3, -0.1, 0.4]
    steps = [0.9, 0.5, 0.8]
    of = {
        "process-advantage": ({"before": 0.3}, {"q": q}, process_advantage(q, 0.5, 4, 0.3)),
        "clip-delta": ({"eta": 0.7, "alpha": 2}, {"q": [0.6, 0.4, 0.65, 0.1]}, clip_delta([0.6, 0.4, 0.65, 0.1], 0.7, 2)),
        "log-sigmoid-sum": ({"first_reference": 1, "second_reference": -0.5}, {"first_reward": 1.5, "second_reward": -2},
                            log_sigmoid_sum([1.5, -2], [1, -0.5])),
        "constrained-mixture": ({"first_multiplier": 0.5, "second_multiplier": -1}, {"first_reward": 3, "second_reward": -2},
                                constrained_mixture([3, -2], [0.5, -1])),
        "medsss-value": ({}, {"q": medsss}, {"values": {"least": min(medsss[1:]), "product_of_steps": math.prod(medsss[1:])}, "score": medsss[-1]}),
        "prm-product": ({}, {"q": steps}, {"score": math.prod(steps)}),
        "prm-min": ({}, {"q": steps}, {"score": min(steps)}),
        "prm-last": ({}, {"q": steps}, {"score": steps[-1]}),
        "implicit-process": ({}, {"q": ratios}, {"values": {"least": min(ratios)}, "score": sigmoid(ratios[-1]),
                                                 "steps": [ratios[0], *(b - a for a, b in zip(ratios, ratios[1:], strict=False))]}),
        "helpsteer2": ({}, {"rated": {"helpfulness": 3.5, "verbosity": 1.25}}, {"score": 3.5}),
    }
    return {name: {"params": params, "given": given, **out} for name, (params, given, out) in of.items()}


if __name__ == "__main__":
    print(json.dumps(examples(), indent=1))
