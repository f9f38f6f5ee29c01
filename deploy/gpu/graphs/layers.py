"""Makes bundles of four layers of the shape of Llama-3.1-8B, in float16, without their weights:

    .venv/bin/python deploy/gpu/graphs/layers.py

remakes layers/stock and layers/assay beside this file, and layers/small-* for the rehearsal. Weights are random, and
drawn.py draws them wherever the bundle is served: an embedding, and of every layer queries, keys and values, their
output, gate and up, and down, one behind the other. As these lie there PyTorch reads them, too: golden pairs and drift
are of its float32, as in any bundle. It takes 2 GB of disk, some minutes, and 8 GB of memory, of which half
are the weights' file mapped.
"""

import json
import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir
import torch
from assay_export import tiny
from assay_export.fused import build, build_pooled
from assay_export.fused.drift import kept
from assay_export.fused.emulated import Emulated
from assay_export.fused.written import Written
from assay_export.graph import graph
from assay_export.manifest import write_manifest
from assay_export.models import drift, tolerance
from assay_export.models.model import Model, Part, decoder
from assay_export.models.reference import Reference
from assay_export.read.weights import placeholder
from assay_export.text.golden import write_pairs
from torch import nn
from transformers import AutoModel, LlamaConfig
from transformers.initialization import no_init_weights

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
import drawn  # noqa: E402 it lies with what the folder runs

VOCABULARY, THETA = 1024, 500000.0
ITEMS, LONGEST = 12, 128
"""Random sequences by which the drift is measured besides the golden ones, and their most tokens."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a body."""

    hidden: int
    intermediate: int
    heads: int
    groups: int
    head: int
    layers: int
    places: int

    def products(self) -> dict[str, tuple[int, int]]:
        """Return a layer's weights in their order, with their inputs and outputs."""
        return {"qkv": (self.hidden, (self.heads + 2 * self.groups) * self.head), "out": (self.heads * self.head, self.hidden),
                "gate_up": (self.hidden, 2 * self.intermediate), "down": (self.intermediate, self.hidden)}

    def count(self) -> int:
        """Return how many weights are drawn."""
        return VOCABULARY * self.hidden + self.layers * sum(math.prod(shape) for shape in self.products().values())


LARGE = Shape(4096, 14336, 32, 8, 128, 4, 8192)
SMALL = Shape(64, 96, 2, 1, 32, 2, 512)


class Stored:
    """The weights as they lie in weights.bin: of stock operators [inputs, outputs], of those of domain assay turned."""

    def __init__(self, file: Path, shape: Shape, turned: bool):
        self.numbers = np.memmap(file, np.float16, "r")
        self.turned, self.at = turned, {"embedding": (0, (VOCABULARY, shape.hidden))}
        start = VOCABULARY * shape.hidden
        for number in range(shape.layers):
            for name, (inner, outer) in shape.products().items():
                self.at[f"{number}.{name}"] = start, (outer, inner) if turned else (inner, outer)
                start += inner * outer

    def part(self, name: str, first: int = 0, last: int | None = None) -> nn.Parameter:
        """Return rows of an embedding, or outputs of a product [outputs, inputs], as a parameter that reads them when
        it is used."""
        start, shape = self.at[name]
        stored = self.numbers[start:start + math.prod(shape)].reshape(shape)
        rows = (stored if self.turned or name == "embedding" else stored.T)[first:last]
        return placeholder(torch.Size(rows.shape), lambda: torch.from_numpy(rows.astype(np.float32)))


def model(shape: Shape, stored: Stored) -> Model:
    """Return a reward model of those weights, norms of ones and a random head."""
    config = LlamaConfig(vocab_size=VOCABULARY, hidden_size=shape.hidden, intermediate_size=shape.intermediate, num_hidden_layers=shape.layers,
                         num_attention_heads=shape.heads, num_key_value_heads=shape.groups, head_dim=shape.head, max_position_embeddings=shape.places,
                         rope_parameters={"rope_type": "default", "rope_theta": THETA}, rms_norm_eps=1e-5, pad_token_id=None)
    with no_init_weights(), torch.device("meta"):
        body = AutoModel.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    body.rotary_emb = type(body.rotary_emb)(config)
    for part in body.modules():
        for name, own in list(part.named_parameters(recurse=False)):
            if own.ndim == 1:
                part.register_parameter(name, nn.Parameter(torch.ones(own.shape), requires_grad=False))
    body.embed_tokens.weight = stored.part("embedding")
    queries, keys = shape.heads * shape.head, (shape.heads + shape.groups) * shape.head
    for number, layer in enumerate(body.layers):
        attention, gated = layer.self_attn, layer.mlp
        attention.q_proj.weight = stored.part(f"{number}.qkv", 0, queries)
        attention.k_proj.weight = stored.part(f"{number}.qkv", queries, keys)
        attention.v_proj.weight = stored.part(f"{number}.qkv", keys)
        attention.o_proj.weight = stored.part(f"{number}.out")
        gated.gate_proj.weight = stored.part(f"{number}.gate_up", 0, shape.intermediate)
        gated.up_proj.weight = stored.part(f"{number}.gate_up", shape.intermediate)
        gated.down_proj.weight = stored.part(f"{number}.down")
    head = nn.Linear(shape.hidden, 1, bias=False)
    nn.init.normal_(head.weight, std=1.3 / math.sqrt(shape.hidden), generator=torch.Generator().manual_seed(1))
    return decoder(Part(body, head.eval()))


def leave_out(drawn_model: ir.Model, stored: Stored) -> None:
    """Have the graph read its large weights from weights.bin, and its rotation from tables.bin."""
    every = drawn_model.graph.initializers
    ends = {"qkv.weight": "qkv", "out.weight": "out", "gate_up.weight": "gate_up", "down.weight": "down"}
    for name, value in every.items():
        end = next((own for own in ends if name.startswith("layer.") and name.endswith(f".{own}")), None)
        if end or name == "embedding":
            start, shape = stored.at[f"{name.split('.')[1]}.{ends[end]}" if end else "embedding"]
            assert tuple(value.shape) == shape, f"{name} is {value.shape} and lies there as {shape}"
            value.const_value = ir.ExternalTensor("weights.bin", 2 * start, 2 * math.prod(shape), value.dtype, shape=value.shape, name=name)
        elif name in ("cos", "sin", "rotation.cos", "rotation.sin"):
            size = value.const_value.nbytes
            value.const_value = ir.ExternalTensor("tables.bin", size if name.endswith("sin") else 0, size, value.dtype, shape=value.shape, name=name)


def make(out: Path, shape: Shape, operators: str | None) -> None:
    """Write a bundle, measure it and take its weights away again."""
    out.mkdir(parents=True, exist_ok=True)
    about = {"weights": shape.count(), "tables": {"places": shape.places, "turned": shape.head, "theta": THETA,
                                                  "type": "float32" if operators else "float16"}}
    (out / "drawn.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    drawn.draw(out)
    stored = Stored(out / "weights.bin", shape, operators is not None)
    made = model(shape, stored)
    traced = (build_pooled if operators else build)(made, shape.places, "float16")
    leave_out(traced, stored)
    (out / "model.onnx").write_bytes(graph.plain(ir.to_proto(traced)).SerializeToString(deterministic=True))
    exact, half = Reference(made), (Written if operators else Emulated)(out / "model.onnx", "float16", made, None)
    rng = random.Random(2)
    prompt, *tails = ([rng.randrange(VOCABULARY) for _ in range(count)] for count in (100, 1, 30, 60))
    golden = [prompt[:5], *(prompt + tail for tail in tails)]
    others = [[rng.randrange(VOCABULARY) for _ in range(rng.randint(2, LONGEST))] for _ in range(ITEMS)]
    before, after = ([float(of.readings(ids)[-1, 0]) for ids in (*golden, *others)] for of in (exact, half))
    score = max(map(tolerance.apart, after, before))
    assert score < 0.05, f"half precision is {score} from float32"
    lost = {"score": drift.significant(score), "order": kept(before, after), "items": len(before)}
    write_pairs(out / "golden.jsonl", [{"item": {"input_ids": ids}, "ids": ids, "score": read, "read": [len(ids) - 1]}
                                       for ids, read in zip(golden, before, strict=False)])
    tiny.family_tokenizer("llama", VOCABULARY, tiny.sentences(1, 2000, 3000)).save(str(out / "tokenizer.json"), pretty=False)
    write_manifest(out / "assay.yaml", {
        "version": 1, "name": out.name, "kind": "reward", "description": "Random weights in the shape of an 8B model's layers, for measurements",
        "licence": "Apache-2.0", "source": {"class": "LlamaForSequenceClassification"},
        "graph": {"file": "model.onnx", "layout": "packed", "precision": "float16", "compute": "float16", "operators": operators, "drift": lost,
                  "output": "readings", "labels": ["reward"], "vocab_size": VOCABULARY, "layers": shape.layers, "heads": shape.heads,
                  "kv_heads": shape.groups, "head_dim": shape.head},
        "tokenizer": {"file": "tokenizer.json", "bos": "none"}, "pooling": "last_attended", "limits": {"max_tokens": shape.places},
        "golden": {"file": "golden.jsonl", "tolerance": max(tolerance.TOLERANCE, 2 * lost["score"])}})
    for file in ("weights.bin", "tables.bin"):
        (out / file).unlink()
    print(f"{out.name}: {lost}", flush=True)


def main() -> None:
    for operators, form in ((None, "stock"), ("assay", "assay")):
        for name, shape in ((f"small-{form}", SMALL), (form, LARGE)):
            make(HERE / "layers" / name, shape, operators)


if __name__ == "__main__":
    main()
