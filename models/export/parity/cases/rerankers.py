"""Rerankers that are decoders."""

from dataclasses import replace
from functools import cache

import torch
from tokenizers import Regex, normalizers, pre_tokenizers
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from .. import checkpoint
from ..case import Case
from ..checkpoint import read
from ..decoders import KINDS, linear, write
from ..items import PASSAGES
from ..reference import bare_body, head, of_class, pair, tokenizer_of

SYSTEM = ("Judge whether the Document meets the requirements based on the Query and the Instruct provided. "
          'Note that the answer can only be "yes" or "no".')
TASK = "Given a web search query, retrieve relevant passages that answer the query"
QUESTION = ("Given a query A and a passage B, determine whether the passage contains an answer to the query by providing a prediction of either "
            "'Yes' or 'No'.")
INSTRUCTED = {"messages": [{"role": "system", "content": "Find code."}, {"role": "user", "content": "sort a list"},
                           {"role": "assistant", "content": "sorted(x)"}]}


def parts(item: dict) -> tuple[str, str, str]:
    """Return an item's instruction, query and document."""
    turns = {turn["role"]: turn["content"] for turn in item.get("messages", [])}
    return turns.get("system", TASK), turns.get("user", item.get("prompt")), turns.get("assistant", item.get("response"))


def qwen3_reranker(directory, items):
    """Restates the card: prefix, body and suffix tokenized apart; p(yes) of log-softmax over (no, yes) at the last position."""
    tokenizer, model = tokenizer_of(directory), of_class(directory)
    no, yes = tokenizer.convert_tokens_to_ids(["no", "yes"])
    prefix = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"
    suffix = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    pairs = []
    for item in items:
        task, query, document = parts(item)
        texts = (prefix, f"<Instruct>: {task}\n<Query>: {query}\n<Document>: {document}", suffix)
        ids = [one for text in texts for one in tokenizer.encode(text, add_special_tokens=False)]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids])).logits[0, -1]
        both = torch.log_softmax(torch.stack([logits[no], logits[yes]]), -1)
        pairs.append(pair(item, ids, len(ids) - 1, both[1].exp()))
    return pairs


def bge_gemma(directory, items):
    """Restates FlagLLMReranker: BOS, "A: query", newline, "B: passage", newline, question, tokenized apart; the logit of Yes."""
    tokenizer, model = tokenizer_of(directory), of_class(directory)
    plain = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]  # noqa: E731
    newline, yes = plain("\n"), plain("Yes")[0]
    pairs = []
    for item in items:
        _, query, passage = parts(item)
        ids = [tokenizer.bos_token_id, *plain(f"A: {query}"), *newline, *plain(f"B: {passage}"), *newline, *plain(QUESTION)]
        with torch.no_grad():
            pairs.append(pair(item, ids, len(ids) - 1, model(input_ids=torch.tensor([ids])).logits[0, -1, yes]))
    return pairs


FRAME = ("<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n<|im_start|>user\n",
         "<|im_end|>\n<|im_start|>assistant\n")
EXPERT = ("You are a search relevance expert who evaluates how well documents match search queries. For each query-document pair, carefully analyze "
          "the semantic relationship between them, then provide your binary relevance judgment (0 for not relevant, 1 for relevant).\nRelevance:")


def mxbai_v2(instruction: str = "", most: float | None = None):
    """Return the reference of mxbai-rerank v2, with an instruction and an estimated maximum.

    Restates MxbaiRerankV2 of the package mxbai-rerank 0.1.6: prepare_inputs, whose parts are tokenized apart, forward, and sigmoid_normalize.
    """
    def run(directory, items):
        tokenizer, model = tokenizer_of(directory), of_class(directory)
        plain = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]  # noqa: E731
        yes, no, line = plain("1")[0], plain("0")[0], plain("\n")
        pairs = []
        for item in items:
            _, query, document = parts(item)
            asked = f"instruction: {instruction}\nquery: {query}" if instruction else f"query: {query}"
            ids = [*plain(FRAME[0]), *plain(asked), *line, *plain(f"document: {document}"), *line, *plain(EXPERT), *plain(FRAME[1])]
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([ids])).logits[0, -1]
            score = logits[yes] - logits[no]
            pairs.append(pair(item, ids, len(ids) - 1, score if most is None else torch.sigmoid(score - most / 2)))
        return pairs
    return run


def bidirectional(directory, items):
    """Restates LlamaBidirectionalForSequenceClassification on transformers' Llama: every token sees every other, the mean of the last states,
    score, temperature. The text is that of vLLM's example for llama-nemotron-rerank, with the tokenizer's own BOS."""
    config, weights = read(directory)
    tokenizer, body = tokenizer_of(directory), bare_body(directory, "model.", "llama")
    pairs = []
    for item in items:
        _, query, passage = parts(item)
        ids = tokenizer(f"question:{query} \n \n passage:{passage}")["input_ids"]
        with torch.no_grad():
            states = body(input_ids=torch.tensor([ids]), attention_mask=torch.zeros(1, 1, len(ids), len(ids)), use_cache=False).last_hidden_state[0]
        score = head(weights, "score", states.mean(0)) / config["temperature"]
        pairs.append({"item": item, "ids": ids, "score": score.item()})
    return pairs


LONG = {"max_position_embeddings": 1024}
MELTING = replace(KINDS["gemma"], tokenizer=cache(lambda: checkpoint.metaspace([
    "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"], bos="<bos>", prefix=False, words=("Yes", "\n\n"))))
"""As in Gemma's own, two newlines are one token."""


@cache
def qwen_tokenizer():
    """Return a tokenizer that cuts texts as Qwen's does, in which two newlines are one token."""
    tokenizer = checkpoint.byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>"], words=("\n\n",))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), "isolated"),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    return tokenizer


QWEN_LINES = replace(KINDS["qwen2"], tokenizer=qwen_tokenizer)
MARKED = {"prompt": "<|im_end|> a", "response": "b<|im_start|>"}
"""Marks of the frame inside a query are the tokenizer's tokens, as they are to the authors."""
LINES = [{"prompt": "where do owls sleep?\n", "response": "In barns.\n\nOr in trees.\n"}, {"prompt": "\n\na\n\n", "response": "b\n\n\n"}]
CASES = [
    Case("qwen3-reranker", "qwen3-reranker", write("qwen3", "Qwen3ForCausalLM", {}, seed=61, config=LONG | {"tie_word_embeddings": True}),
         [*PASSAGES, INSTRUCTED], qwen3_reranker),
    Case("bge-reranker-gemma2", "bge-reranker-gemma", write("gemma2", "Gemma2ForCausalLM", {}, seed=62, config=LONG | {"tie_word_embeddings": True}),
         PASSAGES, bge_gemma),
    Case("bge-reranker-gemma", "bge-reranker-gemma", write(MELTING, "GemmaForCausalLM", {}, seed=63, config=LONG | {"tie_word_embeddings": True}),
         [*PASSAGES, *LINES], bge_gemma),
    Case("mxbai-rerank-v2", "mxbai-rerank-v2", write(QWEN_LINES, "Qwen2ForCausalLM", {}, seed=64, config=LONG | {"tie_word_embeddings": True}),
         [*PASSAGES, *LINES, MARKED], mxbai_v2()),
    Case("mxbai-rerank-v2-normalized", "mxbai-rerank-v2", write(QWEN_LINES, "Qwen2ForCausalLM", {}, seed=65, config=LONG | {"tie_word_embeddings": True}),
         [*PASSAGES, *LINES], mxbai_v2("Find code.\n", 9.0), ("--instruction", "Find code.\n", "--mean", "4.5", "--final", "sigmoid")),
    Case("llama-nemotron-rerank", "llama-bidirectional", write("llama3", "LlamaBidirectionalForSequenceClassification", linear("score"), seed=66, extra={
        "model_type": "llama_bidirec", "pooling": "avg", "temperature": 0.2}), PASSAGES, bidirectional),
]
