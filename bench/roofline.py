"""Measures this machine's roofline: `python roofline.py [--threads N]` writes one JSON object.

memory: GB/s that the threads read together, and that they copy (bytes read and written), of arrays that no cache holds.
products: for each engine, GF/s of rows × inner by inner × columns, the best of several runs. A graph has as many products of the same
rows as make their weights leave the caches, and keeps one row of each product, so nothing but the products takes time. bytes is what a weight
has in memory. int8 is a product of uint8 rows and int8 weights to int32, with neither rounding nor scaling around it.
"""
import argparse
import json
import os
import threading
import time

import numpy as np
import onnx
import onnxruntime as ort
import openvino
from onnx import TensorProto, helper, numpy_helper

SHAPES = ((384, 1536), (1024, 3072), (4096, 4096))  # inner and columns: the random models' widest, Qwen3-0.6B's, and those of an 8B model
ROWS = (1, 4, 16, 64, 256, 1024)
WEIGHTS = 96 << 20  # of a graph at least: in int8 too they are out of a cache of 32 MiB
STREAM = 256 << 20  # bytes of a thread's array
LEAST, RUNS = 0.25, 3  # seconds that a product is measured, and runs at least


def products(inner: int, columns: int, integer: bool) -> bytes:
    """A graph of many products of one input, of which a row each is kept."""
    rng, count = np.random.default_rng(0), -(-WEIGHTS // (inner * columns))
    nodes, weights, kept = [], [numpy_helper.from_array(np.int64([0]), "first")], []
    for i in range(count):
        w = rng.integers(-127, 128, (inner, columns), np.int8) if integer else rng.standard_normal((inner, columns), np.float32)
        weights.append(numpy_helper.from_array(w, f"w{i}"))
        nodes += [helper.make_node("MatMulInteger" if integer else "MatMul", ["x", f"w{i}"], [f"y{i}"]),
                  helper.make_node("Gather", [f"y{i}", "first"], [f"kept{i}"])]
        kept.append(f"kept{i}")
    nodes.append(helper.make_node("Concat", kept, ["out"], axis=0))
    given, out = (TensorProto.UINT8, TensorProto.INT32) if integer else (TensorProto.FLOAT, TensorProto.FLOAT)
    graph = helper.make_graph(nodes, "products", [helper.make_tensor_value_info("x", given, ["rows", inner])],
                              [helper.make_tensor_value_info("out", out, [count, columns])], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()


def with_onnxruntime(graph: bytes, threads: int):
    """Returns what runs the graph."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})


def with_openvino(graph: bytes, threads: int, hint: str):
    """Returns what runs the graph."""
    core = openvino.Core()
    model = core.compile_model(core.read_model(graph), "CPU", {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads,
                                                               "INFERENCE_PRECISION_HINT": hint})
    request = model.create_infer_request()
    return lambda x: request.infer({"x": x})


ENGINES = {
    "ONNX Runtime float32": (4, False, with_onnxruntime),
    "OpenVINO float32": (4, False, lambda graph, threads: with_openvino(graph, threads, "f32")),
    "OpenVINO bfloat16": (2, False, lambda graph, threads: with_openvino(graph, threads, "bf16")),
    "ONNX Runtime int8": (1, True, with_onnxruntime),
}
"""Engines with the bytes of a weight, whether they multiply integers, and what runs a graph."""


def best(run) -> float:
    """Seconds of the fastest run."""
    run()
    fastest, total, runs = float("inf"), 0.0, 0
    while total < LEAST or runs < RUNS:
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
        fastest, total, runs = min(fastest, seconds), total + seconds, runs + 1
    return fastest


def measure(name: str, threads: int) -> dict:
    """One engine's products."""
    size, integer, engine = ENGINES[name]
    points = []
    for inner, columns in SHAPES:
        graph = products(inner, columns, integer)
        run, count = engine(graph, threads), -(-WEIGHTS // (inner * columns))
        for rows in ROWS:
            x = np.ones((rows, inner), np.uint8 if integer else np.float32)
            seconds = best(lambda run=run, x=x: run(x))
            points.append({"rows": rows, "inner": inner, "columns": columns, "gflops": 2e-9 * rows * inner * columns * count / seconds})
    return {"name": name, "bytes": size, "points": points}


def streamed(work, threads: int) -> float:
    """Seconds that the threads take for one call each, side by side."""
    def run():
        every = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
        for thread in every:
            thread.start()
        for thread in every:
            thread.join()
    return best(run)


def memory(threads: int) -> dict:
    """GB/s of reading and of copying."""
    source, target = np.ones((threads, STREAM // 8)), np.zeros((threads, STREAM // 8))
    read = streamed(lambda i: source[i].max(), threads)
    copy = streamed(lambda i: np.copyto(target[i], source[i]), threads)
    return {"read": 1e-9 * source.nbytes / read, "copy": 2e-9 * source.nbytes / copy}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    given = parser.parse_args()
    print(json.dumps({"threads": given.threads, "memory": memory(given.threads), "products": [measure(name, given.threads) for name in ENGINES],
                      "versions": {"onnx": onnx.__version__, "openvino": openvino.__version__}}))
