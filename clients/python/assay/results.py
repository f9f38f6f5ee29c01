"""Many items: how they are sent in requests, so that each gets one result, and what becomes of one that failed."""

import dataclasses
from collections.abc import Callable, Generator, Sequence
from typing import Any, Literal

from .errors import TOO_LARGE, ItemsFailed, Refused
from .items import Given
from .retry import BUSY, Tries
from .routes import Call
from .types import Problem

OnError = Literal["none", "raise"] | float
Result = Any  # of the route: ScoreResult, StepsResult, …
Steps = Generator["Call[Any] | Wait", Any, list[Result]]



@dataclasses.dataclass(frozen=True)
class Wait:
    """So many seconds before the next call."""

    seconds: float


def collect(make: Callable[[Sequence[Given]], Call[Any]], items: Sequence[Given], tries: Tries) -> Steps:
    """Yield calls, take their answers (or Refused) and return one result for each item, in order.

    A request that is refused for one of its items is sent without it, and that item's result has the refusal as its
    error. One that is too large is halved. Items that failed because the server was busy are asked for again, as long
    as tries allow. What concerns the whole request is raised.
    """
    results: list[Result] = [None] * len(items)
    waiting = [list(range(len(items)))]
    while waiting:
        places = waiting.pop()
        try:
            answer = yield make([items[place] for place in places])
        except Refused as refused:
            if refused.item is not None and refused.item < len(places):
                results[places.pop(refused.item)] = {"error": refused.problem}
            elif refused.code in TOO_LARGE and len(places) == 1:
                results[places.pop()] = {"error": refused.problem}
            elif refused.code in TOO_LARGE:
                waiting.append(places[len(places) // 2 :])
                places = places[: len(places) // 2]
            else:
                raise
            waiting += [places] if places else []
            continue
        for place, result in zip(places, answer["results"], strict=True):
            results[place] = result
        busy = [place for place in places if results[place].get("error", {}).get("status") in BUSY]
        if busy and (wait := tries.wait()) is not None:
            yield Wait(wait)
            waiting.append(busy)
    return results


def numbers(results: Sequence[Result], number: Callable[[Result], float | None], on_error: OnError) -> list[float | None]:
    """Return the number of each result, and of one that failed what on_error says: None, an exception, or that number."""
    if isinstance(on_error, str) and on_error not in ("none", "raise"):
        raise ValueError(f"on_error is 'none', 'raise' or a number, not {on_error!r}")
    found = [None if "error" in result else number(result) for result in results]
    failures = {place: error_of(results[place]) or lacking(["such number"]) for place, one in enumerate(found) if one is None}
    if failures and on_error == "raise":
        raise ItemsFailed(failures, len(results))
    instead = None if isinstance(on_error, str) else float(on_error)
    return [instead if one is None else one for one in found]


def error_of(result: Result) -> Problem | None:
    """Return why a result has no number, or None."""
    error: Problem | None = result.get("error")
    return error


def chunks(items: Sequence[Given], size: int) -> list[Sequence[Given]]:
    """Return the items in lists of at most so many, in order."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def lacking(names: Sequence[str]) -> Problem:
    """Return the problem of a result that has no error, and not every number that is wanted of it either."""
    return {"code": "undefined", "status": 422, "title": "There is no number", "detail": f"the result has no {' or no '.join(names)}"}
