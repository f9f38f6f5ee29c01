"""The packed graph: the network sees one flat row of tokens, attention sees tiles of it.

`docs/BUNDLE.md` defines every input and output; T tokens, P cached tokens, R tiles of Q queries and K keys, N readings.
"""

from collections.abc import Sequence

import torch
from torch import nn

from ..bodies.attention import masks_by_window, seen_by
from ..bodies.bodies import Sizes
from ..models.model import Part, readings
from .last import read_last


class TileView:
    """Arranges one forward's tokens into tiles, layer by layer, and keeps each layer's keys and values."""

    def __init__(self, masks, query_index, key_index, scatter_index, read_index, past):
        """query_index [R, Q], key_index [R, K], scatter_index [T], read_index [N]; past holds layer l's [P, kv_heads,
        d] at 2l and 2l + 1."""
        self.masks, self.read_index = masks, read_index
        self.query_index, self.key_index, self.scatter_index = query_index, key_index, scatter_index
        self.past = past
        self.present: list[torch.Tensor] = []
        self.mixed: torch.Tensor | None = None
        """The last layer's attention so far, [1, T, heads · d]."""

    def __call__(self, layer, query, key, value, attend):
        query, key, value = query[0], key[0], value[0]
        dims = key.shape[-1], value.shape[-1]
        key, value = (widened(part, max(dims)) for part in (key, value))
        self.present += [key, value]
        keys = torch.cat([self.past[2 * layer], key])
        values = torch.cat([self.past[2 * layer + 1], value])
        query = take(query, self.query_index)  # first, so that graphs keep the names that they had
        keys, values = (narrowed(take(part, self.key_index), dim) for part, dim in zip((keys, values), dims, strict=True))
        mixed = attend(query, keys, values)
        self.mixed = nn.functional.embedding(self.scatter_index, mixed.flatten(0, 1))[None]
        return self.mixed


def take(tokens: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Return tokens [X, heads, d] at index [R, L] as [R, L, heads, d]."""
    return nn.functional.embedding(index, tokens.flatten(1)).unflatten(-1, tokens.shape[1:])


def widened(tokens: torch.Tensor, dim: int) -> torch.Tensor:
    """Return tokens [X, heads, d] with zeros behind each head up to dim, since a cache has keys and values of one
    size."""
    return tokens if tokens.shape[-1] == dim else nn.functional.pad(tokens, (0, dim - tokens.shape[-1]))


def narrowed(tokens: torch.Tensor, dim: int) -> torch.Tensor:
    """Return tokens [R, L, heads, d] without what lies behind the first dim of each head."""
    return tokens if tokens.shape[-1] == dim else tokens[..., :dim]


class PackedGraph(nn.Module):
    """Bodies and heads with the packed inputs and outputs; a second body's layers come after those of the first."""

    def __init__(self, parts: Sequence[Part], windows: set[int | None]):
        super().__init__()
        self.bodies, self.heads = (nn.ModuleList(modules) for modules in zip(*((part.body, part.head) for part in parts), strict=True))
        self.parts, self.windows = parts, windows
        self.read = [read_last(body) for body in self.bodies]

    def forward(self, input_ids, position_ids, past_position_ids, query_index, key_index, key_len, scatter_index, read_index,
                past, target_ids=None):
        key_position = torch.cat([past_position_ids, position_ids])[key_index]
        usable = torch.arange(key_index.shape[1])[None] < key_len[:, None]
        masks = masks_by_window(position_ids[query_index], key_position, usable, self.windows)
        rows: list[torch.Tensor] = []
        present: list[torch.Tensor] = []
        for body, read in zip(self.bodies, self.read, strict=True):
            view = TileView(masks, query_index, key_index, scatter_index, read_index, past[len(present):])
            with seen_by(view):
                hidden = body(input_ids=input_ids[None], position_ids=position_ids[None], attention_mask=None, use_cache=False, view=view)[0][0]
            rows.append(hidden if read else nn.functional.embedding(read_index, hidden))
            present += view.present
        return (readings(self.parts, rows, target_ids), *present)


def input_names(layers: int, likelihood: bool) -> list[str]:
    """Return the packed graph's input names in the order of PackedGraph.forward."""
    past = [f"past_{part}.{layer}" for layer in range(layers) for part in ("key", "value")]
    return ["input_ids", "position_ids", "past_position_ids", "query_index", "key_index", "key_len", "scatter_index", "read_index",
            *past, *(["target_ids"] if likelihood else [])]


def output_names(layers: int, first: str) -> list[str]:
    """Return the packed graph's output names in order; first is that of the places read."""
    return [first] + [f"present_{part}.{layer}" for layer in range(layers) for part in ("key", "value")]


def example(sizes: Sizes, likelihood: bool) -> tuple:
    """Return inputs to trace with; the sizes differ from each other and from 1, so that each stays a free dimension."""
    tokens, past, tiles, queries, keys, reads = 40, 5, 3, 16, 24, 4
    ids = torch.arange(tokens) % sizes.vocab_size
    return (ids, torch.arange(tokens), torch.arange(past), torch.arange(tiles * queries).reshape(tiles, queries) % tokens,
            torch.arange(tiles * keys).reshape(tiles, keys) % (tokens + past), torch.tensor([keys, keys - 2, keys - 3]),
            torch.arange(tokens), torch.arange(reads),
            [torch.zeros(past, sizes.kv_heads, sizes.head_dim) for _ in range(2 * sizes.layers)],
            *([torch.arange(reads) % sizes.vocab_size] if likelihood else []))


def dimensions(layers: int, likelihood: bool) -> tuple:
    """Return torch.export's description of which dimensions are free, matching `example`."""
    t, p, r, q, k, n = (torch.export.Dim(name) for name in ("tokens", "past", "tiles", "queries", "keys", "reads"))
    return ({0: t}, {0: t}, {0: p}, {0: r, 1: q}, {0: r, 1: k}, {0: r}, {0: t}, {0: n}, [{0: p}] * (2 * layers),
            *([{0: n}] if likelihood else []))
