"""A TypeScript client that is generated from the OpenAPI document compiles and works: clients/typescript-check, with node and npm."""

import json
import os
import subprocess

from assay import Client
from tests.conftest import ROOT, Server


def test_a_generated_client(client: Client) -> None:
    server = Server()  # with every protocol, so that their schemas are compiled too
    done = subprocess.run(
        [ROOT / "clients" / "typescript-check" / "check.sh"], env={**os.environ, "ASSAY_URL": server.url}, capture_output=True, text=True, timeout=300
    )
    server.stop()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "score": client.scores([("12 + 30?", "42")])[0],
        "failed": "bad_item",
        "best": 1,
        "refused": "unknown_model",
        "models": ["arith-rm", "arith-prm"],
        "unknown": "unknown_run",
    }
