"""OpenAI's client asks for rewards as embeddings, in base64 as it does unless told otherwise, and posts vLLM's bodies."""

import importlib.metadata
import math
import struct
import sys

import alone
import openai

base = sys.argv[1].rstrip("/")
name = f"openai {importlib.metadata.version('openai')}"
client = openai.OpenAI(base_url=f"{base}/v1", api_key="x", max_retries=0)
texts = ["12 + 30 = 42", "12 + 30 = 41"]
want = [alone.raw(base, text) for text in texts]
single = [struct.unpack("<f", struct.pack("<f", x))[0] for x in want]

names = [model.id for model in client.models.list().data]
assert names == ["arith-rm", "arith-prm"] and client.models.retrieve("arith-prm").id == "arith-prm", names
print(f"{name} | models.list, models.retrieve | ok")
got = client.embeddings.create(model="arith-rm", input=texts)
assert [one.embedding for one in got.data] == [[x] for x in single] and got.model == "arith-rm", got
print(f"{name} | embeddings.create, base64 | ok")
got = client.embeddings.create(model="arith-rm", input=texts, encoding_format="float")
assert [one.embedding for one in got.data] == [[x] for x in want], got
print(f"{name} | embeddings.create, numbers | ok")

item = {"prompt": "What is 12 + 30 - 5?", "steps": ["12 + 30 = 42", "42 - 5 = 38"]}
steps = alone.ask(base, "/v1/steps", {"model": "arith-prm", "items": [item]})["results"][0]["steps"]
seen = alone.ask(base, "/v1/tokenize", {"model": "arith-prm", "items": [item]})["results"][0]
values = client.embeddings.create(model="arith-prm", input=[seen["input_ids"], seen["input_ids"]]).data[1].embedding
assert len(values) == len(seen["input_ids"]), len(values)
read = {step["token"]: step["score"] for step in steps}
for at, value in enumerate(values):
    assert math.isnan(value) if at not in read else abs(1 / (1 + math.exp(-value)) - read[at]) < 1e-6, (at, value)
print(f"{name} | embeddings.create, token ids of a process model | ok")

bare = openai.OpenAI(base_url=base, api_key="x", max_retries=0)
got = bare.post("/pooling", cast_to=object, body={"model": "arith-rm", "input": texts, "use_activation": False})
assert [one["data"] for one in got["data"]] == [[x] for x in want], got
print(f"{name} | post /pooling | ok")
got = bare.post("/score", cast_to=object, body={"model": "arith-rm", "text_1": "What is 12 + 30?", "text_2": ["42", "41"]})
pairs = [{"prompt": "What is 12 + 30?", "response": response} for response in ("42", "41")]
native = alone.ask(base, "/v1/score", {"model": "arith-rm", "items": pairs})["results"]
assert [one["score"] for one in got["data"]] == [one["raw"] for one in native], got
print(f"{name} | post /score | ok")
try:
    client.embeddings.create(model="arith-rm", input="12 + 30 = 42 " * 1000)
except openai.APIStatusError as error:
    assert error.status_code == 413 and error.code == "too_long" and "limits.max_tokens" in str(error), error
    print(f"{name} | embeddings.create, too long: the sentence is shown | ok")
else:
    raise AssertionError("a text that is too long has a vector")
