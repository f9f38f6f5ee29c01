"""What is not a number in an int8 graph's activations becomes no plausible score, and harms no other sequence."""

import itertools
import json
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import Bundle, read_bundle
from onnx import helper, numpy_helper

from assay_export.cli import arguments, export
from assay_export.graph.plan import apart, packed_feeds, padded_feeds
from assay_export.prove import check

BINARY = Path(__file__).parents[3] / "bin" / "assay"

BAD = 313
"""A token that no probe of the server has, since a bundle whose probes are not finite does not load."""

SEQUENCES = [[9, 7, 30, 31, 99], [5, 9, BAD, 30, 31, 7], [44, 45], [BAD, 60]]


@pytest.fixture(params=["packed", "padded"])
def bundle(request, checkpoint, tmp_path) -> Bundle:
    """A tiny int8 bundle, of sequences so short that the server's probes leave tokens out."""
    export(arguments().parse_args([str(checkpoint()), str(tmp_path / "out"), "--layout", request.param, "--int8", "--max-tokens", "128"]))
    return read_bundle(tmp_path / "out")


def rounded(graph: onnx.GraphProto) -> list[tuple[str, int]]:
    """Return the activations that a graph rounds for each of its tokens, first to last, and how wide they are."""
    makers = {name: node for node in graph.node for name in node.output}
    weights = {part.name: part for part in graph.initializer}
    found = []
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            before = makers[node.input[0]]
            name = before.input[0] if before.op_type == "Reshape" and before.input[1].startswith("int8.") else node.input[0]
            product = next(other for other in graph.node if other.op_type == "MatMulInteger" and other.input[0].startswith(name + ".rows"))
            found.append((name, weights[product.input[1]].dims[0]))
    return found[:len(found) // 2]  # the second of two layers has those of the tokens that are read alone


def plant(path: Path, name: str, width: int, value: float) -> None:
    """Add a value to the middle one of an activation's numbers where the token is BAD, and 0 to all else."""
    model = onnx.load(path)
    table = np.zeros((400, width), np.float32)
    table[BAD, width // 2] = value
    model.graph.initializer.append(numpy_helper.from_array(table, "planted.table"))
    at = next(number for number, node in enumerate(model.graph.node) if name in node.output) + 1
    for node in list(model.graph.node)[at:]:
        for number, given in enumerate(node.input):
            if given == name:
                node.input[number] = "planted"
    model.graph.node.insert(at, helper.make_node("Gather", ["planted.table", "input_ids"], ["planted.rows"]))
    model.graph.node.insert(at + 1, helper.make_node("Add", [name, "planted.rows"], ["planted"]))
    onnx.save(model, path)


def scores(bundle: Bundle, sequences: list[list[int]]) -> list[np.ndarray]:
    """Return the readings of each sequence, run in one batch."""
    if bundle.manifest["graph"]["layout"] == "padded":
        feeds = padded_feeds(sequences)
    else:
        segments = apart(sequences)
        feeds = packed_feeds(segments, [(segment, len(segment.ids) - 1) for segment in segments], *bundle.sizes)
    return list(check.run(check.open_graph(bundle.graph), feeds)[0])


def test_an_activation_that_is_not_finite_spoils_its_sequence_alone(bundle):
    whole, before = bundle.graph.read_bytes(), scores(bundle, SEQUENCES)
    places = rounded(onnx.load(bundle.graph).graph)
    assert len(places) == 4 and np.isfinite(before).all()
    for (name, width), value in itertools.product(places, (np.nan, np.inf, -np.inf)):
        bundle.graph.write_bytes(whole)
        plant(bundle.graph, name, width, value)
        for ids, old, new in zip(SEQUENCES, before, scores(bundle, SEQUENCES), strict=True):
            if BAD in ids:
                assert not np.isfinite(new).any(), f"{value} in {name}: {ids} reads {new}"
            else:
                assert new.tobytes() == old.tobytes(), f"{value} in {name}: {ids} reads {new}, and {old} without"


def test_the_server_tells_it(bundle):
    whole, (name, width) = bundle.graph.read_bytes(), rounded(onnx.load(bundle.graph).graph)[1]
    lines = "".join(json.dumps({"input_ids": ids}) + "\n" for ids in SEQUENCES)
    answers = []
    for value in (0, np.nan):
        bundle.graph.write_bytes(whole)
        plant(bundle.graph, name, width, value)
        done = subprocess.run([BINARY, "score", "--json", "--bundle", bundle.path, "--model", "out", "-"], input=lines, capture_output=True,
                              text=True, check=False)
        answers.append([json.loads(line) for line in done.stdout.splitlines()])
        assert len(answers[-1]) == len(SEQUENCES), done.stderr
    for ids, old, new in zip(SEQUENCES, *answers, strict=True):
        assert new["error"]["code"] == "not_finite" if BAD in ids else new["score"] == old["score"], new
