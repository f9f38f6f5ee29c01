"""Rerankers that are decoders."""

from dataclasses import replace
from functools import cache

import torch

from .. import checkpoint
from ..case import Case
from ..decoders import KINDS, write
from ..items import PASSAGES
from ..reference import of_class, pair, tokenizer_of

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
    """Restates FlagLLMReranker: BOS, "A: query", newline, "B: passage", newline, question, tokenized apart; the logit of Yes.

    Query and passage lose the newlines that end them.
    """
    tokenizer, model = tokenizer_of(directory), of_class(directory)
    plain = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]  # noqa: E731
    newline, yes = plain("\n"), plain("Yes")[0]
    pairs = []
    for item in items:
        _, query, passage = (part.rstrip("\n") for part in parts(item))
        ids = [tokenizer.bos_token_id, *plain(f"A: {query}"), *newline, *plain(f"B: {passage}"), *newline, *plain(QUESTION)]
        with torch.no_grad():
            pairs.append(pair(item, ids, len(ids) - 1, model(input_ids=torch.tensor([ids])).logits[0, -1, yes]))
    return pairs


LONG = {"max_position_embeddings": 1024}
MELTING = replace(KINDS["gemma"], tokenizer=cache(lambda: checkpoint.metaspace([
    "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"], bos="<bos>", prefix=False, words=("Yes", "\n\n"))))
"""As Gemma's own, two newlines are one token."""
LINES = [{"prompt": "where do owls sleep?\n", "response": "In barns.\n\nOr in trees.\n"}, {"prompt": "\n\na\n\n", "response": "b\n\n\n"}]
CASES = [
    Case("qwen3-reranker", "qwen3-reranker", write("qwen3", "Qwen3ForCausalLM", {}, seed=61, config=LONG | {"tie_word_embeddings": True}),
         [*PASSAGES, INSTRUCTED], qwen3_reranker),
    Case("bge-reranker-gemma2", "bge-reranker-gemma", write("gemma2", "Gemma2ForCausalLM", {}, seed=62, config=LONG | {"tie_word_embeddings": True}),
         PASSAGES, bge_gemma),
    Case("bge-reranker-gemma", "bge-reranker-gemma", write(MELTING, "GemmaForCausalLM", {}, seed=63, config=LONG | {"tie_word_embeddings": True}),
         [*PASSAGES, *LINES], bge_gemma),
]
