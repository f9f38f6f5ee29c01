"""Writes assay/types.py of the OpenAPI document of a server of the native API and the embeddings (`assay serve --protocols openai`):
`curl -s http://127.0.0.1:8080/openapi.json | python tools/types_of.py > assay/types.py`.

Each schema becomes a TypedDict of its name. A request is written in two: what may be left out is `...Options`, which
the clients' methods take as keywords, and what must be given comes on top of it. A schema that says something this
program does not know ends it, so that no type is guessed.
"""

import json
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

HEAD = '''"""What goes over the wire, as types: made by tools/types_of.py of /openapi.json, and compared with it by a test."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

'''
OURS = {"on_error"}  # of requests: the methods' own on_error says what becomes of an item that failed, and they want each item's result
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
TELLS = {"description", "default", "examples", "format", "minimum", "maximum", "minItems", "maxItems", "minLength", "exclusiveMinimum"}


def written(schema: dict[str, Any], where: str) -> str:
    """Return the type of a schema, as Python writes it."""
    rest = {key: value for key, value in schema.items() if key not in TELLS}
    if not rest:
        return "Any"
    if "$ref" in rest:
        name: str = rest["$ref"].removeprefix("#/components/schemas/")
        return name
    if "enum" in rest:
        return f"Literal[{', '.join(json.dumps(value) for value in rest['enum'])}]"
    if several := rest.get("oneOf") or rest.get("anyOf"):
        return " | ".join(written(one, where) for one in several)
    kinds = rest.pop("type", None)
    if isinstance(kinds, list):
        return " | ".join("None" if kind == "null" else written({**schema, "type": kind}, where) for kind in kinds)
    if kinds == "array":
        return f"list[{written(rest.pop('items'), where)}]"
    if kinds == "object" and "properties" not in rest:
        values = rest.pop("additionalProperties", {})
        return f"dict[str, {'Any' if values is True else written(values, where)}]"
    if rest or kinds not in PLAIN:
        raise SystemExit(f"types_of: {where}: {json.dumps(schema)}: no type is known for this")
    return PLAIN[kinds]


def field(name: str, schema: dict[str, Any], required: bool, where: str) -> Iterator[str]:
    """Yield the lines of one field: what it is about, and its type."""
    if about := schema.get("description"):
        yield from textwrap.wrap(about, 112, initial_indent="    # ", subsequent_indent="    # ")
    kind = written(schema, f"{where}.{name}")
    yield f"    {name}: {kind if required else f'NotRequired[{kind}]'}"


def classes(name: str, schema: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the class of a schema, or of the two of a request."""
    fields: dict[str, Any] = schema.get("properties", {})
    required = set() if "error" in fields else set(schema.get("required", ()))  # what failed has its error alone
    base = "TypedDict"
    if name.endswith("Request"):
        base = name.removesuffix("Request") + "Options"
        fields = {key: value for key, value in fields.items() if key not in OURS}
        yield from body(base, "TypedDict", {key: value for key, value in fields.items() if key not in required}, set())
        fields = {key: value for key, value in fields.items() if key in required}
    yield from body(name, base, fields, required)


def body(name: str, base: str, fields: dict[str, Any], required: set[str]) -> Iterator[str]:
    """Yield the lines of one class."""
    yield from ("", f"class {name}({base}):")
    for key, value in fields.items():
        yield from field(key, value, key in required, name)
    if not fields:
        yield "    pass"
    yield ""


def main() -> None:
    """Write the types of the document that is named, or of what stands on the input."""
    with open(sys.argv[1]) if len(sys.argv) > 1 else sys.stdin as file:
        document = json.load(file)
    lines = [line for name, schema in sorted(document["components"]["schemas"].items()) for line in classes(name, schema)]
    sys.stdout.write(HEAD + "\n".join(lines))


if __name__ == "__main__":
    main()
