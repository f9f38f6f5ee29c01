"""reward-hub asks for the steps of conversations, many at once, and reads the last column of each row."""

import sys
import urllib.parse

import alone

base = sys.argv[1].rstrip("/")
client_of = alone.module("reward-hub==0.1.10", "reward_hub.openai.vllm_client").HTTPClient
address = urllib.parse.urlsplit(base)
client = client_of(address.hostname, address.port, "arith-prm")
system = {"role": "system", "content": "Please reason step by step, and put your final answer within \\boxed{}."}
solutions = [["12 + 30 = 42", "42 - 5 = 37"], ["12 + 30 = 43", "43 - 5 = 38"], ["12 + 30 = 42"]] * 20
batch = [
    [system, {"role": "user", "content": "What is 12 + 30 - 5?"}, {"role": "assistant", "content": "".join(step + "<extra_0>" for step in steps)}]
    for steps in solutions
]
answers = client.post_reward_requests(batch)
native = {}
for messages, answer in zip(batch, answers, strict=True):
    content = messages[-1]["content"]
    if content not in native:
        item = {"messages": messages, "separator": "<extra_0>"}
        native[content] = [step["score"] for step in alone.ask(base, "/v1/steps", {"model": "arith-prm", "items": [item]})["results"][0]["steps"]]
    got = [row[-1] for row in answer["data"][0]["data"]]
    assert got == native[content], (got, native[content])
print(f"reward-hub 0.1.10 | post_reward_requests, {len(batch)} conversations | ok")
bad = client.post_request([{"role": "user", "content": "no answer"}])
assert "data" not in bad and bad["error"]["code"] == 400, bad
print("reward-hub 0.1.10 | post_request, refused: no data to read | ok")
