"""The head of PairRM: how much better the first candidate is than the second, from the rows of three tokens that mark
their beginnings."""

import torch
from torch import nn

from ..errors import ExportError
from .heads import Given, Pooled, linear

MARKS = ("source_prefix_id", "cand1_prefix_id", "cand2_prefix_id")
"""Fields of config.json: the ids that begin the prompt, the first and the second candidate, in the order of the form's
`ids`."""


class PairRM(Pooled):
    """ids and mask [B, S] -> [B, 1]: the mean over tasks of head(source, first) − head(source, second)."""

    labels = 1

    def __init__(self, body: nn.Module, head: nn.Module, marks: tuple[int, ...]):
        """head is [B, 2 · hidden] -> [B, tasks]."""
        super().__init__(body)
        self.head, self.marks, self.width = head, marks, 3 * body.config.hidden_size

    @property
    def head_parts(self) -> list[nn.Module]:
        """The modules of the head."""
        return [self.head]

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **extra) -> torch.Tensor:
        return self.better(*self.marked(input_ids, attention_mask, **extra))

    def rows(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **extra) -> torch.Tensor:
        """Return what the head reads [B, width]: the hidden states of the three marks side by side."""
        return torch.cat(self.marked(input_ids, attention_mask, **extra), -1)

    def on_rows(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the head's outputs [B, 1]."""
        return self.better(*rows.chunk(len(MARKS), -1))

    def marked(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **extra) -> list[torch.Tensor]:
        """Return the hidden states [B, hidden] of each mark."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask, **extra).last_hidden_state
        rows = hidden.reshape(-1, hidden.shape[-1])
        start = torch.arange(input_ids.shape[0]) * input_ids.shape[1]
        return [nn.functional.embedding(start + at, rows) for at in self.places(input_ids, attention_mask)]

    def better(self, source: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Return the difference [B, 1] from rows [B, hidden]."""
        better = self.head(torch.cat([source, first], -1)) - self.head(torch.cat([source, second], -1))
        return better.mean(-1, keepdim=True)

    def places(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> list[torch.Tensor]:
        """Return where each mark first stands in each row [B].

        A server never sends ids that lack one; of such ids the first places are read, so that a proof on random ids
        compares something.
        """
        last = attention_mask.sum(-1) - 1
        here = [input_ids == mark for mark in self.marks]
        return [torch.where(found.any(-1), found.long().argmax(-1), last.clamp(max=number)) for number, found in enumerate(here)]


def pairrm_head(given: Given) -> PairRM:
    """`head_layer`: Linear, tanh, Linear with dropouts before each, at 1 and 4; the form's `ids` are those of the
    segments' marks."""
    marks = tuple(given.form["ids"])
    for field, mark in zip(MARKS, marks, strict=True):
        if given.config.get(field) != mark:
            raise ExportError(f"config.json: {field} is {given.config.get(field)}, and the tokenizer has that mark as {mark}")
    first = linear(given, "head_layer.1", 2 * given.hidden, True)
    head = nn.Sequential(first, nn.Tanh(), linear(given, "head_layer.4", first.out_features, True))
    if given.config.get("n_tasks", head[-1].out_features) != head[-1].out_features:
        raise ExportError(f"weight head_layer.4.weight has {head[-1].out_features} rows, and config.json's n_tasks is {given.config['n_tasks']}")
    return PairRM(given.body, head, marks)
