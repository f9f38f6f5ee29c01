"""A graph in half precision as processors can run it: computed in float32, and rounded wherever the graph itself has a
number in half precision.

ONNX Runtime multiplies no bfloat16 on processors. What is run here is the written file with its own weights: behind
each node of half precision stands a Cast to it and one back. Between those nodes a GPU's kernels sum in float32, too.
Weights of four bits are widened to half precision for many rows, as ONNX Runtime does on a GPU.
"""

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import NodeProto, TensorProto, helper

from ..graph import separate
from ..graph.graph import output_name
from ..graph.plan import apart, packed_feeds
from ..models.model import Model
from .chain import Chain
from .stages import files

TYPES = {"float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16}
MOVES = ("Gather", "Reshape", "Split", "Concat", "Unsqueeze", "Squeeze")
"""Operators that give the numbers that they are given."""
LARGEST = "largest"
"""The output that has the largest size of each value before it is rounded."""


class Emulation:
    """Turns a graph's nodes into those that compute in float32 and round."""

    def __init__(self, graph: onnx.GraphProto, compute: str, folder: Path):
        """folder: where the graph's external data lies."""
        self.graph, self.half, self.folder = graph, TYPES[compute], folder
        self.nodes: list[NodeProto] = []
        self.halves: dict[str, str] = {}
        """Values of half precision, and what has their numbers in float32."""
        self.watched: list[str] = []
        """Values that are rounded, in the order of the output LARGEST."""
        self.stored = {part.name: part for part in graph.initializer}
        self.types = {name: part.data_type for name, part in self.stored.items()}

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
        elif node.op_type == "MatMulNBits":
            self.four_bits(node)
        else:
            self.half_node(node)

    def four_bits(self, node: NodeProto) -> None:
        """Add a product with weights in four bits, which are widened and rounded; what lies there as bytes [outputs,
        blocks, …] is read as numbers of four bits [outputs, inputs]."""
        rows, levels, scales, zeros = node.input
        known = self.stored[levels]
        known.data_type, (outputs, blocks, half) = TensorProto.UINT4, known.dims
        known.dims[:] = [outputs, blocks * 2 * half]
        if blocks % 2:  # a row ends with half a byte that is no number
            both = onnx.numpy_helper.to_array(self.stored[zeros], str(self.folder))
            apart = np.stack([both & 15, both >> 4], -1).reshape(outputs, -1)[:, :blocks]
            self.stored[zeros].CopyFrom(onnx.numpy_helper.from_array(apart.astype(ml_dtypes.uint4), zeros))
        else:
            self.stored[zeros].data_type, self.stored[zeros].dims[:] = TensorProto.UINT4, [outputs, blocks]
        name = node.output[0]
        self.add("DequantizeLinear", [levels, self.halves[scales], zeros], f"{name}.weight", axis=1, block_size=2 * half)
        self.add("Cast", [f"{name}.weight"], f"{name}.weight.half", to=self.half)
        self.add("Cast", [f"{name}.weight.half"], f"{name}.weight.rounded", to=TensorProto.FLOAT)
        self.round(self.add("Gemm", [self.halves[rows], f"{name}.weight.rounded"], f"{name}.exact", transB=1), name)

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
        """path: the graph, or its first stage; a copy of each, without its external data, lies beside it while it is
        opened. head: that of a graph of its own."""
        self.names: list[str] = []
        sessions = []
        for file in files(path):
            whole = onnx.load(file, load_external_data=False)
            own = Emulation(whole.graph, compute, path.parent)
            own.run()
            self.names += own.watched
            sessions.append(open_changed(whole, file.with_suffix(".emulated")))
        self.session = Chain(sessions)
        self.head = open_unfolded(head) if head else None
        self.model = model
        self.output, self.inputs = output_name(head is not None), {value.name for value in self.session.get_inputs()}
        self.sizes = np.zeros(len(self.names), np.float32)

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


def open_changed(whole: onnx.ModelProto, beside: Path, ordered: bool = False) -> onnxruntime.InferenceSession:
    """Open a graph that was changed, whose external data lies beside it; its file is there meanwhile."""
    try:
        onnx.save(whole, beside)
        return open_unfolded(beside, ordered)
    finally:
        beside.unlink(missing_ok=True)


def open_unfolded(path: Path, ordered: bool = False) -> onnxruntime.InferenceSession:
    """Open a graph on ONNX Runtime's CPU provider; its weights are widened at each run and not kept twice, and its
    nodes are left as they are.

    ordered: nodes run in the order in which they stand, so that each weight is widened just before it is used, where
    otherwise all are at the beginning of a run and are in memory at once.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    if ordered:  # which fused nodes would change
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.execution_order = onnxruntime.ExecutionOrder.PRIORITY_BASED
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"], disabled_optimizers=["ConstantFolding"])
