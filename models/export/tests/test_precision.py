"""Weights stored in lower precision: what is stored, what it changes, and that the manifest says so."""

import numpy as np
import onnx
import pytest
import torch
from conftest import read_bundle
from safetensors.torch import load_file, save_file

from assay_export import ExportError
from assay_export.cli import arguments, export
from assay_export.fixtures import LOWER
from assay_export.graph.plan import apart, packed_feeds, padded_feeds
from assay_export.models import drift
from assay_export.prove import check
from assay_export.store import storage
from parity.case import every_case

RELATIVE = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Half a unit in the last place of a number between one and two."""


@pytest.mark.parametrize("precision", RELATIVE)
def test_halves_round_to_the_nearest(precision):
    values = torch.randn(64, 32, generator=torch.Generator().manual_seed(1))
    assert ((storage.rounded(values, "w", precision) - values).abs() <= values.abs() * RELATIVE[precision] + 1e-7).all()


def rows(bundle, sequences: list[list[int]]) -> np.ndarray:
    """Return a bundle's readings at the last token of each sequence, each alone."""
    session = check.open_graph(bundle.graph)
    if bundle.manifest["graph"]["layout"] == "padded":
        return np.concatenate([check.run(session, padded_feeds([ids]))[0] for ids in sequences])
    plans = [apart([ids]) for ids in sequences]
    return np.concatenate([check.run(session, packed_feeds(plan, [(plan[0], len(plan[0].ids) - 1)], *bundle.sizes))[0] for plan in plans])


@pytest.mark.parametrize("layout", ["packed", "padded"])
@pytest.mark.parametrize("precision", LOWER)
def test_the_manifest_says_what_the_graphs_differ_by(checkpoint, tmp_path, precision, layout):
    source = checkpoint("qwen3", config={"hidden_size": 64, "intermediate_size": 128})
    exact, lower = tmp_path / "exact", tmp_path / "lower"
    for out, options in ((exact, ()), (lower, LOWER[precision])):
        assert "largest difference" in export(arguments().parse_args([str(source), str(out), "--layout", layout, "--check", *options]))
    exact, lower = read_bundle(exact), read_bundle(lower)
    said = lower.manifest["drift"]
    assert exact.manifest["graph"]["precision"] == "float32" and "drift" not in exact.manifest
    assert lower.manifest["graph"]["precision"] == precision
    sequences = [ids for group in drift.sequences(lower.manifest["graph"]["vocab_size"], 320) for ids in group]
    right, near = rows(exact, sequences)[:, 0], rows(lower, sequences)[:, 0]
    differences = np.abs(right - near)
    assert differences.max() > 1e-5, "storing less must change something"
    near_by = 0.5 if precision == "int8" else 0.02  # an activation may be rounded up in one and down in the other
    for name, value in (("max", differences.max()), ("mean", differences.mean())):
        assert said[name] == pytest.approx(value, rel=near_by, abs=1e-5), name
    first, second = np.triu_indices(len(right), 1)
    kept = np.mean((right[first] < right[second]) == (near[first] < near[second]))
    assert said["items"] == len(sequences) and said["pairs"] == len(first)
    assert said["order"] == pytest.approx(kept, abs=0.02 if precision == "int8" else 2 / len(first))
    if precision == "int8":
        assert np.corrcoef(right, near)[0, 1] > 0.99 and kept > 0.95
    scores = {out.path.name: [pair["score"] for pair in out.golden] for out in (exact, lower)}
    assert scores["exact"] == scores["lower"], "golden scores are those of the float32 weights"


@pytest.mark.parametrize("precision", LOWER)
def test_large_matrices_are_stored_so_and_nothing_else(checkpoint, tmp_path, precision):
    export(arguments().parse_args([str(checkpoint("llama")), str(tmp_path / "out"), *LOWER[precision]]))
    kinds = {"float16": onnx.TensorProto.FLOAT16, "bfloat16": onnx.TensorProto.BFLOAT16, "int8": onnx.TensorProto.INT8}
    graph = onnx.load(tmp_path / "out" / "model.onnx").graph
    stored = graph.initializer
    low = [value for value in stored if value.data_type == kinds[precision]]
    assert len(low) == 1 + 7 * 2, "the embedding, and seven matrices in each of two layers"
    looked_up = [node for node in graph.node if node.op_type == "Gather" and node.input[0] in {value.name for value in low}]
    assert len(looked_up) == 1, "a server keeps the embedding as it is stored, and widens the rows that it reads"
    others = [value for value in stored if value.data_type == onnx.TensorProto.FLOAT and len(value.dims) == 2]
    assert all(min(value.dims) < storage.LEAST or "rotary" in value.name for value in others)


def test_float16_that_cannot_hold_a_weight_is_refused(checkpoint, tmp_path):
    source = checkpoint("llama")
    weights = load_file(source / "model.safetensors")
    weights["model.layers.1.mlp.up_proj.weight"][3, 4] = 1e6
    save_file(weights, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ExportError, match=r"weight .*layers\.1\.mlp\.up_proj\.weight reaches 1e\+06, and float16 ends at 65504; choose bfloat16"):
        export(arguments().parse_args([str(source), str(tmp_path / "out"), "--dtype", "float16"]))
    export(arguments().parse_args([str(source), str(tmp_path / "out"), "--dtype", "bfloat16"]))


@pytest.mark.parametrize("precision", LOWER)
def test_an_encoder_whose_layers_read_a_weight_of_another_part(tmp_path, precision):
    case = next(case for case in every_case() if case.name == "oasst-deberta-v3")
    case.write(tmp_path / "source")
    said = export(arguments().parse_args([str(tmp_path / "source"), str(tmp_path / "out"), "--family", "deberta-pair", "--layout", "padded",
                                         "--check", *LOWER[precision]]))
    assert "largest difference" in said and read_bundle(tmp_path / "out").manifest["drift"]["max"] > 1e-5
