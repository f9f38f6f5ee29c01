"""Every route of the server as a Call: what is sent, and how the answer is read. No connection is made here.

The keywords of each are the fields of its request (docs/API.md), whose types come from the OpenAPI document. Fields
that a later server takes go through as well.
"""

import dataclasses
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar, Unpack, cast
from urllib.parse import quote

import httpx

from . import types
from .affinity import prompt_header
from .errors import refusal
from .items import Given, item_of

T = TypeVar("T", covariant=True)
ANSWERS = {"results", "responses", "data", "ready"}  # one of them is in the answer whose every item failed, with their status


@dataclasses.dataclass(frozen=True)
class Call(Generic[T]):
    """One request. repeatable: it may be sent twice. waits: a busy server is asked again. plain: the answer is text.

    rows are sent as JSON lines behind the body, under a key by which the server knows them when they come again.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    query: tuple[tuple[str, str], ...] = ()
    repeatable: bool = True
    waits: bool = True
    plain: bool = False
    rows: tuple[Mapping[str, Any], ...] | None = None
    key: str = ""

    def wire(self) -> dict[str, Any]:
        """Return what httpx sends. JSON is ASCII, so that text with half a surrogate pair reaches the server, which names its item."""
        sent: dict[str, Any] = {"method": self.method, "url": self.path}
        if self.query:
            sent["params"] = self.query
        if self.rows is not None:
            lines = (json.dumps(line, allow_nan=False, separators=(",", ":")) for line in (self.body, *self.rows))
            sent["content"] = "\n".join(lines).encode("ascii")
            sent["headers"] = {"Content-Type": "application/x-ndjson", "Idempotency-Key": self.key}
        elif self.body is not None:
            sent["content"] = json.dumps(self.body, allow_nan=False, separators=(",", ":")).encode("ascii")
            sent["headers"] = {"Content-Type": "application/json", **prompt_header(self.body)}
        return sent

    def answered(self, response: httpx.Response) -> bool:
        """Whether a response is an answer, one whose items all failed included."""
        if response.is_success:
            return True
        if response.headers.get("content-type", "").split(";")[0] != "application/json":
            return False
        body = response.json()
        return isinstance(body, dict) and not ANSWERS.isdisjoint(body)

    def read(self, response: httpx.Response) -> T:
        """Return the answer, or raise Refused."""
        if not self.answered(response):
            raise refusal(response)
        return cast(T, response.text if self.plain else response.json())


def score(items: Iterable[Given], **options: Unpack[types.ScoreOptions]) -> Call[types.ScoreAnswer]:
    """How good is each item?"""
    return Call("POST", "/v1/score", {**options, "items": [item_of(one) for one in items]})


def steps(items: Iterable[Given], **options: Unpack[types.StepsOptions]) -> Call[types.StepsAnswer]:
    """Which step goes wrong?"""
    return Call("POST", "/v1/steps", {**options, "items": [item_of(one) for one in items]})


def choose(items: Iterable[Given], **options: Unpack[types.ChooseOptions]) -> Call[types.ChooseAnswer]:
    """Which of the candidates follows the prompt?"""
    return Call("POST", "/v1/choose", {**options, "items": [item_of(one) for one in items]})


def logprobs(items: Iterable[Given], **options: Unpack[types.LogprobsOptions]) -> Call[types.LogprobsAnswer]:
    """How likely is each token of the response?"""
    return Call("POST", "/v1/logprobs", {**options, "items": [item_of(one) for one in items]})


def tokenize(items: Iterable[Given], **options: Unpack[types.TokenizeOptions]) -> Call[types.TokenizeAnswer]:
    """What does the model see?"""
    return Call("POST", "/v1/tokenize", {**options, "items": [item_of(one) for one in items]})


def rank(prompt: "Prompt", responses: Iterable[str], /, **options: Unpack[types.RankOptions]) -> Call[types.RankAnswer]:
    """Which of these responses to one prompt, a text or the conversation before them, is best?"""
    return Call("POST", "/v1/rank", {**options, **asked(prompt), "responses": list(responses)})


def compare(prompt: "Prompt", responses: Iterable[str], /, **options: Unpack[types.CompareOptions]) -> Call[types.CompareAnswer]:
    """Which of these responses to one prompt is preferred to which, and how surely?"""
    return Call("POST", "/v1/compare", {**options, **asked(prompt), "responses": list(responses)})


def pairs(pairs: Iterable[Mapping[str, Any]], /, **options: Unpack[types.CompareOptions]) -> Call[types.CompareAnswer]:
    """Which response of each pair is preferred, and how surely? A pair has chosen, rejected, and its own prompt or messages."""
    return Call("POST", "/v1/compare", {**options, "pairs": [dict(one) for one in pairs]})


def embeddings(input: str | list[str] | list[int] | list[list[int]], **options: Unpack[types.EmbeddingsOptions]) -> Call[types.EmbeddingsAnswer]:
    """What is the vector of each text?"""
    return Call("POST", "/v1/embeddings", {**options, "input": input})


def models() -> Call[types.ModelsAnswer]:
    """What is loaded?"""
    return Call("GET", "/v1/models")


def load(name: str, **request: Unpack[types.LoadOptions]) -> Call[types.LoadAnswer]:
    """Serve a bundle in the place of the model of a name. Asking twice changes nothing the second time."""
    return Call("POST", f"/v1/models/{quote(name, safe='')}", cast(dict[str, Any], request))


def unload(name: str) -> Call[types.UnloadAnswer]:
    """Serve a model no longer."""
    return Call("DELETE", f"/v1/models/{quote(name, safe='')}", repeatable=False)


def recipes() -> Call[types.RecipesAnswer]:
    """Which recipes are served?"""
    return Call("GET", "/v1/recipes")


def runs() -> Call[types.RunsAnswer]:
    """Which training runs are watched?"""
    return Call("GET", "/v1/runs")


def run(name: str) -> Call[types.RunAnswer]:
    """What do the rewards of a run look like?"""
    return Call("GET", f"/v1/runs/{quote(name, safe='')}")


def start_job(question: str, rows: Iterable[Given], *, key: str | None = None, **options: Unpack[types.JobOptions]) -> Call[types.JobAnswer]:
    """Have many rows computed, and fetch their results later. The same rows under the same key are one job."""
    head = {"question": question, **options}
    return Call("POST", "/v1/jobs", head, rows=tuple(item_of(one) for one in rows), key=uuid.uuid4().hex if key is None else key)


def jobs() -> Call[types.JobsAnswer]:
    """Which jobs are there?"""
    return Call("GET", "/v1/jobs")


def job(name: str) -> Call[types.JobAnswer]:
    """How far is a job?"""
    return Call("GET", f"/v1/jobs/{quote(name, safe='')}")


def job_result(name: str, *, follow: bool = False, partial: bool = False, start: int = 1) -> Call[str]:
    """What came of the rows of a job, from one row on. follow waits for its end, and partial takes what there is."""
    query = [("follow", "true")] * follow + [("partial", "true")] * partial + [("from", str(start))] * (start > 1)
    return Call("GET", f"/v1/jobs/{quote(name, safe='')}/result", query=tuple(query), plain=True)


def lines_of(text: str) -> list[dict[str, Any]]:
    """Return the objects of JSON lines."""
    return [json.loads(line) for line in text.splitlines() if line]


def cancel_job(name: str) -> Call[types.JobAnswer]:
    """Stop a job, and keep what is computed of it."""
    return Call("POST", f"/v1/jobs/{quote(name, safe='')}/cancel")


def delete_job(name: str) -> Call[types.JobGone]:
    """Stop a job, and remove everything of it."""
    return Call("DELETE", f"/v1/jobs/{quote(name, safe='')}", repeatable=False)


def states() -> Call[types.StatesAnswer]:
    """Which states are there?"""
    return Call("GET", "/v1/state")


def state(name: str, keys: Iterable[str] = (), prompts: Iterable[str] = (), quantile: float | None = None) -> Call[types.StateAnswer]:
    """What does a state know of some keys?"""
    query = [("key", key) for key in keys] + [("prompt", prompt) for prompt in prompts]
    if quantile is not None:
        query.append(("quantile", repr(quantile)))
    return Call("GET", f"/v1/state/{quote(name, safe='')}", query=tuple(query))


def change_state(name: str, **request: Unpack[types.StateOptions]) -> Call[types.StateInfo]:
    """Declare, update or reset a state. It is not repeated when its answer was lost."""
    return Call("POST", f"/v1/state/{quote(name, safe='')}", cast(dict[str, Any], request), repeatable=False)


def delete_state(name: str, expect_version: int | None = None) -> Call[types.StateGone]:
    """Delete a state and its declaration."""
    query = () if expect_version is None else (("expect_version", str(expect_version)),)
    return Call("DELETE", f"/v1/state/{quote(name, safe='')}", query=query, repeatable=False)


def read_state(name: str, queries: Iterable[Mapping[str, Any]]) -> Call[types.StateAnswer]:
    """What does a state know of keys, users and texts?"""
    return Call("POST", f"/v1/state/{quote(name, safe='')}/read", {"queries": [dict(one) for one in queries]})


def snapshot(name: str) -> Call[types.StateSnapshot]:
    """A whole state at one moment."""
    return Call("GET", f"/v1/state/{quote(name, safe='')}/snapshot")


def restore(name: str, snapshot: Mapping[str, Any]) -> Call[types.StateInfo]:
    """Put a snapshot in a state's place."""
    return Call("POST", f"/v1/state/{quote(name, safe='')}/restore", snapshot, repeatable=False)


def alive() -> Call[types.AliveAnswer]:
    """Does the process live? A busy server is not asked again."""
    return Call("GET", "/healthz", waits=False)


def ready() -> Call[types.ReadyAnswer]:
    """Does every model score? Not ready is an answer too, and is not asked again."""
    return Call("GET", "/readyz", waits=False)


def metrics() -> Call[str]:
    """Prometheus metrics."""
    return Call("GET", "/metrics", plain=True)


def openapi() -> Call[dict[str, Any]]:
    """The schemas of all routes."""
    return Call("GET", "/openapi.json")


Prompt = str | list[Mapping[str, Any]]


def asked(prompt: Prompt) -> dict[str, Any]:
    """Return the field that a prompt goes into: prompt of a text, messages of a conversation."""
    return {"prompt": prompt} if isinstance(prompt, str) else {"messages": [dict(turn) for turn in prompt]}
