"""Servers as Ray actors: replicas with GPUs of their own, and a handle that sends each prompt where its cache is.

    handle = assay.ray.serve(2, flags=["--bundle", "/models/rm"], num_gpus=1)
    handle.scores([("12 + 30?", "42"), ("12 + 30?", "41")])

A handle travels to tasks and actors, and stands where a client does: assay.trl.reward(handle). A replica that dies is
started again by Ray, and asked again by the handle.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import ray

from .client import Client
from .errors import AssayError, Unreachable
from .items import Given, item_of
from .results import OnError, Result, numbers
from .retry import Retry
from .routes import Prompt
from .types import RankAnswer

T = TypeVar("T")
LIBC = ctypes.CDLL(None)  # loaded here, since a child of a process with threads should load nothing
START = 600.0  # seconds in which a server loads its models, or is said not to have started


def with_parent() -> None:
    """Have Linux stop the process that calls this when the one that started it is gone, however that ended."""
    if sys.platform == "linux":
        LIBC.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Replica:
    """One server of the binary, on a free port of its node, which ends with the actor."""

    def __init__(self, binary: str, flags: Sequence[str], token: str | None, host: str) -> None:
        found = shutil.which(binary)
        if found is None:
            raise AssayError(f"ray: there is no {binary} on this node; binary= names the server, or put it on PATH")
        address = ray.util.get_node_ip_address() if host == "node" else host
        environment = {**os.environ, **({"ASSAY_TOKEN": token} if token else {})}
        open_to_all = [] if token or address in ("127.0.0.1", "localhost") else ["--allow-anonymous"]
        gpus = ray.get_runtime_context().get_accelerator_ids().get("GPU", [])
        device = ["--device", "cuda:" + ",".join(str(place) for place in range(len(gpus)))] if gpus else []  # Ray shows the actor its own alone
        command = [found, "serve", "--listen", f"{address}:0", *open_to_all, *device, *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, preexec_fn=with_parent)
        self.said: list[str] = []
        self.ready = threading.Event()
        self.url = ""
        threading.Thread(target=self.listen, daemon=True).start()
        if not self.ready.wait(START) or not self.url:
            self.process.kill()
            raise AssayError(f"ray: the server did not start: {' '.join(self.said[-5:])}")

    def listen(self) -> None:
        """Read what the server says, so that its pipe never fills; its address is in it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said = [*self.said[-20:], line.strip()]
            if found := re.search(r"is ready on (http://\S+)", line):
                self.url = found[1]
                self.ready.set()
        self.ready.set()
        self.process.wait()

    def address(self) -> str:
        """Return where the server listens. When it has died, the actor ends too, and Ray starts both again."""
        if self.process.poll() is not None:
            os._exit(1)
        return self.url

    def stop(self) -> None:
        """Drain the server."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(60)


class Handle:
    """What tasks ask: each item goes to the replica of its prompt, so that responses to one prompt share what is computed."""

    def __init__(self, replicas: Sequence[Any], settings: Mapping[str, Any], patience: float) -> None:
        self.replicas, self.settings, self.patience = list(replicas), dict(settings), patience
        self.lock = threading.Lock()
        self.clients: dict[int, Client] = {}
        self.model = settings.get("model")
        self.concurrency = len(self.replicas) * 2

    def __reduce__(self) -> tuple[Any, ...]:
        return Handle, (self.replicas, self.settings, self.patience)

    def place(self, item: Given) -> int:
        """Return the replica of an item: a hash of its prompt, or of its text, which is the same in every process."""
        wire = item_of(item)
        about = wire.get("prompt") or wire.get("messages", [])[:-1] or wire.get("text") or wire.get("input_ids") or wire
        digest = hashlib.sha256(json.dumps(about, sort_keys=True, default=repr).encode()).digest()
        return int.from_bytes(digest[:8], "big") % len(self.replicas)

    def client(self, place: int) -> Client:
        """Return a client of a replica, whose address is asked for again once it did not answer."""
        with self.lock:
            if place not in self.clients:
                url = ray.get(self.replicas[place].address.remote(), timeout=START)
                self.clients[place] = Client(url, **self.settings)
            return self.clients[place]

    def forget(self, place: int, client: Client) -> None:
        """Drop a client that did not reach its replica."""
        with self.lock:
            if self.clients.get(place) is client:
                del self.clients[place]
        client.close()

    def reach(self, place: int, ask: Callable[[Client], T]) -> T:
        """Return what a replica answers, also when it dies on the way."""
        ends = time.monotonic() + self.patience
        while True:
            client = None
            try:
                client = self.client(place)
                return ask(client)
            except (Unreachable, ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError) as error:
                if client is not None:
                    self.forget(place, client)
                if time.monotonic() >= ends:
                    raise Unreachable(f"ray: replica {place} did not come back within {self.patience:g} s") from error
                time.sleep(0.2)

    def results(self, items: Iterable[Given], *, route: str = "score", **options: Any) -> list[Result]:
        """Return one result for each item, in order, as Client.results does."""
        listed = list(items)
        places: dict[int, list[int]] = {}
        for number, item in enumerate(listed):
            places.setdefault(self.place(item), []).append(number)
        results: list[Result] = [None] * len(listed)
        failures: list[BaseException] = []

        def one(place: int, own: list[int]) -> None:
            try:
                found = self.reach(place, lambda client: client.results([listed[number] for number in own], route=route, **options))
                for number, result in zip(own, found, strict=True):
                    results[number] = result
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=one, args=pair) for pair in places.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return results

    def scores(self, items: Iterable[Given], *, on_error: OnError = "none", **options: Any) -> list[float | None]:
        """Return the score of each item, in order; of one that failed None, or what on_error says."""
        return numbers(self.results(items, **options), lambda one: one.get("score"), on_error)

    def step_scores(self, items: Iterable[Given], *, aggregate: str = "min", on_error: OnError = "none", **options: Any) -> list[float | None]:
        """Return one number of each item's steps: their min, product, mean or last."""
        return numbers(self.results(items, route="steps", **options), lambda one: one.get(aggregate), on_error)

    def rank(self, prompt: Prompt, responses: Iterable[str], /, **options: Any) -> RankAnswer:
        """Return the responses to one prompt, ordered, with what a strategy selects of them."""
        listed = list(responses)
        place = self.place({"prompt": prompt} if isinstance(prompt, str) else {"messages": [*prompt, {}]})
        return self.reach(place, lambda client: client.rank(prompt, listed, **options))

    def urls(self) -> list[str]:
        """Return the addresses of the replicas."""
        return [self.client(place).url for place in range(len(self.replicas))]

    def stop(self) -> None:
        """Drain the servers and end the actors."""
        for client in self.clients.values():
            client.close()
        self.clients = {}
        with contextlib.suppress(ray.exceptions.RayActorError):
            ray.get([replica.stop.remote() for replica in self.replicas])
        for replica in self.replicas:
            ray.kill(replica)


def serve(
    replicas: int = 1,
    *,
    flags: Sequence[str] = (),
    binary: str = "assay",
    num_gpus: float = 0,
    num_cpus: float = 1,
    host: str = "node",
    token: str | None = None,
    model: str | None = None,
    run: str | None = None,
    patience: float = 300.0,
    actor: Mapping[str, Any] | None = None,
) -> Handle:
    """Start replicas of the server, each an actor with so many GPUs and processors, and return a handle.

    flags are those of `assay serve`; binary is its path on every node. host is the address to listen on: the node's own
    (with a token, or for everybody who reaches it), or 127.0.0.1 on one machine. patience is how many seconds a replica
    that died may take to come back. actor has further options of Ray, as resources or scheduling_strategy.
    """
    kind = ray.remote(Replica).options(num_gpus=num_gpus, num_cpus=num_cpus, max_restarts=-1, **(actor or {}))
    made = [kind.remote(binary, list(flags), token, host) for _ in range(replicas)]
    settings = {"token": token, "model": model, "run": run, "retry": Retry(reach=2.0)}
    handle = Handle(made, settings, patience)
    try:
        ray.get([replica.address.remote() for replica in made])
    except ray.exceptions.RayError:
        for replica in made:
            ray.kill(replica)
        raise
    return handle
