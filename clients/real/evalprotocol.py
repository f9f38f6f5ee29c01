"""Eval Protocol's remote reward function against /evaluate."""

import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else importing it asks the network

import json
import urllib.request
from importlib.metadata import version

import requests
from eval_protocol.reward_function import RewardFunction

BASE = sys.argv[1].rstrip("/")
TURNS = [{"role": "user", "content": "12 + 30?"}, {"role": "assistant", "content": "42"}]


def native(route, body):
    """The answer of the native route."""
    request = urllib.request.Request(BASE + route, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def said(call):
    print(f"eval-protocol {version('eval-protocol')} | {call} | ok")


os.environ.pop("FIREWORKS_API_KEY", None)  # the client sends Authorization: "" then
want = native("/v1/score", {"model": "arith-rm", "items": [{"messages": TURNS}]})["results"][0]["raw"]
reward = RewardFunction(mode="remote", endpoint=BASE + "/evaluate")
assert reward(TURNS).score == want  # with a ground truth that is a list
said("RewardFunction(endpoint=...)")

assert reward(TURNS, ground_truth="42", model="arith-rm").score == want
said("RewardFunction(endpoint=...), ground_truth and model")

steps = [TURNS[0], {"role": "assistant", "content": "2 + 3 = 5\n\n5 * 4 = 20"}]
item = {"messages": steps, "separator": "\n\n"}
least = native("/v1/steps", {"model": "arith-prm", "items": [item]})["results"][0]["min"]
assert RewardFunction(mode="remote", endpoint=BASE + "/evaluate", model="arith-prm")(steps).score == least
said("RewardFunction(endpoint=...) of a process model")

try:
    reward([TURNS[0], {"role": "assistant", "content": "42 " * 5000}])
    raise AssertionError("a conversation that is too long has a score")
except requests.HTTPError as problem:
    assert problem.response.status_code == 413 and "tokens" in problem.response.json()["detail"], problem
said("RewardFunction(endpoint=...), a conversation without a score")

assert reward.get_trl_adapter()([[TURNS[0]]] * 2, ["42", "43"])[0] == want
said("get_trl_adapter")
