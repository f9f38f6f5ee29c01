"""What the references of process models share: text of items, rows, places of marks."""

from .checkpoint import read
from .reference import bare_body, hidden_states


def question_of(item: dict) -> str:
    """Return the one question of an item."""
    return item["prompt"] if "prompt" in item else item["messages"][-1]["content"]


def rows_of(directory, prefix: str = "model."):
    """Return the checkpoint's weights and a function from ids to the body's last hidden states [L, hidden]."""
    weights, body = read(directory)[1], bare_body(directory, prefix)
    return weights, lambda ids: hidden_states(body, ids)


def process_pair(item: dict, ids: list[int], read: list[int], steps: list[float | None]) -> dict:
    """Return the golden pair of a process item."""
    return {"item": item, "ids": ids, "read": read, "steps": [None if score is None else float(score) for score in steps]}


def places(ids: list[int], mark: int) -> list[int]:
    """Return where a token stands."""
    return [at for at, one in enumerate(ids) if one == mark]
