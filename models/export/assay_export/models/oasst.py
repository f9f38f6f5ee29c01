"""The head of OpenAssistant's Pythia reward models."""

from torch import nn

from ..errors import ExportError
from .heads import Given, linear


def oasst_head(given: Given) -> nn.Module:
    """One Linear, `out_proj`, on the last token; a checkpoint that asks for the mean over tokens is refused."""
    pooling = given.config.get("pooling") or "last"
    if pooling != "last":
        raise ExportError(f"config.json: pooling {pooling!r} is not supported; only last is")
    return linear(given, "out_proj", given.hidden, True)
