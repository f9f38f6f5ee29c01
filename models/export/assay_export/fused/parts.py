"""A weight that is stored in several parts, which are made at once and asked for one by one."""

from collections.abc import Callable, Sequence

import torch


class Parts:
    """The parts of one weight that were made and not asked for yet, so that none is held longer than its weight is
    saved."""

    def __init__(self):
        self.name = ""
        self.left: dict[int, torch.Tensor] = {}

    def take(self, name: str, place: int, make: Callable[[], Sequence[torch.Tensor]]) -> torch.Tensor:
        """Return the part at a place of what make gives for a weight of that name, which is made anew where the latest
        was of another name or that part of it is gone."""
        if name != self.name or place not in self.left:
            self.name, self.left = name, {}
            self.left = dict(enumerate(make()))
        return self.left.pop(place)
