"""The cohere package reranks by v1 and v2, and finds our sentence in its errors."""

import importlib.metadata
import json
import math
import sys
import urllib.request

import cohere

base = sys.argv[1].rstrip("/")
name = f"cohere {importlib.metadata.version('cohere')}"
query, documents = "What is 12 + 30?", ["It is 41.", "It is 42.", "It is 40."]


def relevance(document: str) -> float:
    body = json.dumps({"model": "arith-rm", "items": [{"prompt": query, "response": document}]}).encode()
    request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return 1 / (1 + math.exp(-json.load(answer)["results"][0]["raw"]))


want = {i: relevance(document) for i, document in enumerate(documents)}
for call, client in {
    "ClientV2.rerank": cohere.ClientV2(api_key="x", base_url=base),
    "ClientV2.rerank, base with /v1": cohere.ClientV2(api_key="x", base_url=f"{base}/v1"),
    "Client.rerank": cohere.Client(api_key="x", base_url=base),
}.items():
    got = client.rerank(model="rerank-v3.5", query=query, documents=documents, top_n=2)
    assert [r.index for r in got.results] == sorted(want, key=lambda i: -want[i])[:2], got
    assert all(math.isclose(r.relevance_score, want[r.index], rel_tol=1e-12) for r in got.results), (got, want)
    assert got.meta.billed_units.search_units == 1, got
    print(f"{name} | {call} | ok")
got = cohere.Client(api_key="x", base_url=base).rerank(model="m", query=query, documents=[{"text": d} for d in documents], return_documents=True)
assert all(r.document.text == documents[r.index] for r in got.results) and len(got.results) == 3, got
print(f"{name} | Client.rerank, return_documents | ok")
try:
    cohere.ClientV2(api_key="x", base_url=base).rerank(model="m", query=query, documents=documents, max_tokens_per_doc=1)
except cohere.UnprocessableEntityError as error:
    assert error.body["message"].startswith("max_tokens_per_doc: documents[0] has "), error
    print(f"{name} | ClientV2.rerank, refused with its sentence | ok")
else:
    raise AssertionError("documents were cut")
