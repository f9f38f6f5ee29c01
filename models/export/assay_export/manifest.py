"""Writing `assay.yaml`; `docs/BUNDLE.md` says what each field means."""

import re
from pathlib import Path

import yaml

from .errors import ExportError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Flow(dict):
    """A mapping written on one line."""


def write_manifest(path: Path, fields: dict) -> None:
    """Write the manifest with its fields in the order given; fields that are None are left out."""
    if not NAME.fullmatch(fields["name"]):
        raise ExportError(f"name {fields['name']!r} must match {NAME.pattern}")
    dumper = type("Dumper", (yaml.SafeDumper,), {})
    dumper.add_representer(Flow, lambda d, data: d.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True))
    dumper.add_representer(list, lambda d, data: d.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True))
    dumper.add_representer(str, represent_text)
    path.write_text(yaml.dump(pruned(fields), Dumper=dumper, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")


def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Write a string bare where no reader could take it for anything else, and in double quotes elsewhere."""
    bare = re.fullmatch(r"[A-Za-z][A-Za-z0-9._/ -]*", text)
    return yaml.SafeDumper.represent_str(dumper, text) if bare else dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


def pruned(fields: dict) -> dict:
    """Return a copy without None values and without mappings left empty; inner mappings are written on one line."""
    kept = {}
    for key, value in fields.items():
        if isinstance(value, dict):
            value = Flow(pruned(value)) if key != "graph" else pruned(value)
            if not value:
                continue
        if value is not None:
            kept[key] = value
    return kept
