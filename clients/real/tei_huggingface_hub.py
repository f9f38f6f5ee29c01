"""huggingface_hub classifies a text by posting to a server's root."""

import importlib.metadata
import json
import math
import sys
import urllib.request

from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

base = sys.argv[1].rstrip("/")
name = f"huggingface_hub {importlib.metadata.version('huggingface_hub')}"
text = "What is 12 + 30? It is 42."
body = json.dumps({"model": "arith-rm", "items": [{"text": text}]}).encode()
request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
with urllib.request.urlopen(request) as answer:
    raw = json.load(answer)["results"][0]["raw"]

client = InferenceClient(model=base)
likely = 1 / (1 + math.exp(-raw))
for call, more, want in [("", {}, likely), (", function_to_apply none", {"function_to_apply": "none"}, raw), (", top_k", {"top_k": 1}, likely)]:
    got = client.text_classification(text, **more)
    assert len(got) == 1 and got[0].label == "reward" and math.isclose(got[0].score, want, rel_tol=1e-12), (got, want)
    print(f"{name} | text_classification{call} | ok")
try:
    client.text_classification(text, function_to_apply="softmax")
except HfHubHTTPError as error:
    assert "softmax: the model has one label" in str(error), error
    print(f"{name} | text_classification, refused with its sentence | ok")
else:
    raise AssertionError("a softmax of one label was told")
