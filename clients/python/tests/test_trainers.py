"""The reward functions as trainers call them, against the real binary; those that need torch are in trainers/."""

import asyncio
import gc
import json
import pathlib
import pickle
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import assay.slime
import assay.swift
import assay.trl
import assay.verl
from assay import Client, ItemsFailed
from tests.conftest import Proxy, Server

# A loop that ends leaves the client that the process keeps for it to the collector, as a trainer's does.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
CHAT = [[{"role": "user", "content": "12 + 30?", "tool_calls": None}]] * 3
ANSWERS = [[{"role": "assistant", "content": text}] for text in ("42", "41", "\ud800")]


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, server: Server) -> Iterator[None]:
    """The address and the model that reward functions take from the environment."""
    monkeypatch.setenv("ASSAY_URL", server.url)
    monkeypatch.setenv("ASSAY_MODEL", "arith-rm")
    yield
    gc.collect()


def test_trl(client: Client) -> None:
    right, wrong = client.scores([("12 + 30?", "42"), ("12 + 30?", "41")])
    function = assay.trl.reward(client)
    assert function.__name__ == "assay"
    assert function(prompts=CHAT, completions=ANSWERS, completion_ids=[[1], [2], [3]], trainer_state=None) == [right, wrong, None]
    assert function(prompts=["12 + 30?"] * 2, completions=["42", "41"]) == [right, wrong]
    assert assay.trl.reward(client, on_error=-9)(prompts=CHAT, completions=ANSWERS) == [right, wrong, -9]
    with pytest.raises(ItemsFailed):
        assay.trl.reward(client, on_error="raise")(prompts=CHAT, completions=ANSWERS)
    assert pickle.loads(pickle.dumps(function))(prompts=CHAT, completions=ANSWERS) == [right, wrong, None]
    assert asyncio.run(assay.trl.reward(client, parallel=True)(prompts=CHAT, completions=ANSWERS)) == [right, wrong, None]


def test_trl_components_share_one_request_and_are_logged(proxy: Proxy, client: Client, tmp_path: pathlib.Path) -> None:
    samples = tmp_path / "samples.jsonl"
    made = Client(proxy.url)
    functions = assay.trl.reward(
        made, name="mixed", model="short-and-right", components=["rm", "length"], given={"bonus": "extra"}, params={"weight": 1}, samples=str(samples)
    )
    assert [function.__name__ for function in functions] == ["rm", "length"]
    extra: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    columns = {
        "extra": [0.5, None, 0.5],
        "log_extra": lambda column, values: extra.update({column: values}),
        "log_metric": lambda name, value: metrics.update({name: value}),
        "trainer_state": SimpleNamespace(global_step=7),
    }
    rm, length = (function(prompts=CHAT, completions=ANSWERS, **columns) for function in functions)
    assert len(proxy.seen) == 1
    assert rm == [*client.scores([("12 + 30?", "42"), ("12 + 30?", "41")]), None]
    assert length == [2, 2, None]
    assert extra["mixed/components.rm"] == rm and extra["mixed/error"] == [None, None, "bad_item"]
    assert metrics["mixed/length"] == 2 and metrics["mixed/failed"] == pytest.approx(1 / 3)
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    assert [row["step"] for row in rows] == [7, 7, 7] and rows[0]["completion"] == "42" and rows[0]["result"]["score"] == rm[0] - 2 + 0.5
    functions[0](prompts=CHAT, completions=ANSWERS, **columns)
    assert len(proxy.seen) == 2  # a further call of the same function is a further batch
    with pytest.raises(KeyError, match="there is no column extra"):
        functions[0](prompts=CHAT, completions=ANSWERS)
    made.close()


def test_trl_steps_and_groups(client: Client) -> None:
    completions = [f"17 + 25 = 42\n42 - 9 = {end}\nThe answer is {end}." for end in (33, 34)]
    steps = assay.trl.reward(client, model="arith-prm", steps="min", separator="\n")
    right, wrong = steps(prompts=["What is 17 + 25 - 9?"] * 2, completions=completions)
    assert right > 0.5 > wrong
    group = assay.trl.reward(client, model="best-less-mean", group=True)
    prompts = ["12 + 30?", "1 + 1?", "12 + 30?", "1 + 1?"]
    found = group(prompts=prompts, completions=["42", "2", "41", "3"])
    alone = client.scores(list(zip(prompts, ["42", "2", "41", "3"], strict=True)))
    assert found[0] == pytest.approx((alone[0] or 0) - (alone[2] or 0)) and found[1] == pytest.approx((alone[1] or 0) - (alone[3] or 0))
    chats = [[{"role": "user", "content": prompt}] for prompt in prompts]
    turns = [[{"role": "assistant", "content": text}] for text in ("42", "2", "41", "3")]
    assert group(prompts=chats, completions=turns) == found
    assert group(prompts=["1 + 1?"] * 3, completions=["2", "\ud800", "3"])[1] is None


def test_verl(client: Client, proxy: Proxy) -> None:
    async def ask(**settings: Any) -> list[Any]:
        calls = [
            assay.verl.compute_score(data_source="d", solution_str=text, ground_truth="42", extra_info={"question": "12 + 30?", "bonus": 1}, **settings)
            for text in ("42", "41")
        ]
        return await asyncio.gather(*calls)

    scores = client.scores([("12 + 30?", "42"), ("12 + 30?", "41")])
    found = asyncio.run(ask(url=proxy.url))
    assert found == [{"score": score, "failed": 0} for score in scores]
    assert len(proxy.seen) == 1  # the calls of all samples went together
    mixed = asyncio.run(ask(model="short-and-right", components=["rm", "length"], given={"bonus": "bonus"}))
    assert [one["rm"] for one in mixed] == scores and mixed[0]["score"] == mixed[0]["rm"] - 0.5 * 2 + 1 and mixed[0]["length"] == 2

    async def one(text: str, **settings: Any) -> Any:
        return await assay.verl.compute_score("d", text, None, {"prompt": "1 + 1?"}, **settings)

    with pytest.raises(ItemsFailed):
        asyncio.run(one("\ud800"))
    assert asyncio.run(one("\ud800", on_error=-1.0)) == {"score": -1, "failed": 1}
    with pytest.raises(KeyError, match="extra_info has no prompt or raw_prompt or question"):
        asyncio.run(assay.verl.compute_score("d", "2", None, {"index": 1}))


def sample(response: str, prompt: Any = "12 + 30?") -> Any:
    """Return what slime has of a sample."""
    return SimpleNamespace(prompt=prompt, response=response, label="42", metadata={"bonus": 1.0}, remove_sample=False)


def test_slime(client: Client, server: Server) -> None:
    right, wrong = client.scores([("12 + 30?", "42"), ("12 + 30?", "41")])
    args = SimpleNamespace(rm_url=server.url)

    async def single() -> Any:
        return await asyncio.gather(assay.slime.custom_rm(args, sample("42")), assay.slime.custom_rm(args, sample("41", CHAT[0])))

    assert asyncio.run(single()) == [right, wrong]
    group = [sample("42"), sample("\ud800"), sample("41")]
    rewards = asyncio.run(assay.slime.custom_rm(args, group))
    assert rewards == [right, pytest.approx(((right or 0) + (wrong or 0)) / 2), wrong]
    assert [one.remove_sample for one in group] == [False, True, False] and group[1].metadata["assay_error"] == "bad_item"
    with pytest.raises(ItemsFailed):
        asyncio.run(assay.slime.custom_rm(args, sample("\ud800")))
    with pytest.raises(ItemsFailed):
        asyncio.run(assay.slime.custom_rm(args, [sample("\ud800")] * 2))
    mixed = assay.slime.reward(model="short-and-right", components=["rm"], given={"bonus": "bonus"})
    assert asyncio.run(mixed(args, sample("42"))) == {"score": (right or 0) - 0.5 * 2 + 1, "rm": right}
    text = client.tokenize([("12 + 30?", "42")])["results"][0]["text"]
    split = text.index("42")
    assert asyncio.run(assay.slime.reward(rendered=True)(args, sample(text[split:], text[:split]))) == right


def test_swift(client: Client, server: Server) -> None:
    reward = assay.swift.orm(server.url)(args=None)
    messages = [[*prompt, *answer] for prompt, answer in zip(CHAT, ANSWERS, strict=True)]
    assert reward(["42", "41"], messages=messages[:2], trainer_state=None) == client.scores([("12 + 30?", "42"), ("12 + 30?", "41")])
    with pytest.raises(ItemsFailed):
        reward(["42", "41", "\ud800"], messages=messages)
    lenient = assay.swift.orm(server.url, on_error=-2.0, number="raw")()
    assert lenient(["42", "41", "\ud800"], messages=messages)[2] == -2


def test_the_environment_says_what_is_done_with_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_ON_ERROR", "-3")
    assert asyncio.run(assay.slime.custom_rm(SimpleNamespace(), sample("\ud800"))) == -3
