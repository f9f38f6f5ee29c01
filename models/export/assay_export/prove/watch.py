"""Looking at the levels that an int8 graph rounds its activations to.

float32 differs a little between PyTorch and ONNX Runtime, so now and then an activation is rounded up in one and down
in the other, and what follows differs by much more. PyTorch is therefore given the graph's own levels, each of which
must be what it would round to but for a little, and can be compared as closely as in float32.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from ..fused.chain import chained
from ..fused.stages import files
from ..models.reference import Reference
from ..store.int8 import ZERO
from ..store.products import LEVELS, PRODUCT


def open_graph(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """Open a graph on ONNX Runtime's CPU provider with that many intra-op threads, which sleep when idle."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Watched:
    """A session that keeps the levels of its latest run."""

    def __init__(self, path: Path, sources: dict[str, list[str]]):
        """path: an int8 graph, or its first stage; a copy of each with more outputs is there while it is opened.
        sources: Rounding.sources."""
        self.names: dict[str, list[str]] = {}
        """Of each weight, the values that it is multiplied by."""
        self.session = chained([self.open(file, sources) for file in files(path)])
        self.outputs = sorted({name for names in self.names.values() for name in names})
        self.levels: dict[str, list[np.ndarray]] = {}

    def open(self, path: Path, sources: dict[str, list[str]]) -> onnxruntime.InferenceSession:
        """Open a copy of one graph whose levels are outputs, and note their names."""
        graph = onnx.load(path, load_external_data=False)
        own: dict[str, list[str]] = {}
        for node in graph.graph.node:
            if node.op_type == PRODUCT:
                own.setdefault(node.input[1].removesuffix(LEVELS).removesuffix(".T"), []).append(node.input[0])
            elif node.op_type == "Linear8":
                own.update({name: [node.input[0]] for name in sources[node.input[2]]})
        self.names |= own
        kind = onnx.TensorProto.INT8 if sources else onnx.TensorProto.UINT8
        for name in sorted({name for names in own.values() for name in names}):
            graph.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
        copy = path.with_suffix(".watched")
        try:
            onnx.save(graph, copy)
            return open_graph(copy)
        finally:
            copy.unlink(missing_ok=True)

    def get_inputs(self) -> list:
        """As ONNX Runtime's session has it."""
        return self.session.get_inputs()

    def run(self, outputs: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        """As ONNX Runtime's session has it; `levels` are those of this run around ZERO, by the weight that they are
        multiplied by."""
        found = self.session.run([*outputs, *self.outputs], feeds)
        values = {name: rows if rows.dtype == np.uint8 else rows.astype(np.int16) + ZERO
                  for name, rows in zip(self.outputs, found[len(outputs):], strict=True)}
        self.levels = {weight: [values[name] for name in names] for weight, names in self.names.items()}
        return found[:len(outputs)]


def follow(path: Path, read: Callable[[Watched, list[int]], object], reference: Reference, types: Callable[[list[int]], list[int] | None],
           sequences: list[list[int]]) -> list[np.ndarray]:
    """Return PyTorch's readings of each sequence with the levels that the graph rounds to; read runs the graph on one
    sequence, at every token.

    ExportError when a level is not what PyTorch would round to.
    """
    rounding = reference.rounding
    assert rounding is not None, "a graph is followed where it rounds"
    watched, want = Watched(path, rounding.sources), []
    for ids in sequences:
        read(watched, ids)
        rounding.given = watched.levels
        want.append(reference.readings(ids, types(ids)).numpy())
        rounding.given = {}
    return want
