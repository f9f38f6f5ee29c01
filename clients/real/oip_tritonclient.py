"""tritonclient's HTTP client against /v2: its checks, and rewards of texts by bytes and by JSON."""

import json
import sys
import urllib.request
from importlib.metadata import version

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

BASE = sys.argv[1].rstrip("/")
PROMPTS, RESPONSES = ["12 + 30?", "1 + 1?"], ["42", "3"]
STEPS = {"prompt": "(2 + 3) * 4?", "response": "2 + 3 = 5\n\n5 * 4 = 20", "separator": "\n\n"}


def native(route, body):
    """The answer of the native route."""
    request = urllib.request.Request(BASE + route, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def said(call):
    print(f"tritonclient {version('tritonclient')} | {call} | ok")


def texts(name, values, binary):
    tensor = triton.InferInput(name, [len(values), 1], "BYTES")
    tensor.set_data_from_numpy(np.array(values, dtype=object).reshape(-1, 1), binary_data=binary)
    return tensor


items = [{"prompt": p, "response": r} for p, r in zip(PROMPTS, RESPONSES, strict=True)]
want = [r["raw"] for r in native("/v1/score", {"model": "arith-rm", "items": items})["results"]]
client = triton.InferenceServerClient(BASE.split("://")[1])

assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("arith-rm")
assert client.is_model_ready("arith-rm", "1") and not client.is_model_ready("arith-rm", "2")
said("is_server_live, is_server_ready, is_model_ready")

assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
assert [t["name"] for t in client.get_model_metadata("arith-rm")["outputs"]] == ["rewards"]
assert client.get_model_config("arith-rm")["output"] == [{"name": "rewards", "data_type": "TYPE_FP32", "dims": [1]}]
assert {"name": "arith-rm", "version": "1", "state": "READY", "reason": ""} in client.get_model_repository_index()
said("get_server_metadata, get_model_metadata, get_model_config, get_model_repository_index")

for binary_in in (True, False):
    inputs = [texts("prompt", PROMPTS, binary_in), texts("response", RESPONSES, binary_in)]
    for outputs in (None, [triton.InferRequestedOutput("rewards", binary_data=False)]):
        for compression in (None, "gzip", "deflate"):
            result = client.infer(
                "arith-rm", inputs, request_id="7", outputs=outputs, priority=1, timeout=5_000_000,
                request_compression_algorithm=compression, response_compression_algorithm=compression,
            )
            got = result.as_numpy("rewards")
            assert got.dtype == np.float32 and got.shape == (2, 1), got
            assert got[:, 0].tolist() == np.float32(want).tolist(), (got, want)
            assert result.get_response()["id"] == "7"
said("infer, bytes and JSON both ways, gzip, deflate, priority, timeout")

result = client.infer("arith-rm", inputs, parameters={"datatype": "FP64"})
assert result.as_numpy("rewards")[:, 0].tolist() == want
said("infer, parameters")

ids = [r["input_ids"] for r in native("/v1/tokenize", {"model": "arith-rm", "items": items})["results"]]
width = max(map(len, ids))
tokens = triton.InferInput("tokens", [2, width], "INT64")
tokens.set_data_from_numpy(np.array([row + [0] * (width - len(row)) for row in ids], dtype=np.int64))
lengths = triton.InferInput("sequence_lengths", [2, 1], "INT64")
lengths.set_data_from_numpy(np.array([[len(row)] for row in ids], dtype=np.int64))
got = client.infer("reward_model", [tokens, lengths]).as_numpy("rewards")
assert got[:, 0].tolist() == np.float32(want).tolist(), (got, want)
said("infer, tokens and sequence_lengths, under a name that is none of ours")

steps = native("/v1/steps", {"model": "arith-prm", "items": [STEPS, {**STEPS, "response": "20"}]})["results"]
inputs = [texts("prompt", [STEPS["prompt"]] * 2, True), texts("response", [STEPS["response"], "20"], True)]
result = client.infer("arith-prm", inputs)
got, counts = result.as_numpy("step_rewards"), result.as_numpy("step_counts")
assert counts.tolist() == [[2], [1]] and np.isnan(got[1, 1])
assert got[0].tolist() == np.float32([s["score"] for s in steps[0]["steps"]]).tolist()
said("infer, steps")

inputs = [texts("sentences", ["12 + 30? 42", ""], True)]
try:
    client.infer("arith-rm", inputs)
    raise AssertionError("an empty sentence has a reward")
except InferenceServerException as problem:
    assert "sentences[1]" in problem.message(), problem
outputs = [triton.InferRequestedOutput(name) for name in ("rewards", "errors")]
result = client.infer("arith-rm", inputs, outputs=outputs)
assert np.isnan(result.as_numpy("rewards")[1, 0]) and not np.isnan(result.as_numpy("rewards")[0, 0])
assert result.as_numpy("errors")[0, 0] == b"" and result.as_numpy("errors")[1, 0].startswith(b"empty_item: ")
said("infer, an item that has no reward")

with triton.InferenceServerClient(BASE.split("://")[1], concurrency=8) as many:
    calls = [many.async_infer("arith-rm", [texts("prompt", [PROMPTS[0]], True), texts("response", [RESPONSES[0]], True)]) for _ in range(32)]
    assert all(call.get_result().as_numpy("rewards")[0, 0] == np.float32(want[0]) for call in calls)
said("async_infer")
