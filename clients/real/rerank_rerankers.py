"""rerankers' APIRanker ranks through the three providers whose API is spoken here."""

import importlib.metadata
import json
import math
import sys
import urllib.request

from rerankers.models.api_rankers import APIRanker

base = sys.argv[1].rstrip("/")
name = f"rerankers {importlib.metadata.version('rerankers')}"
query, documents = "What is 12 + 30?", ["It is 41.", "It is 42.", "It is 40."]


def relevance(document: str) -> float:
    body = json.dumps({"model": "arith-rm", "items": [{"prompt": query, "response": document}]}).encode()
    request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return 1 / (1 + math.exp(-json.load(answer)["results"][0]["raw"]))


want = [relevance(document) for document in documents]
for provider, path in {"jina": "/v1/rerank", "cohere": "/v1/rerank", "text-embeddings-inference": "/rerank"}.items():
    ranker = APIRanker("arith-rm", "x", provider, url=base + path, verbose=0)
    got = ranker.rank(query=query, docs=documents)
    assert [r.doc_id for r in got.results] == sorted(range(3), key=lambda i: -want[i]), got
    assert all(math.isclose(r.score, want[r.doc_id], rel_tol=1e-12) and r.text == documents[r.doc_id] for r in got.results), (got, want)
    print(f"{name} | APIRanker.rank, {provider} | ok")
