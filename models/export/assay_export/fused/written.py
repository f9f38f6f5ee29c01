"""A graph of the operators of domain `assay` as it is written, run by the bodies that stand in it: processors round
where a GPU does."""

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from ..graph import separate
from ..graph.graph import output_name
from ..graph.plan import Read, Segment, apart, packed_feeds
from ..models.model import Model
from ..operators import DOMAIN
from .chain import Chain
from .emulated import LARGEST, open_changed, open_unfolded
from .stages import files

UNWATCHED = {("AddRmsNorm", 1), ("AddLayerNorm", 1), ("QuantizeRows", 0), ("QuantizeRows", 1)}
"""Outputs of operators that are not of the type that is computed in: what flows through the layers and the scales of
rows, which are float32, and integers. Pools are watched, since they hold what was computed alone where nothing is
cached."""
NARROW = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16, "float32": np.float32}


def slotted(feeds: dict[str, np.ndarray], narrow: type = np.float32) -> dict[str, np.ndarray]:
    """Return a packed graph's feeds (plan.packed_feeds) as a graph with pools asks for them: the cached tokens have the
    first slots."""
    past, tokens = len(feeds["past_position_ids"]), len(feeds["input_ids"])
    pools: dict[str, np.ndarray] = {
        f"pool_{name.removeprefix('past_')}": np.concatenate([value, np.zeros((tokens, *value.shape[1:]), value.dtype)]).astype(narrow)
        for name, value in feeds.items() if name.startswith(("past_key.", "past_value."))}
    return {**feeds, **pools, "slots": np.arange(past, past + tokens), "key_slots": feeds["key_index"]}


class Written:
    """A written graph as a reference that golden pairs can be made of, like reference.Reference."""

    def __init__(self, path: Path, compute: str, model: Model, head: Path | None):
        """path: the graph, or its first stage; a copy of each, without its external data, lies beside it while it is
        opened. head: that of a graph of its own."""
        self.compute = compute
        self.names: list[str] = []
        sessions = []
        for file in files(path):
            whole = onnx.load(file, load_external_data=False)
            self.names += watch(whole.graph)
            sessions.append(open_changed(whole, file.with_suffix(".watched"), ordered=True))
        self.session = Chain(sessions)
        self.head = open_unfolded(head) if head else None
        self.model, self.output = model, output_name(head is not None)
        self.sizes = np.zeros(len(self.names), np.float32)

    def readings(self, ids: list[int], types: list[int] | None = None) -> torch.Tensor:
        """Return the raw outputs at every token, [len(ids), labels], of an encoder that pools as one row."""
        segments = apart([ids])
        return self.read(segments, [(segments[0], place) for place in range(1 if self.model.pooled else len(ids))], types)

    def last_rows(self, sequences: list[list[int]]) -> torch.Tensor:
        """Return the raw outputs at the last token of sequences, [sequences, labels], of a decoder, by one forward.

        Every token is read, since the last layer computes only what is, and sizes are watched at all of them.
        """
        segments = apart(sequences)
        rows = self.read(segments, [(segment, place) for segment in segments for place in range(len(segment.ids))])
        return rows[np.cumsum([len(ids) for ids in sequences]) - 1]

    def read(self, segments: list[Segment], reads: list[Read], types: list[int] | None = None) -> torch.Tensor:
        """Run the graph on segments and return the raw outputs where it is read, [reads, labels]."""
        sizes = self.model.sizes
        feeds = slotted(packed_feeds(segments, reads, sizes.layers, sizes.kv_heads, sizes.head_dim,
                                     bidirectional=self.model.encoder is not None, types=lambda ids: types), NARROW[self.compute])
        rows, most = self.session.run([self.output, LARGEST], feeds)
        self.sizes = np.fmax(self.sizes, np.where(np.isnan(most), np.inf, most))
        return torch.from_numpy(separate.read(self.head, [rows])[0] if self.head is not None else rows)

    def largest(self) -> tuple[str, float]:
        """Return the value that was largest so far, and its size; infinite where it was too large for its type."""
        at = int(self.sizes.argmax())
        return self.names[at], float(self.sizes[at])


def watch(graph: onnx.GraphProto) -> list[str]:
    """Give a graph one more output, the largest size of each value that an operator of the domain computes in its type;
    return the values' names."""
    names = [name for node in graph.node if node.domain == DOMAIN for place, name in enumerate(node.output) if (node.op_type, place) not in UNWATCHED]
    nodes = [helper.make_node(kind, [f"{name}{before}"], [f"{name}{behind}"], **more) for name in names for kind, before, behind, more in (
        ("Cast", "", ".wide", {"to": TensorProto.FLOAT}), ("Abs", ".wide", ".size", {}), ("ReduceMax", ".size", ".most", {"keepdims": 0}),
        ("Unsqueeze", ".most", ".column", {}))]
    for node in nodes:
        if node.op_type == "Unsqueeze":
            node.input.append("watched.axis")
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([0], np.int64), "watched.axis"))
    graph.node.extend([*nodes, helper.make_node("Concat", [f"{name}.column" for name in names], [LARGEST], axis=0)])
    graph.output.append(helper.make_tensor_value_info(LARGEST, TensorProto.FLOAT, [len(names)]))
    return names
