"""Process reward models that are read at a mark or through a mark's candidates."""

from functools import cache

import torch
from tokenizers import processors

from .. import checkpoint
from ..case import Case
from ..decoders import KINDS, LLAMA2_TOKENS, QWEN_TOKENS, Kind, mlp, template, write
from ..reference import head, of_class, tokenizer_of
from ..steps import places, process_pair, question_of, rows_of

SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
ADD = {"prompt": "What is 2 + 2 + 3?", "steps": ["2 + 2 = 4.", "4 + 3 = 7.", "So 7."]}
SHORT = ADD | {"steps": ADD["steps"][:2]}
WRONG = {"prompt": "What is 2 + 2 + 3?", "steps": ["2 + 2 = 5.", "5 + 3 = 8."]}
OTHER = {"prompt": "Résumé in 日本語?", "steps": ["Été: 1", "🙂 + 🙂 = 2"]}
ONE = {"prompt": "One?", "steps": ["Yes"]}
ITEMS = [ADD, SHORT, WRONG, OTHER, ONE]
NAMED = [item | {"steps": [f"Step {number}: {step}" for number, step in enumerate(item["steps"], 1)]} for item in ITEMS]


def qwen_prm(directory, items):
    """Restates the card: steps joined and ended by <extra_0>, the chat template, softmax of the two-layer head at each <extra_0>."""
    tokenizer = tokenizer_of(directory)
    weights, rows = rows_of(directory)
    mark, pairs = tokenizer.encode("<extra_0>")[0], []
    for item in items:
        if "text" in item:
            ids = tokenizer.encode(item["text"])
        else:
            messages = [*item.get("messages", []), *([{"role": "user", "content": item["prompt"]}] if "prompt" in item else [])]
            messages.append({"role": "assistant", "content": "<extra_0>".join(item["steps"]) + "<extra_0>"})
            ids = tokenizer.encode(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=False))
        read = places(ids, mark)
        logits = head(weights, "score.2", torch.relu(head(weights, "score.0", rows(ids)[read])))
        pairs.append(process_pair(item, ids, read, torch.softmax(logits, -1)[:, 1].tolist()))
    return pairs


def tagged(text_of, tag: str, candidates: list[str], good: int):
    """Return the reference of a causal model read at a tag token: softmax over two tokens' logits at the tag.

    Restates RLHFlow math-rm (Math-Shepherd), openr and VersaPRM's inference: tokenizer.encode of the whole text, BOS as the tokenizer adds it.
    """
    def run(directory, items):
        tokenizer, model = tokenizer_of(directory), of_class(directory)
        pair_ids = tokenizer.convert_tokens_to_ids(candidates)
        mark, pairs = tokenizer.encode(tag, add_special_tokens=False)[-1], []
        for item in items:
            ids = tokenizer.encode(text_of(item))
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([ids])).logits[0][:, pair_ids]
            read = places(ids, mark)
            pairs.append(process_pair(item, ids, read, torch.softmax(logits[read], -1)[:, good].tolist()))
        return pairs
    return run


def shepherd_text(item):
    """question, a space, and every step ended by " ки", a newline between."""
    return item["prompt"] + " " + "\n".join(step + " ки" for step in item["steps"])


def psa_text(item):
    """question, a space, and every step ended by its tag."""
    return item["prompt"] + " " + "".join(step + " \n\n\n\n\n" for step in item["steps"])


def versa_text(item):
    """question, an empty line, and every step ended by its tag."""
    return item["prompt"] + " \n\n" + "".join(step + " \n\n\n\n" for step in item["steps"])


def rlhflow(directory, items):
    """Restates prm_evaluate.py: a forward for every step, its conversation so far ended by +, logits of + and - at position -3."""
    tokenizer, model = tokenizer_of(directory), of_class(directory)
    plus, minus = tokenizer.encode("+")[-1], tokenizer.encode("-")[-1]
    pairs = []
    for item in items:
        messages, read, scores = list(item.get("messages", [])[:-1]), [], []
        for number, step in enumerate(item["steps"]):
            content = question_of(item) + " " + step if number == 0 else step
            messages += [{"role": "user", "content": content}, {"role": "assistant", "content": "+"}]
            ids = tokenizer.encode(tokenizer.apply_chat_template(messages, tokenize=False), add_special_tokens=False)
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([ids])).logits[0, -3, [plus, minus]]
            read.append(len(ids) - 3)
            scores.append(torch.softmax(logits, -1)[0].item())
        pairs.append(process_pair(item, ids, read, scores))
    return pairs


QWEN_STEPS = Kind("qwen2", cache(lambda: checkpoint.byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>"])), QWEN_TOKENS,
                  template("qwen"))
SHEPHERD = Kind("mistral", cache(lambda: checkpoint.metaspace(["<unk>", "<s>", "</s>"], words=("ки", "+", "-"))), LLAMA2_TOKENS, None,
                {"sliding_window": 12, "head_dim": 8})
NEWLINES = cache(lambda: checkpoint.llama3(420, words=(" \n\n\n\n\n", " \n\n\n\n", "\n\n", " +", " -")))
LLAMA_STEPS = Kind("llama", NEWLINES, KINDS["llama3"].tokens, template("llama"), KINDS["llama3"].config)
QWEN_LINES = Kind("qwen2", NEWLINES, {"bos_token": None, "eos_token": "<|end_of_text|>", "pad_token": "<|finetune_right_pad_id|>"}, template("qwen"))


def lm(kind: Kind) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of the next-token head."""
    return {"lm_head.weight": (kind.tokenizer().get_vocab_size(), 32)}


def without_bos(kind: Kind) -> Kind:
    """Return the kind with a tokenizer that writes no BOS, as Qwen's do."""
    def make():
        tokenizer = kind.tokenizer()
        copy = type(tokenizer).from_str(tokenizer.to_str())
        copy.post_processor = processors.Sequence([])
        return copy
    return Kind(kind.model_type, cache(make), kind.tokens, kind.template, kind.config, kind.grouped)


QWEN_LINES = without_bos(QWEN_LINES)
TEXT = {"text": "Rendered by the client<extra_0> in two steps<extra_0>"}
INSTRUCTED = {"messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "2 + 2?"}], "steps": ["2 + 2 = 4", "4"]}

CASES = [
    # WRONG, at each <extra_0>: 0 <|im_start|> 1 s 2 y 3 st 4 em 5 Ċ 6 Y 7 ou 8 Ġ 9 a 10 r 11 e 12 Ġ 13 a 14 Ġc 15 a 16 r 17 e 18 f 19 ul 20 Ġ 21 a
    # 22 s 23 s 24 ist 25 an 26 t 27 . 28 <|im_end|> 29 Ċ 30 <|im_start|> 31 u 32 s 33 e 34 r 35 Ċ 36 W 37 h 38 a 39 t 40 Ġ 41 i 42 s 43 Ġ 44 2 45 Ġ
    # 46 + 47 Ġ 48 2 49 Ġ 50 + 51 Ġ 52 3 53 ? 54 <|im_end|> 55 Ċ 56 <|im_start|> 57 a 58 s 59 s 60 ist 61 an 62 t 63 Ċ 64 2 65 Ġ 66 + 67 Ġ 68 2 69 Ġ
    # 70 = 71 Ġ 72 5 73 . 74 <extra_0> ← step 1 75 5 76 Ġ 77 + 78 Ġ 79 3 80 Ġ 81 = 82 Ġ 83 8 84 . 85 <extra_0> ← step 2 86 <|im_end|> 87 Ċ
    Case("qwen25-math-prm", "qwen-prm", write(QWEN_STEPS, "Qwen2ForProcessRewardModel", mlp("score", 2), seed=101), [*ITEMS, INSTRUCTED, TEXT], qwen_prm),
    # WRONG, at each ки: 0 <s> 1 ▁ 2 W 3 h 4 a 5 t 6 ▁ 7 is 8 ▁2 9 ▁+ 10 ▁2 11 ▁+ 12 ▁ 13 3 14 ? 15 ▁ 16 S 17 t 18 e 19 p 20 ▁1 21 : 22 ▁2 23 ▁+
    # 24 ▁2 25 ▁ 26 = 27 ▁5 28 . 29 ▁ки ← step 1 30 \n 31 S 32 t 33 e 34 p 35 ▁2 36 : 37 ▁5 38 ▁+ 39 ▁ 40 3 41 ▁ 42 = 43 ▁ 44 8 45 . 46 ▁ки ← step 2
    Case("math-shepherd", "math-shepherd", write(SHEPHERD, "MistralForCausalLM", lm(SHEPHERD), seed=102), NAMED,
         tagged(shepherd_text, " ки", ["▁+", "▁-"], 0)),
    # WRONG, at the token before each +, which is to predict it: 0 <|begin_of_text|> 1 <|start_header_id|> 2 user 3 <|end_header_id|> 4 ĊĊ 5 W 6 h
    # 7 at 8 Ġ 9 is 10 Ġ 11 2 12 Ġ+ 13 Ġ 14 2 15 Ġ+ 16 Ġ 17 3 18 ? 19 Ġ 20 S 21 te 22 p 23 Ġ 24 1 25 : 26 Ġ 27 2 28 Ġ+ 29 Ġ 30 2 31 Ġ= 32 Ġ 33 5 34 .
    # 35 <|eot_id|> 36 <|start_header_id|> 37 assistant 38 <|end_header_id|> 39 ĊĊ ← step 1 40 + 41 <|eot_id|> 42 <|start_header_id|> 43 user
    # 44 <|end_header_id|> 45 ĊĊ 46 S 47 te 48 p 49 Ġ 50 2 51 : 52 Ġ 53 5 54 Ġ+ 55 Ġ 56 3 57 Ġ= 58 Ġ 59 8 60 . 61 <|eot_id|> 62 <|start_header_id|>
    # 63 assistant 64 <|end_header_id|> 65 ĊĊ ← step 2 66 + 67 <|eot_id|>
    Case("rlhflow-prm-mistral-data", "rlhflow-prm", write(LLAMA_STEPS, "LlamaForCausalLM", lm(LLAMA_STEPS), seed=103), NAMED, rlhflow),
    Case("rlhflow-prm-deepseek-data", "rlhflow-prm", write(LLAMA_STEPS, "LlamaForCausalLM", lm(LLAMA_STEPS), seed=104), ITEMS, rlhflow),
    # WRONG, at each tag of five newlines: 0 W 1 h 2 at 3 Ġ 4 is 5 Ġ 6 2 7 Ġ+ 8 Ġ 9 2 10 Ġ+ 11 Ġ 12 3 13 ? 14 Ġ 15 2 16 Ġ+ 17 Ġ 18 2 19 Ġ= 20 Ġ 21 5
    # 22 . 23 ĠĊĊĊĊĊ ← step 1 24 5 25 Ġ+ 26 Ġ 27 3 28 Ġ= 29 Ġ 30 8 31 . 32 ĠĊĊĊĊĊ ← step 2
    Case("math-psa", "math-psa", write(QWEN_LINES, "Qwen2ForCausalLM", lm(QWEN_LINES), seed=105), ITEMS,
         tagged(psa_text, " \n\n\n\n\n", ["Ġ+", "Ġ-"], 0)),
    # WRONG, at each tag of four newlines (15 has two and ends the question): 0 <|begin_of_text|> 1 W 2 h 3 at 4 Ġ 5 is 6 Ġ 7 2 8 Ġ+ 9 Ġ 10 2 11 Ġ+
    # 12 Ġ 13 3 14 ? 15 ĠĊĊ 16 2 17 Ġ+ 18 Ġ 19 2 20 Ġ= 21 Ġ 22 5 23 . 24 ĠĊĊĊĊ ← step 1 25 5 26 Ġ+ 27 Ġ 28 3 29 Ġ= 30 Ġ 31 8 32 . 33 ĠĊĊĊĊ ← step 2
    Case("versaprm-llama", "versaprm", write(LLAMA_STEPS, "LlamaForCausalLM", lm(LLAMA_STEPS), seed=106), ITEMS,
         tagged(versa_text, " \n\n\n\n", ["-", "+"], 1)),
    Case("versaprm-qwen", "versaprm", write(QWEN_LINES, "Qwen2ForCausalLM", lm(QWEN_LINES), seed=107), ITEMS,
         tagged(versa_text, " \n\n\n\n", ["-", "+"], 1)),
]
