"""Rewards that are log-likelihoods of the response: of a policy, or of a policy over its reference."""

from collections.abc import Callable
from functools import cache

import torch
from tokenizers import Tokenizer, processors

from .. import checkpoint
from ..case import Case
from ..decoders import KINDS, LLAMA2_TOKENIZER, LLAMA2_TOKENS, LLAMA31, QWEN_TOKENS, Kind, template, write
from ..items import CHAT
from ..reference import conversation, of_class, tokenizer_of
from ..steps import process_pair


def logps(model, ids: list[int]) -> torch.Tensor:
    """Restates get_batch_logps of TRL and RewardBench for one sequence: log p(ids[t + 1] | ids[:t + 1]) at t, [L - 1]."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0, :-1]
    return logits.double().log_softmax(-1).gather(-1, torch.tensor(ids[1:])[:, None])[:, 0]


def models_of(directory):
    """Return the policy and the reference, None where there is none."""
    other = directory / "reference"
    return of_class(directory), of_class(other) if other.is_dir() else None


def log_ratio(*, beta: float = 1.0, mean: bool = False, header: bool = False, eos: bool = False, special: bool = False):
    """Return the reference of a reward: beta · Σ (log policy - log reference) over the response, or their mean.

    The response begins behind the rendered prompt, with its generation prompt (TRL's DPOTrainer, reward_hub) or without (CREAM, SimPO);
    eos: an EOS is put behind it where there is none (SimPO). special: the tokenizer adds its BOS to the rendered text (reward_hub).
    """
    def run(directory, items):
        tokenizer, (policy, other) = tokenizer_of(directory), models_of(directory)
        pairs = []
        for item in items:
            messages = conversation(item)
            text, before = (tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=generate)
                            for turns, generate in ((messages, False), (messages[:-1], not header)))
            ids, prompt = (tokenizer(one, add_special_tokens=special)["input_ids"] for one in (text, before))
            if eos and ids[-1] != tokenizer.eos_token_id:
                ids.append(tokenizer.eos_token_id)
            ratios = logps(policy, ids) - (logps(other, ids) if other else 0)
            response = torch.tensor([at >= len(prompt) for at in range(len(ids))])[1:]
            value = (ratios * response).sum() / (response.sum() if mean else 1)
            pairs.append({"item": item, "ids": ids, "read": list(range(len(prompt) - 1, len(ids) - 1)), "score": beta * value.item()})
        return pairs
    return run


def implicit_prm(single: bool = False, coef: float = 0.001):
    """Restates prm_eval_utils.py of PRIME-RL/ImplicitPRM: steps joined by empty lines, and their ends by the lengths of the text cut after each.

    Its conversations end with <|eot_id|>, which the items write behind their last step; one that does not is a text cut behind its last step.
    special_tokens are places of the log-probabilities, so token special + 1 is the last that counts; the first is where the mask begins.
    """
    def run(directory, items):
        tokenizer, (policy, other) = tokenizer_of(directory), models_of(directory)
        pairs = []
        for item in items:
            closed, steps = item["steps"][-1].endswith("<|eot_id|>"), [step.removesuffix("<|eot_id|>") for step in item["steps"]]
            turns = item.get("messages", []) + ([{"role": "user", "content": item["prompt"]}] if "prompt" in item else [])
            special = []
            for count in range(len(steps) + 1):
                text = tokenizer.apply_chat_template([*turns, {"role": "assistant", "content": "\n\n".join(steps[:count])}], tokenize=False).strip()
                if count != len(steps) or not closed:
                    text = text.removesuffix("<|eot_id|>")
                    text += "\n\n" if count != 0 else ""
                ids = tokenizer.encode(text, add_special_tokens=False)
                special.append(len(ids) - 2)
            mask = torch.tensor([0] * special[0] + [1] * (len(ids) - special[0]))[1:]
            sums = (coef * (logps(policy, ids) - logps(other, ids)) * mask).cumsum(-1)[special[1:]]
            rewards = sums - torch.cat([torch.zeros(1), sums[:-1]]) if single else sums
            pairs.append(process_pair(item, ids, list(range(special[0] - 1, len(ids) - 1)), rewards.tolist()))
        return pairs
    return run


def eurus_prm(single: bool = False, coef: float = 0.001, activation=lambda value: value):
    """Restates processbench.py of PRIME-RL/ImplicitPRM, with an empty line behind every step, where the step ends.

    There a place is the length, less 2, of the text cut after a step, closed and with an empty line behind it: one token too far.
    """
    def run(directory, items):
        tokenizer, (policy, other) = tokenizer_of(directory), models_of(directory)
        pairs = []
        for item in items:
            steps = [step + "\n\n" for step in item["steps"]]
            turns = item.get("messages", []) + ([{"role": "user", "content": item["prompt"]}] if "prompt" in item else [])
            text = tokenizer.apply_chat_template([*turns, {"role": "assistant", "content": "".join(steps)}], tokenize=False)
            start = text.rindex("<|im_start|>assistant\n") + len("<|im_start|>assistant\n")
            ids = tokenizer.encode(text, add_special_tokens=False)
            lengths = [len(tokenizer.encode(text[:start] + "".join(steps[:count]), add_special_tokens=False)) for count in range(len(steps) + 1)]
            mask = torch.tensor([at >= lengths[0] for at in range(len(ids))])[1:]
            sums = (coef * (logps(policy, ids) - logps(other, ids)) * mask).cumsum(-1)[[length - 2 for length in lengths[1:]]]
            rewards = sums - torch.cat([torch.zeros(1), sums[:-1]]) if single else sums
            pairs.append(process_pair(item, ids, list(range(lengths[0] - 1, len(ids) - 1)), activation(rewards).tolist()))
        return pairs
    return run


def both(policy, reference):
    """Return the writer of a policy with its reference beside it."""
    def run(directory):
        policy(directory)
        reference(directory / "reference")
    return run


def lm(kind: str | Kind, class_name: str, seed: int, hidden: int = 32, **settings):
    """Return the writer of a language model with a head of its own, or one tied to the embedding."""
    kind = KINDS[kind] if isinstance(kind, str) else kind
    tied = settings.get("config", {}).get("tie_word_embeddings", False)
    return write(kind, class_name, {} if tied else {"lm_head.weight": (kind.tokenizer().get_vocab_size(), hidden)}, seed=seed, **settings)


def lines(*added: str) -> Callable[[], Tokenizer]:
    """Return a maker of a tokenizer in which an empty line is one token with the full stop before it; with added tokens it writes no BOS."""
    def make():
        tokenizer = checkpoint.llama3(420, words=(".\n\n", "\n\n"))
        if added:
            tokenizer.post_processor = processors.Sequence([])
            tokenizer.add_special_tokens(checkpoint.special(*added))
        return tokenizer
    return cache(make)


CHATML = "{% for turn in messages %}{{ '<|im_start|>' + turn['role'] + '\n' + turn['content'] + '<|im_end|>' + '\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
HERMES = Kind("mistral", LLAMA2_TOKENIZER, LLAMA2_TOKENS, CHATML, KINDS["mistral"].config)
"""Nous-Hermes-2-Mistral: ChatML in a tokenizer that writes a BOS."""
LLAMA_LINES = Kind("llama", lines(), KINDS["llama3"].tokens, LLAMA31, KINDS["llama3"].config)
QWEN_LINES = Kind("qwen2", lines("<|endoftext|>", "<|im_start|>", "<|im_end|>"), QWEN_TOKENS, template("qwen"))

SYSTEM = {"messages": [{"role": "system", "content": "Be brief."}, *conversation(CHAT[0])]}
EMPTY = {"prompt": "Say nothing.", "response": ""}
ADD = {"prompt": "2 + 2 + 3?", "steps": ["Step 1: 2 + 2 = 4.", "Step 2: 4 + 3 = 7", "Step 3: So 7."]}
STEPS = [ADD, {"prompt": "2 + 2 + 3?", "steps": ["Step 1: 2 + 2 = 5.", "Step 2: 5 + 3 = 8."]},
         {"prompt": "Résumé in 日本語?", "steps": ["Step 1: Été: 1", "Step 2: 🙂 + 🙂 = 2"]}, {"prompt": "One?", "steps": ["Step 1: Yes"]},
         {"messages": [{"role": "system", "content": "Reason."}, {"role": "user", "content": "2 + 2?"}], "steps": ["Step 1: 4.", "Step 2: So 4."]},
         {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "2 + 2?"}],
          "steps": ["Step 1: 2 + 2 = 4", "Step 2: So 4!"]}]
CLOSED = [item | {"steps": [*item["steps"][:-1], item["steps"][-1] + "<|eot_id|>"]} for item in STEPS]
TIED = {"tie_word_embeddings": True}

CASES = [
    Case("dpo-llama3", "dpo", both(lm("llama3", "LlamaForCausalLM", 121), lm("llama3", "LlamaForCausalLM", 122)), [*CHAT, SYSTEM, EMPTY],
         log_ratio(beta=0.1), ("--beta", "0.1")),
    Case("dpo-qwen2-alone", "dpo", lm("qwen2", "Qwen2ForCausalLM", 123), [*CHAT, SYSTEM, EMPTY], log_ratio()),
    Case("dpo-qwen3-tied", "dpo", both(lm("qwen3", "Qwen3ForCausalLM", 124, config=TIED), lm("qwen3", "Qwen3ForCausalLM", 125, config=TIED)),
         [*CHAT, SYSTEM], log_ratio()),
    Case("dpo-gpt2", "dpo", lm("gpt2", "GPT2LMHeadModel", 126, prefix="transformer.", config=TIED, template=CHATML), CHAT, log_ratio(mean=True),
         ("--norm", "mean")),
    Case("dpo-gemma2", "dpo", both(lm("gemma2", "Gemma2ForCausalLM", 127, config=TIED), lm("gemma2", "Gemma2ForCausalLM", 128, config=TIED)),
         CHAT, log_ratio()),
    Case("density-ratio", "dpo", both(lm(HERMES, "MistralForCausalLM", 129, 48, config={
        "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 6}), lm(HERMES, "MistralForCausalLM", 130)),
         [*CHAT, SYSTEM], log_ratio(special=True)),
    Case("cream", "cream", both(lm("llama3", "LlamaForCausalLM", 131), lm("llama3", "LlamaForCausalLM", 132)), [*CHAT, SYSTEM, EMPTY],
         log_ratio(header=True)),
    Case("cream-alone", "cream", lm("qwen2", "Qwen2ForCausalLM", 133), [*CHAT, SYSTEM], log_ratio(header=True, mean=True), ("--norm", "mean")),
    Case("simpo-llama3", "simpo", lm("llama3", "LlamaForCausalLM", 134), [*CHAT, SYSTEM, EMPTY],
         log_ratio(beta=2.5, mean=True, header=True, eos=True), ("--beta", "2.5")),
    Case("simpo-gemma2", "simpo", lm("gemma2", "Gemma2ForCausalLM", 135, config=TIED), CHAT,
         log_ratio(beta=2.0, mean=True, header=True, eos=True)),
    # By hand, ADD closed, 123 ids: … 76 <|start_header_id|> 77 assistant 78 <|end_header_id|> 79 \n\n 80 S 81 te 82 p 83 ␣ 84 1 85 : … 93 4
    # 94 .\n\n | 95 S … 107 ␣ 108 7 109 \n\n | 110 S … 120 7 121 . 122 <|eot_id|>. Before any step the text has 80 ids and the mask begins at 78, so
    # 78 and 79 count as response. Cut after step 1 with its empty line it has 95: place 93 is the log-probability of 94, the step's full stop and
    # line in one token. After step 2 it has 110: 108, of 109, the line alone. After step 3, closed, 123: 121, of 122, the closing token.
    Case("implicit-prm", "implicit-prm", both(lm(LLAMA_LINES, "LlamaForCausalLM", 136), lm(LLAMA_LINES, "LlamaForCausalLM", 137)),
         [*CLOSED, *STEPS], implicit_prm()),
    Case("implicit-prm-single", "implicit-prm", both(lm(LLAMA_LINES, "LlamaForCausalLM", 136), lm(LLAMA_LINES, "LlamaForCausalLM", 137)),
         CLOSED, implicit_prm(True, 0.05), ("--per-step", "--beta", "0.05")),
    # By hand, ADD, 84 ids: … 37 <|im_start|> 38 assistant 39 \n 40 S 41 te 42 p 43 ␣ 44 1 45 : … 53 4 54 .\n\n | 55 S … 68 7 69 \n\n | 70 S …
    # 80 7 81 .\n\n 82 <|im_end|> 83 \n. The response begins at 40; the steps end at 54, 69 and 81, with their lines. The released code cuts
    # "… 4 . <|im_end|> \n\n" after step 1, 57 ids, and so reads place 55, of 56; after step 2 71 ids, of 70; its last step is 81 . 82 <|im_end|>,
    # of 82.
    Case("eurus-prm", "eurus-prm", both(lm(QWEN_LINES, "Qwen2ForCausalLM", 138), lm(QWEN_LINES, "Qwen2ForCausalLM", 139)), STEPS, eurus_prm()),
    Case("eurus-prm-single", "eurus-prm", both(lm(QWEN_LINES, "Qwen2ForCausalLM", 138), lm(QWEN_LINES, "Qwen2ForCausalLM", 139)), STEPS,
         eurus_prm(True, 0.05, torch.sigmoid), ("--per-step", "--beta", "0.05", "--activation", "sigmoid")),
]
