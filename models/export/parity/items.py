"""Items that many cases share."""

CHAT = [
    {"prompt": "What is 12 + 30?", "response": "42"},
    {"prompt": "What is 12 + 30?", "response": "It is 41, because 12 + 30 = 41."},
    {"prompt": "  Résumé in 日本語, 🙂? ", "response": "はい — 'naïve' & <b>\"ok\"</b> {{ x }}"},
    {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi! How can I help?"},
                  {"role": "user", "content": "Name a colour.\n"}, {"role": "assistant", "content": " Blue. "}]},
]
IDS = [{"input_ids": [20 + (number * number) % 280 for number in range(40)]}, {"input_ids": [33]}]
TEXT = [{"text": "Rendered by the client, as it is."}, {"text": " a"}]

PASSAGES = [
    {"prompt": "where do owls sleep?", "response": "Most owls sleep by day, in trees and in barns."},
    {"prompt": "where do owls sleep?", "response": "Hi"},
    {"prompt": "How many steps has the tower?", "response": "The tower has 1,204 steps, counted twice in 2019. " * 3},
    {"prompt": " Élan & ☃? ", "response": "  spaces, <b>tags</b>, 日本語  "},
    {"prompt": "a", "response": "b"},
]
"""Queries with passages."""

WITHOUT_TEXT = [{"prompt": "a query", "response": ""}, {"prompt": "", "response": "a passage"}]
"""Of which one text is empty."""


def with_bos(bos: str, bos_id: int, body: str = "Rendered by the client, as it is.", ids: tuple[int, ...] = (40, 50, 60, 70)) -> list[dict]:
    """Return a text and ids with none, one, two and three BOS in front."""
    return [{"text": bos * count + body} for count in range(4)] + [{"input_ids": [bos_id] * count + list(ids)} for count in range(4)]
