"""Models that read named numbers instead of text: a module from features to readings becomes a bundle of layout
`features`."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .errors import ExportError
from .graph import graph
from .manifest import check_name, label_list, write_manifest
from .models import heads
from .models.reference import float32_copy
from .models.tolerance import TOLERANCE
from .place import beside
from .prove.check import Verdict, run
from .prove.watch import open_graph
from .text.golden import write_pairs

FILE, INPUT, OUTPUT = "judge.onnx", "features", "readings"
OWN_ITEMS = 4
"""Golden items where none are given."""


class Normalised(nn.Module):
    """features [rows, F] -> readings [rows, labels] of the module on (features - mean) / std."""

    def __init__(self, module: nn.Module, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        self.module = module
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.module((features - self.mean) / self.std)


def export_features(module: nn.Module, out: str | Path, *, name: str, features: Sequence[str], mean: Sequence[float] | None = None,
                    std: Sequence[float] | None = None, labels: Sequence[str] | None = None, golden: Iterable[Mapping[str, float]] | None = None,
                    description: str = "", licence: str = "unknown", source: dict[str, str] | None = None) -> Verdict:
    """Write the bundle directory `out` of a module [rows, F] -> [rows, labels]; README.md explains each argument.
    Return what the check saw.

    ExportError names what does not fit, or says that the graph differs from PyTorch.
    """
    check_name(name)
    out, features = Path(out), list(features)
    if not features or not all(features) or len(set(features)) < len(features):
        raise ExportError(f"features {features} must be distinct names")
    mean, std = numbers("mean", mean, 0.0, features), numbers("std", std, 1.0, features)
    for feature, deviation in zip(features, std, strict=True):
        if not deviation > 0:
            raise ExportError(f"std of feature {feature} is {deviation}, and must be positive")
    whole = Normalised(float32_copy(module), mean, std).eval()
    labels = label_list(labels, "reward", heads.width(whole, len(features), "module"))
    items = own_items(features, mean, std) if golden is None else [dict(item) for item in golden]
    rows = torch.tensor([row(item, features) for item in items], dtype=torch.float32).reshape(-1, len(features))
    with torch.no_grad():
        want = whole(rows)
    if not want.isfinite().all():
        raise ExportError("PyTorch's own readings of the golden items are not finite")
    with beside(out) as part:
        graph.save(graph.trace(whole, (torch.zeros(3, len(features)),), ({0: torch.export.Dim("rows")},), [INPUT], [OUTPUT]), part / FILE, external=False)
        worst = 0.0
        if items:
            got = run(open_graph(part / FILE), {INPUT: rows.numpy()}, (OUTPUT,))[0]
            worst = float((np.abs(got - want.numpy()) / np.maximum(1, np.abs(want.numpy()))).max())
            if not worst <= TOLERANCE:
                raise ExportError(f"{part / FILE}: readings differ from PyTorch by {worst:.1e}, relative above 1, and {TOLERANCE:.0e} is allowed")
            write_pairs(part / "golden.jsonl", [pair(item, labels, readings) for item, readings in zip(items, want.tolist(), strict=True)])
        write_manifest(part / "assay.yaml", {
            "version": 1, "name": name, "kind": "reward", "description": description or None, "licence": licence,
            "source": {"checkpoint": name, "class": type(module).__name__} | (source or {}),
            "graph": {"file": FILE, "layout": "features", "precision": "float32", "input": INPUT, "output": OUTPUT, "labels": labels, "features": features},
            "golden": {"file": "golden.jsonl", "tolerance": TOLERANCE} if items else None})
    return Verdict(worst, len(items))


def numbers(field: str, given: Sequence[float] | None, default: float, features: list[str]) -> list[float]:
    """Return one finite number for each feature; ExportError names the field."""
    values = [default] * len(features) if given is None else [float(value) for value in given]
    if len(values) != len(features) or not all(map(math.isfinite, values)):
        raise ExportError(f"{field} {values} must be {len(features)} finite numbers, one for each feature")
    return values


def row(item: Mapping[str, float], features: list[str]) -> list[float]:
    """Return an item's numbers in the order of the features; ExportError names one that is missing, unknown or not
    finite."""
    wrong = sorted(set(item) ^ set(features))
    if wrong:
        raise ExportError(f"golden item {dict(item)}: feature {wrong[0]!r} is {'unknown' if wrong[0] in item else 'missing'}")
    for name in features:
        if not math.isfinite(item[name]):
            raise ExportError(f"golden item {dict(item)}: feature {name!r} is not finite")
    return [float(item[name]) for name in features]


def own_items(features: list[str], mean: list[float], std: list[float]) -> list[dict[str, float]]:
    """Return a few items around the mean, always the same ones."""
    spread = torch.randn(OWN_ITEMS, len(features), generator=torch.Generator().manual_seed(0)).tolist()
    return [{name: round(centre + deviation * away, 6) for name, centre, deviation, away in zip(features, mean, std, own, strict=True)} for own in spread]


def pair(item: dict[str, float], labels: list[str], readings: list[float]) -> dict:
    """Return the golden pair of an item: the score, and by label where there are several."""
    return {"item": {"features": item}, "score": readings[0]} | ({"scores": dict(zip(labels, readings, strict=True))} if len(labels) > 1 else {})
