"""Embedding models of sentence-transformers: transformers' own body, plain pooling, and what stands behind it,
restated."""

import json
from functools import cache

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from torch import nn
from transformers import AutoModel

from ..case import Case
from ..decoders import KINDS, Kind, write
from ..reference import tokenizer_of
from . import modules
from .encoders import BERT_TOKENS, ROBERTA_TOKENS, ROBERTA_UNIGRAM, WORDPIECE, writer
from .modules import LINEAR, dense

TEXTS = [{"text": text} for text in (
    "where do owls sleep?", "Most owls sleep by day, in trees and in barns.", "Hi", " Élan & ☃? ", "  spaces, <b>tags</b>, 日本語  ",
    "The tower has 1,204 steps, counted twice in 2019. " * 3, "[CLS] owls [SEP]")]

NORMALIZE = ("Normalize", {})


def embedding(writes, mode: str, layers: list[tuple[str, dict]], seed: int, **settings):
    """Return a writer that puts sentence-transformers' files beside a checkpoint; settings go into
    config_sentence_transformers.json."""
    def run(directory):
        writes(directory)
        modules.put(directory, mode, layers, seed)
        (directory / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 200, "do_lower_case": False}))
        (directory / "config_sentence_transformers.json").write_text(json.dumps({"model_type": "SentenceTransformer"} | settings))
    return run


def vectors(mode: str, *layers, normalize: bool):
    """Return the reference: the tokenizer on a text, transformers' own body on its ids, one row by mode, the layers by
    their weights, and the row at length 1."""
    def run(directory, items):
        tokenizer, body = tokenizer_of(directory), AutoModel.from_pretrained(directory, attn_implementation="eager").float().eval()
        pairs = []
        for item in items:
            given = tokenizer(item["text"], return_tensors="pt")
            with torch.no_grad():
                hidden = body(**given).last_hidden_state[0]
                row = {"cls": hidden[0], "mean": hidden.sum(0) / len(hidden), "last": hidden[-1]}[mode]
                for folder, function in layers:
                    weights = load_file(directory / folder / "model.safetensors")
                    row = function(row, *(weights[name] for name in sorted(weights, reverse=True)))
                row = row / row.square().sum().sqrt() if normalize else row
            pairs.append({"item": item, "ids": given["input_ids"][0].tolist(), "vector": row.tolist()})
        return pairs
    return run


@cache
def ending():
    """Qwen's tokenizer, which puts an end token behind a text."""
    tokenizer = Tokenizer.from_str(KINDS["qwen3"].tokenizer().to_str())  # a copy, since all cases of Qwen share that one
    tokenizer.post_processor = TemplateProcessing(single="$A <|endoftext|>", pair="$A $B <|endoftext|>",
                                                  special_tokens=[("<|endoftext|>", tokenizer.token_to_id("<|endoftext|>"))])
    return tokenizer


BERT = ("bert", "BertModel", WORDPIECE, BERT_TOKENS)
QWEN = Kind("qwen3", ending, KINDS["qwen3"].tokens, KINDS["qwen3"].template, {"head_dim": 16})
CASES = [
    Case("embedding-bert-mean", "sentence-embedding", embedding(writer(*BERT, 311), "mean", [NORMALIZE], 311), TEXTS, vectors("mean", normalize=True)),
    Case("embedding-bert-dense", "sentence-embedding", embedding(
        writer(*BERT, 312), "cls", [dense(32, 24, "activation.Tanh", False), NORMALIZE], 312, similarity_fn_name="dot",
        prompts={"query": "query: ", "document": "passage: "}), TEXTS,
        vectors("cls", ("2_Dense", lambda row, weight, bias: torch.tanh(LINEAR(row, weight, bias))), normalize=True)),
    Case("embedding-xlmr-norm", "sentence-embedding", embedding(
        writer("xlm-roberta", "XLMRobertaModel", ROBERTA_UNIGRAM, ROBERTA_TOKENS, 313, max_position_embeddings=258, type_vocab_size=1), "mean",
        [("LayerNorm", {"dimension": 32}), dense(32, 40, "linear.Identity", False)], 313), TEXTS,
        vectors("mean", ("2_LayerNorm", lambda row, weight, bias: nn.functional.layer_norm(row, (32,), weight, bias)), ("3_Dense", LINEAR),
                normalize=False)),
    Case("embedding-bert-tokens", "token-embedding", writer(*BERT, 315), TEXTS, vectors("cls", normalize=False)),
    Case("embedding-qwen3-last", "sentence-embedding", embedding(
        write(QWEN, "Qwen3ForCausalLM", {}, seed=314), "lasttoken", [NORMALIZE], 314, prompts={"query": "Instruct: find\nQuery:"}), TEXTS,
        vectors("last", normalize=True)),
]
