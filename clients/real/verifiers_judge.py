"""The decision judge of verifiers, which prime-rl trains with, takes a reward model for its judge."""

import asyncio
import importlib.metadata
import json
import math
import sys
import urllib.request

from verifiers.v1.judges.decision import DecisionJudge, DecisionJudgeConfig

base = sys.argv[1].rstrip("/")
name = f"verifiers {importlib.metadata.version('verifiers')}"
body = json.dumps({"model": "arith-rm", "items": [{"prompt": "What is 12 + 30?", "response": "It is 42."}]}).encode()
request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
with urllib.request.urlopen(request) as answer:
    want = 1 / (1 + math.exp(-json.load(answer)["results"][0]["raw"]))

judge = DecisionJudge(DecisionJudgeConfig(model="arith-rm", base_url=f"{base}/v1/systemone", api_key_var="PATH"))
got = asyncio.run(judge.evaluate(question="What is 12 + 30?", response="It is 42.", answer="42"))
assert math.isclose(got.parsed, want, abs_tol=1e-12), (got, want)
print(f"{name} | DecisionJudge.evaluate | ok")
