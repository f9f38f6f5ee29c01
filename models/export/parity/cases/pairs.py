"""Models that compare two responses: preference embeddings (GPM), and pair models that read both at once (PairRM, RLHFlow)."""

from functools import cache

import torch
from torch import nn
from transformers import AutoConfig, AutoModel

from .. import checkpoint
from ..case import Case
from ..checkpoint import read
from ..decoders import KINDS, linear, template, write
from ..items import CHAT
from ..reference import bare_body, hidden_states, of_class, pair, tokenizer_of

SUM = {"prompt": "What is 12 + 30?", "chosen": "42", "rejected": "It is 41, because 12 + 30 = 41."}
PAIRS = [
    SUM,
    SUM | {"chosen": SUM["rejected"], "rejected": SUM["chosen"]},
    {"prompt": "  Résumé in 日本語, 🙂? ", "chosen": "はい — 'naïve' & <b>\"ok\"</b> {{ x }}", "rejected": "N"},
    {"prompt": "Name a colour.\n", "chosen": " ", "rejected": "\tBlue,  or 青. \n"},
    {"prompt": "a", "chosen": "b", "rejected": ""},
    {"messages": [{"role": "user", "content": "Again?"}], "chosen": "The same.", "rejected": "The same."},
]
TURNS = {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": " Hi! How can I help?"},
                      {"role": "user", "content": "Name a colour."}], "chosen": "Blue.", "rejected": "Sept, 七."}
SYSTEM = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], "chosen": "Yes.", "rejected": "Well, hello."}
LONG = {"prompt": "Count up. " * 40, "chosen": "One, two, three. " * 30, "rejected": "Three, two, one. " * 28}


def prompt_of(item: dict) -> list[dict[str, str]]:
    """Return the conversation that both responses answer."""
    return item.get("messages") or [{"role": "user", "content": item["prompt"]}]


def gpm(directory, items):
    """Restates gpm_example_usage.py: template and tokenizer each write a BOS, the last id becomes the EOS, its row gives the embedding.

    With a prompt head its softmax at the end of the first message, templated alone, fills the matrix R; else R has ones. The score is
    v R' w, over the temperature.
    """
    weights = read(directory)[1]
    tokenizer, body = tokenizer_of(directory), bare_body(directory, "model.")
    width = weights["value_head.weight"].shape[0]

    def embed(messages):
        ids = tokenizer(tokenizer.apply_chat_template(messages, tokenize=False))["input_ids"]
        start = len(tokenizer(tokenizer.apply_chat_template(messages[:1], tokenize=False))["input_ids"])
        ids[-1] = tokenizer.eos_token_id
        rows = hidden_states(body, ids)
        scales = torch.ones(width // 2)
        if "prompt_head.weight" in weights:
            scales = torch.softmax(nn.functional.linear(rows[start - 1], weights["prompt_head.weight"]), -1)
        return ids, nn.functional.normalize(nn.functional.linear(rows[-1], weights["value_head.weight"]), dim=-1), scales

    pairs = []
    for item in items:
        (ids, chosen, scales), (others, rejected, _) = (embed([*prompt_of(item), {"role": "assistant", "content": item[name]}])
                                                        for name in ("chosen", "rejected"))
        matrix = torch.block_diag(*(scale * torch.tensor([[0.0, -1.0], [1.0, 0.0]]) for scale in scales))
        pairs.append({"pair": item, "ids": [ids, others], "probability": torch.sigmoid(chosen @ matrix.T @ rejected / 0.1).item()})
    return pairs


def gpm_bt(directory, items):
    """Restates the same example with is_general_preference off: the one value of the last row."""
    weights = read(directory)[1]
    tokenizer, body = tokenizer_of(directory), bare_body(directory, "model.")
    pairs = []
    for item in items:
        messages = item.get("messages") or [*prompt_of(item), {"role": "assistant", "content": item["response"]}]
        ids = tokenizer(tokenizer.apply_chat_template(messages, tokenize=False))["input_ids"]
        ids[-1] = tokenizer.eos_token_id
        pairs.append(pair(item, ids, len(ids) - 1, hidden_states(body, ids)[-1] @ weights["value_head.weight"][0]))
    return pairs


def pairrm_ids(tokenizer, source: str, first: str, second: str) -> list[int]:
    """The card's tokenize_pair: each part encoded behind its mark and cut to its budget, the candidates' being half of what is left."""
    front = tokenizer.encode("<|source|>" + source, max_length=1224, truncation=True)
    room = (1224 + 2 * 412 - len(front)) // 2
    return front + [one for mark, text in (("<|candidate1|>", first), ("<|candidate2|>", second))
                    for one in tokenizer.encode(mark + text, max_length=room, truncation=True)]


def pairrm(directory, items):
    """Restates the card's tokenize_pair and DebertaV2PairRM; the probability is of the mean logit of both orders, as Blender compares."""
    config, weights = read(directory)
    tokenizer, body = tokenizer_of(directory), bare_body(directory, "pretrained_model.")

    def head(row):
        inner = torch.tanh(nn.functional.linear(row, weights["head_layer.1.weight"], weights["head_layer.1.bias"]))
        return nn.functional.linear(inner, weights["head_layer.4.weight"], weights["head_layer.4.bias"])

    def logit(ids):
        rows = hidden(body, ids)
        source, first, second = (rows[ids.index(config[name])] for name in ("source_prefix_id", "cand1_prefix_id", "cand2_prefix_id"))
        return (head(torch.cat([source, first])) - head(torch.cat([source, second]))).mean()

    pairs = []
    for item in items:
        source, one, other = prompt_of(item)[0]["content"], item["chosen"], item["rejected"]
        both = [pairrm_ids(tokenizer, source, one, other), pairrm_ids(tokenizer, source, other, one)]
        ahead, behind = (logit(ids) for ids in both)
        pairs.append({"pair": item, "ids": both, "probability": torch.sigmoid((ahead - behind) / 2).item()})
    return pairs


def hidden(body: nn.Module, ids: list[int]) -> torch.Tensor:
    """Return the last hidden states [L, hidden] that an encoder gives one sequence alone."""
    with torch.no_grad():
        given = torch.tensor([ids])
        return body(input_ids=given, attention_mask=torch.ones_like(given), output_hidden_states=True).hidden_states[-1][0]


def rlhflow(directory, items):
    """Restates pair-pm's README: the plain context and both responses in a user turn, without BOS; p(A) and p(B) at the last place."""
    tokenizer, model = tokenizer_of(directory), of_class(directory)
    letters = [tokenizer.encode(letter, add_special_tokens=False)[0] for letter in ("A", "B")]

    def ids_and_odds(context, first, second):
        prompt = f"[CONTEXT] {context} [RESPONSE A] {first} [RESPONSE B] {second} \n"
        text = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], tokenize=False).replace(tokenizer.bos_token, "")
        ids = tokenizer.encode(text, add_special_tokens=False)
        with torch.no_grad():
            return ids, torch.softmax(model(input_ids=torch.tensor([ids])).logits[0, -1, letters], -1)

    pairs = []
    for item in items:
        context = "\n" + "".join(f"\n<turn> {('user', 'assistant')[at % 2]}\n {turn['content']}" for at, turn in enumerate(prompt_of(item))) + "\n"
        ids, ahead = ids_and_odds(context, item["chosen"], item["rejected"])
        others, behind = ids_and_odds(context, item["rejected"], item["chosen"])
        pairs.append({"pair": item, "ids": [ids, others], "probability": ((ahead[0] + behind[1]) / 2).item()})
    return pairs


MARKS = ["<|source|>", "<|candidate1|>", "<|candidate2|>", "<|candidate|>"]
DEBERTA = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64,
           "relative_attention": True, "position_buckets": 16, "max_relative_positions": -1, "norm_rel_ebd": "layer_norm", "share_att_key": True,
           "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "type_vocab_size": 0}


@cache
def marked_tokenizer():
    """Return a tokenizer like DeBERTa v3's with the marks added as the authors add them, as plain tokens."""
    tokenizer = checkpoint.bert_pairs(checkpoint.unigram(["[PAD]", "[CLS]", "[SEP]", "[UNK]"], "[UNK]"))
    tokenizer.add_tokens(MARKS)
    return tokenizer


def write_pairrm(directory, tasks: int = 2, seed: int = 202):
    """Write a PairRM checkpoint."""
    tokenizer = marked_tokenizer()
    source, first, second, either = (tokenizer.token_to_id(mark) for mark in MARKS)
    settings = AutoConfig.for_model("deberta-v2", **DEBERTA, vocab_size=tokenizer.get_vocab_size(), pad_token_id=tokenizer.token_to_id("[PAD]"))
    shapes = {f"pretrained_model.{name}": value.shape for name, value in AutoModel.from_config(settings).named_parameters()}
    weights = checkpoint.seeded(shapes | linear("head_layer.1", 32, True, 64) | linear("head_layer.4", tasks, True, 32), seed)
    sharpen(weights, "head_layer.4.weight")
    described = settings.to_dict() | {
        "architectures": ["DebertaV2PairRM"], "n_tasks": tasks, "drop_out": 0.05, "sep_token_id": tokenizer.token_to_id("[SEP]"),
        "source_prefix_id": source, "cand1_prefix_id": first, "cand2_prefix_id": second, "cand_prefix_id": either}
    checkpoint.write(directory, described, weights, tokenizer,
                     {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"})


def gpm_writer(kind: str, width: int, seed: int, scaled: bool, **extra):
    """Return the writer of a GPM checkpoint, which keeps the language head where it is not Gemma's, tied to the embedding."""
    heads = linear("value_head", width) | (linear("prompt_head", width // 2) if scaled else {})
    heads |= {"lm_head.weight": (KINDS[kind].tokenizer().get_vocab_size(), 32)} if kind == "llama3" else {}
    return write(kind, "CustomRewardModel", heads, seed=seed, extra=extra, edit=lambda weights: sharpen(weights, "prompt_head.weight"))


def sharpen(weights: dict[str, torch.Tensor], name: str) -> None:
    """Make a head's outputs lie further apart."""
    if name in weights:
        weights[name] = weights[name] * 4


SEVERAL = [KINDS["llama3"].tokenizer().token_to_id(token) for token in ("<|end_of_text|>", "<|eot_id|>")]
FIRST_LLAMA3 = template("llama").replace("if add_generation_prompt", "if true")

CASES = [
    Case("gpm-llama", "gpm", gpm_writer("llama3", 6, 213, False, eos_token_id=SEVERAL), [*PAIRS, TURNS, SYSTEM], gpm),
    Case("gpm-llama-prompt", "gpm", gpm_writer("llama3", 8, 204, True, value_head_dim=8, add_prompt_head=True), PAIRS, gpm),
    Case("gpm-gemma", "gpm", gpm_writer("gemma", 8, 206, True), PAIRS, gpm),
    Case("gpm-gemma2", "gpm", gpm_writer("gemma2", 2, 203, False), [*PAIRS, TURNS], gpm),
    Case("gpm-bt", "gpm-bt", gpm_writer("llama3", 1, 205, False), CHAT, gpm_bt),
    Case("pairrm", "pairrm", write_pairrm, [*PAIRS, LONG], pairrm, layouts=("padded",)),
    Case("rlhflow-pair", "rlhflow-pair", write("llama3", "LlamaForCausalLM", {
        "lm_head.weight": (KINDS["llama3"].tokenizer().get_vocab_size(), 32)}, seed=207, template=FIRST_LLAMA3), [*PAIRS, TURNS], rlhflow),
]
