"""Conversations that try a chat template where template engines and tokenizers differ, as items of a model's kind."""

from ..errors import ExportError
from .golden import OWN, sequences
from .places import encode
from .text import TextRules, Watched

TALKS: list[list[tuple[str, str]]] = [
    [("user", "What is 12 + 30?"), ("assistant", "42")],
    [("user", "What is 12 + 30?"), ("assistant", "It is 41,\nbecause 12 + 30 = 41.")],
    [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi.")],
    [("system", " \n"), ("user", "Hello"), ("assistant", "Hi."), ("user", "Name a colour."), ("assistant", "Blue.")],
    [("user", "  Hello \n"), ("assistant", "\n\n Hi! How can I help?\t ")],
    [("user", "Résumé in 日本語, 🙂👍🏽?"), ("assistant", "はい — 'naïve' & <b>\"ok\"</b> {{ x }} {% if %} {# #} \\n é ①")],
    [("user", "1 + 1?"), ("assistant", "<think>\nOne and one.\n</think>\n\n2"), ("user", "And 2 + 2?"), ("assistant", "<think>\n\n</think>\n\n4")],
    [("user", "Line one\r\nLine two\ttab"), ("assistant", "'s 're DON'T 1234567 3.14 a_b-c@d.e/f NaOH iPhone")],
    [("user", "None"), ("assistant", "")],
    [("user", ""), ("assistant", "True")],
    [("assistant", "I begin."), ("user", "And I answer."), ("assistant", "Good.")],
    [("user", "One"), ("user", "two"), ("assistant", "Three.")],
    [("user", "What is the weather?"), ("tool", "{\"sun\": true, \"wind\": [1, null]}"), ("assistant", "Sunny.")],
    [("critic", "A role that no template knows."), ("assistant", "Yes.")],
]
"""Turns with their roles, the last of which is judged."""

OTHER = "Something else, 7."
"""The response beside the one that is judged, where two are compared."""

MOST_TOKENS = 12
"""Of a tokenizer's added tokens, so many are put into a text."""


def probes(rules: TextRules) -> list[dict]:
    """Return what a model reads of each conversation, an embedding model of each turn; none for any other that takes no
    conversations."""
    kind = rules.manifest["kind"]
    if kind == "embedding":
        return [{"text": content} for talk in TALKS for _, content in talk if content]
    if kind == "choice":
        return [{"messages": talk[:-1]} | named(rules) for talk in talks(rules)]
    return [item for talk in talks(rules) for item in sequences(golden_item(talk, kind) | named(rules), kind)]


def golden_probes(rules: TextRules, max_tokens: int) -> list[dict]:
    """Return the conversations as golden items, but those without an answer, those that the model does not take, and
    where the text changes with the day all."""
    kind = rules.manifest["kind"]
    items = [golden_item(talk, kind) | named(rules) for talk in talks(rules) if talk[-1]["content"]]
    return [] if rules.dated else [item for item in items if all(taken(one, rules, max_tokens) for one in sequences(item, kind))]


def named(rules: TextRules) -> dict[str, str]:
    """Return texts for the fields that the template names beside the conversation."""
    return {name: OWN[name] for name in rules.part("template").get("fields") or {}}


def taken(item: dict, rules: TextRules, max_tokens: int) -> bool:
    """Tell whether a server takes an item: it has no more tokens than the model reads, and its text has all of its
    steps."""
    watched = Watched(rules.tokenizer, rules.template, rules.manifest, rules.pad)
    try:
        encoded = encode(watched, item)
    except ExportError:
        return False
    whole = "steps" not in item or (len(encoded.steps) == len(item["steps"]) and all(step in (watched.text or "") for step in item["steps"]))
    return whole and 0 < len(encoded.ids) <= max_tokens


def talks(rules: TextRules) -> list[list[dict[str, str]]]:
    """Return the conversations, and one with added tokens of the tokenizer in its text; none for a model that takes
    none."""
    if not rules.conversations:
        return []
    every = [*TALKS, [("user", f"Tokens{spelled(rules)} in a text"), ("assistant", "Seen.")]]
    return [[{"role": role, "content": content} for role, content in talk] for talk in every]


def spelled(rules: TextRules) -> str:
    """Return a text with added tokens of the tokenizer inside, but for a process model's separator, which ends a step
    wherever it stands."""
    separator = rules.part("steps").get("separator") or "\0"
    added = [token.content for _, token in sorted(rules.tokenizer.get_added_tokens_decoder().items())]
    return "".join(f" a{text}b" for text in [one for one in added if separator not in one][:MOST_TOKENS])


def golden_item(talk: list[dict[str, str]], kind: str) -> dict:
    """Return a conversation as a golden item of a kind of model."""
    before, said = talk[:-1], talk[-1]["content"]
    match kind:
        case "pair" | "preference":
            return {"messages": before, "chosen": said, "rejected": OTHER}
        case "process":
            middle = len(said) // 2
            return {"messages": before, "steps": [said[:middle], said[middle:], "The end."]}
        case "choice":
            return {"messages": before, "candidates": ["A", "B"]}
    return {"messages": talk}
