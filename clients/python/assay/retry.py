"""When a request is sent again, and how long that may go on."""

import dataclasses
import email.utils
import math
import random
import time

import httpx

from .errors import Unreachable, refusal
from .routes import Call

BUSY = {408, 429, 503}  # a slow body, a full queue or a rate, a server that stops or whose state does not answer
GATEWAY = {502, 504}  # of a proxy in between: the server's own 504 is the request's deadline, which is not prolonged
LAST = 10.0  # seconds that the last try has at least, or half of what is left
UNDONE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)  # the server has seen nothing of the request


@dataclasses.dataclass(frozen=True)
class Retry:
    """How long a client tries.

    total is in seconds, of all tries and waits of one request together; the last try ends with it. Between tries it
    waits what Retry-After says, or else a random time up to first, doubled with each try and at most most; a wait that
    would use up the time is cut, so that there is a last try. Scores are
    the same however often they are asked for, so a request is sent again when its connection broke too. With
    repeat=False that is left out: for recipes that update a state, where a request that was lost on its way back would
    count twice. Changes of a state are never repeated so. A server that cannot be reached is given up after reach
    seconds, where that is less than total.
    """

    total: float = 600.0
    first: float = 0.1
    most: float = 10.0
    repeat: bool = True
    reach: float = math.inf


NEVER = Retry(total=0.0)


def asked_wait(response: httpx.Response) -> float | None:
    """Return the seconds of Retry-After, which are a number or a date; None where there are none."""
    said = response.headers.get("retry-after", "").strip()
    if said.replace(".", "", 1).isdigit():
        return float(said)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None


class Tries:
    """The tries of one request: how long each may take, and what comes after it."""

    def __init__(self, retry: Retry, repeatable: bool) -> None:
        self.retry = retry
        self.repeatable = repeatable and retry.repeat
        self.count, self.last = 0, False
        self.ends = time.monotonic() + retry.total
        self.lost: float | None = None  # when the server was first not reached, since it last answered

    def timeout(self, limits: httpx.Timeout) -> httpx.Timeout:
        """Return the client's limits, cut to the time that is left; without retries they are the limits themselves."""
        if self.retry.total <= 0:
            return limits
        left = max(0.05, self.ends - time.monotonic())
        return httpx.Timeout(**{name: left if one is None else min(one, left) for name, one in limits.as_dict().items()})

    def wait(self, asked: float | None = None) -> float | None:
        """Return the seconds until the next try, or None when the time is over."""
        left = self.ends - time.monotonic()
        if left <= 0 or self.last:
            return None
        limit = min(self.retry.most, self.retry.first * 2 ** min(self.count, 30))
        wait = asked if asked is not None else random.uniform(limit / 2, limit)
        most = left - min(left / 2, LAST)
        self.count += 1
        self.last = wait >= most
        return min(wait, most)

    def broken(self, error: httpx.TransportError) -> float:
        """Return the seconds to wait after a connection that failed, or raise Unreachable."""
        self.lost = self.lost or time.monotonic()
        again = (self.repeatable or isinstance(error, UNDONE)) and time.monotonic() - self.lost < self.retry.reach
        wait = self.wait() if again else None
        if wait is None:
            said = str(error) or type(error).__name__
            raise Unreachable(f"no answer after {self.count + 1} tries: {said}") from error
        return wait

    def busy(self, response: httpx.Response, call: Call[object]) -> float | None:
        """Return the seconds to wait before the request is sent again, or None where this response is the last word."""
        self.lost, status = None, response.status_code
        if not call.waits or not (status in BUSY or status in GATEWAY and not call.answered(response) and refusal(response).code != "deadline_exceeded"):
            return None
        if not self.repeatable and status != 429:
            return None
        return self.wait(asked_wait(response))
