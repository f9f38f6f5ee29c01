"""What the rendering of one conversation may take, since a template may loop for ever, or double a text until no memory
is left."""

import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 60
BYTES = 4 << 30
"""Above what the process has when it begins."""


@contextmanager
def bounded() -> Iterator[None]:
    """End what runs within in TimeoutError or MemoryError when it takes more; the time counts in the main thread
    only."""
    whole = Path("/proc/self/statm")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if whole.exists():
        most = int(whole.read_text(encoding="ascii").split()[0]) * resource.getpagesize() + BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most if soft == resource.RLIM_INFINITY else min(soft, most), hard))
    timed = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, late) if timed else None
    try:
        if timed:
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
        yield
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def late(*_) -> None:
    """Answer the alarm."""
    raise TimeoutError(f"it takes longer than {SECONDS} s")
