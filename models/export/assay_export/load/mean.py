"""The head of a bidirectional Llama: one Linear on the mean of the tokens' last states, over a temperature."""

import torch
from torch import nn

from ..errors import ExportError
from ..models.heads import Given, linear
from .modules import Modules


class Over(nn.Module):
    """Numbers divided by one of them all."""

    def __init__(self, divisor: float):
        super().__init__()
        self.divisor = divisor

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values / self.divisor


def mean_head(given: Given) -> Modules:
    """`score` without a bias, on the mean; ExportError names a field of config.json with which the authors' class does
    something else.

    The body is EuroBERT's, which computes what a Llama does whose tokens see each other.
    """
    config = given.config
    for name in ("rms_norm_eps", "vocab_size", "num_key_value_heads"):
        if config.get(name) is None:
            raise ExportError(f"config.json: {name} is missing, and the checkpoint's class and the body that it is read as have other defaults")
    if config.get("rope_theta") is None and config.get("rope_parameters") is None:
        raise ExportError("config.json: rope_theta is missing, and the checkpoint's class and the body that it is read as have other defaults")
    if config.get("pooling", "avg") != "avg":
        raise ExportError(f"config.json: pooling is {config['pooling']!r}; supported is avg")
    if config.get("is_causal"):
        raise ExportError("config.json: is_causal: tokens see only what stands before them, and a class whose tokens see each other is wanted")
    temperature = config.get("temperature", 1.0)
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not temperature > 0:
        raise ExportError(f"config.json: temperature is {temperature!r}, and must be positive")
    score = linear(given, "score", given.hidden, bias=False)
    return Modules(given.body, "mean", [score, *([] if temperature == 1 else [Over(float(temperature))])], score.out_features)
