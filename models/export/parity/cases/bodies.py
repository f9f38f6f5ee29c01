"""Decoder bodies besides those that the families' own cases run: transformers' own classes, each with what is particular to its kind."""

import torch

from ..case import Case
from ..decoders import GEMMA_TOKENIZER, GEMMA_TOKENS, QWEN_TOKENIZER, QWEN_TOKENS, Kind, linear, template, write
from ..items import CHAT, IDS, TEXT
from .likelihood import lm, log_ratio
from .scalar import classifier

HEAD = linear("score")
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "attention_factor": 1.2, "beta_fast": 32.0, "beta_slow": 1.0}
LONGROPE = {"rope_type": "longrope", "short_factor": [1.0, 1.25, 1.5, 2.0], "long_factor": [4.0] * 4}


def kind(model_type: str, **config) -> Kind:
    """Return a kind of body with Qwen's tokenizer and template."""
    return Kind(model_type, QWEN_TOKENIZER, QWEN_TOKENS, template("qwen"), config)


def gemma(model_type: str, **config) -> Kind:
    """Return a kind of body with Gemma's tokenizer and template."""
    return Kind(model_type, GEMMA_TOKENIZER, GEMMA_TOKENS, template("gemma"), config)


def body(name: str, made: Kind, class_name: str, seed: int, **settings) -> Case:
    """Return the case of a body's own sequence classification class."""
    bos = 1 if made.tokens["bos_token"] else 0
    return Case(f"body-{name}", "sequence-classification", write(made, f"{class_name}ForSequenceClassification", HEAD, seed=seed, **settings),
                [*CHAT, *TEXT, *IDS], classifier(bos))


def likelihood(name: str, made: Kind, class_name: str, seed: int, **settings) -> Case:
    """Return the case of a body that transformers has no classifier for, as a policy alone."""
    return Case(f"body-{name}", "dpo", lm(made, f"{class_name}ForCausalLM", seed, **settings), CHAT, log_ratio())


def apart(model_type: str):
    """Return an edit that names the weights of experts one by one, as published checkpoints do."""
    def edit(weights: dict[str, torch.Tensor]) -> None:
        for name in [name for name in weights if ".mlp.experts." in name or model_type == "mixtral" and ".mlp.gate." in name]:
            value, part = weights.pop(name), name.rpartition(".")[2]
            block = name.partition(".mlp.")[0] + (".block_sparse_moe" if model_type == "mixtral" else ".mlp")
            names = {"qwen3_moe": ("gate_proj", "up_proj", "down_proj"), "mixtral": ("w1", "w3", "w2")}[model_type]
            if part == "weight":
                weights[f"{block}.gate.weight"] = value
            for number, own in enumerate(value if part != "weight" else []):
                pieces = zip(names, own.chunk(2), strict=False) if part == "gate_up_proj" else [(names[2], own)]
                weights.update({f"{block}.experts.{number}.{piece}.weight": tensor for piece, tensor in pieces})
    return edit


GRANITE = kind("granite", embedding_multiplier=12.0, attention_multiplier=0.4, residual_multiplier=0.22, logits_scaling=1.5)
COHERE = kind("cohere", logit_scale=0.25, use_qk_norm=True)

CASES = [
    body("smollm3", kind("smollm3", num_hidden_layers=3, no_rope_layer_interval=2, use_sliding_window=True, sliding_window=9), "SmolLM3", 301),
    body("olmo2", kind("olmo2"), "Olmo2", 302),
    body("olmo3", kind("olmo3", num_hidden_layers=4, sliding_window=9, rope_parameters={
        "full_attention": YARN | {"rope_theta": 500000.0}, "sliding_attention": {"rope_type": "default", "rope_theta": 500000.0}}), "Olmo3", 303),
    body("glm", kind("glm", head_dim=16), "Glm", 304),
    body("glm4", kind("glm4", head_dim=16), "Glm4", 305),
    body("phi", kind("phi", partial_rotary_factor=0.5, qk_layernorm=True), "Phi", 306),
    body("phi-longrope", Kind("phi3", QWEN_TOKENIZER, QWEN_TOKENS, template("phi3").replace("<|end|>", "<|im_end|>"), {
        "num_key_value_heads": 4, "original_max_position_embeddings": 128, "rope_parameters": LONGROPE}), "Phi3", 307),
    body("starcoder2", kind("starcoder2", sliding_window=9), "Starcoder2", 308),
    body("nemotron", kind("nemotron", head_dim=16, partial_rotary_factor=0.5), "Nemotron", 309),
    body("gemma3-text", gemma("gemma3_text", num_hidden_layers=4, head_dim=16, query_pre_attn_scalar=24, sliding_window=9, sliding_window_pattern=2),
         "Gemma3Text", 310),
    body("qwen3-moe", kind("qwen3_moe", head_dim=16, num_experts=6, num_experts_per_tok=3, moe_intermediate_size=24, norm_topk_prob=True,
                           num_hidden_layers=3, mlp_only_layers=[1]), "Qwen3Moe", 314, edit=apart("qwen3_moe")),
    body("mixtral", kind("mixtral", num_local_experts=5, num_experts_per_tok=2, sliding_window=9), "Mixtral", 315, edit=apart("mixtral")),
    likelihood("granite", GRANITE, "Granite", 311),
    likelihood("cohere", COHERE, "Cohere", 312, config={"tie_word_embeddings": True}),
    likelihood("gemma3-text-lm", gemma("gemma3_text", head_dim=16, query_pre_attn_scalar=24, sliding_window=9, sliding_window_pattern=2,
                                       final_logit_softcapping=3.0), "Gemma3", 313, config={"tie_word_embeddings": True}),
]
