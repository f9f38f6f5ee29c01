"""The padded graph: `input_ids` and `attention_mask` [B, S], padding on the right.

Positions count from 0 at the left of every row. Rewards leave as [B, labels], read at each row's last attended token;
process models leave every token's outputs [B, S, labels].
"""

import torch
from torch import nn

from .attention import masks_by_window


class GridView:
    """One row of the batch is one tile: every query of a row meets every key of the same row."""

    def __init__(self, masks):
        self.masks = masks

    def __call__(self, layer, query, key, value, attend):
        return attend(query, key, value)


class PaddedGraph(nn.Module):
    """A body and a head with the padded inputs and output."""

    def __init__(self, body: nn.Module, head: nn.Module, windows: set[int | None], pooled: bool):
        """pooled: read each row's last attended token; else every token."""
        super().__init__()
        self.body, self.head, self.windows, self.pooled = body, head, windows, pooled

    def forward(self, input_ids, attention_mask):
        position = torch.arange(input_ids.shape[1])[None]
        masks = masks_by_window(position, position, attention_mask > 0, self.windows)
        hidden = self.body(input_ids=input_ids, position_ids=position, attention_mask=None, use_cache=False,
                           view=GridView(masks))[0]
        if self.pooled:
            last = (position * attention_mask).argmax(-1)
            start = torch.arange(input_ids.shape[0]) * input_ids.shape[1]
            hidden = nn.functional.embedding(start + last, hidden.reshape(-1, hidden.shape[-1]))
        return self.head(hidden)


INPUT_NAMES = ["input_ids", "attention_mask"]
OUTPUT_NAMES = ["readings"]


def example(vocab_size: int) -> tuple:
    """Return inputs to trace with; sizes differ from each other and from 1."""
    ids = torch.arange(3 * 24).reshape(3, 24) % vocab_size
    mask = torch.ones_like(ids)
    mask[1, 20:] = 0
    return ids, mask


def dimensions() -> tuple:
    """Return torch.export's description of which dimensions are free, matching `example`."""
    rows, length = torch.export.Dim("rows"), torch.export.Dim("length")
    return {0: rows, 1: length}, {0: rows, 1: length}
