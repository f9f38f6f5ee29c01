"""The two language models: a reference that has seen right and wrong solutions alike, and a policy trained on from it to be right.

The policy learns as an implicit process reward model does (Free Process Rewards without Process Labels): sigmoid(BETA · log-ratio) of a whole
response is the chance that it is right, by cross-entropy on outcomes alone. No step has a label, yet the log-ratio up to a step says how it goes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional
from transformers import Qwen3Model

from . import problems
from .batches import LONG, POOL, render
from .fit import train
from .network import make_config
from .vocabulary import END

BETA = 3.0
"""Of the log-ratio: where half of the reference's responses are right, a right one has at most BETA · ln 2."""
MATRICES = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
"""A layer's matrices, in the order in which a graph of the exporter multiplies by them."""


class Speaker(nn.Module):
    """A decoder that predicts the next token; the output's weights are the embedding's."""

    def __init__(self):
        super().__init__()
        self.body = Qwen3Model(make_config())

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the normed last hidden states [B·S, 128] for ids [B, S], padded on the right."""
        positions = torch.arange(ids.shape[1])[None]
        return self.body(input_ids=ids, position_ids=positions, attention_mask=None).last_hidden_state.flatten(0, 1)

    def logprobs(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return log p(targets [L]) after hidden states [L, 128], natural logarithm."""
        return -functional.cross_entropy(hidden @ self.body.embed_tokens.weight.T, targets, reduction="none")


def from_bundle(folder: Path) -> dict:
    """Return a Speaker's weights as the graph of an embedded bundle has them, so that no checkpoint is needed."""
    graph = onnx.load(folder / "model.onnx").graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = {name: torch.tensor(value) for name, value in stored.items() if name.startswith("body.") and name.endswith(".weight")}
    products = [stored[name] for node in graph.node if node.op_type == "MatMul" for name in node.input if name in stored]
    layers = make_config().num_hidden_layers
    names = [f"body.layers.{layer}.{part}.weight" for layer in range(layers) for part in MATRICES]
    if len(products) not in (len(names), len(names) + 1):
        raise ValueError(f"{folder}: the graph multiplies by {len(products)} matrices, and {layers} layers have {len(names)} and a head")
    weights |= {name: torch.tensor(value.T.copy()) for name, value in zip(names, products, strict=False)}
    return weights


@dataclass
class Spoken:
    """One step's data. Flat positions index the [B·S] rows of the hidden states."""

    ids: torch.Tensor       # [B, S]
    predict: torch.Tensor   # [L] flat positions whose next token is of a response, the template's closing of it too
    targets: torch.Tensor   # [L] those next tokens
    rows: torch.Tensor      # [L] which response each is of
    right: torch.Tensor     # [B] 1.0 where the response is right, 0.0 where it is not


def spoken_batches(tokenizer: Tokenizer, seed: int, size: int) -> Iterator[Spoken]:
    """Yield batches of `size` solutions, steps on lines of their own, about half of them flawed, without end."""
    rng = Random(seed)
    while True:
        pool = []
        for _ in range(size * POOL):
            problem = problems.draw_problem(rng, rng.choice(LONG), held=False)
            solution = problems.solve(rng, problem, flawed=rng.random() < 0.5)
            pool.append((problem.prompt, "\n".join(solution.steps), solution.first_error is None))
        pool.sort(key=lambda row: len(row[0]) + len(row[1]))
        groups = [pool[start:start + size] for start in range(0, len(pool), size)]
        rng.shuffle(groups)
        for group in groups:
            yield spoken(tokenizer, group)


def spoken(tokenizer: Tokenizer, group: list[tuple[str, str, bool]]) -> Spoken:
    """Make a batch of (prompt, response, right) rows."""
    before = tokenizer.encode_batch([render(prompt, "").rsplit(END, 1)[0] for prompt, _, _ in group], add_special_tokens=False)
    whole = tokenizer.encode_batch([render(prompt, response) for prompt, response, _ in group], add_special_tokens=False)
    width = -(-max(len(e.ids) for e in whole) // 8) * 8
    ids = np.zeros((len(group), width), np.int64)
    predict, rows = [], []
    for row, (start, encoding) in enumerate(zip(before, whole, strict=True)):
        ids[row, :len(encoding.ids)] = encoding.ids
        places = np.arange(len(start.ids) - 1, len(encoding.ids) - 1)
        predict.append(row * width + places)
        rows.append(np.full(len(places), row))
    flat = np.concatenate(predict)
    return Spoken(torch.from_numpy(ids), torch.from_numpy(flat), torch.from_numpy(ids.reshape(-1)[flat + 1]),
                  torch.from_numpy(np.concatenate(rows)), torch.tensor([float(right) for _, _, right in group]))


def train_reference(tokenizer: Tokenizer, out: Path, start: dict, seed: int, steps: int, rate: float, end: float, size: int) -> Speaker:
    """Train the reference from the weights `start`: next-token loss on right and flawed solutions alike."""
    torch.manual_seed(seed)
    model = Speaker()
    model.load_state_dict(start)

    def losses(batch: Spoken, hidden: torch.Tensor):
        loss = -model.logprobs(hidden[batch.predict], batch.targets).mean()
        return loss, {"language": loss}

    return train(model, spoken_batches(tokenizer, seed, size), losses, out, steps, rate, end)


def train_policy(tokenizer: Tokenizer, out: Path, start: dict, seed: int, steps: int, rate: float, end: float, size: int) -> Speaker:
    """Train the policy from the reference's weights `start`: cross-entropy of sigmoid(BETA · log-ratio) on outcomes.

    Next-token loss on the right responses beside it has the same best policy, and keeps it from giving its weight to texts that nobody wrote.
    """
    torch.manual_seed(seed)
    reference, model = Speaker().eval(), Speaker()
    reference.load_state_dict(start)
    model.load_state_dict(start)

    def losses(batch: Spoken, hidden: torch.Tensor):
        with torch.no_grad():
            before = reference.logprobs(reference(batch.ids)[batch.predict], batch.targets)
        after = model.logprobs(hidden[batch.predict], batch.targets)
        ratio = torch.zeros_like(batch.right).index_add(0, batch.rows, after - before)
        outcome = functional.binary_cross_entropy_with_logits(BETA * ratio, batch.right)
        good = batch.right[batch.rows]
        spoken_right = -(after * good).sum() / good.sum().clamp(min=1)
        hit = ((ratio > 0) == (batch.right > 0)).float().mean()
        return outcome + spoken_right, {"outcome": outcome, "language": spoken_right, "accuracy": hit}

    return train(model, spoken_batches(tokenizer, seed, size), losses, out, steps, rate, end)
