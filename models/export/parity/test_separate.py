"""A backbone and its head in a graph of its own against the joined graph, against PyTorch, and on the Go importer of
head graphs."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from assay_export import cli, tiny
from assay_export.graph import graph, separate
from assay_export.load import checkpoint
from assay_export.load.forms import FORMS
from assay_export.models.model import Model, Part, decoder
from assay_export.models.reference import Reference
from assay_export.prove import check
from assay_export.prove.check import Feeding, open_graph, read_packed, read_padded, sample
from assay_export.read.family import families
from assay_export.read.tokenizer import load_tokenizer
from parity.case import every_case

CASES = {case.name: case for case in every_case()}
HEADS = {
    "linear": ["trl-value-head", "multi-label"], "mlp": ["grm"], "candidates": ["qwen3-reranker", "bge-reranker-gemma2"],
    "vocabulary_mean": ["rewardmath-prm"], "gated": ["armorm", "qrm-gemma2"], "beaver": ["beaver-reward"], "oasst": ["oasst-rm-pythia"],
    "ldl": ["ldl-reward"], "gpm": ["gpm-llama-prompt", "gpm-gemma"], "pairrm": ["pairrm"], "urm": ["urm"],
    "classifier": ["bert-reranker", "roberta-reranker", "bge-reranker", "deberta-v1", "oasst-deberta-v3", "modernbert-reranker",
                   "modernbert-reranker-mean", "distilbert-reranker", "electra-reranker", "eurobert-reranker-late", "nomic-reranker"],
    "modules": ["modules-modernbert"]}
"""Cases of every form of head that can be in a graph of its own."""

NAMES = [(name, CASES[name].layouts[0]) for names in HEADS.values() for name in names] + [("multi-label", "padded")]
TOLERANCE, MAX_TOKENS = 1e-5, 200
REPOSITORY = Path(__file__).parents[3]


def test_every_form_but_likelihood_is_tried():
    assert set(HEADS) == {*FORMS, "classifier", "modules"} - {"likelihood"}
    for form, names in HEADS.items():
        assert {families()[CASES[name].family].head["form"] for name in names} == {form}


def load(name: str, directory: Path) -> Model:
    """Return the model of a case's checkpoint."""
    case = CASES[name]
    case.write(directory)
    raw, _ = checkpoint.read_config(directory)
    return checkpoint.load(directory, raw, families()[case.family], load_tokenizer(directory)[0]).model


def trace(model: Model, layout: str, folder: Path) -> None:
    """Write joined.onnx, backbone.onnx and head.onnx."""
    for file, apart in (("joined.onnx", False), ("backbone.onnx", True)):
        if layout == "packed":
            traced = graph.trace_packed(model, MAX_TOKENS, separate=apart)
        else:
            traced = graph.trace_padded(model, MAX_TOKENS, model.encoder is not None, separate=apart)
        graph.save(traced, folder / file, external=False)
    graph.save(separate.trace_head(model), folder / separate.FILE, external=False)


def sequences_of(model: Model) -> list[list[int]]:
    """Return sequences to read; those for a head that looks for certain tokens have them."""
    known = [ids for ids in sample(model.sizes, MAX_TOKENS) if len(ids) > 3]
    if hasattr(model.encoder, "marks"):
        known = [[*model.encoder.marks, *ids] for ids in known]
    return known


def far(got: np.ndarray, want: np.ndarray) -> float:
    """Return the largest difference, relative where want is above 1."""
    assert got.shape == want.shape and np.isfinite(got).all()
    return float((np.abs(got - want) / np.maximum(1, np.abs(want))).max())


@pytest.fixture(scope="session")
def headrun(tmp_path_factory) -> Path:
    """The Go program that runs head graphs."""
    binary = tmp_path_factory.mktemp("headrun") / "headrun"
    subprocess.run(["go", "build", "-o", binary, "./models/export/parity/headrun"], cwd=REPOSITORY, check=True)
    return binary


def in_go(headrun: Path, file: Path, rows: np.ndarray) -> np.ndarray:
    """Return the readings that Go gives of rows [N, width]."""
    asked = {"file": str(file), "input": separate.INPUT, "rows": rows.shape[0], "width": rows.shape[1], "data": rows.flatten().tolist()}
    done = subprocess.run([headrun], input=json.dumps(asked), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    tensor = json.loads(done.stdout)[separate.OUTPUT]
    return np.array(tensor["Data"], np.float32).reshape(tensor["Dims"])


@pytest.mark.parametrize(("name", "layout"), NAMES)
def test_backbone_and_head_read_what_the_joined_graph_and_pytorch_read(name, layout, headrun, tmp_path):
    hold(load(name, tmp_path / "checkpoint"), layout, tmp_path, headrun)


class NormedValue(nn.Module):
    """A value head with a norm, as a model in memory may bring one."""

    def __init__(self, hidden: int):
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, 24), nn.SiLU(), nn.LayerNorm(24), nn.Linear(24, 1))

    def forward(self, hidden):
        return self.layers(hidden)


@pytest.mark.parametrize(("name", "width"), [("bert-reranker", 32), ("pairrm", 96)])
@pytest.mark.parametrize("option", [(), ("--int8",)])
def test_an_encoder_pools_in_its_backbone(name, width, option, tmp_path):
    case, out = CASES[name], tmp_path / "out"
    case.write(tmp_path / "checkpoint")
    cli.export(cli.arguments().parse_args([str(tmp_path / "checkpoint"), str(out), "--family", case.family, "--layout", "padded",
                                           "--head", "separate", "--check", *option]))
    manifest = yaml.safe_load((out / "assay.yaml").read_text(encoding="utf-8"))
    assert manifest["pooling"] == "in_graph" and manifest["graph"]["head"]["width"] == width


@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_a_value_head_with_norms_given_in_memory(layout, headrun, tmp_path):
    body = load("trl-value-head", tmp_path / "checkpoint").parts[0].body
    head = NormedValue(body.config.hidden_size)
    tiny.fill(head, 5, 0.3)
    hold(decoder(Part(body, head)), layout, tmp_path, headrun)


def hold(model: Model, layout: str, folder: Path, headrun: Path) -> None:
    """Compare the readings of a model's graphs at a few places of several sequences with each other."""
    trace(model, layout, folder)
    sequences = sequences_of(model)
    places = [[len(ids) - 1] if model.encoder is not None else [0, len(ids) // 2, len(ids) - 1] for ids in sequences]
    read = read_packed if layout == "packed" else read_padded
    joined, hidden = (np.concatenate(read(open_graph(folder / file), Feeding(model, MAX_TOKENS, lambda ids: None, output), sequences, places, 1))
                      for file, output in (("joined.onnx", "readings"), ("backbone.onnx", "hidden")))
    reference = Reference(model)
    pytorch = np.concatenate([rows if len(rows) == 1 else rows[at] for rows, at in zip(
        (reference.readings(ids).numpy() for ids in sequences), places, strict=True)])
    assert hidden.shape == (len(pytorch), separate.width(model)) and np.ptp(pytorch, axis=0).max() > 0.01
    readings, = separate.read(open_graph(folder / separate.FILE), [hidden])
    assert far(readings, joined) <= TOLERANCE and far(readings, pytorch) <= check.TOLERANCE
    with torch.no_grad():
        alone = (reference.parts[0].head if model.encoder is None else reference.encoder.on_rows)(torch.from_numpy(hidden))
    assert far(readings, alone.numpy()) <= TOLERANCE
    assert far(in_go(headrun, folder / separate.FILE, hidden), readings) <= TOLERANCE
