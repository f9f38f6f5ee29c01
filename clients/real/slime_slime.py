"""What slime's remote_rm posts for each sample, a number or with --reward-key an object (THUDM/slime,
slime/rollout/rm_hub, which is on no package index): recorded, by the client that it uses."""

import asyncio
import sys

import aiohttp
import alone

base = sys.argv[1].rstrip("/")
item = {"prompt": "What is 12 + 30?", "response": "It is 42."}
want = alone.ask(base, "/v1/score", {"model": "arith-rm", "items": [item]})["results"][0]["raw"]


async def reward(url: str, sample: dict[str, object]) -> object:
    async with aiohttp.ClientSession() as session, session.post(url, json=sample) as answer:
        answer.raise_for_status()
        return await answer.json()


async def main() -> None:
    turns = [{"role": "user", "content": item["prompt"]}]
    for prompt in (item["prompt"], turns):
        sample = {"prompt": prompt, "response": item["response"], "label": "42"}
        got = await reward(f"{base}/slime", sample)
        assert got == want and isinstance(got, float), (got, want)
        got = await reward(f"{base}/slime?object=true", sample)
        assert got["score"] == want, (got, want)
        print(f"slime remote_rm | {type(prompt).__name__} of a prompt (recorded) | ok")
    text = "12 + 30 = 42"
    got = await reward(f"{base}/slime?rendered=true&model=arith-rm", {"prompt": text[:5], "response": text[5:], "label": None})
    assert got == alone.raw(base, text), got
    print("slime remote_rm | rendered prompt (recorded) | ok")


asyncio.run(main())
