"""Linear layers of integers in graphs of domain assay: the definition, the levels of the processors' bundles, and
PyTorch with the same rounding."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import yaml
from onnx import numpy_helper
from test_fused import MAX_TOKENS, loaded, written
from test_operators import HALF, TYPES, drawn, each_type, run
from transformers import LlamaConfig, LlamaModel

from assay_export import ExportError, export_bundle, fused
from assay_export.cli import arguments, export
from assay_export.fused.integers import sources
from assay_export.graph import graph
from assay_export.models.model import Part, decoder
from assay_export.operators import DOMAIN, Form
from assay_export.prove.check import check_graph
from assay_export.store import int8

LAYER = ["AddRmsNorm", "QuantizeRows", "Linear8", "Rotate", "TileAttention", "QuantizeRows", "Linear8", "AddRmsNorm", "QuantizeRows", "Linear8",
         "SwiGLU", "QuantizeRows", "Linear8"]


@pytest.fixture(scope="module", params=("qwen2", "qwen3", "phi3"))
def checkpoint(request, tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("checkpoints"), request.param)


def saved(model, folder: Path, compute: str) -> Path:
    """Write a graph; return its path."""
    path = folder / f"{compute}.onnx"
    graph.save(fused.build_pooled(model, MAX_TOKENS, compute, integers=True), path, external=False)
    return path


@each_type
def test_bodies_are_the_definition_to_the_bit(kind):
    """NumPy divides and rounds as IEEE 754 says, and sums integers."""
    x, weight = drawn(1, 9, 64, kind=kind, scale=3), np.random.default_rng(2).integers(-127, 128, (48, 64)).astype(np.int8)
    x[3], x[4, :2] = 0, 1000
    scale, bias = np.abs(drawn(3, 48)) / 1000, drawn(4, 48, kind=kind)
    wide = x.astype(np.float32)
    row_scale = np.maximum(np.abs(wide).max(1) / np.float32(127), np.float32(int8.SMALLEST))
    want = np.rint(wide / row_scale[:, None])
    form = Form(kind)
    levels, scales = run(form, "QuantizeRows", {"x": x}, ("levels", "row_scale"))
    assert np.array_equal(levels, want) and scales.tobytes() == row_scale.tobytes()
    given = {"levels": want.astype(np.int8), "row_scale": row_scale, "weight": weight, "scale": scale, "bias": bias}
    sums = (want.astype(np.int64) @ weight.astype(np.int64).T).astype(np.float32)
    exact = sums * scale * row_scale[:, None] + bias.astype(np.float32)
    assert run(form, "Linear8", given, ("y",))[0].tobytes() == exact.astype(TYPES[kind]).astype(np.float32).tobytes()


@pytest.mark.parametrize("worst", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_has_no_number(worst):
    x = drawn(1, 3, 32, kind=HALF)
    x[1, 7] = worst
    scales = run(Form(HALF), "QuantizeRows", {"x": x}, ("levels", "row_scale"))[1]
    assert np.isfinite(scales).tolist() == [True, False, True]


def test_layer_is_of_ours_and_holds_the_levels_of_a_bundle_for_processors(checkpoint, tmp_path):
    _, model = loaded(checkpoint)
    found = onnx.load(saved(model, tmp_path, "float16"))
    layers = [[node.op_type for node in found.graph.node if node.name.startswith(f"layer.{number}.") and node.domain == DOMAIN]
              for number in range(model.sizes.layers)]
    assert layers == [LAYER] * model.sizes.layers
    export(arguments().parse_args([str(checkpoint), str(tmp_path / "plain"), "--int8", "--no-check"]))
    plain = {part.name: numpy_helper.to_array(part) for part in onnx.load(tmp_path / "plain/model.onnx").graph.initializer}
    ours = {part.name: numpy_helper.to_array(part) for part in found.graph.initializer}
    for weight, parts in sources(model, MAX_TOKENS).items():
        levels = np.concatenate([plain[f"{part}.T.levels"].T for part in parts])
        scales = np.concatenate([plain[f"{part}.T.levels_scale"] for part in parts])
        assert np.array_equal(ours[weight], levels) and np.array_equal(ours[weight.replace(".weight", ".scale")], scales)


def test_float32_is_pytorch_with_the_same_rounding(checkpoint, tmp_path):
    _, model = loaded(checkpoint)
    verdict = check_graph(saved(model, tmp_path, "float32"), "packed", False, model, fused.rounded(model, MAX_TOKENS), MAX_TOKENS, lambda ids: None)
    assert verdict.worst < 3e-5 and verdict.readings > 50


def test_a_wrong_level_is_seen(tmp_path):
    _, model = loaded(written(tmp_path, "qwen3"))
    path = saved(model, tmp_path, "float32")
    found = onnx.load(path)
    weight = next(part for part in found.graph.initializer if part.name == "layer.1.down.weight")
    changed = numpy_helper.to_array(weight).copy()
    changed[::3] = np.roll(changed[::3], 1, axis=1)
    weight.CopyFrom(numpy_helper.from_array(changed, weight.name))
    onnx.save(found, path)
    with pytest.raises(ExportError, match="differ from PyTorch"):
        check_graph(path, "packed", False, model, fused.rounded(model, MAX_TOKENS), MAX_TOKENS, lambda ids: None)


@pytest.mark.parametrize("compute", ["float32", "bfloat16"])
def test_a_bundle_tells_what_it_changes(tmp_path, compute):
    source = written(tmp_path, "qwen3")
    said = export(arguments().parse_args([str(source), str(tmp_path / "out"), "--compute", compute, "--operators", "assay", "--int8"]))
    manifest = yaml.safe_load((tmp_path / "out/assay.yaml").read_text(encoding="utf-8"))
    own = manifest["graph"]
    assert (own["precision"], own["compute"], own["operators"]) == ("int8", compute, "assay") and "drift" not in manifest
    assert 0 < own["drift"]["score"] < 0.2 and own["drift"]["order"] > 0.95
    assert manifest["golden"]["tolerance"] == pytest.approx(2 * own["drift"]["score"]) and "largest difference from PyTorch" in said
    pairs = [json.loads(line) for line in (tmp_path / "out/golden.jsonl").read_text(encoding="utf-8").splitlines()]
    assert pairs and 0 < own["drift"]["computed"] <= 2 * own["drift"]["score"]


@pytest.mark.parametrize("external", [False, True])
def test_each_weight_is_rounded_once_and_left(tmp_path, monkeypatch, external):
    _, model = loaded(written(tmp_path, "qwen3", hidden_size=320, intermediate_size=640, head_dim=64))  # small parts lie inside, and are read later
    quantized, seen = int8.quantized, []
    monkeypatch.setattr(int8, "quantized", lambda values: seen.append(tuple(values.shape)) or quantized(values))
    drawn = fused.build_pooled(model, MAX_TOKENS, "float16", integers=True)
    graph.save(drawn, tmp_path / "model.onnx", external)
    assert len(seen) == 4 * model.sizes.layers


@pytest.mark.parametrize(("options", "config", "what"), [
    (["--compute", "float16", "--int8"], {}, "--compute float16 has integer products with --operators assay only"),
    (["--compute", "float16", "--operators", "assay", "--int8"], {"intermediate_size": 72},
     r"a layer.gate_up.weight is \[72, \d+\], and with --operators assay both must be multiples of 16"),
])
def test_what_has_no_integer_product_is_refused(tmp_path, options, config, what):
    source = written(tmp_path, "qwen3", **config)
    with pytest.raises(ExportError, match=what):
        export(arguments().parse_args([str(source), str(tmp_path / "out"), *options]))


@pytest.mark.parametrize(("precision", "how", "what"), [
    ("int8", {}, "--compute float16 has integer products with --operators assay only"),
    ("bfloat16", {}, "--compute float16 says how weights are stored, too: leave out --dtype bfloat16"),
    ("float16", {"operators": "assay"}, "--compute float16 says how weights are stored, too: leave out --dtype float16"),
    ("int4", {"operators": "assay"}, "--int4 is for stock operators")])
def test_a_precision_that_the_graph_does_not_have_is_refused(tmp_path, precision, how, what):
    source = written(tmp_path, "qwen3")
    whole, _ = loaded(source)
    with pytest.raises(ExportError, match=what):
        export_bundle(whole, source, tmp_path / "out", name="x", precision=precision, compute="float16", **how)


@pytest.mark.parametrize(("shape", "eight", "four"), [
    ({"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32}, 8.0, 5.1),
    ({"hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64}, 70.6, 41.7),
], ids=("8B", "70B"))
def test_weights_take_a_byte_each_or_little_more_than_half(shape, eight, four):
    """Llama 3.1's two sizes, whose weights are never drawn: docs/GPU.md has what they take."""
    with torch.device("meta"):
        body = LlamaModel(LlamaConfig(num_key_value_heads=8, vocab_size=128256, **shape))
    body.rotary_emb = type(body.rotary_emb)(body.config)
    head = torch.nn.Linear(shape["hidden_size"], 1, bias=False)
    model = decoder(Part(body, head))
    for made, gigabytes in ((fused.build_pooled(model, MAX_TOKENS, "float16", integers=True), eight),
                            (fused.build(model, MAX_TOKENS, "float16", int4=True), four)):
        stored = sum(value.const_value.nbytes for value in made.graph.initializers.values())
        assert stored / 1e9 == pytest.approx(gigabytes, abs=0.05)
