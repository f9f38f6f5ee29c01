"""infinity_client classifies, reranks, lists models and asks for health under /infinity."""

import importlib.metadata
import json
import math
import sys
import urllib.request

from infinity_client import Client
from infinity_client.api.default import classify, health, models, rerank
from infinity_client.models import ClassifyInput, RerankInput

base = sys.argv[1].rstrip("/")
name = f"infinity_client {importlib.metadata.version('infinity_client')}"
query, documents = "What is 12 + 30?", ["It is 41.", "It is 42.", "It is 40."]


def raw(**item: str) -> float:
    body = json.dumps({"model": "arith-rm", "items": [item]}).encode()
    request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return float(json.load(answer)["results"][0]["raw"])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


client = Client(base_url=f"{base}/infinity")
got = rerank.sync(client=client, body=RerankInput(query=query, documents=documents, return_documents=True))
assert [r.index for r in got.results] == sorted(range(3), key=lambda i: -raw(prompt=query, response=documents[i])), got
assert all(math.isclose(r.relevance_score, sigmoid(raw(prompt=query, response=documents[r.index])), rel_tol=1e-12) for r in got.results), got
assert all(r.document == documents[r.index] for r in got.results) and got.model == "arith-rm" and got.usage.total_tokens > 0, got
print(f"{name} | rerank.sync | ok")
for plain in (True, False):
    got = classify.sync(client=client, body=ClassifyInput(input_=documents, raw_scores=plain))
    for document, (one,) in zip(documents, got.data, strict=True):
        want = raw(text=document)
        assert math.isclose(one.score, want if plain else sigmoid(want), rel_tol=1e-12), (one, want)
    print(f"{name} | classify.sync, raw_scores {plain} | ok")
assert [one.id for one in models.sync(client=client).data] == ["arith-rm", "arith-prm"]
print(f"{name} | models.sync | ok")
assert health.sync(client=client)["unix"] > 1e9
print(f"{name} | health.sync | ok")
