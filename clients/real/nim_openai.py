"""The openai package asks a reward model as NVIDIA serves them, looks for models, and finds our sentence in errors."""

import importlib.metadata
import json
import sys
import urllib.request

import openai

base = sys.argv[1].rstrip("/")
name = f"openai {importlib.metadata.version('openai')}"
messages = [{"role": "user", "content": "What is 12 + 30?"}, {"role": "assistant", "content": "It is 42."}]
body = json.dumps({"model": "arith-rm", "items": [{"messages": messages}]}).encode()
request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
with urllib.request.urlopen(request) as answer:
    want = json.load(answer)["results"][0]["raw"]

client = openai.OpenAI(api_key="x", base_url=f"{base}/v1", max_retries=0)
for call, more in {
    "a path as model": {"model": "nvidia/llama-3.1-nemotron-70b-reward"},
    "logprobs": {"model": "arith-rm", "logprobs": True, "max_tokens": 1},
}.items():
    got = client.chat.completions.create(messages=messages, **more)
    assert got.model == "arith-rm" and got.choices[0].message.content == f"reward:{want!r}", (got, want)
    assert [(one.token, one.logprob) for one in got.choices[0].logprobs.content] == [("reward", want)], (got, want)
    print(f"{name} | chat.completions.create, {call} | ok")
# What NeMo Curator's query_reward_model makes of an answer.
scores = {score.token: score.logprob for score in got.choices[0].logprobs.content}
assert scores == {"reward": want}, scores
print(f"{name} | chat.completions.create, read as NeMo Curator does | ok")
assert [model.id for model in client.models.list()] == ["arith-rm", "arith-prm"] and client.models.retrieve("arith-prm").id == "arith-prm"
print(f"{name} | models.list, models.retrieve | ok")
create = client.chat.completions.create
for call, ask, of, sentence in [
    ("a user's turn", lambda: create(model="arith-rm", messages=messages[:1]), openai.UnprocessableEntityError, "must be the assistant's"),
    ("a stream", lambda: create(model="arith-rm", messages=messages, stream=True), openai.UnprocessableEntityError, "not streamed"),
    ("no such model", lambda: client.models.retrieve("gpt"), openai.NotFoundError, "none of ours"),
]:
    try:
        ask()
    except of as error:
        assert sentence in error.message, error
        print(f"{name} | {call}, refused with its sentence | ok")
    else:
        raise AssertionError(f"{call} was answered")
