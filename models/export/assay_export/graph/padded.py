"""The padded graph: `input_ids` and `attention_mask` [B, S], padding on the right.

Positions count from 0 at the left of every row. Pooled graphs give [B, labels], read at each row's last attended token,
or at the last of those that is not pad; the others every token's outputs [B, S, labels].
"""

from collections.abc import Sequence

import torch
from torch import nn

from ..bodies.attention import masks_by_window, seen_by
from ..models.model import Part, readings


class GridView:
    """One row of the batch is one tile: every query of a row meets every key of the same row."""

    def __init__(self, masks):
        self.masks = masks

    def __call__(self, layer, query, key, value, attend):
        return attend(query, key, value)


class PaddedGraph(nn.Module):
    """Bodies and heads with the padded inputs and output."""

    def __init__(self, parts: Sequence[Part], windows: set[int | None], pooled: bool, pad: int | None = None):
        """pooled: read each row's last attended token, passing over the id `pad` unless the row has no other; else
        every token, of a likelihood graph the token that follows it."""
        super().__init__()
        self.bodies, self.heads = (nn.ModuleList(modules) for modules in zip(*((part.body, part.head) for part in parts), strict=True))
        self.parts, self.windows, self.pooled, self.pad = parts, windows, pooled, pad

    def forward(self, input_ids, attention_mask):
        position = torch.arange(input_ids.shape[1])[None]
        masks = masks_by_window(position, position, attention_mask > 0, self.windows)
        view = GridView(masks)
        with seen_by(view):
            hidden = [body(input_ids=input_ids, position_ids=position, attention_mask=None, use_cache=False, view=view)[0] for body in self.bodies]
        rows, length = input_ids.shape
        if self.pooled:
            rank = position * attention_mask
            if self.pad is not None:
                rank = rank + length * attention_mask * (input_ids != self.pad)
            last = rank.argmax(-1) + torch.arange(rows) * length
            return readings(self.parts, [nn.functional.embedding(last, own.flatten(0, 1)) for own in hidden], None)
        if not any(part.likelihood for part in self.parts):
            return readings(self.parts, [own.flatten(0, 1) for own in hidden], None).unflatten(0, (rows, length))
        given = readings(self.parts, [own[:, :-1].flatten(0, 1) for own in hidden], input_ids[:, 1:].flatten())
        return nn.functional.pad(given.unflatten(0, (rows, length - 1)), (0, 0, 0, 1))


def input_names(types: bool) -> list[str]:
    """Return the padded graph's input names in order; types: with token_type_ids."""
    return ["input_ids", "attention_mask", *(["token_type_ids"] if types else [])]


def example(vocab_size: int, types: bool) -> tuple:
    """Return inputs to trace with; sizes differ from each other and from 1."""
    ids = torch.arange(3 * 24).reshape(3, 24) % vocab_size
    mask = torch.ones_like(ids)
    mask[1, 20:] = 0
    return ids, mask, *([mask.clone()] if types else [])


def dimensions(types: bool) -> tuple:
    """Return torch.export's description of which dimensions are free, matching `example`."""
    rows, length = torch.export.Dim("rows"), torch.export.Dim("length")
    return ({0: rows, 1: length},) * (3 if types else 2)
