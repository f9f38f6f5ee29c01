"""pytriton's clients against /v2: ModelClient, and FuturesModelClient as NeMo-Aligner's trainers call it."""

import json
import sys
import urllib.request
from importlib.metadata import version

import numpy as np
from pytriton.client import FuturesModelClient, ModelClient

BASE = sys.argv[1].rstrip("/")
TEXTS = ["12 + 30? 42", "1 + 1? 3"]


def native(route, body):
    """The answer of the native route."""
    request = urllib.request.Request(BASE + route, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def said(call):
    print(f"nvidia-pytriton {version('nvidia-pytriton')} | {call} | ok")


items = [{"text": t} for t in TEXTS]
want = np.float32([r["raw"] for r in native("/v1/score", {"model": "arith-rm", "items": items})["results"]]).tolist()
sentences = np.char.encode(np.array(TEXTS).reshape(2, 1), "utf-8")
with ModelClient(BASE, "arith-rm") as client:
    assert client.infer_batch(sentences=sentences)["rewards"][:, 0].tolist() == want
    assert client.infer_sample(sentences=sentences[0])["rewards"].tolist() == want[:1]
said("ModelClient.infer_batch, infer_sample")

# As in nemo_aligner/servers/http_communicator.py: one client for each call, tokens of the whole rollout, a long timeout.
ids = [r["input_ids"] for r in native("/v1/tokenize", {"model": "arith-rm", "items": items})["results"]]
width = max(map(len, ids))
tokens = np.array([row + [0] * (width - len(row)) for row in ids], dtype=np.int64)
lengths = np.array([[len(row)] for row in ids], dtype=np.int64)
with FuturesModelClient(BASE, "reward_model", inference_timeout_s=600000) as client:
    future = client.infer_batch(tokens=tokens, sequence_lengths=lengths)
    assert future.result()["rewards"][:, 0].tolist() == want
said("FuturesModelClient.infer_batch (NeMo-Aligner)")
