"""The keys of config.json as makers and trainers publish them, by what they are of; values are those that matter here."""

COMMON = {"_name_or_path": "x/y", "transformers_version": "4.44.2", "torch_dtype": "bfloat16", "use_cache": True, "initializer_range": 0.02,
          "bos_token_id": 1, "eos_token_id": 2, "vocab_size": 400, "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 320}
DECODER = COMMON | SIZES | {"num_key_value_heads": 2, "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "rope_scaling": None,
                            "tie_word_embeddings": False, "attention_dropout": 0.0}
LLAMA3 = {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 64, "rope_type": "llama3"}
WINDOWS = {"use_sliding_window": False, "sliding_window": 131072, "max_window_layers": 28}
BERT = COMMON | SIZES | {"attention_probs_dropout_prob": 0.1, "hidden_dropout_prob": 0.1, "classifier_dropout": None, "layer_norm_eps": 1e-12,
                         "hidden_act": "gelu", "type_vocab_size": 2, "position_embedding_type": "absolute", "pad_token_id": 0,
                         "gradient_checkpointing": False}
DEBERTA = BERT | {"position_embedding_type": None, "type_vocab_size": 0, "relative_attention": True, "max_relative_positions": -1,
                  "position_biased_input": False, "pooler_dropout": 0, "pooler_hidden_act": "gelu", "pooler_hidden_size": 32}

DELTA = {"full_attention_interval": 2, "layer_types": ["linear_attention", "full_attention"], "linear_conv_kernel_dim": 4, "linear_key_head_dim": 16,
         "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_value_head_dim": 16, "attention_bias": False, "head_dim": 16}

PUBLISHED = {
    "Llama 3.1": DECODER | {"model_type": "llama", "attention_bias": False, "mlp_bias": False, "pretraining_tp": 1, "rope_scaling": LLAMA3,
                            "eos_token_id": [2, 3], "head_dim": 8, "pad_token_id": 4},
    "Llama 3, by Unsloth": DECODER | {"model_type": "llama", "attention_bias": False, "mlp_bias": False, "unsloth_fixed": True,
                                      "unsloth_version": "2025.3.19", "_attn_implementation_autoset": True, "pad_token_id": 4},
    "SmolLM2": DECODER | {"model_type": "llama", "is_llama_config": True, "rope_interleaved": False, "pretraining_tp": 1, "transformers.js_config": {
        "dtype": "q4"}},
    "a Qwen turned into a Llama": DECODER | WINDOWS | {"model_type": "llama"},
    "Qwen 2.5": DECODER | WINDOWS | {"model_type": "qwen2", "use_mrope": False},
    "Qwen 2.5, saved by transformers 5": DECODER | WINDOWS | {
        "model_type": "qwen2", "dtype": "float32", "rope_theta": None, "layer_types": ["full_attention"] * 2, "sliding_window": None,
        "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"}},
    "Qwen2.5-Math-PRM": DECODER | WINDOWS | {"model_type": "qwen2", "use_mrope": False, "auto_map": {"AutoModel": "modeling_qwen2_rm.X"}},
    "Qwen 3": DECODER | WINDOWS | {"model_type": "qwen3", "attention_bias": False, "head_dim": 16, "rope_scaling": {
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 80}},
    "Mistral": DECODER | {"model_type": "mistral", "sliding_window": None, "head_dim": 8},
    "Gemma": DECODER | {"model_type": "gemma", "hidden_act": "gelu", "hidden_activation": None, "head_dim": 16, "attention_bias": False},
    "Gemma 2": DECODER | {"model_type": "gemma2", "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh", "head_dim": 16,
                          "attention_bias": False, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "cache_implementation": "hybrid",
                          "query_pre_attn_scalar": 16, "sliding_window": 4096, "sliding_window_size": 4096, "rope_scaling": None},
    "Phi 3.5": DECODER | {"model_type": "phi3", "attention_bias": False, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "sliding_window": 262144,
                          "original_max_position_embeddings": 64, "pad_token_id": 4, "num_key_value_heads": 4, "rope_scaling": {
                              "long_factor": [2.0] * 4, "short_factor": [1.0] * 4, "type": "longrope"}},
    "Phi 4 mini": DECODER | {"model_type": "phi3", "attention_bias": False, "mlp_bias": False, "lm_head_bias": False, "full_attn_mod": 1,
                             "interpolate_factor": 1, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "partial_rotary_factor": 0.75, "sliding_window": 262144,
                             "original_max_position_embeddings": 64, "pad_token_id": 4, "auto_map": {"AutoConfig": "x.X"}},
    "GPT-2": COMMON | {"model_type": "gpt2", "activation_function": "gelu_new", "attn_pdrop": 0.1, "embd_pdrop": 0.1, "resid_pdrop": 0.1,
                       "layer_norm_epsilon": 1e-5, "n_ctx": 320, "n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 320,
                       "summary_activation": None, "summary_first_dropout": 0.1, "summary_proj_to_labels": True, "summary_type": "cls_index",
                       "summary_use_proj": True, "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}}},
    "OPT": COMMON | {"model_type": "opt", "_remove_final_layer_norm": False, "activation_dropout": 0.0, "activation_function": "relu", "dropout": 0.1,
                     "do_layer_norm_before": True, "ffn_dim": 64, "hidden_size": 32, "init_std": 0.02, "layerdrop": 0.0, "num_hidden_layers": 2,
                     "num_attention_heads": 4, "max_position_embeddings": 320, "prefix": "</s>", "word_embed_proj_dim": 32, "pad_token_id": 1},
    "Pythia": COMMON | SIZES | {"model_type": "gpt_neox", "hidden_act": "gelu", "layer_norm_eps": 1e-5, "rotary_emb_base": 10000, "rotary_pct": 0.25,
                                "use_parallel_residual": True, "tie_word_embeddings": False, "attention_bias": True, "classifier_dropout": 0.1},
    "InternLM2 reward": DECODER | {"model_type": "internlm2", "bias": False, "attn_implementation": "eager", "pretraining_tp": 1, "pad_token_id": 2,
                                   "reward_token_id": 5, "rope_scaling": {"factor": 2.0, "type": "dynamic"}, "auto_map": {"AutoModel": "x.X"}},
    "multilingual BERT": BERT | {"model_type": "bert", "directionality": "bidi", "pooler_fc_size": 768, "pooler_num_attention_heads": 12,
                                 "pooler_num_fc_layers": 3, "pooler_size_per_head": 128, "pooler_type": "first_token_transform"},
    "a cross-encoder": BERT | {"model_type": "bert", "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.1"},
                               "sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"},
    "RoBERTa": BERT | {"model_type": "roberta", "type_vocab_size": 1, "pad_token_id": 1},
    "bge-reranker-v2-m3": BERT | {"model_type": "xlm-roberta", "output_past": True, "type_vocab_size": 1, "pad_token_id": 1},
    "ModernBERT": COMMON | SIZES | {
        "model_type": "modernbert", "attention_bias": False, "attention_dropout": 0.0, "classifier_activation": "gelu", "classifier_bias": False,
        "classifier_dropout": 0.0, "classifier_pooling": "mean", "cls_token_id": 3, "sep_token_id": 2, "decoder_bias": True, "embedding_dropout": 0.0,
        "deterministic_flash_attn": False, "global_attn_every_n_layers": 3, "global_rope_theta": 160000.0, "local_attention": 128,
        "local_rope_theta": 10000.0, "hidden_activation": "gelu", "initializer_cutoff_factor": 2.0, "layer_norm_eps": 1e-5, "norm_eps": 1e-5,
        "norm_bias": False, "mlp_bias": False, "mlp_dropout": 0.0, "pad_token_id": 0, "position_embedding_type": "absolute",
        "reference_compile": None, "repad_logits_with_grad": False, "sparse_pred_ignore_index": -100, "sparse_prediction": False},
    "DeBERTa": DEBERTA | {"model_type": "deberta", "pos_att_type": "c2p|p2c", "padding_idx": 0},
    "DeBERTa v2": DEBERTA | {"model_type": "deberta-v2", "pos_att_type": "p2c|c2p", "position_buckets": 256, "norm_rel_ebd": "layer_norm",
                             "share_att_key": True, "attention_head_size": 8, "conv_kernel_size": 3, "conv_act": "gelu"},
    "DeBERTa v3": DEBERTA | {"model_type": "deberta-v2", "pos_att_type": "p2c|c2p", "position_buckets": 256, "norm_rel_ebd": "layer_norm",
                             "share_att_key": True, "legacy": True},
    "DistilBERT, sentiment": COMMON | {
        "model_type": "distilbert", "activation": "gelu", "attention_dropout": 0.1, "dim": 32, "dropout": 0.1, "finetuning_task": "sst-2", "hidden_dim": 64,
        "id2label": {"0": "NEGATIVE", "1": "POSITIVE"}, "label2id": {"NEGATIVE": 0, "POSITIVE": 1}, "max_position_embeddings": 320, "n_heads": 4,
        "n_layers": 2, "output_past": True, "pad_token_id": 0, "qa_dropout": 0.1, "seq_classif_dropout": 0.2, "sinusoidal_pos_embds": False,
        "tie_weights_": True},
    "ELECTRA": BERT | {"model_type": "electra", "embedding_size": 16, "summary_activation": "gelu", "summary_last_dropout": 0.1, "summary_type": "first",
                       "summary_use_proj": True, "position_embedding_type": "absolute"},
    "SmolLM3": DECODER | {"model_type": "smollm3", "attention_bias": False, "mlp_bias": False, "layer_types": ["full_attention"] * 2,
                          "max_window_layers": 28, "no_rope_layer_interval": 4, "no_rope_layers": [1, 1], "pretraining_tp": 2,
                          "sliding_window": None, "use_sliding_window": False, "pad_token_id": 4, "bos_token_id": None},
    "OLMo 2": DECODER | {"model_type": "olmo2", "attention_bias": False, "pad_token_id": 4},
    "OLMo 3": DECODER | {"model_type": "olmo3", "attention_bias": False, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 64,
                         "rope_scaling": {"attention_factor": 1.2, "beta_fast": 32.0, "beta_slow": 1.0, "factor": 8.0, "rope_type": "yarn",
                                          "original_max_position_embeddings": 40}},
    "GLM 4": DECODER | {"model_type": "glm4", "attention_bias": False, "head_dim": 16, "partial_rotary_factor": 0.5, "eos_token_id": [1, 2, 3],
                        "pad_token_id": 4},
    "GLM 4, 2024": DECODER | {"model_type": "glm", "attention_bias": True, "head_dim": 16, "partial_rotary_factor": 0.5},
    "Granite 3": DECODER | {"model_type": "granite", "attention_bias": False, "mlp_bias": False, "attention_multiplier": 0.015625,
                            "embedding_multiplier": 12.0, "logits_scaling": 8.0, "residual_multiplier": 0.22, "pad_token_id": 4},
    "Phi 2": DECODER | {"model_type": "phi", "hidden_act": "gelu_new", "rms_norm_eps": None, "layer_norm_eps": 1e-5, "partial_rotary_factor": 0.5,
                        "qk_layernorm": False, "embd_pdrop": 0.0, "resid_pdrop": 0.1},
    "StarCoder2": DECODER | {"model_type": "starcoder2", "rms_norm_eps": None, "activation_function": "gelu", "hidden_act": "gelu_pytorch_tanh",
                             "attention_softmax_in_fp32": True, "scale_attention_softmax_in_fp32": True, "scale_attn_weights": True,
                             "mlp_type": "default", "norm_type": "layer_norm", "layer_norm_epsilon": 1e-5, "norm_epsilon": 1e-5, "use_bias": True,
                             "residual_dropout": 0.0, "embedding_dropout": 0.0, "sliding_window": 4096},
    "Nemotron mini": DECODER | {"model_type": "nemotron", "hidden_act": "relu2", "rms_norm_eps": None, "norm_eps": 1e-5, "head_dim": 16,
                                "attention_bias": False, "mlp_bias": False, "partial_rotary_factor": 0.5},
    "Gemma 3 1B": DECODER | {"model_type": "gemma3_text", "hidden_act": None, "hidden_activation": "gelu_pytorch_tanh", "head_dim": 16,
                             "attention_bias": False, "attn_logit_softcapping": None, "final_logit_softcapping": None, "sliding_window": 512,
                             "cache_implementation": "hybrid", "query_pre_attn_scalar": 16, "rope_local_base_freq": 10000, "sliding_window_pattern": 6},
    "Command R": DECODER | {"model_type": "cohere", "rms_norm_eps": None, "layer_norm_eps": 1e-5, "logit_scale": 0.0625, "use_qk_norm": False,
                            "attention_bias": False, "model_max_length": 131072, "pad_token_id": 0},
    "Qwen 3 MoE": DECODER | WINDOWS | {"model_type": "qwen3_moe", "attention_bias": False, "head_dim": 16, "decoder_sparse_step": 1,
                                       "mlp_only_layers": [], "moe_intermediate_size": 24, "norm_topk_prob": True, "num_experts": 4,
                                       "num_experts_per_tok": 2, "output_router_logits": False, "router_aux_loss_coef": 0.001},
    "Mixtral": DECODER | {"model_type": "mixtral", "num_experts_per_tok": 2, "num_local_experts": 8, "output_router_logits": False,
                          "router_aux_loss_coef": 0.02, "sliding_window": None},
    "Qwen 3.5, the text": DECODER | DELTA | {
        "model_type": "qwen3_5_text", "attn_output_gate": True, "output_gate_type": "swish", "mamba_ssm_dtype": "float32", "mlp_only_layers": [],
        "mtp_num_hidden_layers": 1, "mtp_use_dedicated_embeddings": False, "rope_theta": None, "rope_parameters": {
            "mrope_interleaved": True, "mrope_section": [2, 1, 1], "rope_type": "default", "rope_theta": 10000000, "partial_rotary_factor": 0.5}},
    "Qwen 3.5 MoE, the text": DECODER | DELTA | {
        "model_type": "qwen3_5_moe_text", "attn_output_gate": True, "mamba_ssm_dtype": "float32", "mtp_num_hidden_layers": 1, "num_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 24, "shared_expert_intermediate_size": 24, "router_aux_loss_coef": 0.001,
        "output_router_logits": False, "partial_rotary_factor": 0.25, "rope_parameters": {"mrope_section": [11, 11, 10], "rope_type": "default"}},
    "Qwen3-Next": DECODER | DELTA | {
        "model_type": "qwen3_next", "decoder_sparse_step": 1, "mlp_only_layers": [], "moe_intermediate_size": 24, "norm_topk_prob": True,
        "num_experts": 4, "num_experts_per_tok": 2, "output_router_logits": False, "partial_rotary_factor": 0.25, "router_aux_loss_coef": 0.001,
        "shared_expert_intermediate_size": 24, "use_sliding_window": False, "layer_types": None},
}
