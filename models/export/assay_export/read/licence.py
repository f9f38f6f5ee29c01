"""The licence of a checkpoint: what its card says, and the files that go along."""

import shutil
from pathlib import Path

import yaml

FILES = ("LICENSE*", "LICENCE*", "NOTICE*", "COPYING*", "USE_POLICY*")
UNKNOWN = "unknown"


def of_card(directory: Path) -> str:
    """Return the licence that the front matter of README.md names, or UNKNOWN."""
    path = directory / "README.md"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    if not text.startswith("---\n"):
        return UNKNOWN
    try:
        card = yaml.safe_load(text[4:].partition("\n---")[0])
    except yaml.YAMLError:
        return UNKNOWN
    named = [card.get(field) for field in ("license_name", "license")] if isinstance(card, dict) else []
    named = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in named]
    return next((one for one in named if isinstance(one, str) and one), UNKNOWN)


def files(directory: Path) -> list[Path]:
    """Return the licence files of a directory: regular ones that really lie in it."""
    whole = directory.resolve()
    return sorted({file for pattern in FILES for file in directory.glob(pattern) if file.is_file() and file.resolve().is_relative_to(whole)})


def copy_files(directory: Path, out: Path) -> list[str]:
    """Copy the licence files of a checkpoint into a bundle; return their names."""
    found = files(directory)
    for file in found:
        shutil.copyfile(file, out / file.name)
    return [file.name for file in found]
