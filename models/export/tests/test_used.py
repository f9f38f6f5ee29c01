"""Graphs for GPUs hold what is used alone."""

import onnx_ir as ir
import pytest
import torch
from test_fused import MAX_TOKENS
from test_fused_encoders import KINDS, MORE
from test_fused_encoders import loaded as loaded_encoder
from transformers import AutoConfig, AutoModel

from assay_export import fused, tiny
from assay_export.fused.kinds import READERS
from assay_export.models.model import Model, Part, decoder

WITH_OPERATORS = ("llama", "qwen2", "qwen3", "mistral", "phi3")
LAYERS = 4
"""Of SmolLM3 the last has no rotation."""


def unused(drawn: ir.Model) -> list[str | None]:
    """Return the nodes of which nothing looks at an output, and the weights that nothing looks at."""
    given = set(drawn.graph.outputs)
    idle = [node.name for node in drawn.graph if not any(value.uses() or value in given for value in node.outputs)]
    return [*idle, *(name for name, value in drawn.graph.initializers.items() if not value.uses())]


def made(kind: str) -> Model:
    """Return a tiny decoder."""
    own = {"head_dim": 16} if kind == "hunyuan_v1_dense" else {}
    body = AutoModel.from_config(AutoConfig.for_model(kind, **tiny.CONFIG | own | {"num_hidden_layers": LAYERS, "vocab_size": 400, "pad_token_id": 0}))
    return decoder(Part(body.eval(), torch.nn.Linear(body.config.hidden_size, 1)))


@pytest.mark.parametrize("kind", READERS)
def test_of_decoders(kind):
    model = made(kind)
    for stage in [fused.WHOLE, *fused.cut(model, LAYERS)]:
        assert not unused(fused.build(model, MAX_TOKENS, "float16", stage=stage))
        if kind in WITH_OPERATORS:
            assert not unused(fused.build_pooled(model, MAX_TOKENS, "float16", stage=stage))


@pytest.mark.parametrize("name", [*KINDS.values(), *MORE.values()])
def test_of_encoders(name, tmp_path):
    model = loaded_encoder(name, tmp_path)
    for compute in ("float32", "float16"):
        for separate in (False, True):
            assert not unused(fused.build(model, MAX_TOKENS, compute, separate))
            if name != "body-modernbert-biases":  # its activation has no operator of ours
                assert not unused(fused.build_pooled(model, MAX_TOKENS, compute, separate))
