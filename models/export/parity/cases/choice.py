"""Causal language models that are asked which of some candidates follows a prompt."""

import torch

from ..case import Case
from ..reference import of_class, tokenizer_of
from .likelihood import CHATML, HERMES, TIED, lm

ITEMS = [
    {"prompt": "Is 12 + 30 equal to 42?", "candidates": ["Y", "N"]},
    {"prompt": "How good is it, from 1 to 5?", "candidates": ["1", "2", "3", "4", "5"]},
    {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "A, B or C?"}],
     "candidates": ["A", "B", "C"]},
    {"prompt": "Résumé in 日本語?", "candidates": ["x"]},
    {"text": "Judge: 2 + 2 = 5? The verdict is ", "candidates": ["T", "F"]},
]
"""The candidates are single bytes, which every tokenizer here has."""


def next_logits(bos: int = 0):
    """Return the reference: the logits of the class's own forward behind the prompt, at the candidates' ids, and their log-sum-exp.

    bos: how many BOS the ids have that the tokenizer itself does not write in front of a text.
    """
    def run(directory, items):
        tokenizer, model = tokenizer_of(directory), of_class(directory)
        front, pairs = [tokenizer.bos_token_id] * bos, []
        for item in items:
            turns = item.get("messages") or [{"role": "user", "content": item.get("prompt", "")}]
            text = item.get("text") or tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, enable_thinking=False)
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            tokens = [tokenizer(text + one, add_special_tokens=False)["input_ids"][len(ids):] for one in item["candidates"]]
            if front and ids[:bos] != front:
                ids = front + ids
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([ids])).logits[0, -1].double()
            assert all(len(own) == 1 for own in tokens), (item, tokens)
            tokens = [own[0] for own in tokens]
            pairs.append({"item": item, "ids": ids, "tokens": tokens, "logits": logits[tokens].tolist(), "log_sum": logits.logsumexp(-1).item()})
        return pairs
    return run


def case(name: str, write, bos: int = 0) -> Case:
    """Return a case; only the packed layout reads a prompt once for all candidates."""
    return Case(name, "choice", write, ITEMS, next_logits(bos), layouts=("packed",))


CASES = [
    case("choice-qwen3", lm("qwen3", "Qwen3ForCausalLM", 301, config=TIED)),
    case("choice-llama3", lm("llama3", "LlamaForCausalLM", 302), bos=1),
    case("choice-gemma2", lm("gemma2", "Gemma2ForCausalLM", 303, config=TIED), bos=1),
    case("choice-gpt2", lm("gpt2", "GPT2LMHeadModel", 304, prefix="transformer.", config=TIED, template=CHATML)),
    case("choice-mistral", lm(HERMES, "MistralForCausalLM", 305), bos=1),
]
