"""The types of the manifest: they have the fields of the manifests that are committed, and docs/BUNDLE.md has
theirs."""

from pathlib import Path
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints, is_typeddict

import yaml

from assay_export import fields

REPOSITORY = Path(__file__).parents[3]
BY_HAND = {"calibration", "graph.head.user"}
"""What assay-export never writes."""


def forms(kind) -> list:
    """Return the typed mappings that a type may be, or its entries."""
    if is_typeddict(kind):
        return [kind]
    inner = get_args(kind) if get_origin(kind) in (Union, UnionType, list) else ()
    return [form for one in inner for form in forms(one)]


def unknown(value, kind, where: str = "") -> list[str]:
    """Return the fields of a mapping, or of a list of them, that a typed one has not."""
    if isinstance(value, list):
        return [name for entry in value for name in unknown(entry, kind, where)]
    if not isinstance(value, dict) or not forms(kind):
        return []
    (form,) = forms(kind)
    hints, found = get_type_hints(form), []
    for name, entry in value.items():
        dotted = f"{where}.{name}".removeprefix(".")
        found += [dotted] if name not in hints else unknown(entry, hints[name], dotted)
    return found


def test_the_manifests_that_are_committed_have_these_fields():
    paths = [path for folder in ("testdata", "builtin") for path in (REPOSITORY / "models" / folder).rglob("assay.yaml")]
    assert len(paths) > 100
    wrong = {name for path in paths for name in unknown(yaml.safe_load(path.read_text(encoding="utf-8")), fields.Manifest)}
    assert wrong <= BY_HAND


def test_the_page_of_bundles_has_every_field():
    page = (REPOSITORY / "docs" / "BUNDLE.md").read_text(encoding="utf-8")
    typed = [kind for kind in vars(fields).values() if is_typeddict(kind) and kind.__module__ == fields.__name__]
    assert len(typed) > 15
    assert [name for kind in typed for name in get_type_hints(kind) if f"{name}:" not in page and f"`{name}`" not in page and f".{name}" not in page] == []
