"""A shared graph is the file that a trace makes, byte for byte, and is taken only where nothing that makes it
changed."""

import io

import onnx_ir as ir
import pytest
import torch
from safetensors.torch import load_file, save_file
from shared import Contents, Graphs, Unshared

from assay_export import tiny
from assay_export.bodies import attention
from assay_export.cli import arguments, export
from assay_export.graph import graph, packed
from assay_export.models import gpm
from assay_export.prove import check
from assay_export.read import weights

SMALL = {"num_hidden_layers": 1}


def run(source, out, *options: str) -> bytes:
    """Export unchecked; return the graph's files."""
    export(arguments().parse_args([str(source), str(out), "--no-check", *options]))
    return b"".join(file.read_bytes() for file in sorted(out.glob("model.onnx*")))


@pytest.mark.parametrize("options", [("--int8", "--layout", "padded"), ("--dtype", "bfloat16", "--external-data")], ids=str)
def test_it_is_the_file_that_a_trace_makes(graphs, checkpoint, tmp_path, monkeypatch, options):
    run(checkpoint("mistral", config=SMALL), tmp_path / "first", *options)
    taken, another = [known.taken for known in graphs.values()], checkpoint("mistral", folder="another", config=SMALL)
    shared = run(another, tmp_path / "shared", *options)
    assert sum(known.taken for known in graphs.values()) == sum(taken) + 1
    for layout, known in graphs.items():
        monkeypatch.setattr(graph, f"trace_{layout}", known.trace)
    assert run(another, tmp_path / "fresh", *options) == shared


@pytest.fixture
def traced(checkpoint, tmp_path, monkeypatch):
    """A function that exports a tiny checkpoint, with changes to its directory, and tells whether a graph was
    traced."""
    count = []

    def trace(*given, **named) -> ir.Model:
        count.append(given)
        return ir.Model(ir.Graph([], [], nodes=[], opset_imports={"": 18}, name="none"), ir_version=10)

    known = Graphs(trace)
    monkeypatch.setattr(graph, "trace_packed", known)
    monkeypatch.setattr(graph, "save", lambda made, path, external: path.write_bytes(b""))
    known.keep()

    def make(*options: str, change=lambda source: None) -> bool:
        before, source = len(count), checkpoint("mistral", config=SMALL)
        change(source)
        run(source, tmp_path / "out", *options)
        return len(count) > before
    return make


def heavier(source) -> None:
    """Change one weight by a little."""
    stored = load_file(source / "model.safetensors")
    stored["model.layers.0.mlp.up_proj.weight"][3, 5] += 1e-6
    save_file(stored, source / "model.safetensors", metadata={"format": "pt"})


def test_what_makes_a_graph_makes_another(traced):
    assert traced() and not traced() and not traced("--description", "what no graph has")
    for options in (("--max-tokens", "100"), ("--head", "separate"), ("--dtype", "float16")):
        assert traced(*options) and not traced(*options)
    for change in (heavier, lambda source: tiny.edit_json(source / "config.json", sliding_window=9)):
        assert traced(change=change) and not traced(change=change)


def test_code_that_traces_and_is_patched(traced, monkeypatch):
    """Be it a function or a method; a plain value is like a setting, and what only looks at a graph changes none."""
    traced()
    with monkeypatch.context() as patch:
        patch.setattr(attention, "DOT_BLOCK", 64)
        assert traced() and not traced()
    for holder, name in ((attention, "masks_by_window"), (packed.PackedGraph, "forward")):
        with monkeypatch.context() as patch:
            patch.setattr(holder, name, lambda *given: None)
            assert traced() and traced()
    monkeypatch.setattr(check, "read_packed", lambda *given: [])
    assert not traced()


def test_numbers_that_stay_in_their_files_are_not_told(traced, monkeypatch):
    monkeypatch.setattr(weights, "LARGE", 100)
    assert traced() and traced()


def test_heads_are_code_that_traces(graphs, monkeypatch):
    """They are of modules of their own, which a graph's model names."""
    content = Contents(io.BytesIO())
    content.dump(gpm.PreferenceHead(torch.nn.Linear(2, 2, bias=False), None))
    assert graphs["packed"].patched(content.modules) == []
    monkeypatch.setattr(gpm.PreferenceHead, "forward", print)
    with pytest.raises(Unshared):
        graphs["packed"].patched(content.modules)
