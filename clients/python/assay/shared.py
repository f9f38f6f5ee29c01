"""Clients that reward functions share: one of each kind for each process, and for coroutines one for each event loop."""

import asyncio
import json
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from .aio import AsyncClient
from .client import Client
from .errors import ItemsFailed
from .parts import part
from .results import OnError, Result, error_of, lacking

LOCK = threading.Lock()
CLIENTS: dict[str, Client] = {}
LOOPS: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AsyncClient]] = weakref.WeakKeyDictionary()


def client(made: Client | Mapping[str, Any]) -> Client:
    """Return the client, or the process's own with these arguments."""
    if isinstance(made, Client):
        return made
    name = json.dumps(dict(made), sort_keys=True, default=repr)
    with LOCK:
        if name not in CLIENTS:
            CLIENTS[name] = Client(**made)
        return CLIENTS[name]


def async_client(made: Mapping[str, Any]) -> AsyncClient:
    """Return the running loop's own client with these arguments."""
    name = json.dumps(dict(made), sort_keys=True, default=repr)
    clients = LOOPS.setdefault(asyncio.get_running_loop(), {})
    if name not in clients:
        clients[name] = AsyncClient(**made)
    return clients[name]


def on_error_of(given: OnError | None, usual: OnError) -> OnError:
    """Return what is done with an item that failed: as given, as $ASSAY_ON_ERROR says, or as the trainer can carry it."""
    said = os.environ.get("ASSAY_ON_ERROR")
    if given is not None:
        return given
    if said in ("none", "raise"):
        return "none" if said == "none" else "raise"
    return float(said) if said else usual


def table(results: Sequence[Result], names: Sequence[str], on_error: OnError) -> list[list[float | None]]:
    """Return the named numbers of each result, a row each. A row that lacks one of them has none, or what on_error says.

    Where several numbers make a reward, trainers add up what is there, so half a row would count as 0 for the rest.
    """
    rows = [[part(result, name) for name in names] for result in results]
    whole = [None not in row and "error" not in result for row, result in zip(rows, results, strict=True)]
    if on_error == "raise" and not all(whole):
        raise ItemsFailed({place: error_of(results[place]) or lacking(names) for place, ok in enumerate(whole) if not ok}, len(results))
    instead = None if isinstance(on_error, str) else float(on_error)
    return [row if ok else [instead] * len(names) for row, ok in zip(rows, whole, strict=True)]
