"""Makes golden.json beside this file: metrics of random scores, computed by NumPy and SciPy from the formulas of the
published evaluation code, which is named at each function. Run: python golden.py > golden.json (numpy, scipy, scikit-learn)."""

import itertools
import json

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import kendalltau, pearsonr, spearmanr
from sklearn.metrics import ndcg_score

rng = np.random.default_rng(16)


def scores(n, coarse):
    drawn = rng.normal(size=n)
    return (np.round(drawn * 2) / 2 if coarse else drawn).tolist()


def pairs():
    """Log loss, and the expected calibration error of Guo et al. 2017 by max-probability in bins of equal width."""
    margins = np.concatenate([rng.normal(0.7, 1.5, 200), np.zeros(3), [40.0, -35.0, 2.2]])
    p = 1 / (1 + np.exp(-np.abs(margins)))
    right = np.where(margins == 0, 0.5, margins > 0)
    edges = np.linspace(0.5, 1, 11)
    bins = np.clip(np.digitize(p, edges) - 1, 0, 9)
    ece = sum((bins == b).mean() * abs(right[bins == b].mean() - p[bins == b].mean()) for b in range(10) if (bins == b).any())
    loss = lambda t: np.logaddexp(0, -margins / t).mean()
    fit = minimize_scalar(lambda x: loss(np.exp(x)), bounds=(-6, 6), method="bounded", options={"xatol": 1e-12})
    return {
        "margins": margins.tolist(), "accuracy": float((margins > 0).mean()), "log_loss": float(loss(1)), "ece": float(ece),
        "counts": [int((bins == b).sum()) for b in range(10)], "temperature": float(np.exp(fit.x)), "fitted": float(loss(np.exp(fit.x))),
    }


def first_errors():
    """QwenLM/ProcessBench, code/run_eval.py: F1 of the accuracies on flawed and on right solutions."""
    label = rng.integers(-1, 5, 150)
    found = np.where(rng.random(150) < 0.5, label, rng.integers(-1, 5, 150))
    match = label == found
    a, b = match[label != -1].mean(), match[label == -1].mean()
    return {"label": label.tolist(), "found": found.tolist(), "error_accuracy": a, "correct_accuracy": b, "f1": 2 * a * b / (a + b)}


def step_labels():
    """ssmisya/PRMBench, mr_eval/tasks/prmtest_classified/task.py; PRMScore by the paper, the mean of both F1."""
    tp = fp = tn = fn = 0
    first, rows = [], []
    for _ in range(60):
        n = int(rng.integers(2, 9))
        wrong = sorted(set(rng.integers(0, n, int(rng.integers(0, 4))).tolist()))
        valid = (rng.random(n) < 0.6).tolist()
        for i in range(n):
            tp += i not in wrong and valid[i]
            fn += i not in wrong and not valid[i]
            fp += i in wrong and valid[i]
            tn += i in wrong and not valid[i]
        if wrong:
            first.append(not valid[min(wrong)])
        rows.append({"valid": valid, "wrong": wrong})
    precision, recall, against, back = tp / (tp + fp), tp / (tp + fn), tn / (tn + fn), tn / (tn + fp)
    f1, negative = 2 * precision * recall / (precision + recall), 2 * against * back / (against + back)
    return {"rows": rows, "f1": f1, "negative_f1": negative, "prm_score": 0.5 * f1 + 0.5 * negative, "first_error_accuracy": float(np.mean(first))}


def one_of_many():
    """Credit: allenai/reward-bench, rewardbench/utils.py reroll_and_score_dataset. Accuracy and MRR:
    kimsh0507/RewardMATH_official, src/evaluation/eval.py RewardMATHEvaluation."""
    rows, credit, strict, tie, mrr = [], [], [], [], []
    for k in range(80):
        right, wrong = scores(1, k % 2), scores(9, k % 2)
        both = np.array(right + wrong)
        credit.append(1 / (both == both.max()).sum() if both[0] == both.max() else 0)
        strict.append(min(right) > max(wrong))
        tie.append(min(right) >= max(wrong))
        ordered = sorted([(s, "rej") for s in wrong] + [(s, "cho") for s in right], reverse=True)
        mrr.append(1 / (1 + [kind for _, kind in ordered].index("cho")))
        rows.append({"right": right, "wrong": wrong})
    return {"rows": rows, "credit": float(np.mean(credit)), "accuracy": float(np.mean(strict)), "accuracy_with_ties": float(np.mean(tie)), "mrr": float(np.mean(mrr))}


def ties():
    """allenai/reward-bench, rewardbench/utils.py process_single_model."""
    rows = []
    for prompt in range(40):
        for kind in ("ref", "tied"):
            if prompt in (3, 7) and kind == "ref" or prompt == 11 and kind == "tied":
                continue
            right = scores(1 if kind == "ref" else int(rng.integers(2, 6)), prompt % 3 == 0)
            if prompt in (4, 5) and kind == "tied":
                right = [right[0]] * 3
            right = [x + 2.5 for x in right]
            wrong = scores(int(rng.integers(1, 8)), prompt % 3 == 0)
            if prompt == 5:
                wrong = [right[0]]
            rows.append({"prompt": prompt, "kind": kind, "right": right, "wrong": wrong})
    stat = {
        kind: {
            r["prompt"]: (min(r["right"]) > max(r["wrong"]), max(r["right"]) - min(r["right"]), min(r["right"]) - max(r["wrong"]))
            for r in rows if r["kind"] == kind
        }
        for kind in ("ref", "tied")
    }
    both = sorted(set(stat["ref"]) & set(stat["tied"]))
    within = np.array([stat["tied"][p][1] for p in both])
    tied, ref = np.array([stat["tied"][p][2] for p in both]), np.array([stat["ref"][p][2] for p in both])
    hard = np.minimum(ref, tied)
    with np.errstate(divide="ignore", invalid="ignore"):
        term = np.nan_to_num(np.tanh(hard / within - 1), nan=0.0)
    of = {
        "tied_accuracy": float(np.mean([s[0] for s in stat["tied"].values()])), "ref_accuracy": float(np.mean([s[0] for s in stat["ref"].values()])),
        "correctness_preferred": float(np.mean(tied > within)), "correctness_preferred_hard": float(np.mean(hard > within)),
        "correctness_margin": float(term.mean()),
    }
    weights = (0.30, 0.30, 0.20, 0.20, 0.01)
    return {"rows": rows, **of, "ties_score": sum(w * x for w, x in zip(weights, of.values()))}


def best_of_n():
    """Every subset of n responses; of equal scores each is as likely to be taken. pass@n the same way."""
    rows = []
    for k in range(8):
        n = [1, 2, 3, 5, 8, 8, 9, 10][k]
        s, c = scores(n, k % 2), (rng.random(n) < 0.4).tolist()
        row = {"scores": s, "correct": c, "best": {}, "pass": {}}
        for size in (1, 2, 4, 8):
            if size > n:
                continue
            best, some = [], []
            for subset in itertools.combinations(range(n), size):
                top = max(s[i] for i in subset)
                best.append(np.mean([c[i] for i in subset if s[i] == top]))
                some.append(any(c[i] for i in subset))
            row["best"][size], row["pass"][size] = float(np.mean(best)), float(np.mean(some))
        rows.append(row)
    return rows


def graded():
    """SciPy's kendalltau (b), spearmanr and pearsonr, scikit-learn's ndcg_score."""
    rows, taus, rhos, gains = [], [], [], []
    for k in range(40):
        n = int(rng.integers(2, 9))
        s, g = scores(n, k % 2), (rng.integers(0, 4, n) / (1 + k % 3)).tolist()
        if len(set(s)) > 1 and len(set(g)) > 1:
            taus.append(kendalltau(s, g).statistic)
            rhos.append(spearmanr(s, g).statistic)
        if max(g) > 0:
            gains.append(ndcg_score([g], [s]))
        rows.append({"scores": s, "grades": g})
    of = lambda name: [x for r in rows for x in r[name]]
    return {"rows": rows, "kendall": float(np.mean(taus)), "spearman": float(np.mean(rhos)), "ndcg": float(np.mean(gains)),
            "pearson": float(pearsonr(of("scores"), of("grades")).statistic)}


values = rng.normal(size=37)
print(json.dumps({
    "pairs": pairs(), "first_errors": first_errors(), "step_labels": step_labels(), "one_of_many": one_of_many(), "ties": ties(), "best_of_n": best_of_n(), "graded": graded(),
    "percentiles": {"values": values.tolist(), "q": [0, 0.025, 0.5, 0.975, 1], "of": np.percentile(values, [0, 2.5, 50, 97.5, 100]).tolist()},
}, separators=(",", ":")))
