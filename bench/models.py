"""Makes the benchmark's other models: `python models.py OUT`, where OUT is what assay_export.random_model wrote.

OUT gets `checkpoint-prm`, a random process reward model of the same sizes and tokenizer, its packed bundle `bench-prm`, and
`bench-null`, a packed reward model whose graph does next to nothing: the reading of a token is looked up by its id. It gets `checkpoint-encoder`
too, a random cross-encoder of MiniLM's sizes, with its bundles `bench-encoder` and `bench-encoder-padded`.
"""
import argparse
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import torch
from assay_export import tiny
from assay_export.cli import arguments, export
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, processors
from transformers import BertConfig, BertForSequenceClassification

SIZES = ("hidden_size", "intermediate_size", "head_dim", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
         "max_position_embeddings")


def process_model(out: Path) -> str:
    """Writes the process reward model and its bundle; returns a line about it."""
    config = json.loads((out / "checkpoint" / "config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(out / "checkpoint" / "tokenizer.json"))
    tiny.write_checkpoint(out / "checkpoint-prm", "qwen3", "process", tokenizer=tokenizer, seed=1, spread=0.04,
                          config={name: config[name] for name in SIZES})
    return export(arguments().parse_args([str(out / "checkpoint-prm"), str(out / "bench-prm"), "--check", "--licence", "Apache-2.0",
                                          "--description", "Random weights, for benchmarks"]))


def encoder_models(out: Path) -> str:
    """Writes the encoder and its bundle in both layouts; returns a line about each."""
    source, special = out / "checkpoint-encoder", {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    tokenizer = tiny.byte_level_tokenizer(tiny.sentences(0, 30000, 20000), 8192, list(special.values()), None)
    ends = [(special[name], tokenizer.token_to_id(special[name])) for name in ("cls_token", "sep_token")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=ends)
    torch.manual_seed(2)
    BertForSequenceClassification(BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=384, intermediate_size=1536, num_hidden_layers=6, num_attention_heads=12,
        max_position_embeddings=1024, num_labels=1, initializer_range=0.08, pad_token_id=tokenizer.token_to_id("[PAD]"))).save_pretrained(source)
    tokenizer.save(str(source / "tokenizer.json"))
    (source / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"} | special), encoding="utf-8")
    return "\n".join(export(arguments().parse_args([
        str(source), str(out / name), "--family", "bert-pair", "--layout", layout, "--licence", "Apache-2.0",
        "--description", "Random weights, for benchmarks"]))
        for name, layout in (("bench-encoder", "packed"), ("bench-encoder-padded", "padded")))


def null_graph(vocabulary: int) -> onnx.ModelProto:
    """A graph of the packed layout with one layer of one head, two wide, that reads no other token."""
    rng = np.random.default_rng(0)
    initializers = [numpy_helper.from_array(rng.standard_normal((vocabulary, 1), np.float32), "table"),
                    numpy_helper.from_array(rng.standard_normal((vocabulary, 1, 2), np.float32), "rows")]
    nodes = [helper.make_node("Gather", ["input_ids", "read_index"], ["read_ids"]),
             helper.make_node("Gather", ["table", "read_ids"], ["readings"]),
             helper.make_node("Gather", ["rows", "input_ids"], ["present_key.0"]),
             helper.make_node("Neg", ["present_key.0"], ["present_value.0"])]
    shapes = {"input_ids": ["T"], "position_ids": ["T"], "past_position_ids": ["P"], "query_index": ["R", "Q"], "key_index": ["R", "K"],
              "key_len": ["R"], "scatter_index": ["T"], "read_index": ["N"]}
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name, shape in shapes.items()]
    inputs += [helper.make_tensor_value_info(f"past_{side}.0", TensorProto.FLOAT, ["P", 1, 2]) for side in ("key", "value")]
    outputs = [helper.make_tensor_value_info("readings", TensorProto.FLOAT, ["N", 1])]
    outputs += [helper.make_tensor_value_info(f"present_{side}.0", TensorProto.FLOAT, ["T", 1, 2]) for side in ("key", "value")]
    graph = helper.make_graph(nodes, "null", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def null_model(out: Path) -> str:
    """Writes the null bundle; returns a line about it."""
    bundle = out / "bench-null"
    shutil.rmtree(bundle, ignore_errors=True)
    bundle.mkdir()
    for name in ("tokenizer.json", "chat_template.jinja"):
        shutil.copy(out / "checkpoint" / name, bundle / name)
    vocabulary = Tokenizer.from_file(str(bundle / "tokenizer.json")).get_vocab_size()
    onnx.save(null_graph(vocabulary), bundle / "model.onnx")
    (bundle / "assay.yaml").write_text(f"""version: 1
name: bench-null
kind: reward
description: "No forward, for benchmarks"
licence: Apache-2.0
source: {{checkpoint: none, class: none, family: none, digest: "sha256:{hashlib.sha256(b"").hexdigest()}"}}
graph: {{file: model.onnx, layout: packed, precision: float32, output: readings, labels: [reward], vocab_size: {vocabulary},
        layers: 1, kv_heads: 1, head_dim: 2}}
tokenizer: {{file: tokenizer.json, bos: none, pad_id: 0}}
template: {{file: chat_template.jinja}}
pooling: last_attended
limits: {{max_tokens: 4096}}
""", encoding="utf-8")
    return f"{bundle}: bench-null, reward, packed"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    print(process_model(given.out))
    print(null_model(given.out))
    print(encoder_models(given.out))
