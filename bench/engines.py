"""The engines of the raw ideal: graphs called by ONNX Runtime and OpenVINO."""
import os

import numpy as np
import onnxruntime as ort
from batches import packed_batches, padded_batches, plan, segments, tile_size


class Graph:
    """One bundle's graph."""

    def __init__(self, bundle, threads):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(os.path.join(bundle, "model.onnx"), options, providers=["CPUExecutionProvider"])
        self.inputs = {given.name: given.shape for given in self.session.get_inputs()}
        self.output = self.session.get_outputs()[0].name

    def warm(self, batches):
        """Does nothing: these graphs run new shapes as fast as known ones."""

    def run(self, batches):
        """The outputs of some batches, one after the other."""
        return [self.session.run([self.output], feeds)[0] for feeds in batches]


class PaddedLayout:
    """What a graph of the padded layout is given, and gives; inputs are what it asks for, by name."""

    cut = staticmethod(padded_batches)

    def feeds(self, sequences):
        """The inputs for one batch, padded on the right. What the padding holds does not matter."""
        given = plan.padded_feeds(sequences)
        given |= {"token_type_ids": np.zeros_like(given["input_ids"]),
                  "position_ids": np.broadcast_to(np.arange(given["input_ids"].shape[1]), given["input_ids"].shape).copy()}
        return {name: given[name] for name in self.inputs}

    def scores(self, sequences, output):
        """[B, labels] is pooled in the graph; of [B, S, labels] the last token's row counts."""
        return [output[row, 0] if output.ndim == 2 else output[row, len(ids) - 1, 0] for row, ids in enumerate(sequences)]


class Padded(PaddedLayout, Graph):
    """The padded layout."""


class Packed(Graph):
    """The packed layout."""

    cut = staticmethod(packed_batches)

    def feeds(self, sequences):
        """The inputs for one batch."""
        if "past_key.0" not in self.inputs:  # an encoder, whose sequences share nothing
            every = plan.apart(sequences)
            given = plan.packed_feeds(every, [(segment, 0) for segment in every], 0, 0, 0, chunk=tile_size([len(ids) for ids in sequences]),
                                      bidirectional=True)
            return {name: given[name] for name in self.inputs}
        every, last = segments(sequences)
        layers = sum(name.startswith("past_key.") for name in self.inputs)
        size = tile_size([len(segment.ids) for segment in every])
        given = plan.packed_feeds(every, [(segment, len(segment.ids) - 1) for segment in last], layers, *self.inputs["past_key.0"][1:], chunk=size)
        return {name: given[name] for name in self.inputs}

    def scores(self, sequences, output):
        """One row a sequence."""
        return [output[row, 0] for row in range(len(sequences))]


class OpenVINO(PaddedLayout):
    """A padded graph that OpenVINO computes in float32 or bfloat16, one batch on all threads, or with streams several
    side by side, as many as its throughput hint chooses, on the same threads."""

    def __init__(self, bundle, threads, precision, streams):
        import openvino
        hints = {"PERFORMANCE_HINT": "THROUGHPUT"} if streams else {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
        self.model = openvino.Core().compile_model(os.path.join(bundle, "model.onnx"), "CPU", hints | {
            "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision]})
        self.inputs = [given.any_name for given in self.model.inputs]
        self.queue = openvino.AsyncInferQueue(self.model)
        self.queue.set_callback(self.keep)
        self.outputs = {}

    def keep(self, request, at):
        """Keeps what a batch gave: the request's own memory is written again by the next one."""
        self.outputs[at] = request.get_output_tensor(0).data.copy()

    def run(self, batches):
        """The outputs of some batches."""
        self.outputs = {}
        for at, feeds in enumerate(batches):
            self.queue.start_async(feeds, at)
        self.queue.wait_all()
        return [self.outputs[at] for at in range(len(batches))]

    def warm(self, batches):
        """Runs the batches: OpenVINO makes its kernels when it first sees a shape, which takes a fifth of a run."""
        self.run(batches)
