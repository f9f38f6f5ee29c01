"""Writes expected.json: what numpy and torch make of numbers that the states are given. It uses nothing of ours.

    .venv/bin/python rewards/state/testdata/make.py
"""

import json
import pathlib

import numpy as np
import torch

random = np.random.default_rng(20261129)


def running() -> list[dict]:
    """Mean and deviation by numpy, of values that are far from 0 too."""
    cases = [random.normal(size=1), random.normal(size=1000), 1e6 + random.normal(size=257), random.standard_cauchy(size=500), np.zeros(9)]
    return [
        {
            "values": values.tolist(),
            "mean": np.mean(values),
            "deviation": np.std(values),
            "sample_deviation": np.std(values, ddof=1) if len(values) > 1 else None,
        }
        for values in cases
    ]


def quantiles() -> list[dict]:
    """numpy's quantiles, and PAR's normal point: mean + 1.0364 · the sample's deviation, whose 1.0364 is torch's here."""
    normal = torch.distributions.Normal(torch.tensor(0.0, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64))
    cases = []
    for values in [random.normal(size=1), random.normal(size=2), random.normal(size=255), random.integers(0, 4, size=100).astype(float)]:
        for share in [0.0, 0.1, 0.5, 0.85, 0.999, 1.0]:
            point = None
            if len(values) > 1 and 0 < share < 1:
                point = np.mean(values) + normal.icdf(torch.tensor(share, dtype=torch.float64)).item() * np.std(values, ddof=1)
            cases.append({"values": values.tolist(), "share": share, "quantile": np.quantile(values, share), "normal": point})
    return cases


def duals() -> list[dict]:
    """The dual step of "Confronting Reward Model Overoptimization with Constrained RLHF", restated from its code: torch's
    SGD with momentum on Σ squash(λ) · (mean − threshold), after clip_grad_norm_, and clamped where it is not squashed."""
    cases = []
    squashes = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "clamp": lambda x: x, "none": lambda x: x}
    for squash, of in squashes.items():
        for rate, momentum, norm in [(0.01, 0.1, 0.5), (0.3, 0.9, 0.2), (1.0, 0.0, 1e9)]:
            start = 0.05
            thresholds = torch.tensor(random.normal(size=3))
            free = torch.full((3,), start, dtype=torch.float64, requires_grad=True)
            optimizer = torch.optim.SGD([free], lr=rate, momentum=momentum)
            means, weights = random.normal(size=(12, 3)), []
            for mean in means:
                optimizer.zero_grad()
                torch.sum(of(free) * (torch.tensor(mean) - thresholds)).backward()
                torch.nn.utils.clip_grad_norm_([free], norm)
                optimizer.step()
                if squash == "clamp":
                    free.data = torch.clamp(free.data, min=0)
                weights.append(of(free).tolist())
            cases.append(
                {
                    "squash": squash,
                    "rate": rate,
                    "momentum": momentum,
                    "max_norm": norm,
                    "start": start,
                    "thresholds": thresholds.tolist(),
                    "means": means.tolist(),
                    "weights": weights,
                }
            )
    return cases


def vector(fit: str, free: torch.Tensor, prototypes: torch.Tensor) -> torch.Tensor:
    """What a user is: the ideal point or the latent itself, or a mixture of prototypes."""
    return torch.softmax(free, 0) @ prototypes if fit == "weights" else free


def reward(fit: str, e: torch.Tensor, user: torch.Tensor) -> torch.Tensor:
    """The user's reward of each text."""
    return e @ user if fit == "latent" else -torch.sqrt(((e - user) ** 2).sum(1) + 1e-12)


def users() -> list[dict]:
    """Gradient descent by torch's own differentiation on the mean of −log σ(reward difference), with the squared vector's weight."""
    cases = []
    width = 5
    for fit in ["ideal", "latent", "weights"]:
        for count, steps, rate, decay in [(1, 1, 0.1, 0.01), (7, 100, 0.1, 0.01), (20, 300, 0.5, 0.0)]:
            point = random.normal(size=width)
            sides = random.normal(size=(count, 2, width)).astype(np.float32).astype(np.float64)
            for pair in sides:
                if np.linalg.norm(pair[0] - point) > np.linalg.norm(pair[1] - point):
                    pair[[0, 1]] = pair[[1, 0]]
            prototypes = torch.tensor(random.normal(size=(3, width)))
            chosen, rejected = torch.tensor(sides[:, 0]), torch.tensor(sides[:, 1])
            free = torch.zeros(3 if fit == "weights" else width, dtype=torch.float64, requires_grad=True)

            losses = []
            for _ in range(steps + 1):
                user = vector(fit, free, prototypes)
                margins = reward(fit, chosen, user) - reward(fit, rejected, user)
                loss = torch.nn.functional.softplus(-margins).mean() + decay / 2 * (free**2).sum()
                losses.append(loss.item())
                (gradient,) = torch.autograd.grad(loss, free)
                last = free.detach().clone()
                free = (last - rate * gradient).requires_grad_()
            user = vector(fit, last, prototypes)
            cases.append(
                {
                    "fit": fit,
                    "steps": steps,
                    "rate": rate,
                    "decay": decay,
                    "prototypes": prototypes.tolist() if fit == "weights" else None,
                    "chosen": chosen.tolist(),
                    "rejected": rejected.tolist(),
                    "vector": user.tolist(),
                    "weights": torch.softmax(last, 0).tolist() if fit == "weights" else None,
                    "rewards": reward(fit, chosen, user).tolist(),
                    "before": losses[0],
                    "after": losses[-1],
                }
            )
    return cases


def neighbours() -> list[dict]:
    """RewardFusion by numpy: Σ sim · score / Σ sim of the text itself, at 1, and of its nearest of a cosine of 0.9 or more."""
    cases = []
    for count in [0, 3, 40]:
        centre = random.normal(size=4)
        vectors = (centre + 0.35 * random.normal(size=(count, 4))).astype(np.float32).astype(np.float64)
        scores, own = random.normal(size=count), float(random.normal())
        asked = centre.astype(np.float32).astype(np.float64)
        cosines = vectors @ asked / np.linalg.norm(vectors, axis=1) / np.linalg.norm(asked)
        nearest = [i for i in np.argsort(-cosines) if cosines[i] >= 0.9][:5]
        weights = np.concatenate([[1.0], cosines[nearest]])
        cases.append(
            {
                "vectors": vectors.tolist(),
                "scores": scores.tolist(),
                "asked": asked.tolist(),
                "own": own,
                "nearest": [int(i) for i in nearest],
                "fused": float(weights @ np.concatenate([[own], scores[nearest]]) / weights.sum()),
            }
        )
    return cases


made = {"running": running(), "quantiles": quantiles(), "duals": duals(), "users": users(), "neighbours": neighbours()}
text = json.dumps({name: cases for name, cases in made.items()}, indent=None, separators=(",", ":"))
(pathlib.Path(__file__).parent / "expected.json").write_text(text.replace("},{", "},\n{") + "\n")
