"""openreward's client against an environment that scores groups."""

import asyncio
import json
import sys
import urllib.request
from importlib.metadata import version

import aiohttp
from openreward.api.environments.client import AsyncEnvironmentsAPI
from openreward.api.environments.types import GroupCandidate, Message, ReasoningBlock, Task, TextBlock

BASE = sys.argv[1].rstrip("/")
PROMPT, RESPONSES = "12 + 30?", ["42", "43", "The sum is 42."]


def native(route, body):
    """The answer of the native route."""
    request = urllib.request.Request(BASE + route, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def said(call):
    print(f"openreward {version('openreward')} | {call} | ok")


def rollout(response, thought=None):
    blocks = [TextBlock(text=response)] if thought is None else [ReasoningBlock(text=thought), TextBlock(text=response)]
    return [Message(role="user", blocks=[TextBlock(text=PROMPT)]), Message(role="assistant", blocks=blocks)]


async def main():
    items = [{"prompt": PROMPT, "response": r} for r in RESPONSES]
    want = [r["raw"] for r in native("/v1/score", {"model": "arith-rm", "items": items})["results"]]
    api = AsyncEnvironmentsAPI(BASE, "any")
    try:
        for variant in ("arith-rm", None):
            env = api.get("me/arith-rm", variant=variant, base_url=BASE)
            assert await env.supports_score_group() and await env.list_tools() == []
            task = Task(server_name="arith-rm", environment_name="arith-rm", task_spec={"prompt": PROMPT}, namespace="me")
            async with env.session(task=task) as session:
                assert await session.supports_score_group()
                scores = await session.score_group([rollout(r) for r in RESPONSES])
                assert [s.reward for s in scores] == want, (scores, want)
                scores = await session.score_group([GroupCandidate(messages=rollout(r, "hm"), metadata={"i": 1}) for r in RESPONSES])
                assert [s.reward for s in scores] == want, (scores, want)
                try:
                    await session.score_group([rollout(RESPONSES[0])[1:]])
                    raise AssertionError("a candidate without its task has a reward")
                except aiohttp.ClientResponseError as problem:
                    assert problem.status == 422, problem
            said(f"session.score_group, variant {variant}")
        scores = await asyncio.gather(*(one(env, task, i % 3) for i in range(16)))
        assert scores == [want[i % 3] for i in range(16)]
        said("16 sessions at once")
    finally:
        for client in api._clients.values():
            await client.close()


async def one(env, task, at):
    async with env.session(task=task) as session:
        return (await session.score_group([rollout(RESPONSES[at])]))[0].reward


asyncio.run(main())
