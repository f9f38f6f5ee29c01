"""Shared parts of the tests: fixture bundles of the repository, tiny checkpoints made on demand, graphs traced once.

torch is imported by the fixtures that need it, since pytest-xdist reads this file in a process that runs no test.
"""

import gc
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

BUNDLES = Path(__file__).parents[2] / "testdata" / "bundles"


@dataclass
class Bundle:
    """A bundle directory with its manifest and golden pairs read."""

    path: Path
    manifest: dict
    golden: list[dict]

    @property
    def graph(self) -> Path:
        return self.path / "model.onnx"

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Layers, key heads and head size of a packed bundle."""
        graph = self.manifest["graph"]
        return graph["layers"], graph["kv_heads"], graph["head_dim"]


def read_bundle(path: Path) -> Bundle:
    """Read a bundle's manifest and golden pairs."""
    golden = path / "golden.jsonl"
    pairs = [json.loads(line) for line in golden.read_text(encoding="utf-8").splitlines()] if golden.exists() else []
    return Bundle(path, yaml.safe_load((path / "assay.yaml").read_text(encoding="utf-8")), pairs)


def fixture_names(layout: str = "") -> list[str]:
    """Return the names of the repository's fixture bundles of a layout."""
    return sorted(path.parent.name for path in BUNDLES.glob("*/assay.yaml") if layout in path.parent.name)


@pytest.fixture(scope="session", autouse=True)
def graphs():
    """What was traced in this session, by layout: a model that several tests export is traced for the first alone."""
    from shared import Graphs

    from assay_export.graph import graph

    with pytest.MonkeyPatch.context() as patch:
        made = {layout: Graphs(getattr(graph, f"trace_{layout}")) for layout in ("packed", "padded")}
        for layout, known in made.items():
            patch.setattr(graph, f"trace_{layout}", known)
        for known in made.values():
            known.keep()
        gc.freeze()  # torch and transformers, which a collection need not look through again
        yield made


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Text that the tiny tokenizers are trained on."""
    from assay_export import tiny

    return tiny.sentences(1, 200, 400)


FEW = {"qwen2": {"num_hidden_layers": 2}, "gemma2": {"num_hidden_layers": 2}}
"""Of bodies whose layers are of two kinds as few as have both; committed fixtures and parity cases have more."""


@pytest.fixture
def checkpoint(tmp_path, texts):
    """A function that writes a tiny checkpoint and returns its directory."""
    from assay_export import tiny

    def make(model_type: str = "qwen3", kind: str = "reward", folder: str | None = None, *, config: dict | None = None, **settings) -> Path:
        tokenizer = tiny.family_tokenizer(model_type, 400, texts)
        return tiny.write_checkpoint(tmp_path / (folder or f"{model_type}-{kind}"), model_type, kind, tokenizer=tokenizer,
                                     **{"seed": 3, "config": FEW.get(model_type, {}) | (config or {}), **settings})
    return make


@pytest.fixture(scope="session")
def rights(tmp_path_factory, texts):
    """A function that returns a tiny checkpoint of a kind of body that is right; what is made of it is made of a
    copy."""
    from assay_export import tiny

    @cache
    def make(model_type: str) -> Path:
        return tiny.write_checkpoint(tmp_path_factory.mktemp("right") / model_type, model_type, "reward",
                                     tokenizer=tiny.family_tokenizer(model_type, 400, texts), seed=3)
    return make
