"""What is asked about, in the forms that users have it."""

from collections.abc import Mapping, Sequence
from typing import Any

Turn = Mapping[str, Any]
Given = Mapping[str, Any] | tuple[Any, Any]


def item_of(given: Given) -> dict[str, Any]:
    """Return the wire form of an item: a mapping goes through with every key, a pair is a prompt and its response.

    A text alone is refused, since it does not tell whether it is rendered: write {"text": ...} for one that is.
    """
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, tuple) and len(given) == 2:
        return pair(*given)
    raise TypeError(f"an item is a mapping or a pair of prompt and response, not {type(given).__name__}")


def pair(prompt: str | Sequence[Turn], response: str | Sequence[Turn], **beside: Any) -> dict[str, Any]:
    """Return the item of a prompt and its response, each a text or the turns of a conversation, with fields beside them.

    Two texts stay prompt and response. Of turns, the response's follow the prompt's; a text among them is a user's turn
    as a prompt, and an assistant's as a response. Keys of a turn without a value are left out, as of columns of Arrow.
    """
    if isinstance(prompt, str) and isinstance(response, str):
        return {"prompt": prompt, "response": response, **beside}
    before = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    after = [{"role": "assistant", "content": response}] if isinstance(response, str) else response
    return {"messages": [turn(one) for one in (*before, *after)], **beside}


def turn(given: Turn) -> dict[str, Any]:
    """Return a turn without the keys whose value is None."""
    return {key: value for key, value in given.items() if value is not None}
