"""Parameters whose values stay in the checkpoint's files until they are used.

safetensors maps a file into memory, so a tensor read from it costs nothing until its numbers are touched. A large
parameter of a body built here has the right shape and one zero for all its elements; `load` gives its values in
float32, one at a time.
"""

from collections.abc import Callable

import torch
from torch import nn

from ..errors import ExportError

LARGE = 1 << 20
"""Elements from which on a parameter is left in its file. Graph optimisation looks into smaller ones, so they must be
real."""


BLOCK = 1 << 22
"""Elements that are looked at at once."""


def checked(name: str, stored: torch.Tensor) -> torch.Tensor:
    """Return a weight as stored, perhaps in parts; ExportError when its values are no floating-point numbers, or one is
    not finite in float32."""
    for part in stored.parts() if hasattr(stored, "parts") else [stored]:
        if not part.is_floating_point():
            raise ExportError(f"weight {name} is stored as {str(part.dtype).removeprefix('torch.')}, as quantized weights are, and floating-point "
                              "numbers are wanted; save the checkpoint that it was made from, or dequantize() it first")
        for block in part.flatten().split(BLOCK):
            if not block.float().isfinite().all():
                raise ExportError(f"weight {name} has values that are not finite in float32; take a checkpoint from before the training went wrong")
    return stored


def parameter(stored: torch.Tensor) -> nn.Parameter:
    """Return a float32 parameter for a tensor as stored: its values when small, a placeholder when large."""
    if stored.numel() < LARGE:
        return nn.Parameter(stored.float(), requires_grad=False)
    made = placeholder(stored.shape, stored.float)
    made.stored = stored
    return made


def placeholder(shape: torch.Size, read: Callable[[], torch.Tensor]) -> nn.Parameter:
    """Return a parameter without values of its own; read gives them in float32."""
    empty = nn.Parameter(torch.zeros(()).expand(shape), requires_grad=False)
    empty.read = read
    return empty


def part(given: nn.Parameter, number: int, turn: Callable[[torch.Tensor], torch.Tensor] = lambda own: own) -> nn.Parameter:
    """Return one of the things that a parameter has along its first dimension, turned; of a placeholder one that reads
    that thing alone."""
    if not hasattr(given, "read"):
        return nn.Parameter(turn(given[number]).contiguous(), requires_grad=False)
    stored = given.stored
    return placeholder(turn(torch.zeros((), device="meta").expand(given.shape[1:])).shape, lambda: turn(stored[number].float()).contiguous())


def load(given: nn.Parameter) -> torch.Tensor:
    """Return a parameter's values."""
    return given.read() if hasattr(given, "read") else given.detach()


def stream(module: nn.Module) -> None:
    """Make a module runnable: each part reads its placeholders before it runs and drops their values after."""
    for part in module.modules():
        empty = {name: own for name, own in part.named_parameters(recurse=False) if hasattr(own, "read")}
        if empty:
            part.register_forward_pre_hook(lambda part, _, empty=empty: replace(part, {
                name: nn.Parameter(load(own), requires_grad=False) for name, own in empty.items()}))
            part.register_forward_hook(lambda part, *_, empty=empty: replace(part, empty), always_call=True)


def materialize(module: nn.Module) -> None:
    """Make a module runnable: read all its placeholders at once. For modules whose parts read each other's parameters,
    as DeBERTa's do."""
    for part in module.modules():
        replace(part, {name: nn.Parameter(load(own), requires_grad=False)
                       for name, own in part.named_parameters(recurse=False) if hasattr(own, "read")})


def replace(part: nn.Module, parameters: dict[str, nn.Parameter]) -> None:
    """Set a module's own parameters."""
    for name, value in parameters.items():
        part.register_parameter(name, value)
