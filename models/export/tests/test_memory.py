"""What an export takes of a machine, where that could grow with the model."""

import os
import subprocess
import sys
from pathlib import Path

from conftest import read_bundle
from transformers import Qwen3MoeConfig

from assay_export import tiny
from parity import large

GIVEN_BACK = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
"""What glibc's allocator is told, so that it gives back what is freed: what is measured is then what an export
holds."""


def test_an_export_holds_no_copy_of_the_experts(tmp_path, texts):
    """Of a model with five times the layers it has hardly more memory of its own, which no file backs."""
    own = {}
    for layers in (1, 5):
        config = Qwen3MoeConfig(vocab_size=1024, hidden_size=1024, moe_intermediate_size=1024, num_experts=4, num_experts_per_tok=2, num_labels=1,
                                num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=2, head_dim=64, max_position_embeddings=512,
                                architectures=["Qwen3MoeForSequenceClassification"])
        source, out = tmp_path / str(layers), tmp_path / f"out-{layers}"
        large.write_checkpoint(source, config, tiny.family_tokenizer("qwen2", 400, texts))
        process = subprocess.Popen([sys.executable, "-m", "assay_export", source, out, "--no-check", "--dtype", "bfloat16", "--external-data"],
                                   cwd=Path(__file__).parents[1], env=os.environ | GIVEN_BACK)
        _, own[layers] = large.watch(process)
        assert process.returncode == 0 and read_bundle(out).golden
    weights_of_four = 4 * 4 * 3 * 1024 * 1024 * 2 / 2**30
    assert own[5] - own[1] < 0.75 * weights_of_four
