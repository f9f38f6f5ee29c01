"""Makes the benchmark's other models: `python models.py OUT`, where OUT is what assay_export.random_model wrote.

OUT gets the reward model as `ops-float32`, `ops-bfloat16` and `ops-int8`, of operators of our own in these precisions, and as
`bench-padded-int8`. It gets `checkpoint-prm`, a random process reward model of the same sizes and tokenizer, its packed bundle `bench-prm`, and
`bench-null`, a packed reward model whose graph does next to nothing: the reading of a token is looked up by its id. It gets `checkpoint-encoder`
too, a random cross-encoder of MiniLM's sizes, with its bundles `bench-encoder` and `bench-encoder-padded`.

`python models.py OUT --large` writes `large` in OUT instead: a random reward model of Qwen3-0.6B's widths and layers with OUT's tokenizer, as
`large-float32`, `large-bfloat16` and `large-int8` of our own operators, and as `large-padded`, `large-packed` and `large-padded-int8` for the
raw ideal: 9 GB of disk, and as much memory while they are made.
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

DESCRIBED = ("--licence", "Apache-2.0", "--description", "Random weights, for benchmarks")
OPERATORS = {"float32": ("--compute", "float32"), "bfloat16": ("--compute", "bfloat16"), "int8": ("--compute", "bfloat16", "--int8")}
"""The precisions of bundles whose layers are operators of our own, with the options of the command."""
LARGE = {"hidden_size": 1024, "intermediate_size": 3072, "head_dim": 128, "num_hidden_layers": 28, "num_attention_heads": 16,
         "num_key_value_heads": 8, "max_position_embeddings": 4096}
SIZES = ("hidden_size", "intermediate_size", "head_dim", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
         "max_position_embeddings")


def bundle(source: Path, out: Path, *options: str) -> str:
    """Exports a checkpoint; returns a line about the bundle."""
    return export(arguments().parse_args([str(source), str(out), *DESCRIBED, *options]))


def precisions(source: Path, out: Path, name: str, *options: str) -> list[str]:
    """Writes the bundles of our own operators in each precision; returns a line about each."""
    return [bundle(source, out / f"{name}-{precision}", "--operators", "assay", *chosen, *options) for precision, chosen in OPERATORS.items()]


def large_model(out: Path) -> list[str]:
    """Writes the large model and its bundles, not compared with PyTorch: the benchmark compares them with one another."""
    folder = out / "large"
    tokenizer = Tokenizer.from_file(str(out / "checkpoint" / "tokenizer.json"))
    tiny.write_checkpoint(folder / "checkpoint", "qwen3", "reward", tokenizer=tokenizer, seed=3, spread=0.02, config=LARGE)
    layouts = {"large-packed": ("packed",), "large-padded": ("padded",), "large-padded-int8": ("padded", "--int8")}
    lines = [bundle(folder / "checkpoint", folder / name, "--no-check", "--layout", *options) for name, options in layouts.items()]
    lines += precisions(folder / "checkpoint", folder, "large", "--no-check")
    shutil.rmtree(folder / "checkpoint")
    return lines


def process_model(out: Path) -> str:
    """Writes the process reward model and its bundle; returns a line about it."""
    config = json.loads((out / "checkpoint" / "config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(out / "checkpoint" / "tokenizer.json"))
    tiny.write_checkpoint(out / "checkpoint-prm", "qwen3", "process", tokenizer=tokenizer, seed=1, spread=0.04,
                          config={name: config[name] for name in SIZES})
    return bundle(out / "checkpoint-prm", out / "bench-prm", "--check")


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
    return "\n".join(bundle(source, out / name, "--family", "bert-pair", "--layout", layout)
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
    folder = out / "bench-null"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("tokenizer.json", "chat_template.jinja"):
        shutil.copy(out / "checkpoint" / name, folder / name)
    vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    onnx.save(null_graph(vocabulary), folder / "model.onnx")
    (folder / "assay.yaml").write_text(f"""version: 1
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
    return f"{folder}: bench-null, reward, packed"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--large", action="store_true", help="the large model instead")
    given = parser.parse_args()
    if given.large:
        print("\n".join(large_model(given.out)))
    else:
        print(process_model(given.out))
        print(null_model(given.out))
        print(encoder_models(given.out))
        print("\n".join(precisions(given.out / "checkpoint", given.out, "ops")))
        print(bundle(given.out / "checkpoint", given.out / "bench-padded-int8", "--layout", "padded", "--int8"))
