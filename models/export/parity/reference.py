"""What the references share: the checkpoint through transformers, text as its tokenizer makes it, rows and heads."""

from pathlib import Path

import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer

from .checkpoint import read


def tokenizer_of(directory: Path):
    """Return the checkpoint's tokenizer, as transformers loads it."""
    return AutoTokenizer.from_pretrained(directory)


def bare_body(directory: Path, prefix: str, model_type: str | None = None) -> nn.Module:
    """Return transformers' body of a checkpoint whose class transformers lacks: the weights under a prefix, every one of them."""
    config, weights = read(directory)
    kept = {key: value for key, value in config.items() if key not in ("model_type", "architectures", "auto_map")}
    body = AutoModel.from_config(AutoConfig.for_model(model_type or config["model_type"], **kept), attn_implementation="eager")
    body.load_state_dict({name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)})
    return body.float().eval()


def of_class(directory: Path) -> nn.Module:
    """Return the checkpoint as its own transformers class, with eager attention."""
    class_name = read(directory)[0]["architectures"][0]
    return getattr(transformers, class_name).from_pretrained(directory, attn_implementation="eager").float().eval()


def conversation(item: dict) -> list[dict[str, str]]:
    """Return an item's conversation."""
    messages = list(item.get("messages", []))
    if "prompt" in item:
        messages += [{"role": "user", "content": item["prompt"]}, {"role": "assistant", "content": item["response"]}]
    return messages


def template_ids(tokenizer, item: dict, bos: int = 0, render=None) -> list[int]:
    """Return an item's ids without special tokens of the tokenizer's own; of `bos` (0, 1, 2) BOS in front when bos is not 0.

    render turns a conversation into text; the checkpoint's chat template does without one.
    """
    if "input_ids" in item:
        ids = list(item["input_ids"])
    else:
        render = render or (lambda messages: tokenizer.apply_chat_template(messages, tokenize=False))
        text = item["text"] if "text" in item else render(conversation(item))
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if bos:
        while ids and ids[0] == tokenizer.bos_token_id:
            ids = ids[1:]
        ids = [tokenizer.bos_token_id] * bos + ids
    return ids


def head(weights: dict[str, torch.Tensor], name: str, rows: torch.Tensor) -> torch.Tensor:
    """Return one Linear of the checkpoint on hidden states."""
    return nn.functional.linear(rows, weights[f"{name}.weight"], weights.get(f"{name}.bias"))


def hidden_states(body: nn.Module, ids: list[int]) -> torch.Tensor:
    """Return the last hidden states [L, hidden] of one sequence, alone."""
    with torch.no_grad():
        return body(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), use_cache=False).last_hidden_state[0]


def pair(item: dict, ids: list[int], at: int, score: float) -> dict:
    """Return the golden pair of an item with one score, read at one place."""
    return {"item": item, "ids": ids, "read": [at], "score": float(score)}
