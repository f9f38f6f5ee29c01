"""The heads of a general preference model (GPM): an embedding of a response, and scales of its planes at the end of the
prompt.

Of every row the graph gives both; the server takes the embedding of the response's row and the scales of the prompt's
(docs/BUNDLE.md, "Pairs and preferences").
"""

import torch
from torch import nn

from ..errors import ExportError
from .heads import Given, linear


class PreferenceHead(nn.Module):
    """[N, hidden] -> [N, D] or, with scales, [N, D + D / 2]: the embedding, not yet of length 1, then the scales, which
    add up to 1."""

    def __init__(self, embedding: nn.Linear, scale: nn.Linear | None):
        super().__init__()
        self.embedding, self.scale = embedding, scale

    @property
    def names(self) -> list[str]:
        """One name per column: v0, v1, …, s0, …"""
        scales = 0 if self.scale is None else self.scale.out_features
        return [f"v{column}" for column in range(self.embedding.out_features)] + [f"s{column}" for column in range(scales)]

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        vector = self.embedding(hidden)
        return vector if self.scale is None else torch.cat([vector, torch.softmax(self.scale(hidden), -1)], -1)


def gpm_head(given: Given) -> PreferenceHead:
    """`value_head` and, where the checkpoint has one, `prompt_head`, both without bias.

    The widths are those of the weights, as in the authors' example; config.json may say them too (value_head_dim,
    add_prompt_head).
    """
    embedding = plain(given, "value_head")
    width = embedding.out_features
    if width == 1:
        raise ExportError("weight value_head.weight has 1 row, a score and no embedding: give --family gpm-bt")
    if width % 2:
        raise ExportError(f"weight value_head.weight has {width} rows, and a preference embedding has an even number")
    if given.config.get("value_head_dim", width) != width:
        raise ExportError(f"weight value_head.weight has {width} rows, and config.json's value_head_dim is {given.config['value_head_dim']}")
    scaled = "prompt_head.weight" in given.weights
    if given.config.get("add_prompt_head", scaled) != scaled:
        raise ExportError(f"the checkpoint has {'a' if scaled else 'no'} weight prompt_head.weight, and config.json's add_prompt_head is "
                          f"{str(not scaled).lower()}")
    scale = plain(given, "prompt_head") if scaled else None
    if scale is not None and 2 * scale.out_features != width:
        raise ExportError(f"weight prompt_head.weight has {scale.out_features} rows, and {width} rows of value_head.weight ask for {width // 2}")
    return PreferenceHead(embedding, scale)


def plain(given: Given, name: str) -> nn.Linear:
    """Return the Linear of a name, which has no bias in the authors' class."""
    if f"{name}.bias" in given.weights:
        raise ExportError(f"the checkpoint has a weight {name}.bias, and a general preference model's heads have none")
    return linear(given, name, given.hidden)
