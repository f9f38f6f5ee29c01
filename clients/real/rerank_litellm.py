"""litellm reranks through each provider whose API is spoken here, and asks a reward model in a chat."""

import importlib.metadata
import json
import math
import os
import sys
import urllib.request

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else its import asks the network for prices

import litellm  # noqa: E402

base = sys.argv[1].rstrip("/")
name = f"litellm {importlib.metadata.version('litellm')}"
query, documents = "What is 12 + 30?", ["It is 41.", "It is 42.", "It is 40."]


def raw(document: str) -> float:
    body = json.dumps({"model": "arith-rm", "items": [{"prompt": query, "response": document}]}).encode()
    request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return float(json.load(answer)["results"][0]["raw"])


raws = [raw(document) for document in documents]
sigmoids = [1 / (1 + math.exp(-x)) for x in raws]
for provider, where, want in [
    ("hosted_vllm", base, sigmoids),
    ("cohere", base, sigmoids),
    ("cohere", f"{base}/v1", sigmoids),
    ("jina_ai", base, sigmoids),
    ("infinity", f"{base}/infinity", sigmoids),
    ("huggingface", base, sigmoids),
    ("nvidia_nim", base, raws),
    ("nvidia_nim/ranking", base, raws),
]:
    got = litellm.rerank(model=f"{provider}/arith-rm", query=query, documents=documents, top_n=3, api_base=where, api_key="x")
    assert [r["index"] for r in got.results] == sorted(range(3), key=lambda i: -raws[i]), (provider, got)
    for r in got.results:
        assert math.isclose(r["relevance_score"], want[r["index"]], rel_tol=1e-12), (provider, got, want)
        assert r.get("document") is None or r["document"]["text"] == documents[r["index"]], (provider, got)
    print(f"{name} | rerank {provider}, {where.removeprefix(base) or '/'} | ok")
messages = [{"role": "user", "content": query}, {"role": "assistant", "content": documents[1]}]
chat = litellm.completion(model="openai/arith-rm", api_base=f"{base}/v1", api_key="x", messages=messages)
assert chat.choices[0].message.content == f"reward:{raws[1]!r}", (chat, raws)
print(f"{name} | completion, a reward | ok")
