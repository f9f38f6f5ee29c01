"""LLaMA-Factory's trainer asks a server for rewards by get_rewards_from_server, as it stands in the package; a list takes
the place of torch's tensor."""

import json
import sys
import types

import alone
import requests

base = sys.argv[1].rstrip("/")
known = {"json": json, "requests": requests, "torch": types.SimpleNamespace(Tensor=list)}
ask = alone.functions("llamafactory==0.9.5", "llamafactory/train/ppo/ppo_utils.py", ["get_rewards_from_server"], known)["get_rewards_from_server"]
texts = ["12 + 30 = 42", "12 + 30 = 41", "é😀 and a longer text than the others"]
for url in (f"{base}/v1/score/evaluation", f"{base}/v1/score/evaluation/?model=arith-rm"):
    got = ask(url, texts)
    want = [alone.raw(base, text) for text in texts]
    assert got == want, (got, want)
    print(f"llamafactory 0.9.5 | get_rewards_from_server, {url.removeprefix(base)} | ok")
try:
    ask(f"{base}/v1/score/evaluation", [*texts, "12 + 30 = 42 " * 1000])
except KeyError:
    print("llamafactory 0.9.5 | get_rewards_from_server, too long: it raises | ok")
else:
    raise AssertionError("a text that is too long has a reward")
