"""The raw ideal: the padded graph called in process by ONNX Runtime.

Usage: python ideal.py BUNDLE [--threads N]

Reads one JSON request a line from standard input and answers each with one line on standard output:

    {"texts": [...]}    -> {"tokens": [...]}                 tokenizes, and prepares the batches of every budget
    {"budget": 1024}    -> {"seconds": 1.5, "scores": [...]}  runs the prepared batches; the clock covers the runs alone
    {"single": 0}       -> {"seconds": 0.1, "scores": [s]}    runs the first text alone

Inputs are sorted by length and cut into batches whose padded size stays within the budget. BUNDLE is a directory with a
padded model.onnx and its tokenizer.json. The first line written says what is measured with.
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

BUDGETS = (512, 1024, 2048)


def batches(ids, budget):
    """Cuts the sequences, sorted by length, into lists of indices: padded tokens stay within budget, one item at least."""
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    cut, batch = [], []
    for i in order:
        # Sorted, so the newest is the longest: the padded width of the batch.
        if batch and (len(batch) + 1) * len(ids[i]) > budget:
            cut.append(batch)
            batch = []
        batch.append(i)
    return cut + [batch] if batch else cut


def feeds(ids, batch, names):
    """The graph's inputs for one batch, padded on the right. What the padding holds does not matter."""
    width = max(len(ids[i]) for i in batch)
    tokens = np.zeros((len(batch), width), np.int64)
    mask = np.zeros((len(batch), width), np.int64)
    for row, i in enumerate(batch):
        tokens[row, : len(ids[i])] = ids[i]
        mask[row, : len(ids[i])] = 1
    given = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens),
             "position_ids": np.broadcast_to(np.arange(width), tokens.shape).copy()}
    return {name: given[name] for name in names}


class Ideal:
    def __init__(self, bundle, threads):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(os.path.join(bundle, "model.onnx"), options, providers=["CPUExecutionProvider"])
        self.names = [i.name for i in self.session.get_inputs()]
        self.output = self.session.get_outputs()[0].name
        self.tokenizer = tokenizers.Tokenizer.from_file(os.path.join(bundle, "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.ids, self.prepared = [], {}

    def load(self, texts):
        self.ids = [e.ids for e in self.tokenizer.encode_batch(texts, add_special_tokens=False)]
        self.prepared = {}
        for budget in BUDGETS:
            cut = batches(self.ids, budget)
            self.prepared[budget] = [(batch, feeds(self.ids, batch, self.names)) for batch in cut]
        return {"tokens": [len(i) for i in self.ids]}

    def run(self, budget):
        return self.timed(self.prepared[budget])

    def single(self, index):
        answer = self.timed([([index], feeds(self.ids, [index], self.names))])
        return answer | {"scores": [answer["scores"][index]]}

    def timed(self, prepared):
        start = time.perf_counter()
        outputs = [self.session.run([self.output], feed)[0] for _, feed in prepared]
        seconds = time.perf_counter() - start
        scores = [0.0] * len(self.ids)
        for (batch, _), output in zip(prepared, outputs):
            for row, i in enumerate(batch):
                # [B, labels] is pooled in the graph; of [B, S, labels] the last token's row counts.
                scores[i] = float(output[row, 0] if output.ndim == 2 else output[row, len(self.ids[i]) - 1, 0])
        return {"seconds": seconds, "scores": scores}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    ideal = Ideal(arguments.bundle, arguments.threads)
    answer({"budgets": BUDGETS, "threads": arguments.threads, "versions": {
        "python": platform.python_version(), "onnxruntime": ort.__version__, "tokenizers": tokenizers.__version__,
        "numpy": np.__version__}})
    for line in sys.stdin:
        request = json.loads(line)
        if "texts" in request:
            answer(ideal.load(request["texts"]))
        elif "single" in request:
            answer(ideal.single(request["single"]))
        else:
            answer(ideal.run(request["budget"]))


def answer(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
