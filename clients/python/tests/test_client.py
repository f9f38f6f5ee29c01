"""The clients against the real binary: the same numbers as plain HTTP gives, one result per item, and never a 0 for a failure."""

import asyncio
import json
import pathlib
import pickle
import threading
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from assay import AsyncClient, Client, ItemsFailed, Refused
from tests.conftest import Proxy, Server

ITEMS: list[Any] = [
    ("12 + 30?", "42"),
    {"prompt": "12 + 30?", "response": "41"},
    ([{"role": "user", "content": "12 + 30?"}], "42"),
    {"messages": [{"role": "user", "content": "12 + 30?"}, {"role": "assistant", "content": "42"}]},
]


def plain(url: str, path: str, body: Any) -> Any:
    """Return what a server answers to JSON, by nothing of ours."""
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_scores_are_those_of_plain_http(server: Server, client: Client) -> None:
    wire = [{"prompt": "12 + 30?", "response": "42"}, {"prompt": "12 + 30?", "response": "41"}]
    expected = [one["score"] for one in plain(server.url, "/v1/score", {"model": "arith-rm", "items": wire})["results"]]
    found = client.scores(ITEMS)
    assert found[:2] == expected
    assert found[2] == found[3] == expected[0]
    assert [one["score"] for one in client.score(ITEMS)["results"]] == found


def test_a_failed_item_is_none_unless_told_otherwise(client: Client) -> None:
    items: list[Any] = [("1 + 1?", "2"), {"prompt": "1 + 1?"}, ("1 + 1?", "\ud800"), ("1 + 1?", "3")]
    found = client.scores(items)
    assert [one is None for one in found] == [False, True, True, False]
    assert client.scores(items, on_error=-7.5)[1:3] == [-7.5, -7.5]
    with pytest.raises(ItemsFailed, match="2 of 4 items failed; item 1: bad_item") as raised:
        client.scores(items, on_error="raise")
    assert raised.value.failures.keys() == {1, 2}
    with pytest.raises(ValueError, match="'none', 'raise' or a number"):
        client.scores(items, on_error="zero")  # type: ignore[arg-type]


def test_a_batch_whose_items_all_fail_is_an_answer(client: Client) -> None:
    answer = client.score([{"prompt": "1 + 1?"}, {"prompt": "1 + 1?"}])
    assert [one["error"]["code"] for one in answer["results"]] == ["bad_item", "bad_item"]
    assert client.scores([{"prompt": "1 + 1?"}]) == [None]


def test_an_item_that_refuses_the_request_fails_alone(client: Client) -> None:
    items: list[Any] = [("1 + 1?", "2"), {"prompt": "1 + 1?", "response": "2", "promt": ""}, {"messages": 3}, ("1 + 1?", "3")]
    results = client.results(items)
    assert [one.get("error", {}).get("code") for one in results] == [None, "unknown_field", "invalid_field", None]
    assert [one.get("score") for one in results][::3] == client.scores([items[0], items[3]])
    with pytest.raises(Refused, match=r"unknown_field \(422\): items\[1\].promt") as raised:
        client.score(items[:2])
    assert raised.value.item == 1 and raised.value.request_id


def test_what_is_wrong_with_the_whole_request_is_raised(client: Client) -> None:
    with pytest.raises(Refused) as raised:
        client.scores(ITEMS, model="nobody")
    assert raised.value.code == "unknown_model" and raised.value.status == 404
    with pytest.raises(TypeError, match="an item is a mapping or a pair"):
        client.scores(["a text"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="Out of range float"):
        client.score([{"features": {"x": float("nan")}}])


def test_requests_over_the_servers_limit_are_halved(server: Server) -> None:
    items = [(f"{n} + 1?", str(n + 1)) for n in range(150)]
    with Client(server.url, model="arith-rm") as made:
        whole = made.scores(items, progress=True)
        assert whole == [made.scores([item])[0] for item in items[:3]] + whole[3:]
        assert len(whole) == 150 and None not in whole
        with pytest.raises(Refused, match="too_many_items"):
            made.score(items)


def test_every_route(client: Client) -> None:
    assert client.rank("12 + 30?", ["41", "42"], statistics=True)["best"] == 1
    assert client.rank([{"role": "user", "content": "12 + 30?"}], ["41", "42"])["best"] == 1
    preference = client.compare("12 + 30?", ["41", "42"])["preference"]
    assert preference and preference[1] and (preference[1][0] or 0) > 0.5
    results = client.pairs([{"prompt": "12 + 30?", "chosen": "42", "rejected": "41"}])["results"]
    assert results and results[0]["probability"] > 0.5
    steps = {"prompt": "(2 + 3) * 4?", "steps": ["2 + 3 = 5. ", "5 * 4 = 21."]}
    answer = client.steps([steps], model="arith-prm")
    assert answer["results"][0]["first_error"] == 1
    assert client.step_scores([steps, {"prompt": "1?"}], model="arith-prm") == [answer["results"][0]["min"], None]
    assert client.step_scores([steps], model="arith-prm", aggregate="last") == [answer["results"][0]["last"]]
    assert client.steps_one(steps, model="arith-prm")["steps"] == answer["results"][0]["steps"]
    assert client.tokenize([("1", "2")])["results"][0]["tokens"] > 0
    assert {one["name"] for one in client.models()["models"]} == {"arith-rm", "arith-prm"}
    loaded = client.load("arith-rm")  # from where it came from, which has not changed
    assert not loaded["changed"] and loaded["digest"] == client.models()["models"][0]["digest"] and loaded["revision"] == 1
    with pytest.raises(Refused, match="unknown_model"):
        client.unload("nothing")
    assert {one["name"] for one in client.recipes()["recipes"]} == {"short-and-right", "best-less-mean"}
    text = client.tokenize([("12 + 30?", "42")])["results"][0]["text"]
    assert client.embeddings(text)["data"][0]["embedding"] == client.scores([("12 + 30?", "42")])  # of a reward model its reward
    assert client.alive() and client.ready()["ready"]
    assert "assay_requests_total" in client.metrics()
    assert client.openapi()["openapi"].startswith("3.1")


def test_a_job_gives_what_requests_give(client: Client) -> None:
    items = [(f"What is {n} + 30?", f"{n} + 30 = {n + 30}") for n in range(70)]  # more than a request may have
    job = client.start_job("score", [*items, {"prompt": "1?"}], key="a-job", activation="sigmoid")
    assert client.start_job("score", [*items, {"prompt": "1?"}], key="a-job", activation="sigmoid")["id"] == job["id"]
    rows = client.job_result(job["id"], follow=True)
    assert [row["row"] for row in rows] == list(range(71)) and rows[70]["error"]["code"] == "bad_item"
    assert [row["score"] for row in rows[:70]] == client.scores(items, activation="sigmoid")
    assert client.job_result(job["id"], start=69) == rows[69:]
    told = client.job(job["id"])
    assert told["status"] == "done" and told["failed"] == 1 and [one["id"] for one in client.jobs()["jobs"]] == [job["id"]]
    assert client.cancel_job(job["id"])["status"] == "done"  # it has ended already
    assert client.delete_job(job["id"])["deleted"] == job["id"] and client.jobs()["jobs"] == []


def test_routes_that_no_loaded_model_answers_say_so(client: Client) -> None:
    asks: list[Callable[[], Any]] = [
        lambda: client.choose([{"prompt": "1?"}], candidates=["a", "b"]),
        lambda: client.logprobs([("1", "2")]),
    ]
    for ask in asks:
        with pytest.raises(Refused) as raised:
            ask()
        assert raised.value.code == "wrong_kind"


def test_what_is_sent_beside_an_item_comes_back(client: Client) -> None:
    items: list[Any] = [{"prompt": "1 + 1?", "response": "2", "id": "step7/row3", "metadata": {"uid": 9}}, {"prompt": "1 + 1?", "id": 4}]
    good, bad = client.results(items)
    assert good["id"] == "step7/row3" and good["metadata"] == {"uid": 9} and bad["id"] == 4 and "error" in bad


def test_states(client: Client) -> None:
    client.change_state("seen", kind="running")
    told = client.change_state("seen", updates=[{"key": "a", "values": [1.0, 3.0]}])
    numbers = client.state("seen", keys=["a"])["readings"][0]["numbers"]
    assert numbers["mean"] == 2 and numbers["count"] == 2
    assert client.read_state("seen", [{"key": "a"}])["readings"][0]["numbers"] == numbers
    assert [one["name"] for one in client.states()["states"]] == ["seen"]
    kept = client.snapshot("seen")
    with pytest.raises(Refused, match="state_conflict"):
        client.delete_state("seen", expect_version=told["version"] + 1)
    assert client.delete_state("seen", expect_version=told["version"])["deleted"]
    client.restore("seen", {"spec": kept["spec"], "cells": kept["cells"]})
    assert client.state("seen", keys=["a"])["readings"][0]["numbers"] == numbers
    client.delete_state("seen")


def test_a_run_is_watched_by_its_name(server: Server) -> None:
    with Client(server.url, model="arith-rm", run="client-test") as made:
        made.scores(ITEMS)
        assert made.run("client-test")["items"] == len(ITEMS)
        assert "client-test" in [one["run"] for one in made.runs()["runs"]]


def test_recipes_tell_their_components(client: Client) -> None:
    item = {"prompt": "12 + 30?", "response": "42", "given": {"bonus": 0.25}}
    result = client.score_one(item, model="short-and-right", params={"weight": 2})
    assert result["score"] == result["components"]["rm"]["score"] - 2 * result["values"]["length"] + 0.25


def test_asynchronous_calls_become_one_request(proxy: Proxy) -> None:
    items = [(f"{n} + 1?", str(n + 1)) for n in range(20)]

    async def ask() -> list[Any]:
        async with AsyncClient(proxy.url, model="arith-rm", linger=0.05) as made:
            several = await asyncio.gather(*(made.score_one(item) for item in items), made.score_one(items[0], activation="sigmoid"))
            return [*several, await made.scores(items), (await made.rank("1 + 1?", ["2", "3"]))["best"], await made.alive()]

    *several, sigmoid, scores, best, alive = asyncio.run(ask())
    asked = [json.loads(body) for path, body in proxy.seen if path == "/v1/score"]
    assert sorted(len(one["items"]) for one in asked) == [1, 20, 20]
    assert [one["score"] for one in several] == scores
    assert 0 < sigmoid["score"] < 1 and best == 0 and alive


def test_calls_of_threads_become_one_request(proxy: Proxy) -> None:
    with Client(proxy.url, model="arith-rm", linger=0.5) as made:
        found: dict[int, Any] = {}
        together = threading.Barrier(8)

        def ask(n: int) -> None:
            together.wait()
            found[n] = made.score_one((f"{n} + 1?", str(n + 1)))

        threads = [threading.Thread(target=ask, args=[n]) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(proxy.seen) == 1
        assert [found[n]["score"] for n in range(8)] == made.scores([(f"{n} + 1?", str(n + 1)) for n in range(8)])


def test_one_callers_bad_item_is_not_anothers(proxy: Proxy) -> None:
    async def ask() -> Any:
        async with AsyncClient(proxy.url, model="arith-rm", linger=0.05) as made:
            return await asyncio.gather(made.score_one(("1 + 1?", "2")), made.score_one({"prompt": "1", "response": "2", "promt": 1}))

    good, bad = asyncio.run(ask())
    assert "score" in good and bad["error"]["code"] == "unknown_field"


def test_a_task_that_is_cancelled_leaves_the_others_their_results(server: Server) -> None:
    async def ask() -> Any:
        async with AsyncClient(server.url, model="arith-rm", linger=0.05) as made:
            tasks = [asyncio.create_task(made.score_one((f"{n}?", "1"))) for n in range(3)]
            await asyncio.sleep(0.01)
            tasks[1].cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    first, cancelled, last = asyncio.run(ask())
    assert "score" in first and "score" in last and isinstance(cancelled, asyncio.CancelledError)


def test_a_client_travels_to_another_process(client: Client) -> None:
    made = pickle.loads(pickle.dumps(client))
    assert made.model == "arith-rm" and made.scores(ITEMS) == client.scores(ITEMS)
    made.close()


def test_a_unix_socket(tmp_path: pathlib.Path, client: Client) -> None:
    served = Server(listen=f"unix:{tmp_path}/socket")
    with Client(f"unix:{tmp_path}/socket", model="arith-rm") as made:
        assert made.scores(ITEMS) == client.scores(ITEMS)
    served.stop()


def test_a_token(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tokens").write_text("8Jx0aQ9mZ4 name=trainer-a\n")
    served = Server("--token-file", str(tmp_path / "tokens"))
    with Client(served.url) as made, pytest.raises(Refused) as raised:
        made.models()
    assert raised.value.code == "unauthorized" and "8Jx0aQ9mZ4" not in repr(made)
    monkeypatch.setenv("ASSAY_CLIENT_TOKEN", "8Jx0aQ9mZ4")
    for given in ("8Jx0aQ9mZ4", None):
        with Client(served.url, token=given, model="arith-rm") as made:
            assert None not in made.scores(ITEMS) and "8Jx0aQ9mZ4" not in repr(made)
    served.stop()
