"""What may go wrong, each with the stable codes of docs/API.md."""

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx

from .types import Problem

TOO_LARGE = {"body_too_large", "too_many_items", "over_budget"}  # the request as a whole: a smaller one may do


class AssayError(RuntimeError):
    """Anything that this package raises of itself."""


class Unreachable(AssayError):
    """No answer came within the time that the client's Retry allows; the last failure is its cause."""


class Refused(AssayError):
    """The server refused a whole request, and says why.

    code, status, title and detail are of its problem-details body; where an answer has none, as of a proxy in between,
    the code is http_STATUS. request_id finds the request in the server's log.
    """

    def __init__(self, problem: Mapping[str, Any], request_id: str = "") -> None:
        super().__init__(f"{problem['code']} ({problem['status']}): {problem['detail']}")
        self.code: str = problem["code"]
        self.status: int = problem["status"]
        self.title: str = problem["title"]
        self.detail: str = problem["detail"]
        self.request_id = request_id

    @property
    def problem(self) -> Problem:
        """The same as the error of an item."""
        return {"code": self.code, "status": self.status, "title": self.title, "detail": self.detail}

    @property
    def item(self) -> int | None:
        """The place of the item that the request was refused for, where the detail names one."""
        found = re.match(r"(?:items|pairs|responses|input)\[(\d+)\]", self.detail)
        return int(found[1]) if found and self.status in (400, 413, 422) else None


class ItemsFailed(AssayError):
    """Some items have no number: failures has the problem of each, by its place among the items."""

    def __init__(self, failures: Mapping[int, Problem], count: int) -> None:
        first, problem = next(iter(failures.items()))
        super().__init__(f"{len(failures)} of {count} items failed; item {first}: {problem['code']}: {problem['detail']}")
        self.failures = dict(failures)


def refusal(response: httpx.Response) -> Refused:
    """Return what a response that is no answer says."""
    request_id = response.headers.get("x-request-id", "")
    try:
        problem = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        problem = None
    if not (isinstance(problem, dict) and {"code", "status", "title", "detail"} <= problem.keys()):
        text = response.text[:300] or response.reason_phrase
        problem = {"code": f"http_{response.status_code}", "status": response.status_code, "title": response.reason_phrase, "detail": text}
    return Refused(problem, request_id)
