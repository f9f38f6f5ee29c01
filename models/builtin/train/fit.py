"""The two trainings: the process model from nothing, then the reward model from the process model's weights."""

import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional

from .batches import Batch, pair_batches, step_batches
from .network import Verifier

REPORT = 50
"""Steps between two lines of the log, each with a checkpoint."""


def step_loss(model: Verifier, batch: Batch, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean cross-entropy at step ends and the share of them judged right; hidden is [B·S, 128].

    Steps after the first error weigh half: their label repeats what the model has already said.
    """
    logits = model.step_head(hidden[batch.steps])
    losses = functional.cross_entropy(logits, batch.labels, reduction="none")
    weights = 1.0 - 0.5 * batch.after
    hit = ((logits.argmax(-1) == batch.labels).float() * (1 - batch.after)).sum() / (1 - batch.after).sum()
    return (losses * weights).sum() / weights.sum(), hit


def language_loss(model: Verifier, batch: Batch, hidden: torch.Tensor, result_weight: float) -> torch.Tensor:
    """Return the mean next-token cross-entropy over the right steps.

    What stands after an equals sign weighs `result_weight` times as much: there the model learns to carry.
    """
    losses = functional.cross_entropy(model.next_token_logits(hidden[batch.predict]), batch.targets, reduction="none")
    weights = 1 + (result_weight - 1) * batch.results
    return (losses * weights).sum() / weights.sum()


def early_loss(model: Verifier, batch: Batch, layers: list[torch.Tensor]) -> torch.Tensor:
    """Return the mean next-token cross-entropy over results alone, taken after layers before the last.

    A model that knows a sum only in its last layer cannot compare it with what the step says; this makes it know earlier.
    """
    wanted = batch.results > 0
    places, targets = batch.predict[wanted], batch.targets[wanted]
    return torch.stack([functional.cross_entropy(model.next_token_logits(hidden[places]), targets) for hidden in layers]).mean()


def make_optimizers(model: Verifier, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, at ten times the rate; AdamW for the rest."""
    matrices = [p for p in model.body.layers.parameters() if p.ndim == 2]
    others = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in others]
    return [torch.optim.Muon(matrices, lr=10 * rate, weight_decay=0.01, momentum=0.95),
            torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.01)]


def schedule(step: int, steps: int, end: float, warmup: int = 100) -> float:
    """Linear warm-up, then linear decay to `end` of the rate at the last step."""
    return min(1.0, (step + 1) / warmup) * (1 - (1 - end) * step / steps)


def train_process(tokenizer: Tokenizer, out: Path, start: dict | None, seed: int, steps: int, rate: float, end: float,
                  size: int, short: int = 0, result_weight: float = 1, early: bool = False) -> Verifier:
    """Train the process model for `steps` batches of `size`, from nothing or from the weights `start`.

    The rate falls to `end` of itself. The first `short` batches hold short chains only. `result_weight` goes to
    language_loss; `early` adds early_loss. Checkpoints and a log go to `out`.
    """
    torch.manual_seed(seed)
    model = Verifier()
    if start is not None:
        model.load_state_dict(start)

    def losses(batch: Batch, layers: list[torch.Tensor]):
        judged, hit = step_loss(model, batch, layers[-1])
        spoken = language_loss(model, batch, layers[-1], result_weight)
        soon = early_loss(model, batch, layers[:-1]) if early else torch.zeros(())
        return judged + spoken + soon, {"step": judged, "language": spoken, "early": soon, "accuracy": hit}

    return train(model, step_batches(tokenizer, seed, size, short), losses, out, steps, rate, end)


def train_reward(tokenizer: Tokenizer, out: Path, start: dict, seed: int, steps: int, rate: float, end: float,
                 size: int, early: bool = False) -> Verifier:
    """Train the reward model from the process model's weights `start`: Bradley-Terry on pairs, and a little of what it knew.

    Scores are only ever compared within one question, so a small penalty on each pair's sum keeps them around zero. With `early`,
    `start` has a trained reward head and early_loss is added; without, the head begins from the step head.
    """
    torch.manual_seed(seed)
    model = Verifier()
    model.load_state_dict(start)
    if not early:
        with torch.no_grad():  # the step head's log-odds, which the last step's end already carries
            model.reward_head.weight[:] = model.step_head.weight[1:] - model.step_head.weight[:1]

    def losses(batch: Batch, layers: list[torch.Tensor]):
        hidden = layers[-1]
        chosen, rejected = model.reward_head(hidden[batch.last]).view(-1, 2).unbind(1)
        preferred = -functional.logsigmoid(chosen - rejected).mean()
        centre = (chosen + rejected).square().mean()
        judged, _ = step_loss(model, batch, hidden)
        spoken = language_loss(model, batch, hidden, result_weight=5)
        soon = early_loss(model, batch, layers[:-1]) if early else torch.zeros(())
        total = preferred + 0.005 * centre + 0.5 * judged + 0.2 * spoken + 0.5 * soon
        return total, {"pair": preferred, "step": judged, "language": spoken, "early": soon,
                       "accuracy": (chosen > rejected).float().mean()}

    return train(model, pair_batches(tokenizer, seed, size), losses, out, steps, rate, end)


def train(model: Verifier, batches: Iterator[Batch], losses, out: Path, steps: int, rate: float,
          end: float) -> Verifier:
    """Run the optimizer for `steps` batches; `losses` gives the total and what to log, from a batch and its hidden states."""
    optimizers = make_optimizers(model, rate)
    rates = [[group["lr"] for group in o.param_groups] for o in optimizers]
    out.mkdir(parents=True, exist_ok=True)
    began, sums = time.monotonic(), {}
    with (out / "log.txt").open("w") as log:
        for step in range(steps):
            batch = next(batches)
            total, parts = losses(batch, model(batch.ids))
            total.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer, base in zip(optimizers, rates, strict=True):
                for group, top in zip(optimizer.param_groups, base, strict=True):
                    group["lr"] = top * schedule(step, steps, end)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            sums = {name: sums.get(name, 0.0) + value.item() for name, value in parts.items()}
            if (step + 1) % REPORT == 0:
                means = " ".join(f"{name} {value / REPORT:.4f}" for name, value in sums.items())
                print(f"{step + 1} {time.monotonic() - began:.0f}s {means}", file=log, flush=True)
                torch.save(model.state_dict(), out / "model.pt")
                sums = {}
    torch.save(model.state_dict(), out / "model.pt")
    return model
