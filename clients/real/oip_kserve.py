"""KServe's InferenceRESTClient against /v2: its checks, and rewards of texts by JSON and by bytes."""

import asyncio
import json
import sys
import urllib.request
from importlib.metadata import version

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig

BASE = sys.argv[1].rstrip("/")
TEXTS = ["12 + 30? 42", "1 + 1? 3"]


def native(route, body):
    """The answer of the native route."""
    request = urllib.request.Request(BASE + route, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def said(call):
    print(f"kserve {version('kserve')} | {call} | ok")


async def main():
    want = [r["raw"] for r in native("/v1/score", {"model": "arith-rm", "items": [{"text": t} for t in TEXTS]})["results"]]
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0, timeout=60))
    assert await client.is_server_live(BASE) and await client.is_server_ready(BASE)
    assert await client.is_model_ready(BASE, model_name="arith-rm")
    said("is_server_live, is_server_ready, is_model_ready")
    for binary in (False, True):
        tensor = InferInput("sentences", [2, 1], "BYTES")
        tensor.set_data_from_numpy(np.array(TEXTS, dtype=object).reshape(2, 1), binary_data=binary)
        request = InferRequest("arith-rm", [tensor], request_id="7")
        answer = await client.infer(BASE, request, model_name="arith-rm")
        got = answer.outputs[0].as_numpy()
        assert answer.model_name == "arith-rm" and answer.id == "7" and got.shape == (2, 1), answer
        assert got[:, 0].tolist() == np.float32(want).tolist(), (got, want)
        said(f"infer, {'bytes' if binary else 'JSON'}")


asyncio.run(main())
