"""Bodies besides those that the families' own cases run: transformers' own classes, each with what is particular to its kind."""

import torch
from transformers import Gemma3Config, Gemma3ForSequenceClassification

from .. import checkpoint
from ..case import Case
from ..decoders import GEMMA_TOKENIZER, GEMMA_TOKENS, QWEN_TOKENIZER, QWEN_TOKENS, SIZES, Kind, linear, template, write
from ..items import CHAT, IDS, TEXT
from .encoders import MODERN, MODERN_SIZES, writer
from .encoders import case as encoder
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


def body(name: str, made: Kind, class_name: str, seed: int, head: dict = HEAD, **settings) -> Case:
    """Return the case of a body's own sequence classification class."""
    bos = 1 if made.tokens["bos_token"] else 0
    return Case(f"body-{name}", "sequence-classification", write(made, f"{class_name}ForSequenceClassification", head, seed=seed, **settings),
                [*CHAT, *TEXT, *IDS], classifier(bos))


def likelihood(name: str, made: Kind, class_name: str, seed: int, **settings) -> Case:
    """Return the case of a body that transformers has no classifier for, as a policy alone."""
    return Case(f"body-{name}", "dpo", lm(made, f"{class_name}ForCausalLM", seed, **settings), CHAT, log_ratio())


def apart(router: str = ""):
    """Return an edit that names the weights of experts one by one, as published checkpoints do; router: Mixtral's way, and transformers' name of that."""
    names = ("w1", "w3", "w2") if router else ("gate_proj", "up_proj", "down_proj")

    def edit(weights: dict[str, torch.Tensor]) -> None:
        for name in [name for name in weights if ".mlp.experts." in name or router and f".mlp.{router}." in name]:
            value, part = weights.pop(name), name.rpartition(".")[2]
            block = name.partition(".mlp.")[0] + (".block_sparse_moe" if router else ".mlp")
            if part == "weight":
                weights[f"{block}.gate.weight"] = value
            for number, own in enumerate(value if part != "weight" else []):
                pieces = zip(names, own.chunk(2), strict=False) if part == "gate_up_proj" else [(names[2], own)]
                weights.update({f"{block}.experts.{number}.{piece}.weight": tensor for piece, tensor in pieces})
    return edit


def with_images(old: bool):
    """Return the writer of a Gemma 3 of text and images; old: with the names that weights had when it came out."""
    def write_to(directory):
        tokenizer = GEMMA_TOKENIZER()
        pad, bos, eos = (tokenizer.token_to_id(GEMMA_TOKENS[f"{name}_token"]) for name in ("pad", "bos", "eos"))
        text = SIZES | {"num_hidden_layers": 3, "head_dim": 16, "query_pre_attn_scalar": 24, "sliding_window": 9, "sliding_window_pattern": 2,
                        "vocab_size": tokenizer.get_vocab_size(), "pad_token_id": pad, "bos_token_id": bos, "eos_token_id": eos,
                        "rope_scaling": {"rope_type": "linear", "factor": 8.0}}
        images = {"model_type": "siglip_vision_model", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
                  "image_size": 28, "patch_size": 14}
        settings = Gemma3Config(text_config=text, vision_config=images, num_labels=1, mm_tokens_per_image=4, image_token_index=9)
        weights = checkpoint.weights_of(Gemma3ForSequenceClassification(settings), 316)
        if old:
            weights = {name.removeprefix("model.") if "language_model" not in name else name.replace("model.language_model.", "language_model.model.", 1):
                       value for name, value in weights.items()}
        described = settings.to_dict() | {"architectures": ["Gemma3ForSequenceClassification"]}
        checkpoint.write(directory, described, weights, tokenizer, GEMMA_TOKENS, template("gemma"))
    return write_to


def falcon(**config) -> Kind:
    """Return a kind of Falcon, whose sizes have other names."""
    return Kind("falcon", QWEN_TOKENIZER, QWEN_TOKENS, template("qwen"), config, grouped=False)


FALCON = falcon(ffn_hidden_size=48)
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
    Case("body-gemma3", "sequence-classification", with_images(False), [*CHAT, *TEXT, *IDS], classifier(1)),
    Case("body-gemma3-old-names", "sequence-classification", with_images(True), [*CHAT, *TEXT, *IDS], classifier(1)),
    body("qwen3-moe", kind("qwen3_moe", head_dim=16, num_experts=6, num_experts_per_tok=3, moe_intermediate_size=24, norm_topk_prob=True,
                           num_hidden_layers=3, mlp_only_layers=[1]), "Qwen3Moe", 314, edit=apart()),
    body("mixtral", kind("mixtral", num_local_experts=5, num_experts_per_tok=2, sliding_window=9), "Mixtral", 315, edit=apart("gate")),
    encoder("body-modernbert-biases", "modernbert-pair", writer(*MODERN, 317, classifier_pooling="cls", **MODERN_SIZES, **{
        name: True for name in ("classifier_bias", "norm_bias", "attention_bias", "mlp_bias")}, classifier_activation="silu",
        hidden_activation="gelu_pytorch_tanh")),
    body("falcon", FALCON, "Falcon", 318, prefix="transformer."),
    body("falcon-40b", falcon(new_decoder_architecture=True, num_kv_heads=2), "Falcon", 319, prefix="transformer."),
    body("falcon-2", falcon(new_decoder_architecture=True, num_kv_heads=2, num_ln_in_parallel_attn=1, ffn_hidden_size=48), "Falcon", 320,
         prefix="transformer."),
    body("falcon-sequential", falcon(multi_query=False, parallel_attn=False, bias=True), "Falcon", 321, prefix="transformer."),
    body("seed-oss", kind("seed_oss", head_dim=16, attention_out_bias=True), "SeedOss", 322),
    body("exaone4", kind("exaone4", num_hidden_layers=4, sliding_window=9, layer_types=["sliding_attention", "sliding_attention", "full_attention",
                                                                                        "sliding_attention"]), "Exaone4", 323),
    body("hunyuan-dense", kind("hunyuan_v1_dense", head_dim=16, rope_parameters={
        "rope_type": "dynamic", "rope_theta": 10000.0, "factor": 1.0, "alpha": 1000.0}), "HunYuanDenseV1", 324),
    body("ministral3", kind("ministral3", head_dim=16, sliding_window=9, rope_parameters=YARN | {
        "rope_theta": 1000000.0, "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 192, "max_position_embeddings": 256,
        "llama_4_scaling_beta": 0.1}), "Ministral3", 325),
    body("stablelm", kind("stablelm", use_qkv_bias=True, qk_layernorm=True), "StableLm", 326),
    body("stablelm-parallel", kind("stablelm", use_parallel_residual=True, partial_rotary_factor=0.5), "StableLm", 327),
    likelihood("falcon-lm", FALCON, "Falcon", 328, prefix="transformer.", config={"tie_word_embeddings": True}),
    likelihood("granite", GRANITE, "Granite", 311),
    likelihood("cohere", COHERE, "Cohere", 312, config={"tie_word_embeddings": True}),
    likelihood("gemma3-text-lm", gemma("gemma3_text", head_dim=16, query_pre_attn_scalar=24, sliding_window=9, sliding_window_pattern=2,
                                       final_logit_softcapping=3.0), "Gemma3", 313, config={"tie_word_embeddings": True}),
]
