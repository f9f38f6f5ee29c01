"""Encoders that read a prompt and a response, or a query and a passage, at once; the graph pools."""

from functools import cache

import torch
import transformers
from transformers import AutoConfig

from .. import checkpoint
from ..case import Case
from ..items import PASSAGES
from ..reference import of_class, tokenizer_of

SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 256}
V3 = {"relative_attention": True, "position_buckets": 16, "max_relative_positions": -1, "norm_rel_ebd": "layer_norm", "share_att_key": True,
      "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "type_vocab_size": 0, "pooler_hidden_size": 32, "pooler_hidden_act": "gelu"}
V2 = V3 | {"type_vocab_size": 2, "conv_kernel_size": 3, "conv_act": "gelu", "position_buckets": 24}
V1 = {"relative_attention": True, "max_relative_positions": -1, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False,
      "type_vocab_size": 0, "pooler_hidden_size": 32, "pooler_hidden_act": "gelu"}
BERT_TOKENS = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
ROBERTA_TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>"}

WORDPIECE = cache(checkpoint.wordpiece)
BERT_UNIGRAM = cache(lambda: checkpoint.bert_pairs(checkpoint.unigram(["[PAD]", "[CLS]", "[SEP]", "[UNK]"], "[UNK]")))
BERT_BYTES = cache(lambda: checkpoint.bert_pairs(checkpoint.byte_level(["[PAD]", "[CLS]", "[SEP]", "[UNK]"])))
ROBERTA_BYTES = cache(lambda: checkpoint.roberta_pairs(checkpoint.byte_level(["<s>", "<pad>", "</s>", "<unk>"])))
ROBERTA_UNIGRAM = cache(lambda: checkpoint.roberta_pairs(checkpoint.unigram(["<s>", "<pad>", "</s>", "<unk>"], "<unk>")))


def writer(model_type: str, class_name: str, tokenizer_of_kind, tokens: dict[str, str], seed: int, **config):
    """Return the writer of transformers' own class with seeded noise."""
    def write(directory):
        tokenizer = tokenizer_of_kind()
        pad = tokenizer.token_to_id(tokens["pad_token"])
        settings = AutoConfig.for_model(model_type, **{**SIZES, "num_labels": 1, **config, "vocab_size": tokenizer.get_vocab_size(), "pad_token_id": pad})
        model = getattr(transformers, class_name)(settings)
        weights = checkpoint.weights_of(model, seed)
        checkpoint.write(directory, settings.to_dict() | {"architectures": [class_name]}, weights, tokenizer, tokens)
    return write


def cross_encoder(activation=lambda logit: logit):
    """Return the reference: the tokenizer on two texts, the class's own forward on each pair alone, its first logit activated."""
    def run(directory, items):
        tokenizer, model = tokenizer_of(directory), of_class(directory)
        pairs = []
        for item in items:
            encoded = tokenizer(item["prompt"], item["response"], return_tensors="pt", return_token_type_ids=True)
            given = {"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"]}
            if getattr(model.config, "type_vocab_size", 0) > 0:
                given["token_type_ids"] = encoded["token_type_ids"]
            with torch.no_grad():
                score = activation(model(**given).logits[0, 0])
            pairs.append({"item": item, "ids": encoded["input_ids"][0].tolist(), "score": score.item()})
        return pairs
    return run


def case(name: str, family: str, writes, activation=lambda logit: logit, layouts: tuple[str, ...] = ("packed", "padded")) -> Case:
    """Return an encoder's case."""
    return Case(name, family, writes, PASSAGES, cross_encoder(activation), layouts=layouts)


DEBERTA2 = ("deberta-v2", "DebertaV2ForSequenceClassification", BERT_UNIGRAM, BERT_TOKENS)
MODERN = ("modernbert", "ModernBertForSequenceClassification", BERT_BYTES, BERT_TOKENS)
MODERN_SIZES = {"num_hidden_layers": 3, "global_attn_every_n_layers": 2, "local_attention": 8, "cls_token_id": 1, "sep_token_id": 2,
                "bos_token_id": 1, "eos_token_id": 2}

PADDED = ("padded",)
"""DeBERTa's attention is part of its layers."""

CASES = [
    case("bert-reranker", "bert-pair", writer("bert", "BertForSequenceClassification", WORDPIECE, BERT_TOKENS, 51)),
    case("roberta-reranker", "roberta-pair", writer("roberta", "RobertaForSequenceClassification", ROBERTA_BYTES, ROBERTA_TOKENS, 52,
                                                    max_position_embeddings=258, type_vocab_size=1)),
    case("bge-reranker", "roberta-pair", writer("xlm-roberta", "XLMRobertaForSequenceClassification", ROBERTA_UNIGRAM, ROBERTA_TOKENS, 53,
                                                max_position_embeddings=258, type_vocab_size=1)),
    case("oasst-deberta-v3", "deberta-pair", writer(*DEBERTA2, 54, **V3), layouts=PADDED),
    case("deberta-v2", "deberta-pair", writer(*DEBERTA2, 55, **V2), layouts=PADDED),
    case("deberta-v1", "deberta-pair", writer("deberta", "DebertaForSequenceClassification", BERT_BYTES, BERT_TOKENS, 56, **V1), layouts=PADDED),
    case("mxbai-rerank", "mxbai-rerank", writer(*DEBERTA2, 57, **V3), torch.sigmoid, PADDED),
    case("modernbert-reranker", "modernbert-pair", writer(*MODERN, 58, classifier_pooling="cls", **MODERN_SIZES)),
    case("modernbert-reranker-mean", "modernbert-pair", writer(*MODERN, 59, classifier_pooling="mean", **MODERN_SIZES)),
]
