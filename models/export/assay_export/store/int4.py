"""Linear layers' weights in four bits, as `MatMulNBits` of ONNX Runtime reads them: a scale and a zero for each 32
inputs of an output.

A block's smallest and largest number, and 0, span the 16 levels 0 to 15: number = (level − zero) · scale. A scale has
no more than eight significant bits and lies where float16 and bfloat16 both have it exactly, so that one rounding
serves graphs of every type. What a layer multiplies are numbers as ever: activations are not rounded.
"""

import numpy as np
import torch

from ..errors import ExportError

BITS, BLOCK, MOST = 4, 32, 15
"""Bits of a level, inputs that share a scale, and the largest level."""

SMALLEST = 2.0**-24
"""The least scale: the smallest number that float16 has."""


def quantized(values: torch.Tensor, name: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return levels uint8 [out, blocks, BLOCK], zeros uint8 [out, blocks] and scales float32 [out, blocks] of a weight
    [out, in].

    ExportError names a weight whose inputs fill no whole blocks, or whose scale float16 cannot hold.
    """
    if values.shape[1] % BLOCK:
        raise ExportError(f"weight {name} has {values.shape[1]} inputs, and int4 takes blocks of {BLOCK}; leave out --int4")
    blocks = values.unflatten(1, (-1, BLOCK))
    least, most = blocks.amin(2).clamp(max=0), blocks.amax(2).clamp(min=0)
    scale = ((most - least) / MOST).bfloat16().half().float()
    if not scale.isfinite().all():
        raise ExportError(f"weight {name} spans {(most - least).max():.3g} within {BLOCK} inputs, and a scale of int4 ends at 65504")
    scale = scale.clamp(min=SMALLEST)
    zeros = (-least / scale).round().clamp(0, MOST)
    levels = ((blocks / scale[..., None]).round() + zeros[..., None]).clamp(0, MOST)
    return levels.to(torch.uint8), zeros.to(torch.uint8), scale


def rounded(values: torch.Tensor, name: str) -> torch.Tensor:
    """Return a weight's float32 values [out, in] as they come back from storage."""
    levels, zeros, scale = quantized(values, name)
    return ((levels.float() - zeros.float()[..., None]) * scale[..., None]).flatten(1)


def packed(levels: torch.Tensor) -> np.ndarray:
    """Return levels with two in each byte of the last dimension, the first in the lower half; an odd one stands beside
    0."""
    both = torch.nn.functional.pad(levels, (0, levels.shape[-1] % 2)).unflatten(-1, (-1, 2))
    return (both[..., 0] | both[..., 1] << BITS).numpy()
