"""langchain-nvidia-ai-endpoints ranks documents through NVIDIA's API."""

import importlib.metadata
import json
import math
import sys
import urllib.request
import warnings

from langchain_core.documents import Document
from langchain_nvidia_ai_endpoints import NVIDIARerank

base = sys.argv[1].rstrip("/")
name = f"langchain-nvidia-ai-endpoints {importlib.metadata.version('langchain-nvidia-ai-endpoints')}"
query, documents = "What is 12 + 30?", ["It is 41.", "It is 42.", "It is 40."]


def raw(document: str) -> float:
    body = json.dumps({"model": "arith-rm", "items": [{"prompt": query, "response": document}]}).encode()
    request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return float(json.load(answer)["results"][0]["raw"])


want = {document: raw(document) for document in documents}
warnings.simplefilter("ignore")  # it does not know the model's type
for call, more in {"compress_documents": {}, "compress_documents, truncate": {"truncate": "END"}}.items():
    ranker = NVIDIARerank(base_url=f"{base}/v1", model="arith-rm", api_key="x", top_n=2, **more)
    got = ranker.compress_documents([Document(page_content=d) for d in documents], query)
    assert [d.page_content for d in got] == sorted(want, key=lambda d: -want[d])[:2], got
    assert all(math.isclose(d.metadata["relevance_score"], want[d.page_content], rel_tol=1e-12) for d in got), (got, want)
    print(f"{name} | NVIDIARerank.{call} | ok")
assert "arith-rm" in {model.id for model in ranker.available_models}
print(f"{name} | NVIDIARerank.available_models | ok")
