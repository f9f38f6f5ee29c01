"""The packed graph of an encoder: the network sees one flat row of tokens, attention sees tiles of it, and each token
sees its whole sequence.

`docs/BUNDLE.md` defines every input and the output. Inputs are those of a decoder's packed graph without a past, and
`token_type_ids` [T] where the encoder looks at them; T tokens, R tiles of Q queries and K keys, N readings. The
sequences stand one behind the other, each in one piece, and the keys of a tile are all tokens of the one sequence that
its queries are of.
"""

import torch
from torch import nn

from ..bodies.attention import mix
from ..bodies.bodies import Sizes
from ..models.model import Model
from .encoder import MEANS, OneRow, masks_by_distance, prepared
from .last import read_rows
from .packed import take

LAYERS = ("layers", "encoder.layer", "transformer.layer")
"""Where the bodies of transformers have the list of their layers."""


class SequenceView:
    """Arranges one forward's tokens into tiles, layer by layer."""

    def __init__(self, masks, query_index, key_index, scatter_index, read_index):
        """query_index [R, Q], key_index [R, K], scatter_index [T]; read_index [N] are the tokens that the last layer is
        computed for: the first one of each sequence, or where each token has a row those that are read."""
        self.masks, self.read_index = masks, read_index
        self.query_index, self.key_index, self.scatter_index = query_index, key_index, scatter_index
        self.mixed: torch.Tensor | None = None
        """The last layer's attention so far, [1, T, heads · d]."""

    def __call__(self, layer, query, key, value, attend):
        query, key, value = (part.flatten(0, 1) for part in (query, key, value))  # not [0], which the graph would copy
        mixed = attend(take(query, self.query_index), take(key, self.key_index), take(value, self.key_index))
        self.mixed = nn.functional.embedding(self.scatter_index, mixed.flatten(0, 1))[None]
        return self.mixed


class PackedEncoder(nn.Module):
    """An encoder whose head reads one row, with the packed inputs; its output is [N, labels], or with a head of its own
    [N, width]. Of one that does not pool it is the rows of the tokens that are read."""

    def __init__(self, model: Model, max_tokens: int, separate: bool):
        super().__init__()
        assert isinstance(model.encoder, OneRow), "what packs was asked before"
        config = model.config
        self.separate, self.windows = separate, model.sizes.windows
        self.module: OneRow = prepared(model.encoder, max_tokens)
        self.mean, self.every_token = self.module.pooling in MEANS, not model.pooled
        self.pad = config.pad_token_id if config.model_type in ("roberta", "xlm-roberta") else None
        if not self.mean:  # which every token's last state is part of
            read_rows(layers_of(self.module.body)[-1])

    def forward(self, input_ids, position_ids, query_index, key_index, key_len, scatter_index, read_index, token_type_ids=None):
        usable = torch.arange(key_index.shape[1])[None] < key_len[:, None]
        distance = (position_ids[query_index][:, :, None] - position_ids[key_index][:, None]).abs()
        masks = masks_by_distance(distance[:, None], usable[:, None, None], self.windows)
        tile = torch.arange(query_index.shape[0])[:, None].expand_as(query_index).flatten()[scatter_index[read_index]]
        view = SequenceView(masks, query_index, key_index, scatter_index, read_index if self.every_token else key_index[:, 0][tile])
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids[None]}
        hidden = self.module.body(input_ids=input_ids[None], position_ids=self.positions(input_ids, position_ids)[None],
                                              attention_mask=None, view=view, **types).last_hidden_state[0]
        rows = mean_of(self.module.averaged(hidden), key_index[tile], usable[tile]) if self.mean else hidden
        return rows if self.separate else self.module.on_rows(rows)

    def positions(self, input_ids: torch.Tensor, position_ids: torch.Tensor) -> torch.Tensor:
        """Return positions [T] as the body counts them: RoBERTa's begin behind its pad id, and pass over that id
        wherever it stands.

        A sequence begins so many tokens before each of its tokens as the token's position says, or with the row where
        the server tries the last positions with a few tokens.
        """
        if self.pad is None:
            return position_ids
        pads = (input_ids == self.pad).long()
        passed = pads.cumsum(0)
        start = (torch.arange(input_ids.shape[0]) - position_ids).clamp(min=0)
        within = passed - passed[start] + pads[start]
        return (position_ids + 1 - within) * (1 - pads) + self.pad


def mean_of(hidden: torch.Tensor, index: torch.Tensor, usable: torch.Tensor) -> torch.Tensor:
    """Return the mean [N, hidden] of the tokens [T, hidden] at index [N, K] that are usable [N, K].

    It is a product of ones with the states, summed as attention sums values, so that its bits hang on the sequence
    alone. There are two rows of ones, since a product with one row is summed in another order.
    """
    ones = usable.float()[:, None, None, None].expand(-1, -1, -1, 2, -1)
    total = mix(ones, take(hidden[:, None], index))[:, 0, :, 0].flatten(1)
    return total / usable.float().sum(1, keepdim=True)


def layers_of(body: nn.Module) -> nn.ModuleList:
    """Return the list of a body's layers."""
    return next(module for name, module in body.named_modules() if name in LAYERS)


def input_names(types: bool) -> list[str]:
    """Return the input names in the order of PackedEncoder.forward; types: with token_type_ids."""
    return ["input_ids", "position_ids", "query_index", "key_index", "key_len", "scatter_index", "read_index", *(["token_type_ids"] if types else [])]


def example(sizes: Sizes, types: bool) -> tuple:
    """Return inputs to trace with; the sizes differ from each other and from 1, so that each stays a free dimension."""
    tokens, tiles, queries, keys, reads = 40, 3, 16, 24, 4
    ids = torch.arange(tokens) % sizes.vocab_size
    return (ids, torch.arange(tokens), torch.arange(tiles * queries).reshape(tiles, queries) % tokens,
            torch.arange(tiles * keys).reshape(tiles, keys) % tokens, torch.tensor([keys, keys - 2, keys - 3]),
            torch.arange(tokens), torch.arange(reads), *([torch.zeros_like(ids)] if types else []))


def dimensions(types: bool) -> tuple:
    """Return torch.export's description of which dimensions are free, matching `example`."""
    t, r, q, k, n = (torch.export.Dim(name) for name in ("tokens", "tiles", "queries", "keys", "reads"))
    return ({0: t}, {0: t}, {0: r, 1: q}, {0: r, 1: k}, {0: r}, {0: t}, {0: n}, *([{0: t}] if types else []))
