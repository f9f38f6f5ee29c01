"""PyTorch's own rounding: what a float32 model gives when everything but its rotations is computed in float64."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map


class Doubled(TorchFunctionMode):
    """Widens what every function of torch is given, and the types that code asks for by name; nothing that the model
    holds is changed."""

    def __init__(self):
        super().__init__()
        self.paused = 0
        """How many modules are under way whose own float32 is kept."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if self.paused:
            return func(*args, **(kwargs or {}))
        args, kwargs = tree_map(widened, (args, kwargs or {}))
        return (torch.Tensor.double if func is torch.Tensor.float else func)(*args, **kwargs)


def widened(value):
    """Return float64 in the place of float32, of a tensor or of the type itself."""
    if isinstance(value, torch.Tensor) and value.dtype == torch.float32:
        return value.double()
    return torch.float64 if value is torch.float32 else value


@contextmanager
def doubled(*modules: nn.Module) -> Iterator[None]:
    """Compute in float64 within. Rotations stay as they are, since the graph looks up the very numbers that PyTorch
    has."""
    mode = Doubled()

    def pause(by: int) -> Callable[..., None]:
        def step(*_) -> None:
            mode.paused += by
        return step

    rotary = [part for module in modules for part in module.modules() if "rotary" in type(part).__name__.lower()]
    hooks = [hook for part in rotary for hook in (part.register_forward_pre_hook(pause(1)), part.register_forward_hook(pause(-1), always_call=True))]
    try:
        with mode:
            yield
    finally:
        for hook in hooks:
            hook.remove()
