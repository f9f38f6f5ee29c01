"""The policy of the examples: the embedded language model arith-reference, as a Qwen3 of transformers with 0.9 million
parameters.

It has read as many flawed solutions as right ones, so it samples both: about half of its responses are right, though it
knows better, since the likeliest one mostly is. There is something to learn, and something to choose from. It grew out
of the network of arith-rm (models/builtin/CARD.md), whose bundle it shares nothing with any more but the tokenizer.
"""

from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from task import ROOT, answer_of
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM, logging

BUNDLE = ROOT / "models" / "builtin" / "arith-reference"
WORK = Path(__file__).resolve().parent / ".work"
MOST = 64
"""Tokens of a response: a right one has 45 at most."""

logging.set_verbosity_error()
logging.disable_progress_bar()


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Return the embedded models' tokenizer, with their chat template."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(BUNDLE / "tokenizer.json"), pad_token="<|endoftext|>", eos_token="<|im_end|>",
                                        padding_side="left", model_input_names=["input_ids", "attention_mask"])
    tokenizer.chat_template = (BUNDLE / "chat_template.jinja").read_text()
    return tokenizer


def make_model() -> Qwen3ForCausalLM:
    """Return the policy with the weights of the bundle's graph, where matrices lie transposed and as float16."""
    model = Qwen3ForCausalLM(Qwen3Config(
        vocab_size=512, hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=4, head_dim=32,
        max_position_embeddings=512, rope_theta=10000.0, tie_word_embeddings=True, pad_token_id=0, eos_token_id=2))
    weights = {}
    for stored in onnx.load(BUNDLE / "model.onnx").graph.initializer:
        name, value = stored.name.removesuffix(".float16"), torch.tensor(numpy_helper.to_array(stored)).float()
        if name.startswith("bodies.0.") and ".rotary_emb." not in name:
            weights[name.replace("bodies.0", "model", 1).removesuffix(".T")] = value.T.contiguous() if name.endswith(".T") else value
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model.load_state_dict(weights)
    return model


@torch.no_grad()
def respond(model: Any, tokenizer: Any, rows: list[dict], *, sampled: bool, seed: int = 0) -> list[str]:
    """Return one response to each row's prompt: sampled at temperature 1, or the likeliest token by token."""
    texts = [tokenizer.apply_chat_template(row["prompt"], tokenize=False, add_generation_prompt=True) for row in rows]
    batch = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        ids = model.generate(**batch, max_new_tokens=MOST, do_sample=sampled, top_k=0 if sampled else None, eos_token_id=2, pad_token_id=0)
    return tokenizer.batch_decode(ids[:, batch["input_ids"].shape[1]:], skip_special_tokens=True)


def accuracy(model: Any, tokenizer: Any, rows: list[dict], *, sampled: bool) -> float:
    """Return the share of the rows whose response ends with the right answer."""
    responses = respond(model, tokenizer, rows, sampled=sampled)
    return sum(answer_of(response) == row["answer"] for response, row in zip(responses, rows, strict=True)) / len(rows)


def load(folder: Path = WORK / "policy") -> tuple[Any, Any]:
    """Return the policy and its tokenizer, as they lie in a folder that is made where it is missing."""
    if not (folder / "config.json").exists():
        make_tokenizer().save_pretrained(folder)
        make_model().save_pretrained(folder)
    return Qwen3ForCausalLM.from_pretrained(folder).eval(), PreTrainedTokenizerFast.from_pretrained(folder)


if __name__ == "__main__":
    from task import questions

    policy, words = load()
    held = questions(7, 200, held=True)
    print(f"held-out accuracy: sampled {accuracy(policy, words, held, sampled=True):.2f}, likeliest {accuracy(policy, words, held, sampled=False):.2f}")
