"""Many small calls made one: items that arrive within a few milliseconds, with the same options, go in one request."""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from .items import Given
from .results import Result

LINGER = 0.004  # seconds that the first item waits for others
MOST = 256  # items of one request


def key(route: str, options: Mapping[str, Any]) -> tuple[str, str]:
    """Return what two calls must have in common to go together."""
    return route, json.dumps(options, sort_keys=True)


class AsyncBatcher:
    """Gathers the items of one event loop's tasks. send gets a route, items and options, and returns one result for each."""

    def __init__(self, send: Callable[[str, Sequence[Given], Mapping[str, Any]], Awaitable[list[Result]]], linger: float, most: int) -> None:
        self.send, self.linger, self.most = send, linger, most
        self.open: dict[tuple[str, str], list[tuple[Given, asyncio.Future[Result]]]] = {}
        self.running: set[asyncio.Task[None]] = set()

    async def ask(self, route: str, item: Given, options: Mapping[str, Any]) -> Result:
        """Return the result of one item."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        name = key(route, options)
        group = self.open.setdefault(name, [])
        group.append((item, future))
        if len(group) == 1:
            loop.call_later(self.linger, self.leave, name, group, options)
        if len(group) >= self.most:
            self.leave(name, group, options)
        return await future

    def leave(self, name: tuple[str, str], group: list[tuple[Given, asyncio.Future[Result]]], options: Mapping[str, Any]) -> None:
        """Send a group, unless it has gone already because it was full."""
        if self.open.get(name) is group:
            del self.open[name]
            task = asyncio.ensure_future(self.settle(name[0], group, options))
            self.running.add(task)
            task.add_done_callback(self.running.discard)

    async def settle(self, route: str, group: list[tuple[Given, asyncio.Future[Result]]], options: Mapping[str, Any]) -> None:
        """Give every item of a group its result, or all of them what the request failed with."""
        wanted = [(item, future) for item, future in group if not future.done()]  # a task that was cancelled wants nothing
        try:
            results = await self.send(route, [item for item, _ in wanted], options) if wanted else []
        except BaseException as error:
            for _, future in wanted:
                if isinstance(error, Exception) and not future.done():
                    future.set_exception(error)
                future.cancel()
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), result in zip(wanted, results, strict=True):
            if not future.done():
                future.set_result(result)


class Batcher:
    """Gathers the items of many threads: the first of a group waits for the others, sends all of them and hands the results out."""

    def __init__(self, send: Callable[[str, Sequence[Given], Mapping[str, Any]], list[Result]], linger: float, most: int) -> None:
        self.send, self.linger, self.most = send, linger, most
        self.lock = threading.Lock()
        self.open: dict[tuple[str, str], list[tuple[Given, Future[Result]]]] = {}

    def ask(self, route: str, item: Given, options: Mapping[str, Any]) -> Result:
        """Return the result of one item."""
        future: Future[Result] = Future()
        name = key(route, options)
        with self.lock:
            group = self.open.setdefault(name, [])
            group.append((item, future))
            first = len(group) == 1
            if len(group) >= self.most:
                del self.open[name]
        if first:
            time.sleep(self.linger)
            with self.lock:
                if self.open.get(name) is group:
                    del self.open[name]
            self.settle(route, group, options)
        return future.result()

    def settle(self, route: str, group: list[tuple[Given, "Future[Result]"]], options: Mapping[str, Any]) -> None:
        """Give every item of a group its result, or all of them what the request failed with."""
        try:
            results = self.send(route, [item for item, _ in group], options)
        except BaseException as error:
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)
