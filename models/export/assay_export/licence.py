"""The licence of a checkpoint: what its card says, and the files that go along."""

import shutil
from pathlib import Path

import yaml

FILES = ("LICENSE*", "LICENCE*", "NOTICE*")
UNKNOWN = "unknown"


def of_card(directory: Path) -> str:
    """Return the licence that the front matter of README.md names, or UNKNOWN."""
    path = directory / "README.md"
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    if not text.startswith("---\n"):
        return UNKNOWN
    try:
        card = yaml.safe_load(text[4:].partition("\n---")[0])
    except yaml.YAMLError:
        return UNKNOWN
    named = [card.get(field) for field in ("license_name", "license")] if isinstance(card, dict) else []
    return next((one for one in named if isinstance(one, str) and one), UNKNOWN)


def files(directory: Path) -> list[Path]:
    """Return the licence files of a directory."""
    return sorted(file for pattern in FILES for file in directory.glob(pattern) if file.is_file())


def copy_files(directory: Path, out: Path) -> None:
    """Copy the licence files of a checkpoint into a bundle."""
    for file in files(directory):
        shutil.copyfile(file, out / file.name)
