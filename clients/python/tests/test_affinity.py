"""The header that a balancer hashes: the same for every request about a prompt, whatever form it has."""

import hashlib
from typing import Any

import pytest

from assay import routes
from assay.routes import Call

PROMPT = "Was ist 12 + 30? Größer als 40?"
DIGEST = hashlib.sha256(PROMPT.encode()).hexdigest()[:16]
TURN = {"role": "user", "content": PROMPT}
ANSWER = {"role": "assistant", "content": "42"}


@pytest.mark.parametrize(
    "call",
    [
        routes.score([(PROMPT, "42"), ("another", "1")]),
        routes.score([{"messages": [TURN, ANSWER]}]),
        routes.steps([{"prompt": PROMPT, "steps": ["42"]}]),
        routes.steps([{"messages": [TURN, ANSWER], "separator": "\n"}]),
        routes.choose([{"messages": [TURN]}], candidates=["yes", "no"]),
        routes.rank(PROMPT, ["41", "42"]),
        routes.rank([TURN], ["41", "42"]),
        routes.compare(PROMPT, ["41", "42"]),
        routes.pairs([{"prompt": PROMPT, "chosen": "42", "rejected": "41"}]),
        routes.pairs([{"messages": [TURN], "chosen": "42", "rejected": "41"}]),
    ],
)
def test_every_form_of_a_prompt_has_the_same_header(call: Call[Any]) -> None:
    assert call.wire()["headers"]["X-Assay-Prompt"] == DIGEST


def test_another_prompt_has_another_header() -> None:
    turns: list[Any] = [TURN, {"role": "assistant", "content": "No."}, {"role": "user", "content": "Sure?"}]
    calls = [routes.rank(PROMPT, ["42"]), routes.rank(PROMPT + " ", ["42"]), routes.rank(turns, ["42"])]
    assert len({call.wire()["headers"]["X-Assay-Prompt"] for call in calls}) == 3


@pytest.mark.parametrize("item", [{"text": "42"}, {"input_ids": [1, 2]}, {}, {"messages": []}, {"messages": [ANSWER]}, {"messages": [1]}, {"prompt": None}])
def test_what_has_no_prompt_has_no_header(item: Any) -> None:
    assert "X-Assay-Prompt" not in routes.score([item]).wire()["headers"]


def test_a_prompt_of_half_a_character_has_a_header() -> None:
    assert len(routes.rank("\ud83d", ["42"]).wire()["headers"]["X-Assay-Prompt"]) == 16


def test_parts_of_a_turn_count() -> None:
    def header(text: str) -> str:
        turn = {"role": "user", "content": [{"type": "text", "text": text}]}
        sent: str = routes.rank([turn], ["42"]).wire()["headers"]["X-Assay-Prompt"]
        return sent

    assert header("12 + 30?") == header("12 + 30?") != header("12 + 31?")
