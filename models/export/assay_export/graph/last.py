"""The last layer of a packed body, computed where it is read.

Behind the attention of its last layer no token of a body sees another, so what is not read need not be computed:
neither the output projection, nor the feed-forward part, nor the norm. The keys and values of all tokens are, since a
later forward may want them.
"""

import torch
from torch import nn

from ..bodies.attention import VIEW, seen_by


class Given:
    """A view whose attention is known already."""

    def __init__(self, masks, mixed: torch.Tensor):
        """mixed is [1, N, heads · d]."""
        self.masks, self.mixed = masks, mixed

    def __call__(self, layer, query, key, value, attend):
        return self.mixed


def read_last(body: nn.Module) -> bool:
    """Have a body give the last states of the tokens in `view.read_index` alone, if it lets its last layer do so; tell
    whether it does."""
    layers = getattr(body, "layers", None)
    if not isinstance(layers, nn.ModuleList):  # GPT-2 gives its last states the shape of its ids; OPT's layers are in its decoder
        return False
    read_rows(layers[len(layers) - 1])
    return True


def read_rows(last: nn.Module) -> None:
    """Have a body's last layer give the states of the tokens in `view.read_index` alone.

    It is called twice, and of each call the half that nothing uses is dropped from the graph: first with all tokens, up
    to its attention's result; then with the rows that are read, and that result.
    """
    whole = last.forward

    def forward(hidden: torch.Tensor, *args, view=None, **kwargs):
        handed = view is not None
        view = view if handed else VIEW.get()
        run(view, handed, hidden, *args, **kwargs)

        def read(given):
            """Return what of an argument belongs to the rows that are read."""
            if isinstance(given, tuple):
                return tuple(read(part) for part in given)
            if isinstance(given, torch.Tensor) and given.dim() > 1 and given.shape[1] == hidden.shape[1]:
                return rows_of(given[0], view.read_index)[None]
            return given

        rows = [read(given) for given in (hidden, *args)]  # first, so that graphs keep the names that they had
        return run(Given(view.masks, read(view.mixed)), handed, *rows, **{name: read(given) for name, given in kwargs.items()})

    def run(view, handed: bool, *args, **kwargs):
        """Call the layer with a view, handed on as the layer was given its own."""
        with seen_by(view):
            return whole(*args, **kwargs, **({"view": view} if handed else {}))

    last.forward = forward


def rows_of(tokens: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Return tokens [T, ...] at index [N] as [N, ...]."""
    return nn.functional.embedding(index, tokens) if tokens.dim() == 2 else tokens[index]
