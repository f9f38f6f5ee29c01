"""Packed encoder graphs for GPUs, of the same nodes as decoders': their tokens see each other, and nothing is cached.

`described.py` says what an encoder is made of, `read.py` reads that from transformers' modules, `layer.py` writes a
layer, `tiles.py` what all layers look at, `graph.py` the whole. What layers add up is float32 in every type, so that
one list of nodes serves them all.
"""

from .graph import build, check
from .kinds import reader

__all__ = ["build", "check", "reader"]
