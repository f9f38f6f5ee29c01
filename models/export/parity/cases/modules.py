"""Cross-encoders whose head lies in modules of sentence-transformers: a body, Pooling, Dense and LayerNorm, as Ettin's rerankers have them."""

import json

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModel

from .. import checkpoint
from ..case import Case
from ..decoders import linear
from ..items import PASSAGES
from ..reference import tokenizer_of
from .encoders import BERT_BYTES, BERT_TOKENS, MODERN_SIZES, SIZES, TYPED, WORDPIECE

PLACE = "sentence_transformers.sentence_transformer.modules"
TORCH = "torch.nn.modules"


def writer(model_type: str, class_name: str, tokenizer_of_kind, seed: int, mode: str, layers: list[tuple[str, dict]], activation: str | None, **config):
    """Return the writer of a body with modules; layers are those behind Pooling, each a class with its config.json."""
    def write(directory):
        tokenizer = tokenizer_of_kind()
        settings = AutoConfig.for_model(model_type, **{**SIZES, **config, "vocab_size": tokenizer.get_vocab_size(),
                                                       "pad_token_id": tokenizer.token_to_id("[PAD]")})
        weights = checkpoint.weights_of(AutoModel.from_config(settings), seed)
        typed = {"model_input_names": TYPED} if getattr(settings, "type_vocab_size", 0) > 1 and model_type == "bert" else {}
        checkpoint.write(directory, settings.to_dict() | {"architectures": [class_name]}, weights, tokenizer, BERT_TOKENS, **typed)
        put(directory, mode, layers, seed)
        (directory / "sentence_bert_config.json").write_text(json.dumps({"transformer_task": "feature-extraction"}))
        named = {} if activation is None else {"activation_fn": f"{TORCH}.{activation}"}
        (directory / "config_sentence_transformers.json").write_text(json.dumps({"model_type": "CrossEncoder", "prompts": {}} | named))
    return write


def put(directory, mode: str, layers: list[tuple[str, dict]], seed: int) -> None:
    """Write modules.json, and a folder for Pooling and for each layer behind it, with seeded weights where it has some."""
    modules = [("Transformer", {}), ("Pooling", {"embedding_dimension": 32, "pooling_mode": mode}), *layers]
    listed = []
    for number, (name, own) in enumerate(modules):
        place = f"{number}_{name}" if number else ""
        listed.append({"idx": number, "name": str(number), "path": place,
                       "type": "sentence_transformers.base.modules.transformer.Transformer" if not number else f"{PLACE}.{name}"})
        if number and name != "Normalize":  # which has no folder as a rule
            (directory / place).mkdir()
            (directory / place / "config.json").write_text(json.dumps(own))
        if name in ("Dense", "LayerNorm"):
            shapes = linear("linear", own["out_features"], True, own["in_features"]) if name == "Dense" else {"norm.weight": (32,), "norm.bias": (32,)}
            save_file(checkpoint.seeded(shapes, seed + number), directory / place / "model.safetensors")
    (directory / "modules.json").write_text(json.dumps(listed))


def behind(mode: str, *layers, sigmoid: bool):
    """Return the reference: transformers' own body on the tokenizer's two texts, one row of it by mode, then the layers by their weights."""
    def run(directory, items):
        tokenizer, body = tokenizer_of(directory), AutoModel.from_pretrained(directory, attn_implementation="eager").float().eval()
        pairs = []
        for item in items:
            given = tokenizer(item["prompt"], item["response"], return_tensors="pt")
            with torch.no_grad():
                hidden = body(**given).last_hidden_state[0]
                row = hidden[0] if mode == "cls" else hidden.mean(0)
                for folder, function in layers:
                    weights = load_file(directory / folder / "model.safetensors")
                    row = function(row, *(weights[name] for name in sorted(weights, reverse=True)))
            pairs.append({"item": item, "ids": given["input_ids"][0].tolist(), "score": (torch.sigmoid(row) if sigmoid else row).item()})
        return pairs
    return run


def dense(inputs: int, outputs: int, activation: str, last: bool) -> tuple[str, dict]:
    """Return a Dense with its config."""
    return "Dense", {"in_features": inputs, "out_features": outputs, "bias": True, "activation_function": f"{TORCH}.{activation}",
                     "module_input_name": "sentence_embedding"} | ({"module_output_name": "scores"} if last else {})


LINEAR = nn.functional.linear
CASES = [
    Case("modules-modernbert", "sentence-modules", writer("modernbert", "ModernBertModel", BERT_BYTES, 281, "cls", [
        dense(32, 32, "activation.GELU", False), ("LayerNorm", {"dimension": 32}), dense(32, 1, "linear.Identity", True)], "linear.Identity",
        **MODERN_SIZES), PASSAGES, behind("cls", ("2_Dense", lambda row, weight, bias: nn.functional.gelu(LINEAR(row, weight, bias))),
                                          ("3_LayerNorm", lambda row, weight, bias: nn.functional.layer_norm(row, (32,), weight, bias)),
                                          ("4_Dense", LINEAR), sigmoid=False)),
    Case("modules-bert-mean", "sentence-modules", writer("bert", "BertModel", WORDPIECE, 282, "mean", [
        dense(32, 24, "activation.Tanh", False), dense(24, 1, "linear.Identity", True)], None), PASSAGES,
        behind("mean", ("2_Dense", lambda row, weight, bias: torch.tanh(LINEAR(row, weight, bias))), ("3_Dense", LINEAR), sigmoid=True)),
]
