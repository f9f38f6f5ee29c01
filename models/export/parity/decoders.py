"""Tiny decoder checkpoints by kind of body: their tokenizers, templates and sizes, and a writer for any head and weight names."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel

from assay_export.tiny import TEMPLATES

from . import checkpoint

SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "max_position_embeddings": 256}


@dataclass(frozen=True)
class Kind:
    """A kind of body as its makers publish it."""

    model_type: str
    tokenizer: Callable[[], Tokenizer]
    tokens: dict[str, str | None]
    """bos_token, eos_token, pad_token, as tokenizer_config.json and, by id, config.json have them."""
    template: str | None = None
    config: dict = field(default_factory=dict)
    """Config fields over SIZES."""
    grouped: bool = True
    """Several query heads may share a key head."""


def template(name: str) -> str:
    """Return one of the exporter's own templates, which are like the makers'."""
    return (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8").removesuffix("\n")


def byte_level(*tokens: str, bos: str | None = None, words: tuple[str, ...] = ()) -> Callable[[], Tokenizer]:
    """Return a maker of a byte-level tokenizer."""
    return cache(lambda: checkpoint.byte_level(list(tokens), bos=bos, words=words))


QWEN_TOKENS = {"bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
QWEN_TOKENIZER = byte_level("<|endoftext|>", "<|im_start|>", "<|im_end|>", words=("yes", "no"))
LLAMA2_TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<unk>", "unk_token": "<unk>"}
LLAMA2_TOKENIZER = cache(lambda: checkpoint.metaspace(["<unk>", "<s>", "</s>"]))
GEMMA_TOKENS = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
GEMMA_TOKENIZER = cache(lambda: checkpoint.metaspace(["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"], bos="<bos>",
                                                     prefix=False, words=("user", "model", "Yes")))
ROPE3 = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
         "original_max_position_embeddings": 64}
LLAMA31 = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] | trim %}{% set turns = messages[1:] %}"
    "{% else %}{% set system = '' %}{% set turns = messages %}{% endif %}{{ '<|start_header_id|>system<|end_header_id|>\\n\\n' }}"
    "{{ 'Cutting Knowledge Date: December 2023\\nToday Date: 26 Jul 2024\\n\\n' + system + '<|eot_id|>' }}{% for turn in turns %}"
    "{{ '<|start_header_id|>' + turn['role'] + '<|end_header_id|>\\n\\n' + turn['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}")
"""Llama 3.1's chat template without tools."""

KINDS = dict([
    ("qwen2", Kind("qwen2", QWEN_TOKENIZER, QWEN_TOKENS, template("qwen"))),
    ("qwen3", Kind("qwen3", QWEN_TOKENIZER, QWEN_TOKENS, template("qwen"), {"head_dim": 16})),
    ("llama3", Kind("llama", cache(checkpoint.llama3), {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>",
                                                        "pad_token": "<|finetune_right_pad_id|>"}, template("llama"), {"rope_parameters": ROPE3})),
    ("llama2", Kind("llama", LLAMA2_TOKENIZER, LLAMA2_TOKENS, None, {"num_key_value_heads": 4})),
    ("mistral", Kind("mistral", LLAMA2_TOKENIZER, LLAMA2_TOKENS, template("mistral"), {"sliding_window": 12, "head_dim": 8})),
    ("gemma2", Kind("gemma2", GEMMA_TOKENIZER, GEMMA_TOKENS, template("gemma"), {
        "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 8, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0})),
    ("gemma", Kind("gemma", GEMMA_TOKENIZER, GEMMA_TOKENS, template("gemma"), {"head_dim": 16, "num_key_value_heads": 1})),
    ("phi3", Kind("phi3", byte_level("<|endoftext|>", "<|placeholder1|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"), {
        "bos_token": None, "eos_token": "<|endoftext|>", "pad_token": "<|placeholder1|>"}, template("phi3"), {"num_key_value_heads": 4})),
    ("gpt2", Kind("gpt2", byte_level("<|endoftext|>", "<|pad|>"), {"bos_token": None, "eos_token": "<|endoftext|>", "pad_token": "<|pad|>"}, None,
                  {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}, False)),
    ("opt", Kind("opt", byte_level("<s>", "<pad>", "</s>", bos="</s>"), {"bos_token": "</s>", "eos_token": "</s>", "pad_token": "<pad>"}, None,
                 {"ffn_dim": 48, "word_embed_proj_dim": 32}, False)),
    ("gpt_neox", Kind("gpt_neox", byte_level("<|endoftext|>", "<|padding|>", "<|prompter|>", "<|assistant|>"), {
        "bos_token": None, "eos_token": "<|endoftext|>", "pad_token": "<|padding|>"}, None, {"rotary_pct": 0.25}, False)),
])


def write(kind_name: str | Kind, class_name: str, head: dict[str, tuple[int, ...]], *, prefix: str = "model.", seed: int = 1, spread: float = 0.25,
          labels: int = 1, template: str | None = None, tokens: dict | None = None, config: dict | None = None, extra: dict | None = None,
          edit: Callable[[dict[str, torch.Tensor]], None] | None = None) -> Callable[[Path], None]:
    """Return the writer of a checkpoint of a class: the body's weights under a prefix, and a head of these names and shapes.

    tokens replaces some of the kind's tokens (None: no such token), config some of its body's fields; extra goes into config.json
    alone. edit may change the weights before they are written.
    """
    kind = KINDS[kind_name] if isinstance(kind_name, str) else kind_name

    def run(directory: Path) -> None:
        tokenizer, named = kind.tokenizer(), kind.tokens | (tokens or {})
        ids = {f"{name}_id": tokenizer.token_to_id(token) if token else None for name, token in named.items() if name != "unk_token"}
        sizes = {key: value for key, value in SIZES.items() if key != "num_key_value_heads" or kind.grouped}
        settings = AutoConfig.for_model(kind.model_type, **{**sizes, **kind.config, **(config or {}), **ids,
                                                            "num_labels": labels, "vocab_size": tokenizer.get_vocab_size()})
        body = AutoModel.from_config(settings)
        shapes = {prefix + name: value.shape for name, value in body.named_parameters()}
        weights = checkpoint.seeded(shapes | head, seed, spread)
        if edit:
            edit(weights)
        described = settings.to_dict() | {"architectures": [class_name]} | (extra or {})
        checkpoint.write(directory, described, weights, tokenizer, named, template or kind.template)

    return run


def linear(name: str, labels: int = 1, bias: bool = False, hidden: int = 32) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of one Linear."""
    return {f"{name}.weight": (labels, hidden)} | ({f"{name}.bias": (labels,)} if bias else {})


def mlp(name: str, labels: int = 1, inner: int = 32, hidden: int = 32) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of Linear, activation, Linear."""
    return linear(f"{name}.0", inner, True, hidden) | linear(f"{name}.2", labels, True, inner)
