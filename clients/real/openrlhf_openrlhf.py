"""OpenRLHF's executor asks for the reward of each sample at its own URL; where one is refused it tries five times and raises."""

import asyncio
import sys

import alone

base = sys.argv[1].rstrip("/")
agent = alone.module("openrlhf==0.11.2", "openrlhf.utils.agent")
texts = ["12 + 30 = 42", "12 + 30 = 41", "é😀 and a longer text than the others"]


async def main() -> None:
    executor = agent.SingleTurnAgentExecutor(f"{base}/get_reward?model=arith-rm")
    for text in texts:
        [got] = await executor._fetch_rewards_via_http([text], ["a prompt"], [None])
        reward, score = got["rewards"][0], got["scores"][0]
        assert reward == score == alone.raw(base, text), got
    print("openrlhf 0.11.2 | _fetch_rewards_via_http, 3 samples | ok")
    several = agent.SingleTurnAgentExecutor([f"{base}/get_reward/", f"{base}//get_reward"])
    for text in texts[:2]:
        [got] = await several._fetch_rewards_via_http([text], ["a prompt"], ["42"])
        assert got["rewards"] == [alone.raw(base, text)], got
    print("openrlhf 0.11.2 | _fetch_rewards_via_http, two URLs | ok")
    try:
        await executor._fetch_rewards_via_http(["12 + 30 = 42 " * 1000], ["a prompt"], [None])
    except RuntimeError:
        print("openrlhf 0.11.2 | _fetch_rewards_via_http, too long: it raises | ok")
    else:
        raise AssertionError("a text that is too long has a reward")


asyncio.run(main())
