"""Packed graphs for GPUs: stock operators, fused as a GPU's kernels are, that compute in float32, float16 or bfloat16.

The nodes are written one by one and not traced, so that a graph in half precision and one in float32 have the same list
of nodes but for Cast. `nodes.py` makes nodes and weights of one type, `described.py` says what a body is made of,
`read.py` reads that from transformers' modules, `layer.py` writes a layer, `tiles.py` what all layers look at,
`head.py` the head, `graph.py` the whole, and `encoders/` does the same for encoders; `emulated.py` makes of a written
graph one that processors can run, which rounds where it rounds, and `drift.py` measures what that changes. `pooled.py`
writes decoders as operators of domain `assay`, whose linear layers are in `linear.py`, those of integers known to
`integers.py`; `written.py` runs these as they are written. `parts.py` keeps what a weight in several parts still has to
give. `stages.py` cuts a decoder into graphs of some layers each, which `chain.py` runs one after the other.
"""

from .drift import NOTHING, Lost, measure
from .graph import COMPUTES, HALVES, build, check_model, check_precision
from .integers import rounded
from .pooled import build_pooled, check_pooled
from .stages import WHOLE, Stage, cut, file_of, files
from .twin import twin

__all__ = ["COMPUTES", "HALVES", "NOTHING", "WHOLE", "Lost", "Stage", "build", "build_pooled", "check_model", "check_pooled", "check_precision", "cut",
           "file_of", "files", "measure", "rounded", "twin"]
