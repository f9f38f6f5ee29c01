"""Process reward models that are read at the ends of steps, token classification of every kind of body, and values of tokens."""

from dataclasses import replace
from functools import cache

import torch

from .. import checkpoint
from ..case import Case
from ..decoders import KINDS, LLAMA31, Kind, byte_level, linear, write
from ..items import CHAT, IDS, with_bos
from ..reference import head, of_class, pair, template_ids, tokenizer_of
from ..steps import places, process_pair, question_of, rows_of
from . import process
from .process import INSTRUCTED, QWEN_LINES, QWEN_STEPS, lm, without_bos

MANY = {"prompt": "Count to 9.", "steps": [f"{number} follows {number - 1}" for number in range(1, 10)]}
TWO = {"prompt": "1 + 1?", "steps": ["1 + 1 = 2.", "Yes"]}
ITEMS = [*process.ITEMS, MANY, TWO]
SPACED = {"prompt": "Sum? \n", "steps": [" 2 + 2\n", "  is 4 ", "4\n\n"]}
LITERAL = {"prompt": "x<s> y", "steps": ["<s>a", "b"]}
OPENING = "First I write down what is known."
MEDICAL = [item | {"steps": [f"Step {number}: {step}" for number, step in enumerate([OPENING, *item["steps"]])]} for item in (*ITEMS, SPACED)]


def class_logits(directory):
    """Return a function from ids to the logits [L, labels] of the checkpoint's own transformers class."""
    model = of_class(directory)

    def run(ids):
        with torch.no_grad():
            return model(input_ids=torch.tensor([ids])).logits[0]
    return run


def value_logits(directory):
    """Return a function from ids to the values [L, 1] of a body with a head of TRL's kind, v_head.summary."""
    weights, rows = rows_of(directory)
    return lambda ids: head(weights, "v_head.summary", rows(ids))


def right(logits):
    """Return the second class's probability of rows [K, 2]."""
    return torch.softmax(logits, -1)[:, 1]


def apart(prompt, step, logits_of, score, skip: int = 0):
    """Return the reference of a model whose prompt and steps are tokenized apart, each step read at its last id.

    prompt(tokenizer, item) and step(tokenizer, text) give ids, score K scores of logits [K, labels]; the first `skip` steps get none.
    """
    def run(directory, items):
        tokenizer, logits, pairs = tokenizer_of(directory), logits_of(directory), []
        for item in items:
            ids, read = list(prompt(tokenizer, item)), []
            for text in item["steps"]:
                ids += step(tokenizer, text)
                read.append(len(ids) - 1)
            pairs.append(process_pair(item, ids, read[skip:], [None] * skip + score(logits(ids)[read[skip:]]).tolist()))
        return pairs
    return run


def plain(tokenizer, text: str) -> list[int]:
    """Return a text's ids without special tokens of the tokenizer's own."""
    return tokenizer(text, add_special_tokens=False)["input_ids"]


SKYWORK = apart(lambda tokenizer, item: tokenizer.encode(tokenizer.bos_token + question_of(item) + "\n"),
                lambda tokenizer, text: tokenizer.encode(text) + [tokenizer.encode("\n")[-1]],
                value_logits, lambda logits: torch.sigmoid(logits[:, 0]))
"""Restates prepare_input and derive_step_rewards of io_utils.py: BOS, problem and newline; each step, then the newline's id; σ of the value."""

MEDS3 = apart(lambda tokenizer, item: plain(tokenizer, tokenizer.apply_chat_template(
    [{"role": "user", "content": question_of(item)}], tokenize=False, add_generation_prompt=True)),
              lambda tokenizer, text: plain(tokenizer, text + "\n\n"), class_logits, right, skip=1)
"""Restates obtain_prm_value_for_single_pair: the user's turn in the chat template; each step tokenized with its empty line; what selects a
response leaves the first step out."""


def trl(separator: str):
    """Restates PRMTrainer.tokenize_row: a BOS where the tokenizer has one, prompt, and each step and the separator tokenized apart."""
    return apart(lambda tokenizer, item: [tokenizer.bos_token_id] * (tokenizer.bos_token_id is not None) + plain(tokenizer, question_of(item)),
                 lambda tokenizer, text: plain(tokenizer, text) + plain(tokenizer, separator), class_logits, right)


def reasoneval(bos_is_pad: bool):
    """Restates codes/examples.py: one text with a pad token behind the question and each step; the pads leave, what stood before them is read.

    The 7B's pad token is its BOS, so the leading BOS leaves too and is put back last: places counted without it lie one too early.
    """
    def run(directory, items):
        tokenizer, pairs = tokenizer_of(directory), []
        weights, rows = rows_of(directory)
        mark = tokenizer(tokenizer.pad_token)["input_ids"][-1]
        for item in items:
            text = "".join(part + tokenizer.pad_token for part in (
                f"Question:\n{question_of(item)}\nAnswer:\nLet's think step by step.\n", *item["steps"]))
            ids, read = [], []
            for token in tokenizer(text)["input_ids"]:
                if token == mark:
                    read.append(len(ids) - 1)
                else:
                    ids.append(token)
            ids, read = ([1, *ids], read[2:]) if bos_is_pad else (ids, read[1:])
            scores = torch.softmax(head(weights, "score_head", rows(ids)[read]), -1)
            pairs.append(process_pair(item, ids, read, (scores[:, 1] + scores[:, 2]).tolist()))
        return pairs
    return run


def easy_to_hard(directory, items):
    """Restates src/models/prm.py of RewardMATH: σ of the mean logit at the first id of each empty line from the heading's own on.

    The last step is closed by an empty line too, as on the model's card. The heading's two empty lines are of no step.
    """
    tokenizer, logits, pairs = tokenizer_of(directory), class_logits(directory), []
    heading, mark = (tokenizer.encode(text, add_special_tokens=False)[1:] for text in ("\n\n# Solution", "\n\n"))
    for item in items:
        ids = tokenizer.encode(f"# Question\n\n{question_of(item)}\n\n# Solution\n\n" + "".join(step + "\n\n" for step in item["steps"]))
        start = next(at for at in range(len(ids)) if ids[at:at + len(heading)] == heading)
        read = [at for at in range(start, len(ids)) if ids[at:at + len(mark)] == mark][2:]
        pairs.append(process_pair(item, ids, read, torch.sigmoid(logits(ids).mean(-1)[read]).tolist()))
    return pairs


def classified(separator: str, bos: int, score=right):
    """Return the reference of transformers' *ForTokenClassification read at a separator that ends every step."""
    def run(directory, items):
        tokenizer, logits, pairs = tokenizer_of(directory), class_logits(directory), []
        for item in items:
            messages = [*item.get("messages", []), *([{"role": "user", "content": item["prompt"]}] if "prompt" in item else [])]
            messages.append({"role": "assistant", "content": "".join(step + separator for step in item.get("steps", []))})
            ids = template_ids(tokenizer, item if "steps" not in item else {"messages": messages}, bos)
            read = places(ids, tokenizer.convert_tokens_to_ids(separator))
            pairs.append(process_pair(item, ids, read, score(logits(ids)[read]).tolist()))
        return pairs
    return run


def valued(bos: int):
    """Return the reference of a one-label *ForTokenClassification whose last token's value is the score, as veRL reads it."""
    def run(directory, items):
        tokenizer, logits, pairs = tokenizer_of(directory), class_logits(directory), []
        for item in items:
            ids = template_ids(tokenizer, item, bos)
            pairs.append(pair(item, ids, len(ids) - 1, logits(ids)[-1, 0]))
        return pairs
    return run


ENDS = cache(lambda: checkpoint.llama3(420, words=(".\n", ".\n\n", "\n\n")))
"""Full stops merge with the newlines behind them, so steps tokenized apart have other ids than one text."""
LLAMA_ENDS = replace(KINDS["llama3"], tokenizer=ENDS)
QWEN_ENDS = without_bos(replace(QWEN_LINES, tokenizer=ENDS))
MISTRAL_FIRST = replace(KINDS["mistral"], tokenizer=cache(lambda: checkpoint.metaspace(["<unk>", "<s>", "</s>"], prefix="first")))
MISTRAL_MARK = replace(KINDS["mistral"], tokenizer=cache(lambda: checkpoint.metaspace(["<unk>", "<s>", "</s>", "[STEP]"])))
GEMMA_MARK, PHI_MARK, LLAMA_MARK = "<unused0>", "<|placeholder1|>", "<|reserved_special_token_1|>"
GEMMA_STEPS = replace(KINDS["gemma2"], tokenizer=cache(lambda: checkpoint.metaspace([
    "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", GEMMA_MARK], bos="<bos>", prefix=False)))
GPT2_STEPS = replace(KINDS["gpt2"], tokenizer=byte_level("<|endoftext|>", "<|pad|>", "<extra_0>"))
NEOX_STEPS = replace(KINDS["gpt_neox"], tokenizer=byte_level("<|endoftext|>", "<|padding|>", "<extra_0>"))
QWEN3_STEPS = replace(KINDS["qwen3"], tokenizer=QWEN_STEPS.tokenizer)
LONG = {"max_position_embeddings": 512}


def marked(mark: str, *ids: list[int]) -> list[dict]:
    """Return a text and lists of ids with the separator inside."""
    return [{"text": f"Rendered by the client{mark} in two steps{mark}"}, {"text": f"{mark}{mark} a"}, *({"input_ids": own} for own in ids)]


def judge(kind: Kind | str, body: str, name: str = "score", labels: int = 2, **others):
    """Return the writer of a body's *ForTokenClassification; name is its head's."""
    return write(kind, f"{body}ForTokenClassification", linear(name, labels, True), labels=labels, **others)


def leaning(weights):
    """Move the next-token head's rows together, so that their mean is no small number."""
    weights["lm_head.weight"] += weights["lm_head.weight"][0].clone()


NAMES = {"id2label": {"0": "right", "1": "neutral", "2": "wrong"}}
LM2 = lm(KINDS["llama2"])

CASES = [
    # TWO, at the newline behind each step (6 is the problem's): 0 <|end_of_text|> 1 1 2 Ġ+ 3 Ġ 4 1 5 ? 6 Ċ 7 1 8 Ġ+ 9 Ġ 10 1 11 Ġ= 12 Ġ 13 2 14 .
    # 15 Ċ ← step 1 16 Y 17 es 18 Ċ ← step 2
    Case("skywork-o1-prm", "skywork-o1-prm", write(QWEN_ENDS, "Qwen2ForPrmModel", linear("v_head.summary", 1, True), seed=111, tokens={
        "bos_token": "<|end_of_text|>"}), ITEMS, SKYWORK),
    Case("skywork-o1-prm-lm", "skywork-o1-prm", write("qwen2", "Qwen2ForCausalLM", lm(KINDS["qwen2"]) | linear("v_head.summary", 1, True), seed=112,
                                                      tokens={"bos_token": "<|endoftext|>"}), ITEMS, SKYWORK),
    # TWO, at the last token of each step (39 ends the question): 0 <s> 1 ▁ 2 Q 3 u 4 est 5 i 6 o 7 n 8 : 9 \n 10 1 11 ▁+ 12 ▁1 13 ? 14 \n 15 A 16 n
    # 17 s 18 w 19 er 20 : 21 \n 22 <0x4C> 23 e 24 t 25 <0x27> 26 s 27 ▁th 28 in 29 k 30 ▁st 31 e 32 p 33 ▁b 34 y 35 ▁st 36 e 37 p 38 . 39 \n 40 ▁1
    # 41 ▁+ 42 ▁1 43 ▁ 44 = 45 ▁2 46 . ← step 1 47 ▁ 48 Y 49 es ← step 2
    Case("reasoneval-34b", "reasoneval", write("llama2", "ReasonEval_34B", linear("score_head", 3, True), seed=113, extra={
        "score_dim": 3, "bias": True}), [*ITEMS, SPACED], reasoneval(False)),
    # TWO has the ids of the 34B's, read one earlier: 45 ▁2 ← step 1 and 48 Y ← step 2, not 46 and 49.
    Case("reasoneval-7b", "reasoneval-7b", write("mistral", "ReasonEval_7B", linear("score_head", 3), seed=114, tokens={"pad_token": "<s>"}, extra={
        "score_dimension": 3, "use_bias": False}), ITEMS, reasoneval(True)),
    # TWO, at the token that ends a step's empty line, with a full stop in it or without (111 ends Step 0, which gets no score): 0 <|begin_of_text|>
    # 1 <|start_header_id|> 2 s 3 y 4 st 5 em 6 <|end_header_id|> 7 ĊĊ 8 C 9 ut 10 t 11 ing 12 Ġ 13 K 14 n 15 o 16 w 17 l 18 e 19 d 20 g 21 e 22 Ġ
    # 23 D 24 at 25 e 26 : 27 Ġ 28 D 29 e 30 c 31 em 32 b 33 er 34 Ġ 35 2 36 0 37 2 38 3 39 Ċ 40 T 41 o 42 d 43 a 44 y 45 Ġ 46 D 47 at 48 e 49 : 50 Ġ
    # 51 2 52 6 53 Ġ 54 J 55 ul 56 Ġ 57 2 58 0 59 2 60 4 61 ĊĊ 62 <|eot_id|> 63 <|start_header_id|> 64 user 65 <|end_header_id|> 66 ĊĊ 67 1 68 Ġ+ 69 Ġ
    # 70 1 71 ? 72 <|eot_id|> 73 <|start_header_id|> 74 assistant 75 <|end_header_id|> 76 ĊĊ 77 S 78 te 79 p 80 Ġ 81 0 82 : 83 Ġ 84 F 85 ir 86 st 87 Ġ
    # 88 I 89 Ġ 90 w 91 r 92 it 93 e 94 Ġ 95 d 96 o 97 w 98 n 99 Ġ 100 w 101 h 102 at 103 Ġ 104 is 105 Ġ 106 k 107 n 108 o 109 w 110 n 111 .ĊĊ 112 S
    # 113 te 114 p 115 Ġ 116 1 117 : 118 Ġ 119 1 120 Ġ+ 121 Ġ 122 1 123 Ġ= 124 Ġ 125 2 126 .ĊĊ ← step 1 127 S 128 te 129 p 130 Ġ 131 2 132 : 133 Ġ
    # 134 Y 135 es 136 ĊĊ ← step 2
    Case("meds3-prm", "meds3-prm", judge(LLAMA_ENDS, "Llama", seed=115, template=LLAMA31, config=LONG), MEDICAL, MEDS3),
    Case("trl-prm-qwen2", "trl-prm", judge("qwen2", "Qwen2", seed=116), ITEMS, trl("\n")),
    Case("trl-prm-llama3", "trl-prm", judge(LLAMA_ENDS, "Llama", seed=117), ITEMS, trl("\n")),
    # TWO, at the last of the separator's two tokens (the prompt has none): 0 <s> 1 ▁1 2 ▁+ 3 ▁1 4 ? 5 ▁1 6 ▁+ 7 ▁1 8 ▁ 9 = 10 ▁2 11 . 12 ▁
    # 13 \n ← step 1 14 ▁ 15 Y 16 es 17 ▁ 18 \n ← step 2
    Case("trl-prm-mistral", "trl-prm", judge("mistral", "Mistral", seed=118), [*ITEMS, SPACED], trl("\n")),
    # TWO has trl-prm-mistral's tokens. LITERAL, whose texts hold a BOS: 0 <s> 1 ▁ 2 <0x78> 3 <s> 4 ▁ 5 y 6 <s> 7 a 8 ▁ 9 \n ← step 1 10 ▁b 11 ▁
    # 12 \n ← step 2
    Case("trl-prm-first", "trl-prm", judge(MISTRAL_FIRST, "Mistral", seed=132), [*ITEMS, SPACED, LITERAL], trl("\n")),
    Case("trl-prm-gpt2", "trl-prm", judge("gpt2", "GPT2", "classifier", seed=119, prefix="transformer.", tokens={"bos_token": "<|endoftext|>"}),
         ITEMS, trl("\n\n"), ("--separator", "\n\n")),
    # TWO, at the first newline behind each step (16 and 27 are the heading's): 0 <s> 1 ▁ 2 <0x23> 3 ▁ 4 Q 5 u 6 est 7 i 8 o 9 n 10 \n 11 \n 12 1
    # 13 ▁+ 14 ▁1 15 ? 16 \n 17 \n 18 <0x23> 19 ▁ 20 S 21 o 22 l 23 ut 24 i 25 o 26 n 27 \n 28 \n 29 1 30 ▁+ 31 ▁1 32 ▁ 33 = 34 ▁2 35 .
    # 36 \n ← step 1 37 \n 38 Y 39 es 40 \n ← step 2 41 \n
    Case("rewardmath-prm", "rewardmath-prm", write("llama2", "LlamaForCausalLM", LM2, seed=120, edit=leaning), ITEMS, easy_to_hard),
    # TWO, at each separator: 0 <|im_start|> 1 s 2 y 3 st 4 em 5 Ċ 6 Y 7 ou 8 Ġ 9 a 10 r 11 e 12 Ġ 13 a 14 Ġc 15 a 16 r 17 e 18 f 19 ul 20 Ġ 21 a
    # 22 s 23 s 24 ist 25 an 26 t 27 . 28 <|im_end|> 29 Ċ 30 <|im_start|> 31 u 32 s 33 e 34 r 35 Ċ 36 1 37 Ġ 38 + 39 Ġ 40 1 41 ? 42 <|im_end|> 43 Ċ
    # 44 <|im_start|> 45 a 46 s 47 s 48 ist 49 an 50 t 51 Ċ 52 1 53 Ġ 54 + 55 Ġ 56 1 57 Ġ 58 = 59 Ġ 60 2 61 . 62 <extra_0> ← step 1 63 Y 64 es
    # 65 <extra_0> ← step 2 66 <|im_end|> 67 Ċ
    Case("token-classification-qwen2", "token-classification", judge(QWEN_STEPS, "Qwen2", seed=121),
         [*ITEMS, INSTRUCTED, *marked("<extra_0>", [3, 50, 3])], classified("<extra_0>", 0)),
    Case("token-classification-llama3", "token-classification", judge("llama3", "Llama", seed=122), [*ITEMS, *marked(LLAMA_MARK, [0, 0, 6, 50, 6])],
         classified(LLAMA_MARK, 1), ("--separator", LLAMA_MARK)),
    Case("token-classification-mistral", "token-classification", judge(MISTRAL_MARK, "Mistral", labels=3, seed=123, extra=NAMES),
         [*ITEMS, *marked("[STEP]", [3, 50, 3])], classified("[STEP]", 1, lambda logits: torch.softmax(logits, -1)[:, 0]),
         ("--separator", "[STEP]", "--step-label", "right")),
    Case("token-classification-gemma2", "token-classification", judge(GEMMA_STEPS, "Gemma2", seed=124), [*ITEMS, *marked(GEMMA_MARK, [6, 50, 6])],
         classified(GEMMA_MARK, 1), ("--separator", GEMMA_MARK)),
    Case("token-classification-phi3", "token-classification", judge("phi3", "Phi3", seed=125, tokens={"pad_token": "<|endoftext|>"}),
         [*ITEMS, *marked(PHI_MARK, [1, 50, 1])], classified(PHI_MARK, 0), ("--separator", PHI_MARK)),
    Case("token-classification-gpt2", "token-classification", judge(GPT2_STEPS, "GPT2", "classifier", seed=126, prefix="transformer."),
         marked("<extra_0>", [2, 50, 2], [40, 2]), classified("<extra_0>", 0)),
    Case("token-classification-gpt-neox", "token-classification", judge(NEOX_STEPS, "GPTNeoX", "classifier", seed=127, prefix="gpt_neox."),
         marked("<extra_0>", [2, 50, 2], [40, 2]), classified("<extra_0>", 0)),
    Case("token-classification-one-label", "token-classification", judge(QWEN3_STEPS, "Qwen3", labels=1, seed=128), ITEMS,
         classified("<extra_0>", 0, lambda logits: torch.sigmoid(logits[:, 0]))),
    Case("token-value-llama3", "token-value", judge("llama3", "Llama", labels=1, seed=129),
         [*CHAT, *IDS, *with_bos("<|begin_of_text|>", 0)], valued(1)),
    Case("token-value-qwen2", "token-value", judge("qwen2", "Qwen2", labels=1, seed=130), [*CHAT, *IDS], valued(0)),
    Case("token-value-mistral", "token-value", judge("mistral", "Mistral", labels=1, seed=131), [*CHAT, *IDS, *with_bos("<s>", 1)], valued(1)),
]
