"""What half precision changes in a reward model that was trained: the embedded `arith-rm`, on responses that it was not
trained on."""

import json
from pathlib import Path

import jinja2
import numpy as np
import onnx
import tokenizers
import torch
from onnx import numpy_helper
from torch import nn
from transformers import Qwen3Config, Qwen3Model

from assay_export import fused
from assay_export.fused.emulated import Emulated
from assay_export.fused.written import Written
from assay_export.graph import graph
from assay_export.models.model import Model, Part, decoder
from assay_export.models.reference import Reference

from .halved import Halved

BUILTIN = Path(__file__).parents[2] / "builtin"
BUNDLE = BUILTIN / "arith-rm"
MAX_TOKENS, PROMPTS = 512, 40
"""Of the held-out prompts, with eight responses each."""
PRODUCTS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
"""The products of a layer in the order of the graph's nodes."""


def model() -> Model:
    """Return the bundle's model, with the weights that its graph has."""
    config = Qwen3Config(vocab_size=512, hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=4,
                         head_dim=32, max_position_embeddings=MAX_TOKENS, rope_theta=10000.0, attn_implementation="eager", use_cache=False)
    stored = onnx.load(BUNDLE / "model.onnx").graph
    kept = {part.name: torch.from_numpy(numpy_helper.to_array(part).copy()) for part in stored.initializer}
    products = [kept[node.input[1]].T for node in stored.node if node.op_type == "MatMul" and node.input[1] in kept and node.input[1] != "head.weight"]
    names = [f"layers.{layer}.{name}.weight" for layer in range(config.num_hidden_layers) for name in PRODUCTS]
    weights = {name.removeprefix("body."): value for name, value in kept.items() if name.startswith("body.") and "rotary" not in name}
    body, head = Qwen3Model(config).eval(), nn.Linear(128, 1, bias=False)
    body.load_state_dict(weights | dict(zip(names, products, strict=True)))
    head.weight.data = kept["head.weight"]
    return decoder(Part(body, head))


def golden() -> list[tuple[list[int], float]]:
    """Return the bundle's golden items: ids and scores."""
    pairs = [json.loads(line) for line in (BUNDLE / "golden.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(pair["ids"], pair["score"]) for pair in pairs if "score" in pair]


def heldout() -> list[list[int]]:
    """Return the ids of held-out responses."""
    template = jinja2.Template((BUNDLE / "chat_template.jinja").read_text(encoding="utf-8"))
    tokenizer, items = tokenizers.Tokenizer.from_file(str(BUNDLE / "tokenizer.json")), []
    for line in (BUILTIN / "heldout/samples.jsonl").read_text(encoding="utf-8").splitlines()[:PROMPTS]:
        sample = json.loads(line)
        for response in sample["responses"]:
            text = template.render(messages=[{"role": "user", "content": sample["prompt"]}, {"role": "assistant", "content": response}])
            items.append(tokenizer.encode(text, add_special_tokens=False).ids)
    return items


def scores(reference, items: list[list[int]]) -> np.ndarray:
    """Return a reference's scores of items."""
    return np.array([reference.readings(ids)[-1, 0].item() for ids in items])


def orders(folder: Path) -> dict[str, dict[str, float]]:
    """Return by type the share of all pairs of held-out responses that keep their order: by stock operators, by those
    of domain assay, by these with int8, and by PyTorch's own class. folder: for the graphs."""
    own, items, found = model(), heldout(), {}
    exact = scores(Reference(own), items)
    one, other = np.triu_indices(len(items), 1)
    for half in fused.HALVES:
        made = {"stock": fused.build(own, MAX_TOKENS, half), "assay": fused.build_pooled(own, MAX_TOKENS, half),
                "int8": fused.build_pooled(own, MAX_TOKENS, half, integers=True)}
        for name, drawn in made.items():
            graph.save(drawn, folder / f"{name}.onnx", external=False)
        ran = {name: (Emulated if name == "stock" else Written)(folder / f"{name}.onnx", half, own, None) for name in made}
        found[half] = {}
        for name, reference in {**ran, "theirs": Halved(own, getattr(torch, half))}.items():
            near = scores(reference, items)
            found[half][name] = float(np.mean((exact[one] < exact[other]) == (near[one] < near[other])))
    return found


def section(found: dict[str, dict[str, float]]) -> str:
    """Return a page's section of them."""
    told = [f"- {half}: {own['stock']:.2%} by stock operators, {own['assay']:.2%} by those of domain assay, {own['int8']:.2%} by these with\n"
            f"  `--int8`, and {own['theirs']:.2%} by PyTorch's own" for half, own in found.items()]
    items = 8 * PROMPTS
    return "\n".join([
        f"The embedded `arith-rm` is trained (Qwen3, 0.9 million parameters). Of all {items * (items - 1) // 2:,} pairs of {items}",
        "responses that it was not trained on, these keep their order:", "", *(line.replace("%", " %") for line in told), ""])
