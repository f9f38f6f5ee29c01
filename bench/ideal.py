"""The raw ideal: graphs of the same model called in process by ONNX Runtime and OpenVINO, with nothing between.

Usage: python ideal.py PADDED PACKED [--padded-int8 DIR] [--packed-int8 DIR] [--openvino] [--threads N]

An engine is a graph and what runs it: "padded" and "packed" are ONNX Runtime's in float32, "padded-int8" and
"packed-int8" of weights stored as int8, and "openvino-float32" and "openvino-bfloat16" are OpenVINO on the padded graph,
which computes in that type. Behind the dash stands the precision; without one it is float32. A way is an engine, the
tokens of a batch, and for OpenVINO whether several batches run side by side: "packed 1024", "openvino-float32 512
streams". Reads one JSON request a line from standard input and answers each with one line on standard output:

    {"texts": [...]}                    -> {"tokens": [...]}                  tokenizes
    {"run": "packed 1024"}              -> {"seconds": 1.5, "scores": [...]}  prepares the batches, then runs them; the clock covers the runs
    {"run": "padded 512", "only": 0}    -> {"seconds": 0.1, "scores": [s]}    runs one text alone

padded: inputs are sorted by length and cut into batches whose padded size stays within so many tokens. packed: the
graph that the server runs, which pads nothing, computes its last layer where it is read, and a shared prompt once; so
many tokens are computed in a batch, and its tiles are cut by the server's rule. All bundles are of one checkpoint. A
graph is loaded when it is first run, before the clock starts. The first line written says what is measured with.
"""
import argparse
import json
import os
import platform
import sys
import time

import numpy as np
import onnxruntime as ort
import tokenizers
from engines import OpenVINO, Packed, Padded

SIZES = {"padded": (512, 1024, 2048), "packed": (512, 1024, 2048, 16384), "padded-int8": (512, 1024, 2048), "packed-int8": (512, 1024, 2048, 16384)}
CALM = 0.05  # seconds before a run: ONNX Runtime's threads turn in a loop for some time after one, on a core that another engine needs


class Ideal:
    """The engines and the texts of a round. bundles are directories by layout and, behind a dash, precision."""

    def __init__(self, bundles, threads, openvino):
        self.bundles, self.threads, self.graphs, self.ids = bundles, threads, {}, []
        self.tokenizer = tokenizers.Tokenizer.from_file(os.path.join(bundles["padded"], "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.ways = [f"{engine} {size}" for engine in bundles for size in SIZES[engine]]
        if openvino:
            streams = ("", " streams") if threads > 1 else ("",)
            self.ways += [f"openvino-{precision} {size}{more}" for precision in ("float32", "bfloat16") for size in SIZES["padded"] for more in streams]

    def graph(self, way):
        """The graph of a way, loaded where it was not."""
        engine, _, *streams = way.split(" ")
        name = " ".join([engine, *streams])
        if name not in self.graphs:
            layout, _, precision = engine.partition("-")
            if layout == "openvino":
                self.graphs[name] = OpenVINO(self.bundles["padded"], self.threads, precision, streams)
            else:
                self.graphs[name] = {"padded": Padded, "packed": Packed}[layout](self.bundles[engine], self.threads)
        return self.graphs[name]

    def load(self, texts):
        self.ids = [e.ids for e in self.tokenizer.encode_batch(texts, add_special_tokens=False)]
        return {"tokens": [len(i) for i in self.ids]}

    def run(self, way, only=None):
        graph, budget = self.graph(way), int(way.split(" ")[1])
        cut = graph.cut(self.ids, budget) if only is None else [[only]]
        batches = [[self.ids[i] for i in batch] for batch in cut]
        prepared = [graph.feeds(batch) for batch in batches]
        graph.warm(prepared)
        time.sleep(CALM)
        start = time.perf_counter()
        outputs = graph.run(prepared)
        seconds = time.perf_counter() - start
        found = {}
        for indices, batch, output in zip(cut, batches, outputs, strict=True):
            found |= dict(zip(indices, map(float, graph.scores(batch, output)), strict=True))
        return {"seconds": seconds, "scores": [found[i] for i in sorted(found)]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("padded")
    parser.add_argument("packed")
    parser.add_argument("--padded-int8")
    parser.add_argument("--packed-int8")
    parser.add_argument("--openvino", action="store_true", help="OpenVINO's engines too")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    given = parser.parse_args()
    versions = {"python": platform.python_version(), "onnxruntime": ort.__version__, "tokenizers": tokenizers.__version__, "numpy": np.__version__}
    if given.openvino:
        import openvino
        versions["openvino"] = openvino.__version__.partition("-")[0]
    bundles = {"padded": given.padded, "packed": given.packed, "padded-int8": given.padded_int8, "packed-int8": given.packed_int8}
    ideal = Ideal({engine: bundle for engine, bundle in bundles.items() if bundle}, given.threads, given.openvino)
    answer({"ways": ideal.ways, "threads": given.threads, "versions": versions})
    for line in sys.stdin:
        request = json.loads(line)
        answer(ideal.load(request["texts"]) if "texts" in request else ideal.run(request["run"], request.get("only")))


def answer(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
