"""The one exception that this package raises on purpose."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ExportError(Exception):
    """The export cannot go on. The message is one sentence that names the file, field or weight at fault."""


@contextmanager
def about(path: Path | None) -> Iterator[None]:
    """Put a path, where there is one, in front of refusals that do not name it."""
    try:
        yield
    except ExportError as error:
        if path is None or str(path) in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error


@contextmanager
def unwrapped() -> Iterator[None]:
    """Raise a refusal that a library has put into an error of its own."""
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, ExportError):
            cause = cause.__cause__
        if cause is None or cause is error:
            raise
        raise cause from None


def first_line(error: BaseException) -> str:
    """Return an error's kind and the first line of what it says, as far as a sentence has room for it."""
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return ": ".join(filter(None, (type(error).__name__, said if len(said) <= 200 else said[:197] + "...")))
