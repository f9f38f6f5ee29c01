"""Draws the weights of a bundle that came without them: the folder stays small, and every machine draws the same."""

import array
import json
import math
import os
import random
import struct

from products import numbers

PIECE = 1 << 24  # numbers that are drawn at once
UPPER = range(0x20, 0x28)
"""Upper bytes of float16 between 2⁻⁷ and 2⁻⁵: with either sign, weights whose mean square is that of Llama's when it is
made, 0.02², so that nothing overflows."""


def weights(count, out):
    """Writes random numbers of 16 bits to a file. What the first ones are does not hang on how many there are."""
    with out.open("wb") as file:
        for piece in range(0, count, PIECE):
            made = numbers(random.Random(f"weights from {piece}"), min(PIECE, count - piece), UPPER)
            file.write(made)


def tables(about, out):
    """Writes the cosines and then the sines of a rotation, [places, half of a head] each."""
    half, letter = about["turned"] // 2, {"float16": "e", "float32": "f"}[about["type"]]
    angles = array.array("d", (place * about["theta"] ** (-2 * i / about["turned"]) for place in range(about["places"]) for i in range(half)))
    out.write_bytes(b"".join(struct.pack(f"<{len(angles)}{letter}", *map(of, angles)) for of in (math.cos, math.sin)))


def draw(bundle, like=None):
    """Draws what bundle/drawn.json asks for, and is not there. like is a bundle of as many weights, which are taken."""
    about = json.loads((bundle / "drawn.json").read_text(encoding="utf-8"))
    file = bundle / "weights.bin"
    if not file.exists():
        if like is not None:
            os.link(like / file.name, file)
        else:
            weights(about["weights"], file)
    if not (bundle / "tables.bin").exists():
        tables(about["tables"], bundle / "tables.bin")
