"""camel-ai's NemotronRewardModel reads a reward of log-probabilities.

Its folder's own __init__ imports models that want torch, so that an empty package stands for it; the class is unmodified.
"""

import importlib.metadata
import json
import os
import pathlib
import sys
import types
import urllib.request

base = sys.argv[1].rstrip("/")
os.environ["NVIDIA_API_KEY"] = "x"

import camel.models  # noqa: E402

empty = types.ModuleType("camel.models.reward")
empty.__path__ = [str(pathlib.Path(camel.models.__file__).parent / "reward")]
sys.modules["camel.models.reward"] = empty
from camel.models.reward.base_reward_model import BaseRewardModel  # noqa: E402

empty.BaseRewardModel = BaseRewardModel
from camel.models.reward.nemotron_model import NemotronRewardModel  # noqa: E402

messages = [{"role": "user", "content": "What is 12 + 30?"}, {"role": "assistant", "content": "It is 42."}]
body = json.dumps({"model": "arith-rm", "items": [{"messages": messages}]}).encode()
request = urllib.request.Request(f"{base}/v1/score", body, {"Content-Type": "application/json"})
with urllib.request.urlopen(request) as answer:
    want = json.load(answer)["results"][0]["raw"]
got = NemotronRewardModel("nvidia/nemotron-4-340b-reward", api_key="x", url=f"{base}/v1").evaluate(messages)
assert got == {"reward": want}, (got, want)
print(f"camel-ai {importlib.metadata.version('camel-ai')} | NemotronRewardModel.evaluate | ok")
