"""Experts' weights in MXFP4, as gpt-oss is published: four bits a number, and one power of two for each 32 of them.

Every such number is one of float32's, so widening them loses nothing. Tests hold this to transformers' own code for it
(`integrations/mxfp4.py`).
"""

from collections.abc import Iterator

import torch

from ..errors import ExportError

METHOD = "mxfp4"
BODY = "gpt_oss"
BLOCKS, SCALES = "_blocks", "_scales"
"""Endings of the names of a weight's parts."""

VALUES = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0])
"""What four bits stand for: a sign, two bits of exponent and one behind the point."""

BIAS = 127
"""What is taken off a stored exponent."""


class Widened:
    """Weights of experts in MXFP4, in the place of one tensor [experts, in, out]; one expert's can be read."""

    def __init__(self, blocks: torch.Tensor, scales: torch.Tensor):
        """blocks are [experts, out, in / 32, 16], two numbers a byte, of which the lower bits come first.

        scales are [experts, out, in / 32].
        """
        self.blocks, self.scales = blocks, scales
        experts, rows, groups, size = blocks.shape
        self.shape = torch.Size((experts, groups * size * 2, rows))
        self.ndim = 3

    def numel(self) -> int:
        """As a tensor has it."""
        return self.shape.numel()

    def parts(self) -> Iterator[torch.Tensor]:
        """Give the experts' weights one after the other."""
        return (self[number] for number in range(self.shape[0]))

    def __getitem__(self, number: int) -> torch.Tensor:
        pairs = torch.stack((self.blocks[number] & 15, self.blocks[number] >> 4), -1)
        numbers = torch.ldexp(VALUES[pairs.int()].flatten(-2), self.scales[number].int()[..., None] - BIAS)
        return numbers.flatten(1).T

    def float(self) -> torch.Tensor:
        """Return the whole in float32."""
        return torch.stack(list(self.parts()))


def used(raw: dict) -> bool:
    """Tell whether a config.json says that experts' weights are in MXFP4, of a body whose weights are read so."""
    method = raw.get("quantization_config")
    return raw.get("model_type") == BODY and isinstance(method, dict) and method.get("quant_method") == METHOD


def widened(given: dict[str, torch.Tensor]) -> dict:
    """Return weights with those in MXFP4 under the names of what they stand for.

    ExportError names one that has not both of its parts, or parts of other shapes.
    """
    found: dict = {}
    for name, value in given.items():
        if not name.endswith((BLOCKS, SCALES)):
            found[name] = value
            continue
        whole = name.removesuffix(BLOCKS).removesuffix(SCALES)
        blocks, scales = given.get(whole + BLOCKS), given.get(whole + SCALES)
        if blocks is None or scales is None:
            raise ExportError(f"the checkpoint has no weight {whole}{SCALES if scales is None else BLOCKS}, which {name} needs; "
                              "fetch or save it again")
        if blocks.dtype != torch.uint8 or scales.dtype != torch.uint8 or blocks.ndim != 4 or blocks.shape[:-1] != scales.shape:
            raise ExportError(f"weight {whole + BLOCKS} is {list(blocks.shape)} and {whole + SCALES} {list(scales.shape)}, and MXFP4 has bytes "
                              "[experts, rows, groups, 16] and [experts, rows, groups]; fetch or save the checkpoint again")
        found[whole] = Widened(blocks, scales)
    return found
