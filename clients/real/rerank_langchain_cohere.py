"""langchain-cohere, on cohere 5, reranks and compresses documents."""

import importlib.metadata
import json
import math
import sys
import urllib.request

from langchain_cohere import CohereRerank
from langchain_core.documents import Document

base = sys.argv[1].rstrip("/")
name = f"langchain-cohere {importlib.metadata.version('langchain-cohere')} (cohere {importlib.metadata.version('cohere')})"
query, documents = "What is 12 + 30?", ["It is 41.", "It is 42.", "It is 40."]


def relevance(document: str) -> float:
    body = json.dumps({"model": "arith-rm", "items": [{"prompt": query, "response": document}]}).encode()
    request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return 1 / (1 + math.exp(-json.load(answer)["results"][0]["raw"]))


want = {document: relevance(document) for document in documents}
reranker = CohereRerank(base_url=base, cohere_api_key="x", model="rerank-v3.5", top_n=2)
got = reranker.rerank(documents, query)
assert [documents[r["index"]] for r in got] == sorted(want, key=lambda d: -want[d])[:2], got
assert all(math.isclose(r["relevance_score"], want[documents[r["index"]]], rel_tol=1e-12) for r in got), (got, want)
print(f"{name} | CohereRerank.rerank | ok")
kept = reranker.compress_documents([Document(page_content=d) for d in documents], query)
best = max(want, key=lambda d: want[d])
assert kept[0].page_content == best and math.isclose(kept[0].metadata["relevance_score"], want[best], rel_tol=1e-12), kept
print(f"{name} | CohereRerank.compress_documents | ok")
