"""What POLAR's RewardModelClient posts to vLLM, lmdeploy and SGLang, and where it reads the reward (InternLM/POLAR,
src/polar/reward_func.py, which is on no package index): recorded."""

import sys

import alone
import requests

base = sys.argv[1].rstrip("/")
texts = ["12 + 30 = 42", "12 + 30 = 41"]
want = [alone.raw(base, text) for text in texts]


def post(path: str, body: dict[str, object]) -> object:
    answer = requests.post(f"{base}{path}", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()


# POLAR is a model by token, whose rows a client of vLLM reads from the last; of a model by sequence the task asks for them.
got = [one["data"][-1][0] for one in post("/pooling", {"input": texts, "task": "token_classify", "model": "arith-rm"})["data"]]
assert got == want, (got, want)
print("POLAR RewardModelClient | vllm, /pooling (recorded) | ok")
got = [one["data"] for one in post("/lmdeploy/pooling", {"input": texts})["data"]]
assert got == want, (got, want)
print("POLAR RewardModelClient | lmdeploy, /pooling (recorded) | ok")
got = [one["embedding"][0] for one in post("/classify", {"model": "internlm/POLAR-7B", "text": texts})]
assert got == want, (got, want)
print("POLAR RewardModelClient | sglang, /classify (recorded) | ok")
