"""The client of programs without an event loop. Its connections may be used by many threads at once."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar, Unpack

import httpx

from . import routes, types
from .asks import Asks
from .batch import LINGER, MOST, Batcher
from .errors import Refused
from .items import Given
from .progress import bar
from .results import OnError, Result, Steps, Wait, chunks, collect, numbers
from .retry import Retry, Tries
from .routes import Call

T = TypeVar("T")
URL = "http://127.0.0.1:8080"
LIMITS = httpx.Timeout(600.0, connect=10.0, pool=None)
POOL = httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=30.0)  # the server closes idle ones after 120 s


def settings(url: str | None, token: str | None, run: str | None, headers: Mapping[str, str] | None) -> tuple[str, str | None, dict[str, str]]:
    """Return the address, the path of a Unix socket where that is one, and the headers of every request."""
    address = (url or os.environ.get("ASSAY_URL") or URL).rstrip("/")
    token = token or os.environ.get("ASSAY_CLIENT_TOKEN")
    sent = {"User-Agent": "assay-client", **(headers or {})}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    if run := run or os.environ.get("ASSAY_RUN"):
        sent["X-Assay-Run"] = run
    return ("http://localhost", address[5:], sent) if address.startswith("unix:") else (address, None, sent)


def remade(kind: Callable[..., T], made: Mapping[str, Any]) -> T:
    """Return a client with the arguments of another."""
    return kind(**made)


class Client(Asks):
    """Asks a server of Assay.

    url is http://HOST:PORT or unix:PATH; left out it is $ASSAY_URL, and else http://127.0.0.1:8080. token goes with
    every request ($ASSAY_CLIENT_TOKEN), and run names the training run that the server keeps numbers of ($ASSAY_RUN).
    model is asked where a call names none ($ASSAY_MODEL). Calls raise Refused, Unreachable or, where they are told to, ItemsFailed.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        model: str | None = None,
        token: str | None = None,
        run: str | None = None,
        retry: Retry | None = None,
        timeout: httpx.Timeout | float = LIMITS,
        headers: Mapping[str, str] | None = None,
        linger: float = LINGER,
        batch: int = MOST,
        concurrency: int = 4,
    ) -> None:
        self._made = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        self.url, socket, sent = settings(url, token, run, headers)
        self.model = model or os.environ.get("ASSAY_MODEL")
        self.retry, self.batch, self.concurrency = retry or Retry(), batch, concurrency
        self.limits = timeout if isinstance(timeout, httpx.Timeout) else httpx.Timeout(timeout)
        transport = httpx.HTTPTransport(limits=POOL, uds=socket)
        self._http = httpx.Client(base_url=self.url, headers=sent, transport=transport)
        self._small = Batcher(self._results, linger, batch)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return remade, (type(self), self._made)  # a worker that is sent a client opens connections of its own

    def __repr__(self) -> str:
        return f"assay.Client({self.url!r})"

    def send(self, call: Call[T], tries: Tries | None = None) -> T:
        """Return the answer of a call, which is sent again as the client's Retry says."""
        tries = tries or Tries(self.retry, call.repeatable)
        while True:
            try:
                response = self._http.request(**call.wire(), timeout=tries.timeout(self.limits))
            except httpx.TransportError as error:
                time.sleep(tries.broken(error))
                continue
            wait = tries.busy(response, call)
            if wait is None:
                return call.read(response)
            time.sleep(wait)

    def _drive(self, steps: Steps, tries: Tries) -> list[Result]:
        """Make the calls that steps yield."""
        answer, refused = None, None
        while True:
            try:
                call = steps.throw(refused) if refused else steps.send(answer)
            except StopIteration as end:
                results: list[Result] = end.value
                return results
            answer, refused = None, None
            if isinstance(call, Wait):
                time.sleep(call.seconds)
                continue
            try:
                answer = self.send(call, tries)
            except Refused as error:
                refused = error

    def _results(self, route: str, items: Sequence[Given], options: Mapping[str, Any]) -> list[Result]:
        """Return one result for each item of one batch."""
        ask: Callable[..., Call[Any]] = getattr(routes, route)
        tries = Tries(self.retry, True)
        return self._drive(collect(lambda part: ask(part, **options), items, tries), tries)

    def results(self, items: Iterable[Given], *, route: str = "score", progress: bool = False, **options: Any) -> list[Result]:
        """Return one result for each of any number of items, in order, of score, steps, choose, logprobs or tokenize.

        They go in requests of at most self.batch items, self.concurrency at a time. A result has what the route gives,
        or an error; an item that cannot be read fails alone.
        """
        parts, options = chunks(list(items), self.batch), self._named(options)
        shown = bar(sum(map(len, parts)), progress, route)
        done: list[Result] = []
        try:
            with ThreadPoolExecutor(self.concurrency) as pool:
                for part in pool.map(lambda one: self._results(route, one, options), parts):
                    done += part
                    shown.update(len(part))
        finally:
            shown.close()
        return done

    def scores(
        self, items: Iterable[Given], *, on_error: OnError = "none", progress: bool = False, **options: Unpack[types.ScoreOptions]
    ) -> list[float | None]:
        """Return the score of each of any number of items, in order; of one that failed None, or what on_error says."""
        return numbers(self.results(items, progress=progress, **options), lambda one: one.get("score"), on_error)

    def step_scores(
        self, items: Iterable[Given], *, aggregate: str = "min", on_error: OnError = "none", progress: bool = False, **options: Unpack[types.StepsOptions]
    ) -> list[float | None]:
        """Return one number of each item's steps: their min, product, mean or last."""
        return numbers(self.results(items, route="steps", progress=progress, **options), lambda one: one.get(aggregate), on_error)

    def score_one(self, item: Given, **options: Unpack[types.ScoreOptions]) -> types.ScoreResult:
        """Return the result of one item. Calls of several threads within a few milliseconds become one request."""
        result: types.ScoreResult = self._small.ask("score", item, self._named(options))
        return result

    def steps_one(self, item: Given, **options: Unpack[types.StepsOptions]) -> types.StepsResult:
        """Return the steps of one item, as score_one does."""
        result: types.StepsResult = self._small.ask("steps", item, self._named(options))
        return result
