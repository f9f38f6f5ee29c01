"""What trainers have, prompts, completions and columns, as questions to the server."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from . import types
from .errors import Refused
from .items import Turn, pair, turn
from .results import Result

Text = str | Sequence[Turn]


class Asker(Protocol):
    """What rows are asked through: a Client, or the handle of replicas on Ray."""

    concurrency: int

    def results(self, items: Sequence[Mapping[str, Any]], *, route: str = "score", **options: Any) -> list[Result]:
        """Return one result for each item."""

    @property
    def rank(self) -> Callable[..., types.RankAnswer]:
        """Of a prompt, its responses and options: the responses, ordered."""


@dataclasses.dataclass(frozen=True)
class Question:
    """How rows are asked about.

    columns names, by field of an item (reference, principle, user, …), the column that has it; given does the same for
    the fields of a recipe. With steps (min, product, mean or last) a process model is asked, and separator splits the
    response. With group, rows of the same prompt are ranked together, as recipes over groups want it. options go with
    every request: model, params, truncate, activation and so on.
    """

    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    given: Mapping[str, str] = dataclasses.field(default_factory=dict)
    steps: str | None = None
    separator: str | None = None
    group: bool = False
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def beside(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that stand beside the response of a row; a column that is missing is an error, an empty cell is left out."""
        found = {field: row[column] for field, column in self.columns.items()}
        if self.separator is not None:
            found["separator"] = self.separator
        if self.given:
            found["given"] = {field: row[column] for field, column in self.given.items() if row[column] is not None}
        return {field: value for field, value in found.items() if value is not None}

    def items(self, prompts: Sequence[Text], completions: Sequence[Text], columns: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the item of each row."""
        wanted = {*self.columns.values(), *self.given.values()}
        if missing := sorted(wanted - columns.keys()):
            raise KeyError(f"there is no column {', '.join(missing)}; there are {', '.join(sorted(columns))}")
        rows = [{name: columns[name][place] for name in wanted} for place in range(len(prompts))]
        return [pair(*texts, **self.beside(row)) for *texts, row in zip(prompts, completions, rows, strict=True)]

    def results(self, client: Asker, prompts: Sequence[Text], completions: Sequence[Text], columns: Mapping[str, Any]) -> list[Result]:
        """Return the result of each row."""
        items = self.items(prompts, completions, columns)
        if self.group:
            return ranked(client, items, self.options)
        return client.results(items, route="steps" if self.steps else "score", **self.options)


def ranked(client: Asker, items: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> list[Result]:
    """Return a result for each item, of one rank for all that differ in their response alone. A group that is refused fails alone."""
    groups: dict[str, tuple[dict[str, Any], list[int]]] = {}
    for place, item in enumerate(items):
        alike = {key: value for key, value in item.items() if key not in ("response", "messages", "given")}
        if "messages" in item:
            alike["messages"] = item["messages"][:-1]
        groups.setdefault(json.dumps(alike, sort_keys=True, default=repr), (alike, []))[1].append(place)

    def ask(group: tuple[dict[str, Any], list[int]]) -> list[Result]:
        alike, places = dict(group[0]), group[1]
        prompt = alike.pop("messages", None) or alike.pop("prompt")
        responses = [items[place].get("response", "") or items[place]["messages"][-1]["content"] for place in places]
        if any("given" in items[place] for place in places):
            alike["given"] = [items[place].get("given", {}) for place in places]
        try:
            answer = client.rank(prompt, responses, **{**options, **alike})
        except Refused as refused:
            if refused.status not in (400, 413, 422):
                raise
            return [{"error": refused.problem} for _ in places]
        return list(answer["responses"])

    results: list[Result] = [None] * len(items)
    with ThreadPoolExecutor(client.concurrency) as pool:
        for (_, places), found in zip(groups.values(), pool.map(ask, groups.values()), strict=True):
            for place, result in zip(places, found, strict=True):
                results[place] = result
    return results


def text_of(completion: Text) -> str:
    """Return the text of a completion: itself, or the last turn's."""
    return completion if isinstance(completion, str) else str(turn(completion[-1])["content"])
