"""A progress bar where tqdm is installed, and nothing where it is not."""

from typing import Any, Protocol


class Bar(Protocol):
    """What is used of a bar."""

    def update(self, n: int) -> Any:
        """Count n more items."""

    def close(self) -> Any:
        """End the bar."""


class Silent:
    """A bar that nobody sees."""

    def update(self, n: int) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def bar(total: int, show: bool, about: str) -> Bar:
    """Return a bar of so many items."""
    if show:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return Silent()
        made: Bar = tqdm(total=total, desc=about, unit="item")
        return made
    return Silent()
