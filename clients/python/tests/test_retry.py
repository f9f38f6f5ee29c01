"""What goes wrong on the way: what is sent again, how often, for how long, and what never is."""

import asyncio
import email.utils
import json
import threading
import time
from typing import Any

import httpx
import pytest

from assay import NEVER, AsyncClient, Client, Refused, Retry, Unreachable
from assay.retry import Tries, asked_wait
from tests.conftest import Proxy, Server

ITEMS = [("12 + 30?", "42"), ("12 + 30?", "41")]
SOON = Retry(total=20, first=0.01, most=0.05)


@pytest.mark.parametrize("fault", [(429, {"Retry-After": "0"}), (503, {}), (408, {}), (502, {}), (504, {}), "cut", "lost"])
def test_a_fault_that_passes_is_not_seen(proxy: Proxy, client: Client, fault: Any) -> None:
    expected = client.scores(ITEMS)
    with Client(proxy.url, model="arith-rm", retry=SOON) as made:
        proxy.faults = [fault, fault]
        assert made.scores(ITEMS) == expected
    assert len(proxy.seen) == 3

    async def ask() -> Any:
        async with AsyncClient(proxy.url, model="arith-rm", retry=SOON) as several:
            return await several.scores(ITEMS)

    proxy.faults = [fault]
    assert asyncio.run(ask()) == expected
    assert len(proxy.seen) == 5


def test_retry_after_is_waited_for(proxy: Proxy) -> None:
    proxy.faults = [(429, {"Retry-After": "1"})]
    began = time.monotonic()
    with Client(proxy.url, model="arith-rm", retry=SOON) as made:
        assert None not in made.scores(ITEMS)
    assert 1 <= time.monotonic() - began < 10


def test_retry_after_may_be_a_date() -> None:
    wait = asked_wait(httpx.Response(429, headers={"Retry-After": email.utils.formatdate(time.time() + 30, usegmt=True)}))
    assert wait is not None and 25 < wait <= 30
    assert asked_wait(httpx.Response(429, headers={"Retry-After": "2.5"})) == 2.5
    assert asked_wait(httpx.Response(429, headers={"Retry-After": "soon"})) is None
    assert asked_wait(httpx.Response(429)) is None


def test_the_time_of_all_tries_ends(proxy: Proxy) -> None:
    proxy.faults = [(503, {"Retry-After": "60"})] * 100
    began = time.monotonic()
    with Client(proxy.url, model="arith-rm", retry=Retry(total=0.5)) as made, pytest.raises(Refused) as raised:
        made.scores(ITEMS)
    assert 0.25 <= time.monotonic() - began < 5
    assert raised.value.code == "http_503" and raised.value.detail == "the proxy says no"
    assert len(proxy.seen) == 2  # there is a last try, whatever Retry-After asks for


def test_waits_grow_and_are_bounded() -> None:
    tries = Tries(Retry(total=1000, first=0.1, most=1), True)
    waits = [tries.wait() or 0 for _ in range(8)]
    assert all(0.05 * 2**n <= wait <= 0.1 * 2**n for n, wait in enumerate(waits[:4]))
    assert all(0.5 <= wait <= 1 for wait in waits[4:])


def test_nobody_listens() -> None:
    with Client("http://127.0.0.1:9", retry=Retry(total=0.3)) as made, pytest.raises(Unreachable, match="no answer after .* tries"):
        made.models()
    with Client("http://127.0.0.1:9", retry=NEVER) as made, pytest.raises(Unreachable, match="no answer after 1 tries"):
        made.models()


def test_a_server_that_is_gone_may_be_given_up_sooner_than_a_busy_one(proxy: Proxy) -> None:
    with Client(proxy.url, model="arith-rm", retry=Retry(total=20, first=0.01, most=0.05, reach=0.2)) as made:
        proxy.faults = ["cut", (503, {"Retry-After": "0.5"}), "cut"]
        assert None not in made.scores(ITEMS)
        proxy.faults = ["cut"] * 1000
        began = time.monotonic()
        with pytest.raises(Unreachable):
            made.scores(ITEMS)
        assert 0.2 <= time.monotonic() - began < 5


def test_what_is_wrong_is_not_sent_again(proxy: Proxy) -> None:
    with Client(proxy.url, retry=SOON) as made:
        for status in (400, 401, 404, 413, 422, 500):
            proxy.faults = [(status, {})]
            with pytest.raises(Refused):
                made.scores(ITEMS, model="arith-rm")
    assert len(proxy.seen) == 6


def test_a_deadline_is_not_prolonged(proxy: Proxy) -> None:
    items = [(f"{n} + {n}?", "1 + " * 100) for n in range(64)]
    with Client(proxy.url, model="arith-rm", retry=SOON) as made:
        results = made.score(items, timeout_ms=1)["results"]
    assert {one.get("error", {}).get("code") for one in results} <= {"deadline_exceeded", None}
    assert len(proxy.seen) == 1


def test_a_change_of_a_state_is_not_made_twice(proxy: Proxy, client: Client) -> None:
    with Client(proxy.url, retry=SOON) as made:
        made.change_state("once", kind="running")
        proxy.faults = ["lost"]
        with pytest.raises(Unreachable):
            made.change_state("once", updates=[{"key": "", "values": [1.0]}])
        proxy.faults = [(429, {"Retry-After": "0"})]
        made.change_state("once", updates=[{"key": "", "values": [1.0]}])
        assert made.state("once", keys=[""])["readings"][0]["numbers"]["count"] == 2
    client.delete_state("once")


def test_a_request_that_may_have_counted_is_not_repeated_where_that_matters(proxy: Proxy) -> None:
    with Client(proxy.url, model="arith-rm", retry=Retry(total=5, first=0.01, repeat=False)) as made:
        proxy.faults = ["lost"]
        with pytest.raises(Unreachable):
            made.scores(ITEMS)
    assert len(proxy.seen) == 1


def test_items_that_a_busy_server_left_are_asked_for_again(server: Server, proxy: Proxy, client: Client) -> None:
    """A server in front that drains gives items a 503 each; what it scored is kept, and the rest asked for."""
    whole = client.score(ITEMS)
    half = {**whole, "results": [whole["results"][0], {"error": {"code": "shutting_down", "status": 503, "title": "", "detail": ""}}]}
    made = Client(proxy.url, model="arith-rm", retry=SOON)
    asked: list[int] = []
    send = made.send

    def draining(call: Any, tries: Any = None) -> Any:
        asked.append(len(call.body["items"]))
        return half if len(asked) == 1 else send(call, tries)

    made.send = draining  # type: ignore[method-assign]
    assert made.scores(ITEMS) == [one["score"] for one in whole["results"]]
    assert asked == [2, 1]
    made.close()


def test_a_restart_of_the_server_is_not_seen(client: Client) -> None:
    expected = client.scores(ITEMS)
    first = Server()
    found: list[Any] = []
    with Client(first.url, model="arith-rm", retry=Retry(total=60, first=0.05, most=0.2)) as made:
        assert made.scores(ITEMS) == expected
        first.stop()
        asking = threading.Thread(target=lambda: found.append(made.scores(ITEMS)))
        asking.start()
        second = Server(listen=f"127.0.0.1:{first.port}")
        asking.join(60)
        assert found == [expected]
    second.stop()


def test_the_fault_of_a_batch_reaches_every_caller(proxy: Proxy) -> None:
    proxy.faults = [(401, {})]

    async def ask() -> Any:
        async with AsyncClient(proxy.url, model="arith-rm", linger=0.05) as made:
            return await asyncio.gather(*(made.score_one(item) for item in ITEMS), return_exceptions=True)

    errors = asyncio.run(ask())
    assert [error.code for error in errors] == ["http_401", "http_401"]
    assert len(json.loads(proxy.seen[0][1])["items"]) == 2
