#!/usr/bin/env python3
"""Three real replicas behind a real HAProxy with haproxy.cfg: what the cache gives, and what a replica that dies costs.

First the same requests are made of one server, whose cache holds as much as those of three replicas together; of three
replicas with requests routed by prompt; and of three replicas at random. The replicas must find nearly as many tokens
in their caches as the one server did. Then one of three replicas is killed while many clients ask. A client without
retries may lose only what the dead replica had in hand, and a client with retries nothing; every score must be that of
the undisturbed server.

It starts what it needs on free ports of the loopback interface, and ends by itself.
"""

import collections
import contextlib
import itertools
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
from assay import NEVER, Client, Refused, Retry, Unreachable
from assay.affinity import HEADER, prompt_header

ROOT = pathlib.Path(__file__).parents[2]
CONFIG = (ROOT / "deploy" / "haproxy" / "haproxy.cfg").read_text()
BY_PROMPT = "balance hdr(X-Assay-Prompt)"
RETRIES = "retry-on conn-failure empty-response"
PROMPTS, RESPONSES, CLIENTS = 90, 8, 24
BLOCK = 16  # tokens of a block of the cache
LEAST = 0.95  # of one server's share of cached tokens

Pair = tuple[str, str]


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def workload(seed: int) -> list[Pair]:
    """Return every response to every prompt, in the order in which rollouts end: any."""
    made = random.Random(seed)
    prompts = [" ".join(f"{made.randrange(100)} + {made.randrange(100)}?" for _ in range(20)) for _ in range(PROMPTS)]
    pairs = [(prompt, f"It is {n}.") for prompt, n in itertools.product(prompts, range(RESPONSES))]
    made.shuffle(pairs)
    return pairs


def metric(address: str, series: str) -> float:
    """Return a number of /metrics."""
    text = httpx.get(f"http://{address}/metrics", timeout=30).text
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    assert found, f"/metrics has no {series}"
    return float(found[1])


class Replica:
    """A server of the checkout's binary with one thread and a small cache."""

    def __init__(self, cache: int) -> None:
        command = [str(ROOT / "bin" / "assay"), "serve", "--listen", "127.0.0.1:0", "--threads", "1", "--batch-tokens", "1024"]
        self.process = subprocess.Popen([*command, "--cache", str(cache)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        found = re.search(r"ready on http://(\S+) with", said)
        if not found:
            sys.exit(f"a replica did not start: {said}")
        self.address = found[1]

    def count(self, name: str) -> float:
        """Return a counter of the model that is asked."""
        return metric(self.address, name + '{model="arith-rm"}')

    def stop(self) -> None:
        """Stop it, and see that it ends."""
        self.process.terminate()
        self.process.wait(60)


@contextlib.contextmanager
def replicas(number: int, cache: int) -> Iterator[list[Replica]]:
    """Start servers, and stop them in the end."""
    with contextlib.ExitStack() as stack:
        started = []
        for _ in range(number):
            started.append(Replica(cache))
            stack.callback(started[-1].stop)
        yield started


class Proxy:
    """HAProxy with the configuration before three replicas. changes replace a line of it each."""

    def __init__(self, three: list[Replica], folder: str, *changes: tuple[str, str]) -> None:
        config = CONFIG
        for line, other in changes:
            assert config.count(line) == 1, f"haproxy.cfg has no line {line!r}"
            config = config.replace(line, other)
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            listen, self.metrics = (f"127.0.0.1:{free.getsockname()[1]}" for free in (one, two))
        path = pathlib.Path(folder, "haproxy.cfg")
        path.write_text(config)
        given = {f"REPLICA_{n}": replica.address for n, replica in enumerate(three, 1)}
        environment = {**os.environ, **given, "LISTEN": listen, "METRICS": self.metrics}
        self.log = pathlib.Path(folder, "log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen([ROOT / ".runtime/debian/haproxy", "-db", "-f", path], env=environment, stderr=log)
        self.url = f"http://{listen}"

    def stop(self) -> None:
        """Let it end what it has begun, and stop it; then its log is whole."""
        self.process.send_signal(signal.SIGUSR1)
        self.process.wait(30)

    def homes(self) -> dict[str, set[str]]:
        """Return the replicas that answered about each prompt, by the prompt's header; of a proxy that was stopped."""
        homes = collections.defaultdict(set)
        for line in self.log.read_text().splitlines():
            if line.startswith("request="):
                fields = dict(field.split("=", 1) for field in line.split())
                if fields["prompt"] != "-" and fields["status"] == "200":
                    homes[fields["prompt"]].add(fields["replica"])
        return homes


@contextlib.contextmanager
def proxy(three: list[Replica], *changes: tuple[str, str]) -> Iterator[Proxy]:
    """Start HAProxy, wait until it passes requests on, and stop it in the end."""
    with tempfile.TemporaryDirectory() as folder:
        started = Proxy(three, folder, *changes)
        try:
            with Client(started.url, retry=Retry(total=30, first=0.05, most=0.1)) as client:
                client.models()
            yield started
        finally:
            started.stop()


Answered = Callable[[Pair, float, object], None]  # is told of a score or an error, and when it was asked for


def ask_all(url: str, pairs: list[Pair], retry: Retry, each: Answered, asking: Callable[[Pair], None] = lambda _: None) -> None:
    """Ask about every pair, each in a request of its own, CLIENTS at a time. asking is told of a pair before it is asked."""
    with Client(url, model="arith-rm", retry=retry) as client, ThreadPoolExecutor(CLIENTS) as pool:

        def one(pair: Pair) -> None:
            asking(pair)
            began = time.monotonic()
            try:
                given: object = client.score([pair])["results"][0]["score"]
            except (Refused, Unreachable) as error:
                given = error
            each(pair, began, given)

        list(pool.map(one, pairs))


def share(url: str, servers: list[Replica], pairs: list[Pair]) -> tuple[float, dict[Pair, object]]:
    """Return the share of tokens that the servers found in their caches, and all scores."""
    scores: dict[Pair, object] = {}
    before = [(one.count("assay_cached_tokens_total"), one.count("assay_asked_tokens_total")) for one in servers]
    ask_all(url, pairs, NEVER, lambda pair, _, score: scores.update({pair: score}))
    after = [(one.count("assay_cached_tokens_total"), one.count("assay_asked_tokens_total")) for one in servers]
    cached, asked = (sum(b[k] - a[k] for a, b in zip(before, after, strict=True)) for k in (0, 1))
    return cached / asked, scores


def block_bytes() -> int:
    """Return how many bytes a block of the cache takes, by what a server says of a cache with few blocks in it."""
    with replicas(1, 64 << 20) as (one,), Client(f"http://{one.address}", model="arith-rm") as client:
        for _ in range(3):
            tokens = client.score([workload(0)[0]])["usage"]["tokens"]
        return int(one.count("assay_cache_bytes") / (tokens // BLOCK))


def asked_by(url: str, headers: dict[str, str]) -> str:
    """Return the id that the answer to a request has."""
    return httpx.post(f"{url}/v1/score", json={"model": "arith-rm", "items": [{"text": "42"}]}, headers=headers).headers["X-Request-Id"]


def routing(cache: int) -> tuple[dict[Pair, object], dict[str, str]]:
    """Compare the shares of cached tokens. Return the scores of one server, and which replica each prompt belongs to."""
    pairs = workload(1)
    with replicas(1, 3 * cache) as one:
        alone, expected = share(f"http://{one[0].address}", one, pairs)
    shares = {}
    for name, balance in (("by prompt", BY_PROMPT), ("at random", "balance random")):
        with replicas(3, cache) as three, proxy(three, (BY_PROMPT, balance)) as before:
            shares[name], scores = share(before.url, three, pairs)
            assert scores == expected, f"{name}: scores differ from one server's"
            ids = [asked_by(before.url, given) for given in ({}, {"X-Request-Id": "joined-1"})]
            before.stop()
            logged = before.log.read_text()
            assert ids[1] == "joined-1" and all(f"request={one} " in logged for one in ids), f"the log does not know the requests {ids}"
            if balance == BY_PROMPT:
                homes = before.homes()
    routed = ", ".join(f"{name} {part:.3f}" for name, part in shares.items())
    say(f"share of tokens cached, {len(pairs)} requests: one server {alone:.3f}, three replicas {routed}")
    assert shares["by prompt"] >= LEAST * alone, f"routed by prompt, less than {LEAST} of one server's share is cached"
    assert shares["at random"] < LEAST * alone, "at random as much is cached: this workload would not show that routing works"
    several = {prompt: names for prompt, names in homes.items() if len(names) > 1}
    assert len(homes) == PROMPTS and not several, f"prompts that went to several replicas: {several}"
    alone_at = {prompt: min(names) for prompt, names in homes.items()}
    say("prompts of each replica: " + ", ".join(f"{name} {count}" for name, count in sorted(collections.Counter(alone_at.values()).items())))
    return expected, alone_at


def killed(cache: int, expected: dict[Pair, object], homes: dict[str, str], retry: Retry, *changes: tuple[str, str]) -> tuple[int, int]:
    """Kill a replica while all is asked. Return how many requests failed, and how many of these were asked when it was dead.

    None may fail whose prompt belongs to another replica, and no score may be another.
    """
    pairs = list(expected)
    failures: list[tuple[float, str, object]] = []
    third, several, dead = threading.Event(), threading.Event(), [0.0]
    asked, open_at_two = itertools.count(1), set[Pair]()

    def home(pair: Pair) -> str:
        return homes[prompt_header({"prompt": pair[0]})[HEADER]]

    def asking(pair: Pair) -> None:
        if next(asked) == len(pairs) // 3:
            third.set()
        if home(pair) == "two":
            open_at_two.add(pair)
            if third.is_set() and len(open_at_two) >= CLIENTS // 4:
                several.set()

    def each(pair: Pair, began: float, given: object) -> None:
        open_at_two.discard(pair)
        if given != expected[pair]:
            failures.append((began, home(pair) if not isinstance(given, float) else f"another score than {expected[pair]}", given))

    with replicas(3, cache) as three, proxy(three, *changes) as before:

        def kill() -> None:
            third.wait(120)
            three[1].process.send_signal(signal.SIGSTOP)  # so that it has something in hand when it is killed
            several.wait(60)
            three[1].process.send_signal(signal.SIGKILL)
            three[1].process.wait()
            dead[0] = time.monotonic()

        killer = threading.Thread(target=kill)
        killer.start()
        ask_all(before.url, pairs, retry, each, asking)
        killer.join()
        wrong = [failure for failure in failures if failure[1] != "two"]
        if wrong:
            before.stop()
            said = [line for line in before.log.read_text().splitlines() if not line.startswith("request=")]
            sys.exit(f"lost, though no dead replica had them in hand: {wrong}; the proxy says: {said}")
    return len(failures), sum(began > dead[0] for began, *_ in failures)


def deaths(cache: int, expected: dict[Pair, object], homes: dict[str, str]) -> None:
    """Kill a replica under load: before clients that do not try again, and before those that do."""
    # A connection for each request, so that no request goes to a dead replica on an old one before the proxy has seen that it is dead.
    nothing_again = (RETRIES, "retry-on conn-failure\n    http-reuse never")
    failed, late = killed(cache, expected, homes, NEVER, nothing_again)
    say(f"killed, nobody sends again: {failed} of {len(expected)} requests failed, {late} of them asked when the replica was dead")
    assert failed > late == 0
    failed, _ = killed(cache, expected, homes, NEVER)
    say(f"killed, the proxy sends again: {failed} failed")
    failed, _ = killed(cache, expected, homes, Retry(total=60, first=0.05, most=0.5), nothing_again)
    say(f"killed, the clients send again: {failed} failed, and every score is the undisturbed one")
    assert failed == 0


def main() -> None:
    """Check both."""
    cache = block_bytes() * PROMPTS * 10 * 2 // 3  # two thirds of all prompts, of about ten blocks each
    deaths(cache, *routing(cache))


if __name__ == "__main__":
    main()
