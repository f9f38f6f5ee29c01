"""typesafe-sdk asks a reward model and a decision of the same item; bodies of 1,024 bytes and more go out as zstd."""

import importlib.metadata
import json
import math
import sys
import urllib.request

from typesafe_sdk import Noul, Score, TypeSafeAPIError, TypeSafeClient

base = sys.argv[1].rstrip("/")
name = f"typesafe-sdk {importlib.metadata.version('typesafe-sdk')}"


def raw(prompt: str, response: str) -> float:
    body = json.dumps({"model": "arith-rm", "items": [{"prompt": prompt, "response": response}]}).encode()
    request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return float(json.load(answer)["results"][0]["raw"])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


client = TypeSafeClient(api_key="x", base_url=base)
want = sigmoid(raw("What is 12 + 30?", "It is 42."))
state = {"question": "What is 12 + 30?", "response": "It is 42."}
for instructions in ("Is it right?", "Is it right? " + "Think well. " * 100):
    grade = Score(instructions=instructions, criteria=["Incorrect", "Correct"])
    got = client.system_one(model="arith-rm", state=state, questions={"grade": grade}).answers["grade"]
    assert math.isclose(got.score, want, abs_tol=1e-12), (got, want)
    print(f"{name} | system_one, score, {len(instructions)} characters | ok")
    got = client.system_one(model="arith-rm", state=state, questions={"right": Noul(instructions=instructions)}).answers["right"]
    assert math.isclose(got.noul, want, abs_tol=1e-12), (got, want)
    print(f"{name} | system_one, noul, {len(instructions)} characters | ok")
try:
    client.system_one(model="arith-rm", state="a text", questions={"right": Noul(instructions="Right?")})
except TypeSafeAPIError as error:
    assert "a reward model needs a question and a response" in str(error), error
    print(f"{name} | system_one, refused with its sentence | ok")
else:
    raise AssertionError("a text was scored")
