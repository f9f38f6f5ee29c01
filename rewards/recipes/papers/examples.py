"""Compute the worked examples of the recipes from the papers' formulas, by themselves: plain Python, nothing of ours.

Run `python3 examples.py` to see them; a test holds the recipes, and the examples that they carry, to these numbers.
"""

import json
import math
from itertools import permutations


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


def dual_step(above: list[float], multipliers: list[float], rate: float, most: float) -> list[float]:
    """The first step of SGD with momentum on the sum of sigmoid(lambda_i) * (mean of r_i - theta_i), its gradient cut to a norm as torch does it:
    the new multipliers, of how far each mean is above its proxy point."""
    gradient = [sigmoid(m) * (1 - sigmoid(m)) * x for m, x in zip(multipliers, above, strict=True)]
    cut = min(1, most / (math.sqrt(sum(g * g for g in gradient)) + 1e-6))
    return [m - rate * cut * g for m, g in zip(multipliers, gradient, strict=True)]


def win_rates(p: list[list[float]]) -> list[float]:
    """(1 / (K - 1)) * sum over j != i of P(y_i > y_j)."""
    return [sum(x for j, x in enumerate(row) if j != i) / (len(p) - 1) for i, row in enumerate(p)]


def bert_score(candidate: list[list[float]], reference: list[list[float]]) -> float:
    """Precision is the mean over the candidate's tokens of the greatest cosine to a reference's token, recall the other way round; F1 of both."""
    def cosine(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)

    precision = sum(max(cosine(y, x) for x in reference) for y in candidate) / len(candidate)
    recall = sum(max(cosine(y, x) for y in candidate) for x in reference) / len(reference)
    return 2 * precision * recall / (precision + recall)


def evidence_judge(judge: float, baseline: float, environment: float, weight: float) -> dict:
    """(1 - lambda) * 15 * r_env + lambda * 10 * 1[J(a) > J(a_baseline)]."""
    win = float(judge > baseline)
    return {"values": {"lead": judge - baseline, "utility": win}, "score": (1 - weight) * 15 * environment + weight * 10 * win}


def preference_strength(first: list[float], second: list[float]) -> dict:
    """d_m = r_m(chosen) - r_m(rejected); mu is the mean of the M differences, and sigma the root of their mean square around it."""
    d = [a - b for a, b in zip(first, second, strict=True)]
    mu = sum(d) / len(d)
    return {"values": {"strength": mu, "deviation_of_strength": math.sqrt(sum((x - mu) ** 2 for x in d) / len(d))},
            "scores": [sum(first) / len(first), sum(second) / len(second)]}


def margin_scaled(first: float, second: float, beta: float, w: float, k: float) -> dict:
    """beta_ori * (1 + w * (1 - exp(-k * delta))), delta = r(y_w) - r(y_l), not below beta_ori."""
    delta = max(first - second, 0)
    return {"values": {"margin": delta, "beta": beta * (1 + w * (1 - math.exp(-k * delta)))}, "scores": [first, second]}


def kendall(a: list[float], b: list[float]) -> float:
    """Concordant pairs less discordant ones, over all pairs; no ties."""
    pairs = [(i, j) for i in range(len(a)) for j in range(i)]
    return sum(math.copysign(1, (a[i] - a[j]) * (b[i] - b[j])) for i, j in pairs) / len(pairs)


def elo_of_two(p: float, scale: float) -> list[float]:
    """The strengths E with 1 / (1 + 10^((E_2 - E_1) / scale)) = p, which sum to 0."""
    gap = scale * math.log10(p / (1 - p))
    return [gap / 2, -gap / 2]


def shares(values: list[float], parts: int) -> list[float]:
    """The mean over all orders of what each part adds where it joins; values[s] is of the set whose bits are s."""
    orders = list(permutations(range(parts)))
    out = [0.0] * parts
    for order in orders:
        there = 0
        for part in order:
            out[part] += (values[there | 1 << part] - values[there]) / len(orders)
            there |= 1 << part
    return out


def tournament(p: list[list[float]]) -> tuple[int, int]:
    """Neighbours play; winners play winners and losers losers, until one of each is left."""
    def play(a: int, b: int) -> tuple[int, int]:
        return (a, b) if p[a][b] >= 0.5 else (b, a)

    games = [play(i, i + 1) for i in range(0, len(p), 2)]
    winners, losers = [g[0] for g in games], [g[1] for g in games]
    while len(winners) > 1:
        winners = [play(winners[i], winners[i + 1])[0] for i in range(0, len(winners), 2)]
        losers = [play(losers[i], losers[i + 1])[1] for i in range(0, len(losers), 2)]
    return winners[0], losers[0]


def subtree(node: int, values: list[float], parents: list[int]) -> float:
    """A node's value, and those of all nodes below it."""
    return values[node] + sum(subtree(child, values, parents) for child, parent in enumerate(parents) if parent == node)


def internal_consistency(ratios: list[float], beta: float, judged: float) -> dict:
    """P = sigmoid(beta * (log-ratio_1 - log-ratio_2)); its entropy, and KL(P, Q) + KL(Q, P) to the judge's Q."""
    p = sigmoid(beta * (ratios[0] - ratios[1]))

    def kl(a: float, b: float) -> float:
        return a * math.log(a / b) + (1 - a) * math.log((1 - a) / (1 - b))

    return {"values": {"implicit": p, "by_judgement": judged, "agrees": float((p > 0.5) == (judged > 0.5)),
                       "entropy": -p * math.log(p) - (1 - p) * math.log(1 - p), "divergence": kl(p, judged) + kl(judged, p)},
            "scores": [beta * r for r in ratios]}


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def of_groups() -> dict:
    """Return name → params, the given of each response, preferences, and what comes of them."""
    cycle = [[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]]
    three = [[0.5, 0.9, 0.7], [0.1, 0.5, 0.4], [0.3, 0.6, 0.5]]
    four = [[0.5, 0.9, 0.7, 0.2], [0.1, 0.5, 0.4, 0.3], [0.3, 0.6, 0.5, 0.1], [0.8, 0.7, 0.9, 0.5]]
    rates = win_rates(three)
    best, worst = tournament(four)
    m = [[1, 2, 3, 1, 2, 0, 1, 2, 3, 2], [0, 1, 1, 2, 1, 1, 0, 1, 2, 0]]
    weights = [1, 3, -2, 0, 2]
    tree = ([0, 1, 2, 2], [-1, 0, 0, 1])
    ratio = [-10 + 12, -9 + 8]
    values = [0.5, 0.2, 0.8]
    texts = [(1, "good"), (3, "bad #"), (2, "better"), (9, "x"), (0, "worst")]
    kept = max((r, i) for i, (r, text) in enumerate(texts) if "#" not in text and len(text) >= 2)[1]
    return {
        "preference-strength": ({}, [{f"m{k}": x for k, x in enumerate(row)} for row in m], {}, preference_strength(*m)),
        "general-preference": ({}, [{}] * 3, {"p": cycle}, {"scores": win_rates(cycle)}),
        "direct-nash": ({}, [{}] * 3, {"p": three}, {"values": {"target": sigmoid(rates[0] - rates[1])}, "scores": rates}),
        "self-play": ({"mode": "antisymmetric"}, [{}] * 3, {"p": three}, {"scores": [2 * r - 1 for r in rates]}),
        "policy-filtration": ({"mode": "best_worst"}, [{"r": r} for r in weights], {},
                              {"scores": [float(r in (max(weights), min(weights))) for r in weights]}),
        "medsss-vote": ({}, [{"q": [0.2, 0.9], "answer": "A"}, {"q": [0.1, 0.4, 0.5], "answer": "B"}, {"q": [0.7, 0.6], "answer": "B"}], {},
                        {"scores": [0.9, 0.5 + 0.6, 0.5 + 0.6]}),
        "margin-scaled": ({}, [{"r": 2}, {"r": 0.5}], {}, margin_scaled(2, 0.5, 0.1, 0.5, 0.5)),
        "consistent-self-rewarding": ({}, [{"policy": -3, "before": -4}, {"policy": -1, "before": -5}, {"policy": -2, "before": -6}], {},
                                      {"values": {"weight": (kendall([-3, -1, -2], [-4, -5, -6]) + 1) / 2}, "scores": [-3, -1, -2]}),
        "persuasion-tree": ({}, [{"right": r, "parent": p} for r, p in zip(*tree, strict=True)], {},
                            {"scores": [subtree(i, *tree) for i in range(4)]}),
        "nash-mirror-descent": ({}, [{"policy": -10, "reference_policy": -12}, {"policy": -9, "reference_policy": -8}], {"p": [[0.5, 0.9], [0.1, 0.5]]},
                                {"scores": [0.9 - 0.5 - 0.008 * ratio[0], 0.1 - 0.5 - 0.008 * ratio[1]]}),
        "nash-tournament": ({}, [{}] * 4, {"p": four}, {"values": {"best_wins": 1.0},
                                                        "scores": [float(i == best) - float(i == worst) for i in range(4)]}),
        "value-augmented": ({"beta": 2}, [{"v": v} for v in values], {}, {"scores": [2 * (v - sum(values) / 3) for v in values]}),
        "pairwise-ppo": ({}, [{"r": 3}, {"r": 1}], {}, {"scores": [3 - 1, 1 - 3]}),
        "reward-ranked": ({"mode": "local"}, [{"r": r, "response": text} for r, text in texts], {},
                          {"values": {"least": 0}, "scores": [float(i == kept) for i in range(len(texts))]}),
        "debate-elo": ({}, [{}] * 2, {"p": [[0.5, 0.75], [0.25, 0.5]]}, {"scores": elo_of_two(0.75, 500)}),
        "internal-consistency": ({"beta": 0.5}, [{"policy": -10, "reference_policy": -12, "judged": 0.8},
                                                 {"policy": -9, "reference_policy": -8, "judged": 0.2}], {},
                                 internal_consistency(ratio, 0.5, 0.8)),
    }


def examples() -> dict:
    """Return name → params, given, and what comes of them."""
    q = [0.5, 0.25, 0.75]
    medsss = [0.2, 0.9, 0.5, 0.8]
    ratios = [0.3, -0.1, 0.4]
    steps = [0.9, 0.5, 0.8]
    folds = [0.9, 0.8, 0.7, 0.6, 0.5]
    first, second = map(sigmoid, dual_step([4 - 3, 4 - 6], [0, 0], 0.01, 0.5))
    dual = {"first": first, "second": second, "rest": 2 - first - second}
    rewritten, original = [[3, 4], [0, 1]], [[1, 0], [0, 2], [1, 1]]
    ratings = {"aspect_coverage": 4, "opinion_faithfulness": 5, "opinion_coverage": 3, "conciseness": 2, "relevance": 4, "hallucination": 5,
               "language_correctness": 5}
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
        "evidence-judge": ({"lambda": 0.25}, {"judge": 1.5, "baseline": 0.5, "environment": 0.2}, evidence_judge(1.5, 0.5, 0.2, 0.25)),
        "appropriate-rewriting": ({}, {**{f"fold{i}": x for i, x in enumerate(folds)}, "rewritten": rewritten, "original": original},
                                  {"values": {"appropriate": sum(folds) / 5, "similarity": bert_score(rewritten, original)},
                                   "score": 0.5 * sum(folds) / 5 + 0.5 * bert_score(rewritten, original)}),
        "followup-likelihood": ({}, {"pleased": [-1.5, -2, -1], "displeased": [-2.5, -3, -2]}, {"score": (-1.5 - 2 - 1) / 3 - (-2.5 - 3 - 2) / 3}),
        "opinion-features": ({}, ratings, {"score": sum(x / 5 for x in ratings.values()) / 7}),
        "pessimistic-ensemble": ({"mode": "variance", "weight": 0.5}, {"first_reward": 1, "second_reward": 3, "third_reward": 5},
                                 {"values": {"middle": 3, "variance": (4 + 0 + 4) / 3}, "score": 3 - 0.5 * 8 / 3}),
        "online-intrinsic": ({"mode": "ranking", "beta": 0.5, "extrinsic_weight": 0.1, "intrinsic_weight": 10, "threshold": 0.2,
                              "running_mean": 1, "running_deviation": 2}, {"r": 3, "seen": 4, "extrinsic": 1},
                             {"values": {"scaled": (3 - 1) / 2, "intrinsic": 1 / 4 ** 0.5}, "score": 0.1 * 1 + 10 * 1 / 4 ** 0.5}),
        "constrained-dual": ({"first_point": 3, "second_point": 6}, {"first_reward": 3, "second_reward": -2, "dual": dual},
                             {"values": {"kl_weight": dual["rest"]}, "score": dual["first"] * 3 + dual["second"] * -2}),
        "rewardmath-aggregate": ({"way": "mean_logit"}, {"q": steps}, {"score": sigmoid(sum(map(logit, steps)) / 3)}),
        "unpacking-preference": ({}, {"r": -1.25}, {"score": -1.25}),
        "persuasion-rules": ({"denominator": 10}, {"outcome": "human", "response": "Would you give a dollar?"}, {"score": 10 + 6 / 10}),
        "density-ratio": ({}, {"strong": -12.5, "weak": -15}, {"score": -12.5 + 15}),
        "agreement-probability": ({}, {"final": {"agree": 0.75, "disagree": 0.25}}, {"values": {"accepts": 1}, "score": 0.75 / (0.75 + 0.25)}),
        "reward-fusion": ({}, {"r": 2, "similarities": [0.95, 0.9], "neighbour_rewards": [1, 3]},
                          {"score": (1 * 2 + 0.95 * 1 + 0.9 * 3) / (1 + 0.95 + 0.9)}),
        "reward-topology": ({}, {"r": 0.75}, {"score": 0.75}),
        "value-incentivized": ({"beta": 0.1}, {"policy": -10, "reference_policy": -12.5}, {"score": 0.1 * 2.5}),
        "rag-reward": ({}, {"r": 1.5, "response": "The documents do not say, so I cannot answer."}, {"values": {"abstains": 1}, "score": 1.5}),
        "reference-centred": ({}, {"r": 1.5, "bar": 1}, {"score": math.log(sigmoid(0.5))}),
        "variational-preference": ({}, {"r": 0.125}, {"score": 0.125}),
        "agent-planning": ({}, {"r": 8}, {"values": {"stop": 1}, "score": 8}),
        "prompt-shapley": ({"part": 1}, {"parts": ["a", "b"], "chosen": [-2, -1, -1.5, -0.5], "other": [-1, -1.5, -1, -2]},
                           {"score": shares([sigmoid(a - b) for a, b in zip([-2, -1, -1.5, -0.5], [-1, -1.5, -1, -2], strict=True)], 2)[1]}),
        "preference-of-segments": ({}, {"rewards": [-1, -1, 5], "first_value": 4, "last_value": 2}, {"score": sum([-1, -1, 5]) + 2 - 4}),
        "math-only": ({}, {"v": 0.5, "kinds": ["thought", "math"]}, {"score": 0.5}),
        "last-math-only": ({}, {"v": 0.75, "kinds": ["thought", "math"]}, {"score": 0.75}),
        "balanced-self-taught": ({}, {"q": [0.9, 0.5], "correct": 1}, {"values": {"kept": 1}, "score": 0.5 / 5 + 1}),
        "tool-trace": ({}, {"r": 0.5, "response": "Thought: add\nAction: Calculator\nAction Input: 1+1\nObservation: 2\nRationale: right"},
                       {"values": {"used_tools": 1}, "score": 0.5}),
        "claim-credibility": ({"rival_sign": -1}, {"weights": [0.5, 0.5], "validations": [8, 6], "credibilities": [9, 5], "rival_weights": [1],
                                                   "rival_validations": [3], "rival_credibilities": [4]},
                              {"score": 0.5 * 8 * 9 + 0.5 * 6 * 5 - 1 * 3 * 4}),
        "regularized-relevance": ({}, {"asked": [0.5, 1], "answered": [2, 0.25], "response": "a b c a b c a b c </s> d"},
                                  {"values": {"relevance": 1.25, "length": 9 / 100, "repetition": 3 / 7}, "score": 9 / 100 * 1.25 * 3 / 7}),
        "reference-relevance": ({"max_length": 512}, {"known": [1, 1], "answered": [0.5, 1.25], "response": "a b c d"},
                                {"values": {"relevance": 1.75, "repetition": 1}, "score": 1.75 * (5.12 / 3.5)}),
        "ideal-point": ({}, {"answered": [3, 4], "ideal": [0, 0]}, {"score": -math.dist([3, 4], [0, 0])}),
        "token-rewards": ({}, {"policy": [-1, -0.5, -2], "reference_policy": [-1.5, -0.25, -1]},
                          {"values": {"largest": max(abs(0.5 - 0.25 - 1), abs(-0.25 - 1), abs(-1)), "mean_token": (0.5 - 0.25 - 1) / 3},
                           "score": 0.5 - 0.25 - 1}),
        "message-labels": ({"beta": 0.5, "extrinsic_weight": 0.1, "intrinsic_weight": 10}, {"extrinsic": 1, "seen": {"label": 1, "count": 3}},
                           {"score": 0.1 * 1 + 10 * 1 / (3 + 1) ** 0.5}),
        "message-ranking": ({"threshold": 0.2}, {"r": 3, "past": {"mean": 1, "deviation": 2}}, {"values": {"scaled": (3 - 1) / 2}, "score": 1}),
        "quantile-centred": ({}, {"r": 1.5, "samples": {"quantile": 1}}, {"score": math.log(sigmoid(1.5 - 1))}),
        "neighbour-fusion": ({}, {"r": 2, "e": [1, 0], "near": {"fused": (0.95 * 1 + 0.9 * 3) / 1.85, "weight": 0.95 + 0.9}},
                             {"score": (1 * 2 + 0.95 * 1 + 0.9 * 3) / (1 + 0.95 + 0.9)}),
        "bargaining-outcome": ({}, {"share": 0.75, "round": 3, "first_discount": 0.5, "second_discount": 1},
                               {"values": {"first_gain": 0.75 * 0.5 * 0.5, "second_gain": 0.25, "efficiency": 0.75 * 0.5 * 0.5 + 0.25,
                                           "fairness": 1 - 4 * (0.75 - 1 / 2) ** 2}, "score": 0.75 * 0.5 * 0.5 + 0.25}),
        "negotiation-outcome": ({"measure": "fairness"}, {"traded": 1, "price": 1.2, "seller_value": 0.8, "buyer_value": 1.4},
                                {"values": {"seller_gain": 1.2 - 0.8, "buyer_gain": 1.4 - 1.2, "efficiency": float(1.4 > 0.8),
                                            "fairness": 1 - 4 * (1.2 - 1.1) ** 2}, "score": 1 - 4 * (1.2 - 1.1) ** 2}),
        "persuasion-outcome": ({}, {"good": 8, "bought_good": 6, "refused_bad": 9},
                               {"values": {"efficiency": 6 / 8, "fairness": 9 / 12, "seller_gain": (6 + 3) / 20}, "score": 6 / 8}),
        "helpsteer2": ({}, {"rated": {"helpfulness": 3.5, "verbosity": 1.25}}, {"score": 3.5}),
    }
    groups = {name: {"params": params, "group": group, "between": between, **out} for name, (params, group, between, out) in of_groups().items()}
    return {name: {"params": params, "given": given, **out} for name, (params, given, out) in of.items()} | groups


if __name__ == "__main__":
    print(json.dumps(examples(), indent=1))
