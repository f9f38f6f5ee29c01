"""OpenRLHF's reward function, loaded from its file and called in threads for one sample at a time, as its executor does both."""

import asyncio
import importlib.util
from typing import Any

import pytest

import assay.openrlhf
from assay import Client, ItemsFailed
from tests.conftest import Server


def loaded() -> Any:
    """Return the function of the file."""
    spec = importlib.util.spec_from_file_location("reward_func", assay.openrlhf.__file__)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.reward_func


def test_rewards_are_those_of_the_same_responses(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_URL", server.url)
    monkeypatch.setenv("ASSAY_MODEL", "arith-rm")
    function = loaded()
    queries = [client.tokenize([("12 + 30?", text)])["results"][0]["text"] for text in ("42", "41", "40")]
    expected = client.scores([("12 + 30?", text) for text in ("42", "41", "40")])

    async def ask() -> Any:
        return await asyncio.gather(*(asyncio.to_thread(function, [query], ["12 + 30?"], [None]) for query in queries))

    told = asyncio.run(ask())
    assert [one["rewards"].tolist() for one in told] == [[pytest.approx(reward)] for reward in expected]
    assert all((one["rewards"] == one["scores"]).all() and one["extra_logs"]["raw"].shape == (1,) for one in told)
    assert function(queries, queries, [None] * 3)["rewards"].tolist() == pytest.approx(expected)
    with pytest.raises(ItemsFailed, match="empty_item"):
        function([""], [""], [None])
    assert assay.openrlhf.reward(server.url, model="arith-rm", on_error=-5.0)([""], [""], [None])["rewards"].tolist() == [-5]
