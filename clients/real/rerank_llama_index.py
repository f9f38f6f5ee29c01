"""llama-index reranks nodes through TEI's and Jina's APIs."""

import importlib.metadata
import json
import math
import sys
import urllib.request

from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.jinaai_rerank import JinaRerank
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference

base = sys.argv[1].rstrip("/")
query, documents = "What is 12 + 30?", ["It is 41.", "It is 42.", "It is 40."]


def relevance(document: str) -> float:
    body = json.dumps({"model": "arith-rm", "items": [{"prompt": query, "response": document}]}).encode()
    request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return 1 / (1 + math.exp(-json.load(answer)["results"][0]["raw"]))


want = {document: relevance(document) for document in documents}
for package, call, reranker in [
    ("llama-index-postprocessor-tei-rerank", "TextEmbeddingInference", TextEmbeddingInference(base_url=base, model_name="arith-rm", top_n=3)),
    ("llama-index-postprocessor-jinaai-rerank", "JinaRerank, /v1", JinaRerank(base_url=f"{base}/v1", api_key="x", model="arith-rm", top_n=3)),
    ("llama-index-postprocessor-jinaai-rerank", "JinaRerank, /v1/", JinaRerank(base_url=f"{base}/v1/", api_key="x", model="arith-rm", top_n=3)),
]:
    nodes = [NodeWithScore(node=TextNode(text=document)) for document in documents]
    got = reranker.postprocess_nodes(nodes, query_bundle=QueryBundle(query))
    # The TEI package sends nodes with their metadata, of which these have none, and the Jina one their content alone.
    assert [n.node.get_content() for n in got] == sorted(want, key=lambda d: -want[d]), got
    assert all(math.isclose(n.score, want[n.node.get_content()], rel_tol=1e-12) for n in got), (got, want)
    print(f"{package} {importlib.metadata.version(package)} | {call} | ok")
