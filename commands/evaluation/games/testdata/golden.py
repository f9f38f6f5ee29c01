"""Makes golden.json beside this file: random games and debates, and what they come to by the formulas of GLEE (Shapira et
al., 2024; eilamshapira/GLEE, analyze/metrics.py) and LOGICOM (Payandeh et al., 2023). Plain Python, nothing of ours.

Run: python3 golden.py > golden.json
"""

import json
import random
from collections import Counter, defaultdict
from statistics import fmean

rng = random.Random(48)


def number(low, high):
    return round(rng.uniform(low, high), 3)


def bargaining():
    row = {
        "game": "bargaining", "share": number(0, 1) if rng.random() < 0.8 else None, "round": rng.randint(1, 12),
        "first_discount": rng.choice([0.8, 0.9, 0.95, 1]), "second_discount": rng.choice([0.8, 0.9, 0.95, 1]),
    }
    p, t = row["share"], row["round"]
    if p is None:
        return row, {"agreed": 0}
    alice, bob = p * row["first_discount"] ** (t - 1), (1 - p) * row["second_discount"] ** (t - 1)
    return row, {"efficiency": alice + bob, "fairness": 1 - 4 * (p - 1 / 2) ** 2, "first_gain": alice, "second_gain": bob, "agreed": 1}


def negotiation():
    row = {
        "game": "negotiation", "price": number(0.7, 1.6) if rng.random() < 0.6 else None,
        "seller_value": rng.choice([0.8, 1, 1.2, 1.5]), "buyer_value": rng.choice([0.8, 1, 1.2, 1.5]),
    }
    price, seller, buyer = row["price"], row["seller_value"], row["buyer_value"]
    traded = price is not None
    if buyer > seller:
        efficiency = int(traded)
    elif buyer < seller:
        efficiency = int(not traded)
    else:
        efficiency = 1
    if not traded:
        return row, {"efficiency": efficiency, "fairness": 1, "first_gain": 0, "second_gain": 0, "agreed": 0}
    fair = (seller + buyer) / 2
    return row, {
        "efficiency": efficiency, "fairness": 1 - 4 * (price - fair) ** 2, "first_gain": price - seller, "second_gain": buyer - price, "agreed": 1,
    }


def persuasion(k):
    chance = {3: 0, 4: 1}.get(k, rng.random())
    good = [rng.random() < chance for _ in range(20)]
    bought = [rng.random() < (0.7 if g else 0.4) for g in good]
    row = {"game": "persuasion", "good": good, "bought": bought}
    if k % 2:
        row["value"] = rng.choice([1.2, 2, 4])
    if k % 4 == 1:
        row["worst"] = 0.25
    n = sum(good)
    taken = sum(g and b for g, b in zip(good, bought))
    left = sum(not g and not b for g, b in zip(good, bought))
    of = {"first_gain": sum(bought) / 20}
    if n > 0:
        of["efficiency"] = taken / n
    if n < 20:
        of["fairness"] = left / (20 - n)
    if "value" in row:
        of["buyer_gain_by_code"] = (taken * (row["value"] - 1) + left * (row.get("worst", 0) - 1)) / 20
    return row, of


def games():
    drawn = [bargaining() for _ in range(40)] + [negotiation() for _ in range(60)] + [persuasion(k) for k in range(30)]
    lists = defaultdict(lambda: defaultdict(list))
    for row, of in drawn:
        for name, value in of.items():
            lists[row["game"]][name].append(value)
    means = {game: {name: {"value": fmean(values), "n": len(values)} for name, values in of.items()} for game, of in lists.items()}
    return {"rows": [row for row, _ in drawn], "each": [of for _, of in drawn], "means": means}


def debates():
    rows = [
        {"claim": claim, "scenario": scenario, "success": rng.random() < chance}
        for scenario, chance in (("No-helper", 0.3), ("Vanilla helper", 0.5), ("Fallacy helper", 0.6))
        for claim in range(25) for _ in range(3)
    ]
    of = {}
    for scenario in dict.fromkeys(r["scenario"] for r in rows):
        of_claim = Counter({claim: 0 for claim in range(25)})
        for r in rows:
            if r["scenario"] == scenario:
                of_claim[r["claim"]] += r["success"]
        bars = Counter(of_claim.values())
        of[scenario] = {"count_over_repetitions": sum(of_claim.values()) / 3, "claims": 25, "bars": [bars[k] for k in range(4)]}
    return {"rows": rows, "scenarios": of}


print(json.dumps({"games": games(), "debates": debates()}, separators=(",", ":")))
