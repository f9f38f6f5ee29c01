"""verl's reward loop asks vLLM and SGLang for the reward of a sample, by the functions of RewardLoopWorker as they stand in
the package; what they need beside aiohttp is the sample's text."""

import asyncio
import logging
import sys
import types

import aiohttp
import alone

base = sys.argv[1].rstrip("/")
log = logging.getLogger("verl")
log.setLevel(logging.CRITICAL)
known = {"asyncio": asyncio, "aiohttp": aiohttp, "logger": log, "DataProto": object}
worker = alone.functions("verl==0.9.1", "verl/experimental/reward_loop/reward_loop.py", ["_post_request", "compute_score_disrm"], known)


class Worker:
    _post_request = worker["_post_request"]
    compute_score_disrm = worker["compute_score_disrm"]

    def __init__(self, engine: str, model: str) -> None:
        rollout = types.SimpleNamespace(name=engine)
        reward_model = types.SimpleNamespace(rollout=rollout, model_path=model)
        self.config = types.SimpleNamespace(reward=types.SimpleNamespace(reward_model=reward_model))
        self.reward_router_address = base.removeprefix("http://")

    async def _preprocess_reward_inputs(self, text: str) -> str:
        return text


class Sample(str):
    """A sample's text, of which the worker takes a slice."""

    def __getitem__(self, _: slice) -> "Sample":
        return self


async def main() -> None:
    for engine, model in (("vllm", "arith-rm"), ("vllm", "/models/Skywork-Reward-V2"), ("sglang", "arith-rm")):
        for text in ("12 + 30 = 42", "12 + 30 = 41"):
            got = await Worker(engine, model).compute_score_disrm(Sample(text))
            want = alone.raw(base, text)
            assert got["reward_score"] == want, (got, want)
        print(f"verl 0.9.1 | compute_score_disrm, {engine}, model {model} | ok")
    try:
        await Worker("vllm", "arith-rm").compute_score_disrm(Sample("12 + 30 = 42 " * 1000))
    except aiohttp.ClientResponseError as error:
        assert error.status == 400, error
        print("verl 0.9.1 | compute_score_disrm, too long: it raises at once | ok")
    else:
        raise AssertionError("a text that is too long has a reward")


asyncio.run(main())
