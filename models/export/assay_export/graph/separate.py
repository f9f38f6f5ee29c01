"""The head in a graph of its own, `head.onnx`: rows [rows, width] -> readings [rows, labels], float32 whatever the
backbone's precision.

A decoder's rows are its last hidden states; the server picks them. An encoder's backbone pools, and gives of each
sequence what its head reads: the first token's hidden state or their mean (ModernBERT), or those of three tokens side
by side (PairRM).
"""

import numpy as np
import onnx_ir as ir
import onnxruntime
import torch
from torch import nn

from ..errors import ExportError
from ..models.model import Model
from ..models.reference import float32_copy
from .graph import output_name, trace

FILE, INPUT, OUTPUT = "head.onnx", output_name(separate=True), output_name(separate=False)


class OnRows(nn.Module):
    """An encoder's head alone."""

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.encoder.on_rows(hidden)


def check_separable(model: Model) -> None:
    """Refuse a head that reads more than rows, and a model that has none."""
    if model.encoder is not None and not model.pooled:
        raise ExportError("head separate: the model gives its tokens' states as they are, and has no head")
    if model.likelihood:
        raise ExportError("head separate: a likelihood head multiplies by the whole vocabulary and reads the token after each row, "
                          "so it stays in the graph")


def width(model: Model) -> int:
    """Return the size of a row."""
    return model.sizes.hidden if model.encoder is None else model.encoder.width


def trace_head(model: Model) -> ir.Model:
    """Trace the head alone."""
    head = float32_copy(model.parts[0].head) if model.encoder is None else OnRows(float32_copy(model.encoder))
    return trace(head, (torch.zeros(3, width(model)),), ({0: torch.export.Dim("rows")},), [INPUT], [OUTPUT])


def read(session: onnxruntime.InferenceSession, rows: list[np.ndarray]) -> list[np.ndarray]:
    """Run the head on arrays of rows [N, width] at once; return the readings of each."""
    if not rows:
        return []
    readings = session.run([OUTPUT], {INPUT: np.concatenate(rows)})[0]
    return np.split(readings, np.cumsum([len(own) for own in rows])[:-1])
