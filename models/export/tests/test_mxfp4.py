"""gpt-oss's experts in MXFP4 are the numbers that transformers makes of them; what is not whole, and every other
quantization, is refused."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from assay_export import ExportError, tiny
from assay_export.cli import arguments, export
from assay_export.load import checkpoint as reading
from assay_export.read.family import families
from assay_export.read.mxfp4 import Widened, widened
from parity.case import every_case

EXPERTS = "model.layers.1.mlp.experts."


@pytest.fixture
def source(tmp_path):
    """A tiny gpt-oss whose experts are in MXFP4."""
    next(case for case in every_case() if case.name == "body-gpt-oss-mxfp4").write(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def test_the_numbers_are_those_that_transformers_makes():
    generator = torch.Generator().manual_seed(1)
    blocks = torch.randint(0, 256, (3, 10, 4, 16), generator=generator, dtype=torch.uint8)
    scales = torch.randint(0, 250, (3, 10, 4), generator=generator, dtype=torch.uint8)
    ours, theirs = Widened(blocks, scales), convert_moe_packed_tensors(blocks, scales, dtype=torch.float32)
    assert ours.shape == theirs.shape == (3, 128, 10) and ours.numel() == theirs.numel()
    assert torch.equal(ours.float().view(torch.int32), theirs.view(torch.int32))
    assert all(torch.equal(ours[number], theirs[number]) for number in range(3))
    assert all(torch.equal(one, other) for one, other in zip(ours.parts(), theirs, strict=True))


def test_other_weights_stay(source):
    given = load_file(source / "model.safetensors")
    found = widened(given)
    assert isinstance(found[EXPERTS + "down_proj"], Widened) and EXPERTS + "down_proj_blocks" not in found
    assert found["model.embed_tokens.weight"] is given["model.embed_tokens.weight"]


@pytest.mark.parametrize(("edit", "words"), [
    (lambda given: given.pop(EXPERTS + "down_proj_scales"), "no weight layers.1.mlp.experts.down_proj_scales, which layers.1.mlp.experts.down_proj_blocks"),
    (lambda given: given.pop(EXPERTS + "gate_up_proj_blocks"), "no weight layers.1.mlp.experts.gate_up_proj_blocks, which"),
    (lambda given: given.update({EXPERTS + "down_proj_scales": torch.ones(5, 31, 2, dtype=torch.uint8)}), "down_proj_scales [5, 31, 2], and MXFP4 has"),
    (lambda given: given.update({EXPERTS + "down_proj_scales": torch.ones(5, 32, 2)}), "and MXFP4 has bytes"),
    (lambda given: given.update({EXPERTS + "down_proj_scales": torch.full((5, 32, 2), 255, dtype=torch.uint8)}), "that are not finite in float32"),
])
def test_weights_that_are_refused(source, edit, words):
    given = load_file(source / "model.safetensors")
    edit(given)
    save_file(given, source / "model.safetensors", metadata={"format": "pt"})
    raw, _ = reading.read_config(source)
    with pytest.raises(ExportError) as caught:
        reading.load(source, raw, families()["sequence-classification"], reading.load_tokenizer(source)[0])
    assert words in str(caught.value)


@pytest.mark.parametrize(("fields", "words"), [
    ({"quantization_config": {"quant_method": "bitsandbytes"}}, "quantized weights are not supported (bitsandbytes)"),
    ({"quantization_config": {"quant_method": "mxfp4"}, "model_type": "mixtral"}, "quantized weights are not supported (mxfp4)"),
])
def test_other_quantizations_are_refused(source, fields, words):
    tiny.edit_json(source / "config.json", **fields)
    with pytest.raises(ExportError) as caught:
        reading.read_config(source)
    assert words in str(caught.value)


def test_a_config_that_does_not_say_so(source):
    """Bytes under names of their own are then no weights of the class, for transformers too."""
    raw = json.loads((source / "config.json").read_text())
    del raw["quantization_config"]
    (source / "config.json").write_text(json.dumps(raw))
    with pytest.raises(ExportError, match="the checkpoint has no weight model.layers.0.mlp.experts.gate_up_proj, which GptOssModel needs"):
        export(arguments().parse_args([str(source), str(source.parent / "out")]))
