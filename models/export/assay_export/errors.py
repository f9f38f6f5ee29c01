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


def first_line(error: BaseException) -> str:
    """Return an error's kind and the first line of what it says, as far as a sentence has room for it."""
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return ": ".join(filter(None, (type(error).__name__, said if len(said) <= 200 else said[:197] + "...")))
