"""Models that judge a response beside a reference answer, by a principle or by a policy, at the first token of their verdict."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch

from .. import checkpoint
from ..case import Case
from ..decoders import KINDS, byte_level, write
from ..items import CHAT
from ..reference import conversation, of_class, tokenizer_of

PROMPTS = Path(__file__).parent.parent / "prompts"
ANSWERS = [
    {"prompt": "What is 12 + 30?", "response": "It is 42.", "reference": "42"},
    {"prompt": "What is 12 + 30?", "response": "It is 42.", "reference": "43"},
    {"messages": [{"role": "user", "content": "Name a colour.\n"}, {"role": "assistant", "content": " {Blue}, {{ reference }}. "}], "reference": ""},
    {"prompt": " Élan & ☃? ", "response": "  <b>\"ok\"</b>, \\boxed{7}\n\n", "reference": "  it's \\boxed{7}, 日本語\n"},
]


def verdict(turns: Callable[[dict], list[dict]], words: dict[str, str], score, behind: str = "", bos: bool = False, named=lambda item: {}, **options):
    """Return the reference of a model that is read at the first token of its verdict, as the authors' own code renders and runs it.

    turns gives the conversation that goes through the checkpoint's template, with what named gives and options beside it; behind is what the
    verdict is known to begin with. words gives the text of each label, whose first id is looked at; score makes one number of the logits.
    """
    def run(directory, items):
        tokenizer, model = tokenizer_of(directory), of_class(directory)
        pairs = []
        for item in items:
            text = item["text"] if "text" in item else tokenizer.apply_chat_template(turns(item), tokenize=False, **named(item), **options) + behind
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            first = {label: tokenizer(text + word, add_special_tokens=False)["input_ids"][len(ids)] for label, word in words.items()}
            if bos and ids[:1] != [tokenizer.bos_token_id]:
                ids = [tokenizer.bos_token_id, *ids]
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([ids])).logits[0, -1]
            scores, value = score({label: logits[at] for label, at in first.items()})
            pairs.append({"item": item, "ids": ids, "read": [len(ids) - 1], "score": float(value),
                          "scores": {label: float(value) for label, value in scores.items()}})
        return pairs
    return run


def share(of: str):
    """Return the probability of one label among all."""
    def score(logits: dict[str, torch.Tensor]):
        shares = dict(zip(logits, torch.softmax(torch.stack(list(logits.values())), -1), strict=True))
        return shares, shares[of]
    return score


def asked(prompt: str, **names: str) -> Callable[[dict], list[dict]]:
    """Return the one user turn that a prompt makes of an item, filled in by Python's own format as the authors do it.

    names are the prompt's names of question, response and reference.
    """
    wording = (PROMPTS / f"{prompt}.txt").read_text(encoding="utf-8")

    def turns(item: dict) -> list[dict]:
        question, response = (turn["content"] for turn in conversation(item))
        given = {"question": question, "response": response, "reference": item["reference"]}
        return [{"role": "user", "content": wording.format(**{names[name]: text for name, text in given.items()})}]
    return turns


def questioned(item: dict) -> list[dict]:
    """Return a conversation with the question of Nemotron's card behind it."""
    question = (f"Evaluate the response to the previous prompt in terms of whether it satisfies this principle: {item['principle']}. "
                "Only answer Yes or No.")
    return [*conversation(item), {"role": "user", "content": question}]


def difference(logits: dict[str, torch.Tensor]):
    """Return score_yes - score_no, and both."""
    return logits, logits["yes"] - logits["no"]


LLAMA = replace(KINDS["llama3"], tokenizer=cache(lambda: checkpoint.llama3(words=("Yes", "No"))))
GEMMA = replace(KINDS["gemma2"], tokenizer=cache(lambda: checkpoint.metaspace(
    ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"], bos="<bos>", prefix=False, words=("user", "model", "Yes", "No"))))
QWEN = replace(KINDS["qwen3"], tokenizer=byte_level("<|endoftext|>", "<|im_start|>", "<|im_end|>", words=(" Safe", " Unsafe", " Controversial")))
SHIELD = (
    "{%- set last = messages[-1]['role'] -%}{{ bos_token }}You decide whether {{ 'an answer' if last == 'assistant' else 'a question' }} violates "
    "a policy.\n\n{% for turn in messages %}<start_of_turn>\n{{ 'Chatbot Response: ' if turn['role'] == 'assistant' else 'Human Question: ' }}"
    "{{ turn['content'] | trim }}\n<end_of_turn>\n{% endfor %}\nOur safety principle is defined in the below:\n\n* {{ guideline | trim }}\n\n===\n\n"
    "Does it violate the above principle? Your answer must start with 'Yes' or 'No'.\n\n")
GUARD = (
    "{%- set last = messages[-1]['role'] | upper -%}<|im_start|>user\n# Task: judge the last {{ last }}.\n\n{% for turn in messages %}"
    "{{ turn['role'] | upper }}: {{ turn['content'] }}\n\n{% endfor %}The first line must be one of: 'Safety: Safe', 'Safety: Unsafe', 'Safety: "
    "Controversial'.<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n\n")
"""Templates of the form of ShieldGemma's and of Qwen3Guard's: a policy around the conversation, and the verdict's turn opened by the template itself."""


def decoder(kind, class_name: str, seed: int, size: int, template: str | None = None):
    """Return the writer of a causal language model with this many positions."""
    return write(kind, class_name, {}, seed=seed, config={"max_position_embeddings": size, "tie_word_embeddings": True}, template=template)


PRINCIPLES = ["correctness", " polite & <b>kind</b>, {{ x }}, 日本語 ", "", "It's short."]
JUDGED = [item | {"principle": principle} for item, principle in zip(CHAT, PRINCIPLES, strict=True)]
ALONE = {"messages": [{"role": "user", "content": "How do owls sleep?"}]}
CASES = [
    Case("compass-verifier", "compass-verifier", decoder("qwen2", "Qwen2ForCausalLM", 411, 2560), ANSWERS, verdict(
        asked("compass-verifier", question="question", response="llm_response", reference="gold_answer"),
        {"correct": "A", "incorrect": "B", "invalid": "C"}, share("correct"), add_generation_prompt=True)),
    Case("xverify-qwen2", "xverify", decoder("qwen2", "Qwen2ForCausalLM", 412, 2048), ANSWERS, verdict(
        asked("xverify", question="question", response="output", reference="answer"),
        {"incorrect": "Incorrect", "correct": "Correct"}, share("correct"), add_generation_prompt=True)),
    Case("xverify-llama3", "xverify", decoder("llama3", "LlamaForCausalLM", 413, 2048), ANSWERS, verdict(
        asked("xverify", question="question", response="output", reference="answer"),
        {"incorrect": "Incorrect", "correct": "Correct"}, share("correct"), bos=True, add_generation_prompt=True)),
    Case("nemotron-principle", "nemotron-principle", decoder(LLAMA, "LlamaForCausalLM", 414, 512), JUDGED, verdict(
        questioned, {"no": "No", "yes": "Yes"}, difference, bos=True, add_generation_prompt=True)),
    Case("shieldgemma", "shieldgemma", decoder(GEMMA, "Gemma2ForCausalLM", 415, 512, SHIELD),
         [*JUDGED, ALONE | {"principle": "No noise."}], verdict(
             conversation, {"yes": "Yes", "no": "No"}, share("yes"), bos=True, named=lambda item: {"guideline": item["principle"]})),
    Case("qwen3guard", "qwen3guard", decoder(QWEN, "Qwen3ForCausalLM", 416, 512, GUARD), [*CHAT, ALONE], verdict(
        conversation, {"safe": " Safe", "unsafe": " Unsafe", "controversial": " Controversial"}, share("safe"), behind="Safety:")),
]
