"""What OpenR's search posts to a controller and to the worker that it names, in both forms (openreasoner/openr,
reason/inference, which is on no package index): recorded."""

import sys

import alone
import requests

base = sys.argv[1].rstrip("/")
question, steps = "What is 12 + 30 - 5?", ["12 + 30 = 42", "42 - 5 = 38"]
item = {"prompt": question, "steps": steps}
want = [step["score"] for step in alone.ask(base, "/v1/steps", {"model": "arith-prm", "items": [item]})["results"][0]["steps"]]
text = alone.ask(base, "/v1/tokenize", {"model": "arith-prm", "items": [item]})["results"][0]["text"]

address = requests.post(f"{base}/get_worker_address", json={"model": "math-shepherd-mistral-7b-prm"}).json()["address"]
assert address.startswith(base), address
print("OpenR | get_worker_address (recorded) | ok")
headers = {"User-Agent": "FastChat Client"}
got = requests.post(f"{address}/worker_value_inference", headers=headers, json={"input_str": [text, text]}, stream=True).json()["value"]
assert got == [want, want], (got, want)
got = requests.post(f"{address}/worker_value_inference", headers=headers, json={"input_str": text}, stream=True).json()["value"]
assert got == want, (got, want)
print("OpenR | worker_value_inference, input_str (recorded) | ok")
body = {"Q": question, "A": ["".join(f"{step} ки\n" for step in steps)], "format": "{question} {answer}", "prm_step_tag": "ки\n"}
got = requests.post(f"{address}/worker_value_inference", headers=headers, json=body).json()["value"]
assert got == [want], (got, want)
print("OpenR | worker_value_inference, Q and A (recorded) | ok")
