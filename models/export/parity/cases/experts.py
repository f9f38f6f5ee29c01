"""Bodies with experts, sinks and latent keys: transformers' own classes with the settings that are hard to read, some of them made to bite."""

import torch

from ..case import Case
from ..decoders import Kind, linear
from .bodies import LONGROPE, YARN, apart, body, kind, likelihood

LATENT = {"q_lora_rank": 12, "kv_lora_rank": 16, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 12, "num_key_value_heads": 4,
          "moe_intermediate_size": 24, "num_experts_per_tok": 3, "n_shared_experts": 2, "first_k_dense_replace": 1, "num_hidden_layers": 3,
          "routed_scaling_factor": 1.5, "n_routed_experts": 8, "n_group": 4, "topk_group": 2}
"""Sizes of a DeepSeek, whose values are shorter than its keys."""

SCALED = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 64, "mscale": 0.7, "mscale_all_dim": 0.9,
          "beta_fast": 32.0, "beta_slow": 1.0}


def gpt_oss(**config) -> Kind:
    """Return a kind of gpt-oss; its limit is low enough to hold."""
    yarn = {name: value for name, value in YARN.items() if name != "attention_factor"} | {"rope_theta": 150000.0, "truncate": False}
    return kind("gpt_oss", **{"num_hidden_layers": 3, "head_dim": 16, "sliding_window": 9, "num_local_experts": 5, "num_experts_per_tok": 3,
                              "swiglu_limit": 0.75, "rope_parameters": yarn} | config)


def in_four_bits(seed: int):
    """Return an edit that has random experts in MXFP4 in the place of the others, as gpt-oss is published."""
    def edit(weights: dict[str, torch.Tensor]) -> None:
        generator = torch.Generator().manual_seed(seed)
        for name in [name for name in sorted(weights) if name.endswith(("gate_up_proj", "down_proj"))]:
            experts, inputs, outputs = weights.pop(name).shape
            shape = (experts, outputs, inputs // 32)
            weights[f"{name}_blocks"] = torch.randint(0, 256, (*shape, 16), generator=generator, dtype=torch.uint8)
            weights[f"{name}_scales"] = torch.randint(122, 126, shape, generator=generator, dtype=torch.uint8)
    return edit


def biased(*layers: int) -> dict[str, tuple[int, ...]]:
    """Return the head of a DeepSeek-V3, and what its routers add to the scores of their experts, which is no parameter."""
    return linear("score") | {f"model.layers.{layer}.mlp.gate.e_score_correction_bias": (8,) for layer in layers}


def latent(name: str, made: Kind, class_name: str, seed: int, **settings) -> Case:
    """Return the case of a DeepSeek with its experts one by one."""
    return body(name, made, class_name, seed, edit=apart(), **settings)


CASES = [
    body("gpt-oss", gpt_oss(), "GptOss", 341),
    body("gpt-oss-mxfp4", gpt_oss(intermediate_size=64), "GptOss", 342, edit=in_four_bits(342), extra={
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head"]}, "dtype": "float32"}),
    latent("deepseek-v3", kind("deepseek_v3", **LATENT, rope_parameters=SCALED), "DeepseekV3", 343, head=biased(1, 2)),
    latent("deepseek-v3-plain", kind("deepseek_v3", **LATENT | {"q_lora_rank": None, "v_head_dim": 32}, rope_interleave=False, norm_topk_prob=False,
                                     attention_bias=True), "DeepseekV3", 344, head=biased(1, 2)),
    latent("deepseek-v2", kind("deepseek_v2", **LATENT, topk_method="group_limited_greedy", rope_parameters=SCALED), "DeepseekV2", 345),
    latent("deepseek-v2-lite", kind("deepseek_v2", **LATENT | {"q_lora_rank": None, "n_group": 1, "topk_group": 1}, topk_method="greedy"),
           "DeepseekV2", 346),
    body("qwen2-moe", kind("qwen2_moe", num_experts=6, num_experts_per_tok=3, moe_intermediate_size=24, shared_expert_intermediate_size=40,
                           num_hidden_layers=4, mlp_only_layers=[1], use_sliding_window=True, sliding_window=9, max_window_layers=3),
         "Qwen2Moe", 347, edit=apart()),
    body("phimoe", kind("phimoe", num_local_experts=5, attention_bias=True, router_jitter_noise=0.2, sliding_window=64,
                        original_max_position_embeddings=128, rope_parameters=LONGROPE | {
                            "rope_theta": 10000.0, "original_max_position_embeddings": 128, "short_mscale": 1.3, "long_mscale": 1.2}),
         "Phimoe", 348, edit=apart("router")),
    likelihood("gpt-oss-lm", gpt_oss(), "GptOss", 349, config={"tie_word_embeddings": True}),
]
