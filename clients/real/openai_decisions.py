"""The openai package asks for decisions about a conversation."""

import importlib.metadata
import json
import math
import sys
import urllib.request

import openai

base = sys.argv[1].rstrip("/")
name = f"openai {importlib.metadata.version('openai')}"
messages = [{"role": "user", "content": "What is 12 + 30?"}, {"role": "assistant", "content": "It is 42."}]

body = json.dumps({"model": "arith-rm", "items": [{"messages": messages}]}).encode()
request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
with urllib.request.urlopen(request) as answer:
    want = 1 / (1 + math.exp(-json.load(answer)["results"][0]["raw"]))

client = openai.OpenAI(api_key="x", base_url=f"{base}/v1", max_retries=0)
predicate = {"type": "predicate", "name": "right", "instructions": "Is the answer right?"}
got = client.decisions.create(model="arith-rm", input=messages, questions=[predicate])
assert got.answers[0].name == "right" and math.isclose(got.answers[0].probability, want, abs_tol=1e-12), (got, want)
print(f"{name} | decisions.create, predicate | ok")
levels = {"type": "score", "instructions": "Is it right?", "levels": [{"label": "wrong"}, {"label": "right"}]}
got = client.decisions.create(model="arith-rm", input=messages, questions=[levels])
assert math.isclose(got.answers[0].score, want, abs_tol=1e-12) and got.answers[0].probabilities[1].label == "right", (got, want)
print(f"{name} | decisions.create, score | ok")
try:
    client.decisions.create(model="arith-rm", input=messages, questions=[predicate, levels])
except openai.UnprocessableEntityError as error:
    assert "questions: 2 are asked of a reward model" in error.message, error
    print(f"{name} | decisions.create, refused with its sentence | ok")
else:
    raise AssertionError("two questions were answered alike")
