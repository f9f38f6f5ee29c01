"""The client of programs with an event loop. One AsyncClient belongs to the loop that it is first used in."""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self, TypeVar, Unpack

import httpx

from . import routes, types
from .asks_async import AsyncAsks
from .batch import LINGER, MOST, AsyncBatcher
from .client import LIMITS, POOL, remade, settings
from .errors import Refused
from .items import Given
from .progress import bar
from .results import OnError, Result, Steps, Wait, chunks, collect, numbers
from .retry import Retry, Tries
from .routes import Call

T = TypeVar("T")


class AsyncClient(AsyncAsks):
    """Asks a server of Assay from coroutines; its arguments are those of Client."""

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
        transport = httpx.AsyncHTTPTransport(limits=POOL, uds=socket)
        self._http = httpx.AsyncClient(base_url=self.url, headers=sent, transport=transport)
        self._small = AsyncBatcher(self._results, linger, batch)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return remade, (type(self), self._made)  # a worker that is sent a client opens connections of its own

    def __repr__(self) -> str:
        return f"assay.AsyncClient({self.url!r})"

    async def send(self, call: Call[T], tries: Tries | None = None) -> T:
        """Return the answer of a call, which is sent again as the client's Retry says."""
        tries = tries or Tries(self.retry, call.repeatable)
        while True:
            try:
                response = await self._http.request(**call.wire(), timeout=tries.timeout(self.limits))
            except httpx.TransportError as error:
                await asyncio.sleep(tries.broken(error))
                continue
            wait = tries.busy(response, call)
            if wait is None:
                return call.read(response)
            await asyncio.sleep(wait)

    async def _drive(self, steps: Steps, tries: Tries) -> list[Result]:
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
                await asyncio.sleep(call.seconds)
                continue
            try:
                answer = await self.send(call, tries)
            except Refused as error:
                refused = error

    async def _results(self, route: str, items: Sequence[Given], options: Mapping[str, Any]) -> list[Result]:
        """Return one result for each item of one batch."""
        ask: Callable[..., Call[Any]] = getattr(routes, route)
        tries = Tries(self.retry, True)
        return await self._drive(collect(lambda part: ask(part, **options), items, tries), tries)

    async def results(self, items: Iterable[Given], *, route: str = "score", progress: bool = False, **options: Any) -> list[Result]:
        """Return one result for each of any number of items, in order, as Client.results does."""
        parts, options = chunks(list(items), self.batch), self._named(options)
        shown = bar(sum(map(len, parts)), progress, route)
        free = asyncio.Semaphore(self.concurrency)

        async def one(part: Sequence[Given]) -> list[Result]:
            async with free:
                done = await self._results(route, part, options)
            shown.update(len(part))
            return done

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(part)) for part in parts]
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            shown.close()
        return [result for task in tasks for result in task.result()]

    async def scores(
        self, items: Iterable[Given], *, on_error: OnError = "none", progress: bool = False, **options: Unpack[types.ScoreOptions]
    ) -> list[float | None]:
        """Return the score of each of any number of items, in order; of one that failed None, or what on_error says."""
        return numbers(await self.results(items, progress=progress, **options), lambda one: one.get("score"), on_error)

    async def step_scores(
        self, items: Iterable[Given], *, aggregate: str = "min", on_error: OnError = "none", progress: bool = False, **options: Unpack[types.StepsOptions]
    ) -> list[float | None]:
        """Return one number of each item's steps: their min, product, mean or last."""
        return numbers(await self.results(items, route="steps", progress=progress, **options), lambda one: one.get(aggregate), on_error)

    async def score_one(self, item: Given, **options: Unpack[types.ScoreOptions]) -> types.ScoreResult:
        """Return the result of one item. Calls of several tasks within a few milliseconds become one request."""
        result: types.ScoreResult = await self._small.ask("score", item, self._named(options))
        return result

    async def steps_one(self, item: Given, **options: Unpack[types.StepsOptions]) -> types.StepsResult:
        """Return the steps of one item, as score_one does."""
        result: types.StepsResult = await self._small.ask("steps", item, self._named(options))
        return result
