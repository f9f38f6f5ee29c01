"""A graph in half precision as processors can run it: computed in float32, and rounded wherever the graph itself has a
number in half precision.

ONNX Runtime multiplies no bfloat16 on processors. What is run here is the written file with its own weights: behind
each node of half precision stands a Cast to it and one back. Between those nodes a GPU's kernels sum in float32, too.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import NodeProto, TensorProto, helper

from ..graph import separate
from ..graph.graph import output_name
from ..graph.plan import apart, packed_feeds
from ..models.model import Model

TYPES = {"float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16}
MOVES = ("Gather", "Reshape", "Split", "Concat", "Unsqueeze", "Squeeze")
"""Operators that give the numbers that they are given."""
LARGEST = "largest"
"""The output that has the largest size of each value before it is rounded."""


class Emulation:
    """Turns a graph's nodes into those that compute in float32 and round."""

    def __init__(self, graph: onnx.GraphProto, compute: str):
        self.graph, self.half = graph, TYPES[compute]
        self.nodes: list[NodeProto] = []
        self.halves: dict[str, str] = {}
        """Values of half precision, and what has their numbers in float32."""
        self.watched: list[str] = []
        """Values that are rounded, in the order of the output LARGEST."""
        self.types = {part.name: part.data_type for part in graph.initializer}

    def add(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        """Add a node with one output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def round(self, exact: str, name: str) -> None:
        """Round a value to half precision, and remember how large it was."""
        self.add("Cast", [exact], f"{name}.half", to=self.half)
        self.halves[name] = self.add("Cast", [f"{name}.half"], f"{name}.rounded", to=TensorProto.FLOAT)
        self.add("ReduceMax", [self.add("Abs", [exact], f"{name}.size")], f"{name}.most", keepdims=0)
        self.watched.append(name)

    def run(self) -> None:
        """Put the new nodes into the graph, and its inputs and outputs into float32."""
        for name, dtype in self.types.items():
            if dtype == self.half:
                self.halves[name] = self.add("Cast", [name], f"{name}.wide", to=TensorProto.FLOAT)
        for value in self.graph.input:
            if value.type.tensor_type.elem_type == self.half:
                value.type.tensor_type.elem_type = TensorProto.FLOAT
                self.halves[value.name] = value.name
        for node in self.graph.node:
            self.turn(node)
        for value in self.graph.output:
            if value.name in self.halves:
                self.add("Identity", [self.halves[value.name]], value.name)
                value.type.tensor_type.elem_type = TensorProto.FLOAT
        each = [self.add("Reshape", [f"{name}.most", "of.one"], f"{name}.most.row") for name in self.watched]
        self.add("Concat", each, LARGEST, axis=0)
        self.graph.initializer.append(helper.make_tensor("of.one", TensorProto.INT64, [1], [1]))
        self.graph.output.append(helper.make_tensor_value_info(LARGEST, TensorProto.FLOAT, [len(each)]))
        del self.graph.node[:]
        self.graph.node.extend(self.nodes)

    def turn(self, node: NodeProto) -> None:
        """Add what stands for one node."""
        to = next((part.i for part in node.attribute if part.name == "to"), None) if node.op_type == "Cast" else None
        if to == self.half:
            self.round(node.input[0], node.output[0])
        elif to == TensorProto.FLOAT and node.input[0] in self.halves:
            self.add("Identity", [self.halves[node.input[0]]], node.output[0])
        elif not any(name in self.halves for name in node.input):
            self.nodes.append(node)
        else:
            self.half_node(node)

    def half_node(self, node: NodeProto) -> None:
        """Add a node that gives half precision, with its outputs rounded."""
        made = NodeProto()
        made.CopyFrom(node)
        made.input[:] = [self.halves.get(name, name) for name in node.input]
        made.output[:] = [name and f"{name}.exact" for name in node.output]
        self.nodes.append(made)
        for name in filter(None, node.output):
            if node.op_type in MOVES:
                self.halves[name] = f"{name}.exact"
            else:
                self.round(f"{name}.exact", name)


class Emulated:
    """A written graph in half precision as a reference that golden pairs can be made of, like reference.Reference."""

    def __init__(self, path: Path, compute: str, model: Model, head: Path | None):
        """path: the graph; a copy of it, without its external data, lies beside it while it is opened. head: that of a
        graph of its own."""
        whole = onnx.load(path, load_external_data=False)
        own = Emulation(whole.graph, compute)
        own.run()
        self.session = open_changed(whole, path.with_suffix(".emulated"))
        self.head = open_unfolded(head) if head else None
        self.model, self.names = model, own.watched
        self.output, self.inputs = output_name(head is not None), {value.name for value in self.session.get_inputs()}
        self.sizes = np.zeros(len(own.watched), np.float32)

    def readings(self, ids: list[int], types: list[int] | None = None) -> torch.Tensor:
        """Return the raw outputs at every token, [len(ids), labels], of an encoder that pools as one row.

        A likelihood's row is of the token that follows, and the last is 0.
        """
        sizes, segments, places = self.model.sizes, apart([ids]), range(1 if self.model.pooled else len(ids))
        feeds = packed_feeds(segments, [(segments[0], place) for place in places], sizes.layers, sizes.kv_heads, sizes.head_dim, types=lambda ids: types)
        feeds["target_ids"] = np.array([*ids[1:], 0], np.int64)
        rows, most = self.session.run([self.output, LARGEST], {name: value for name, value in feeds.items() if name in self.inputs})
        self.sizes = np.fmax(self.sizes, np.where(np.isnan(most), np.inf, most))
        if self.head is not None:
            rows = separate.read(self.head, [rows])[0]
        if self.model.likelihood:
            rows[-1] = 0
        return torch.from_numpy(rows)

    def largest(self) -> tuple[str, float]:
        """Return the value that was largest so far before it was rounded, and its size."""
        at = int(self.sizes.argmax())
        return self.names[at], float(self.sizes[at])


def open_changed(whole: onnx.ModelProto, beside: Path) -> onnxruntime.InferenceSession:
    """Open a graph that was changed, whose external data lies beside it; its file is there meanwhile."""
    try:
        onnx.save(whole, beside)
        return open_unfolded(beside)
    finally:
        beside.unlink(missing_ok=True)


def open_unfolded(path: Path) -> onnxruntime.InferenceSession:
    """Open a graph on ONNX Runtime's CPU provider; its weights are widened at each run and not kept twice, and its
    nodes are left as they are."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"], disabled_optimizers=["ConstantFolding"])
