"""The raw ideal: the same model's graphs called in process by ONNX Runtime, with nothing between.

Usage: python ideal.py PADDED PACKED [--threads N]

Two graphs are run, each in several sizes of batch; a way to run is named like "padded 1024". Reads one JSON request a
line from standard input and answers each with one line on standard output:

    {"texts": [...]}                    -> {"tokens": [...]}                  tokenizes
    {"run": "packed 1024"}              -> {"seconds": 1.5, "scores": [...]}  prepares the batches, then runs them; the clock covers the runs
    {"run": "padded 512", "only": 0}    -> {"seconds": 0.1, "scores": [s]}    runs one text alone

padded: inputs are sorted by length and cut into batches whose padded size stays within so many tokens. packed: the
graph that the server runs, which pads nothing, computes its last layer where it is read, and a shared prompt once; so
many tokens are computed in a batch, and its tiles are cut by the server's rule. PADDED and PACKED are bundles of one
checkpoint. The first line written says what is measured with.
"""
import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
import tokenizers

# The exporter's planner by itself: its package would load torch.
sys.path.append(str(Path(__file__).resolve().parent.parent / "models" / "export" / "assay_export" / "graph"))
import plan  # noqa: E402

WAYS = ("padded 512", "padded 1024", "padded 2048", "packed 512", "packed 1024", "packed 2048", "packed 16384")
SHARED = 64  # tokens: the shortest prompt that is computed once for those that begin with it
GATHER = 64  # query places that a tile's keys cost, as the server has it where nothing was measured


def padded_batches(ids, budget):
    """Cuts the sequences, sorted by length, into lists of indices: padded tokens stay within budget, one item at
    least."""
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    cut, batch = [], []
    for i in order:
        # Sorted, so the newest is the longest: the padded width of the batch.
        if batch and (len(batch) + 1) * len(ids[i]) > budget:
            cut.append(batch)
            batch = []
        batch.append(i)
    return cut + [batch] if batch else cut


def common(a, b):
    """Counts the tokens that two sequences begin with, but the last of either."""
    most = min(len(a), len(b)) - 1
    return next((at for at in range(most) if a[at] != b[at]), most)


def packed_batches(ids, budget):
    """Cuts the sequences into lists of indices of which at most so many tokens are computed, one item at least.

    Those of one prompt lie side by side where sequences share prompts, and those of like length elsewhere.
    """
    order = sorted(range(len(ids)), key=lambda i: ids[i])
    if not any(common(ids[a], ids[b]) >= SHARED for a, b in zip(order, order[1:], strict=False)):
        order.sort(key=lambda i: len(ids[i]))
    cut, batch, tokens = [], [], 0
    for i in order:
        shared = common(ids[batch[-1]], ids[i]) if batch else 0
        fresh = len(ids[i]) - (shared if shared >= SHARED else 0)
        if batch and tokens + fresh > budget:
            cut.append(batch)
            batch, tokens, fresh = [], 0, len(ids[i])
        batch.append(i)
        tokens += fresh
    return cut + [batch] if batch else cut


def segments(sequences):
    """Gives all segments, and each sequence's last one: prompts of SHARED tokens or more are segments that their
    neighbours follow."""
    every, last, at = [], [], 0
    while at < len(sequences):
        end, shared = at + 1, 0
        while end < len(sequences) and common(sequences[at], sequences[end]) >= SHARED:
            shared = min(shared or len(sequences[at]), common(sequences[at], sequences[end]))
            end += 1
        prompt = plan.Segment(None, 0, sequences[at][:shared]) if shared else None
        own = [plan.Segment(prompt, shared, ids[shared:]) for ids in sequences[at:end]]
        every += ([prompt] if prompt else []) + own
        last += own
        at = end
    return every, last


def tile_size(lengths):
    """Gives the query places of a tile with which attention is cheapest, by the server's rule."""
    sizes = {-(-max(lengths) // parts) for parts in range(1, max(2, max(lengths) // 16 + 1))}
    return min(sizes, key=lambda size: sum(-(-length // size) for length in lengths) * (size + GATHER))


class Graph:
    """One bundle's graph."""

    def __init__(self, bundle, threads):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(os.path.join(bundle, "model.onnx"), options, providers=["CPUExecutionProvider"])
        self.inputs = {given.name: given.shape for given in self.session.get_inputs()}
        self.output = self.session.get_outputs()[0].name

    def run(self, feeds):
        return self.session.run([self.output], feeds)[0]


class Padded(Graph):
    """The padded layout."""

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


class Ideal:
    """Both graphs and the texts of a round."""

    def __init__(self, padded, packed, threads):
        self.graphs = {"padded": Padded(padded, threads), "packed": Packed(packed, threads)}
        self.tokenizer = tokenizers.Tokenizer.from_file(os.path.join(padded, "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.ids = []

    def load(self, texts):
        self.ids = [e.ids for e in self.tokenizer.encode_batch(texts, add_special_tokens=False)]
        return {"tokens": [len(i) for i in self.ids]}

    def run(self, way, only=None):
        layout, _, budget = way.partition(" ")
        graph = self.graphs[layout]
        cut = graph.cut(self.ids, int(budget)) if only is None else [[only]]
        batches = [[self.ids[i] for i in batch] for batch in cut]
        prepared = [graph.feeds(batch) for batch in batches]
        start = time.perf_counter()
        outputs = [graph.run(feeds) for feeds in prepared]
        seconds = time.perf_counter() - start
        found = {}
        for indices, batch, output in zip(cut, batches, outputs, strict=True):
            found |= dict(zip(indices, map(float, graph.scores(batch, output)), strict=True))
        return {"seconds": seconds, "scores": [found[i] for i in sorted(found)]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("padded")
    parser.add_argument("packed")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    ideal = Ideal(arguments.padded, arguments.packed, arguments.threads)
    answer({"ways": WAYS, "threads": arguments.threads, "versions": {
        "python": platform.python_version(), "onnxruntime": ort.__version__, "tokenizers": tokenizers.__version__,
        "numpy": np.__version__}})
    for line in sys.stdin:
        request = json.loads(line)
        answer(ideal.load(request["texts"]) if "texts" in request else ideal.run(request["run"], request.get("only")))


def answer(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
