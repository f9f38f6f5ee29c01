"""What is generated is what its source gives today."""

import json
import pathlib
import re
import subprocess
import sys

from assay import Client
from tools import asks_of

FOLDER = pathlib.Path(__file__).parents[1]


def test_the_types_are_those_of_the_document(client: Client) -> None:
    made = subprocess.run(
        [sys.executable, FOLDER / "tools" / "types_of.py"], input=json.dumps(client.openapi()), capture_output=True, text=True, check=True
    ).stdout
    assert made == (FOLDER / "assay" / "types.py").read_text(), "tools/types_of.py says how they are made again"


def test_a_schema_that_the_generator_does_not_know_ends_it() -> None:
    document = {"components": {"schemas": {"One": {"type": "object", "properties": {"x": {"type": "string", "pattern": "a"}}}}}}
    done = subprocess.run([sys.executable, FOLDER / "tools" / "types_of.py"], input=json.dumps(document), capture_output=True, text=True)
    assert done.returncode == 1 and "One.x" in done.stderr


def test_the_asynchronous_routes_are_those_of_the_synchronous() -> None:
    assert (FOLDER / "assay" / "asks_async.py").read_text() == asks_of.written((FOLDER / "assay" / "asks.py").read_text())


def test_every_route_of_the_document_has_a_call(client: Client) -> None:
    source = (FOLDER / "assay" / "routes.py").read_text()
    pages = {"/docs"}
    for path in client.openapi()["paths"]:
        stem = re.sub(r"{\w+}", "{quote(name, safe='')}", path)
        assert f'"{stem}"' in source or path in pages, path
