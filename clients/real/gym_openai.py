"""NeMo Gym's bodies against /verify and its other routes.

The wheel of nemo-gym needs Python 3.13.14 and ray, so the bodies are recorded: what an agent of version 0.7 posts for a row.
The response in them is openai's own Response, which nemo-gym's is a subclass of; it makes the request and reads the answer.
"""

import json
import sys
import urllib.request
from importlib.metadata import version

from openai.types.responses import Response

BASE = sys.argv[1].rstrip("/")


def call(route, body=None):
    """The answer of a route."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + route, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def said(what):
    print(f"openai {version('openai')} (recorded, nemo-gym 0.7) | {what} | ok")


def row(answer):
    """What an agent posts: the row of the dataset, and the policy's response."""
    text = {"type": "output_text", "text": answer, "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    response = Response.model_validate({
        "id": "resp_1", "object": "response", "created_at": 1764374400.0, "model": "policy", "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [], "output": [{"type": "reasoning", "id": "rs_1", "summary": []}, message],
    })
    turn = {"role": "user", "content": "12 + 30?", "type": "message"}
    return {
        "responses_create_params": {"input": [turn]}, "response": response.model_dump(mode="json"), "reward_model": "arith-rm",
        "_ng_task_index": 0, "_ng_rollout_index": 0, "verifier_metadata": {"answer": "42"},
    }


item = {"prompt": "12 + 30?", "response": "42"}
want = call("/v1/score", {"model": "arith-rm", "items": [item]})["results"][0]["raw"]

assert call("/seed_session", {}) == {} and call("/reverify_mode") == "stateless"
said("seed_session, reverify_mode")

sent = row("42")
good = call("/verify", sent)
assert good["reward"] == want and {k: good[k] for k in sent} == sent, good
assert Response.model_validate(good["response"]).output_text == "42"
said("verify")

bad = call("/verify", row("42 " * 5000))
assert bad["_ng_failure_class"] == "verifier_error" and bad["mask_sample"] and "too_long" in bad["_ng_failure_judge_error"], bad
said("verify, a response that is too long")

metrics = call("/aggregate_metrics", {"verify_responses": [good, bad]})
assert metrics["key_metrics"]["mean/reward"] == want and len(metrics["group_level_metrics"]) == 1, metrics
said("aggregate_metrics")
