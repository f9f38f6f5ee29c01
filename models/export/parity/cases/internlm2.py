"""InternLM2's reward models: a body that transformers lacks, restated from the model card's code."""

import torch
from torch import nn

from .. import checkpoint
from ..case import Case
from ..checkpoint import read
from ..items import CHAT
from ..reference import conversation, pair, template_ids, tokenizer_of

HIDDEN, INNER, HEADS, KV_HEADS, HEAD_DIM = 32, 48, 4, 2, 8
TOKENS = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "[UNUSED_TOKEN_130]"]
TEMPLATE = ("{{ bos_token }}{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
            "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")


def writer(seed: int, layers: int, tokens: list[str] = TOKENS, prefix: bool = True, **fields):
    """Return the writer of a checkpoint; prefix: its tokenizer puts a space before a text; fields go into config.json."""
    def write(directory):
        tokenizer = checkpoint.metaspace(tokens, prefix=prefix)
        shapes = {"model.tok_embeddings.weight": (tokenizer.get_vocab_size(), HIDDEN), "model.norm.weight": (HIDDEN,), "v_head.weight": (1, HIDDEN)}
        for layer in range(layers):
            name = f"model.layers.{layer}"
            shapes |= {
                f"{name}.attention.wqkv.weight": ((HEADS + 2 * KV_HEADS) * HEAD_DIM, HIDDEN),
                f"{name}.attention.wo.weight": (HIDDEN, HEADS * HEAD_DIM), f"{name}.attention_norm.weight": (HIDDEN,),
                f"{name}.ffn_norm.weight": (HIDDEN,), f"{name}.feed_forward.w1.weight": (INNER, HIDDEN),
                f"{name}.feed_forward.w3.weight": (INNER, HIDDEN), f"{name}.feed_forward.w2.weight": (HIDDEN, INNER)}
        config = {"architectures": ["InternLM2ForRewardModel"], "model_type": "internlm2", "hidden_size": HIDDEN, "intermediate_size": INNER,
                  "num_hidden_layers": layers, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "rms_norm_eps": 1e-5,
                  "max_position_embeddings": 256, "rope_theta": 1000000, "rope_scaling": None, "bias": False, "hidden_act": "silu",
                  "vocab_size": tokenizer.get_vocab_size(), "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2, "tie_word_embeddings": False,
                  "reward_token_id": tokens.index("[UNUSED_TOKEN_130]"), "auto_map": {"AutoModel": "modeling_internlm2.InternLM2ForRewardModel"}}
        named = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}
        checkpoint.write(directory, config | fields, checkpoint.seeded(shapes, seed), tokenizer, named, TEMPLATE)
    return write


def rms(rows: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """Root-mean-square norm."""
    return rows * torch.rsqrt(rows.pow(2).mean(-1, keepdim=True) + eps) * weight


def rotated(states: torch.Tensor, theta: float) -> torch.Tensor:
    """Rotary embedding of [L, heads, head_dim], halves apart."""
    frequencies = theta ** (-torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)
    angles = torch.outer(torch.arange(states.shape[0]).float(), frequencies)
    cosine, sine = torch.cat([angles, angles], -1).cos()[:, None], torch.cat([angles, angles], -1).sin()[:, None]
    first, second = states.chunk(2, -1)
    return states * cosine + torch.cat([-second, first], -1) * sine


def body(config: dict, weights: dict[str, torch.Tensor], ids: list[int]) -> torch.Tensor:
    """InternLM2Model's last hidden states; wqkv holds, for each key head, its queries, its key and its value in turn."""
    eps, groups = config["rms_norm_eps"], HEADS // KV_HEADS
    hidden = weights["model.tok_embeddings.weight"][torch.tensor(ids)]
    hidden_from = torch.full((len(ids), len(ids)), float("-inf")).triu(1)
    for layer in range(config["num_hidden_layers"]):
        own = {key.removeprefix(f"model.layers.{layer}."): value for key, value in weights.items() if key.startswith(f"model.layers.{layer}.")}
        fused = nn.functional.linear(rms(hidden, own["attention_norm.weight"], eps), own["attention.wqkv.weight"])
        fused = fused.view(len(ids), KV_HEADS, groups + 2, HEAD_DIM)
        query = rotated(fused[:, :, :groups].reshape(len(ids), HEADS, HEAD_DIM), config["rope_theta"])
        key = rotated(fused[:, :, -2], config["rope_theta"]).repeat_interleave(groups, 1)
        value = fused[:, :, -1].repeat_interleave(groups, 1)
        scores = torch.einsum("qhd,khd->hqk", query, key) / HEAD_DIM**0.5 + hidden_from
        mixed = torch.einsum("hqk,khd->qhd", scores.softmax(-1), value).reshape(len(ids), -1)
        hidden = hidden + nn.functional.linear(mixed, own["attention.wo.weight"])
        normed = rms(hidden, own["ffn_norm.weight"], eps)
        gate = nn.functional.silu(nn.functional.linear(normed, own["feed_forward.w1.weight"]))
        hidden = hidden + nn.functional.linear(gate * nn.functional.linear(normed, own["feed_forward.w3.weight"]), own["feed_forward.w2.weight"])
    return rms(hidden, weights["model.norm.weight"], eps)


def get_score(directory, items):
    """Restates the card's get_score: the template with its BOS, no special tokens, the reward token behind unless it is there."""
    config, weights = read(directory)
    tokenizer, pairs = tokenizer_of(directory), []
    for item in items:
        ids = template_ids(tokenizer, item)
        if ids[-1] != config["reward_token_id"]:
            ids.append(config["reward_token_id"])
        score = nn.functional.linear(body(config, weights, ids)[-1], weights["v_head.weight"])
        pairs.append(pair(item, ids, len(ids) - 1, score))
    return pairs


def polar(directory, items):
    """Restates RewardModelClient._encode of InternLM/POLAR and the tokenizer's call with its BOS; the reward is read at the last token.

    The client decodes the ids that it made of each part, which gives the part again where it has no special token and is not cut.
    """
    config, weights = read(directory)
    tokenizer, pairs = tokenizer_of(directory), []
    for item in items:
        if "reference" not in item:
            ids = template_ids(tokenizer, item, 1)
        else:
            turns = conversation(item)
            parts = ("\n".join(turn["content"] for turn in turns[:-1]), item["reference"], turns[-1]["content"])
            p, r1, r2 = (tokenizer.decode(tokenizer.encode(part, add_special_tokens=True), skip_special_tokens=True) for part in parts)
            assert (p, r1, r2) == parts
            ids = tokenizer(p + "\n" + r1 + "<|reward|>" + p + "\n" + r2 + "[UNUSED_TOKEN_130]")["input_ids"]
        score = nn.functional.linear(body(config, weights, ids)[-1], weights["v_head.weight"])
        pairs.append(pair(item, ids, len(ids) - 1, score))
    return pairs


REFERENCES = ["42", "12 + 30 = 42.", "  {{ x }} & 日本語\n", ""]
COMPARED = [*(item | {"reference": reference} for item, reference in zip(CHAT, REFERENCES, strict=True)),
            {"text": "p\nr<|reward|>p\na[UNUSED_TOKEN_130]"}, {"text": "<s>p\nr<|reward|>p\na[UNUSED_TOKEN_130]"}, {"input_ids": [1, 40, 50, 5]}]
ITEMS = [*CHAT, {"text": "<s>rendered[UNUSED_TOKEN_130]"}, {"text": "<s>rendered"}, {"input_ids": [1, 40, 50]}, {"input_ids": [1, 40, 50, 5]}]
CASES = [
    Case("internlm2-reward", "internlm2-reward", writer(31, 2), ITEMS, get_score),
    Case("internlm2-reward-dynamic", "internlm2-reward", writer(32, 3, rope_scaling={"type": "dynamic", "factor": 2.0}), ITEMS, get_score),
    Case("polar", "polar", writer(33, 2, [*TOKENS, "<|reward|>"], prefix=False), COMPARED, polar),
]
