"""What an export takes of a machine, where that could grow with the model."""

import subprocess
import sys
from pathlib import Path

from conftest import read_bundle
from transformers import Qwen3MoeConfig

from assay_export import tiny
from parity import large


def test_an_export_holds_no_copy_of_the_experts(tmp_path, texts):
    """Of a model with three times the layers it has hardly more memory of its own, which no file backs."""
    own = {}
    for layers in (1, 3):
        config = Qwen3MoeConfig(vocab_size=1024, hidden_size=1024, moe_intermediate_size=4096, num_experts=2, num_experts_per_tok=1, num_labels=1,
                                num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=2, head_dim=64, max_position_embeddings=512,
                                architectures=["Qwen3MoeForSequenceClassification"])
        source, out = tmp_path / str(layers), tmp_path / f"out-{layers}"
        large.write_checkpoint(source, config, tiny.family_tokenizer("qwen2", 400, texts))
        process = subprocess.Popen([sys.executable, "-m", "assay_export", source, out, "--no-check", "--dtype", "bfloat16", "--external-data"],
                                   cwd=Path(__file__).parents[1])
        _, own[layers] = large.watch(process)
        assert process.returncode == 0 and read_bundle(out).golden
    weights_of_two = 2 * 2 * 3 * 4096 * 1024 * 2 / 2**30
    assert own[3] - own[1] < 0.75 * weights_of_two
