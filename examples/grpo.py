"""GRPO with TRL: the policy learns from Assay's reward alone which of its solutions are right.

What a user adds to a script for TRL are the lines marked with +: the import, and a reward function. curves.py runs all
of it.
"""

import time
from typing import Any

import assay.trl  # +
import torch
from datasets import Dataset
from policy import MOST, WORK, accuracy, load
from task import answer_of, questions
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

STEPS, EVERY, PROMPTS, GENERATIONS, RATE = 40, 5, 8, 8, 2e-4
"""Updates, and how often held-out accuracy is measured between them; a batch has so many prompts, each with so many
responses."""
HELD = 200


def oracle(completions: list, answer: list[str], **_: Any) -> list[float]:
    """Reward the right answer with 1: the most that any reward can tell."""
    return [float(answer_of(turns[0]["content"]) == right) for turns, right in zip(completions, answer, strict=True)]


def chance(completions: list, **_: Any) -> list[float]:
    """Reward by nothing: what the rest of the training does by itself."""
    return torch.rand(len(completions)).tolist()


def rewards(name: str, url: str) -> Any:
    """Return what GRPOTrainer takes as reward_funcs."""
    match name:
        case "assay":
            return assay.trl.reward(url, model="arith-rm")  # +
        case "recipe":
            return assay.trl.reward(url, model="answer-and-steps", separator="\n")  # +
        case "oracle":
            return oracle
        case "random":
            return chance
    raise ValueError(f"there is no reward {name}")


class Measure(TrainerCallback):
    """Measures accuracy on held-out questions before the first update, and after every few: of one sample each, at
    temperature 1."""

    def __init__(self, model: Any, tokenizer: Any, rows: list[dict], every: int) -> None:
        self.model, self.tokenizer, self.rows, self.every, self.points = model, tokenizer, rows, every, []

    def measure(self, step: int) -> None:
        self.model.eval()
        self.points.append({"step": step, "accuracy": accuracy(self.model, self.tokenizer, self.rows, sampled=True)})
        self.model.train()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.measure(0)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step % self.every == 0:
            self.measure(state.global_step)


def train(name: str, url: str, steps: int = STEPS, every: int = EVERY, held: int = HELD, seed: int = 5) -> dict:
    """Train the policy with one reward, and return its curve."""
    model, tokenizer = load()
    measured = Measure(model, tokenizer, questions(7, held, held=True), every)
    config = GRPOConfig(
        output_dir=str(WORK / "grpo" / name), max_steps=steps, learning_rate=RATE, lr_scheduler_type="constant", seed=seed,
        per_device_train_batch_size=PROMPTS * GENERATIONS, num_generations=GENERATIONS, max_completion_length=MOST,
        use_cpu=True, bf16=False, report_to="none", save_strategy="no", logging_steps=5, disable_tqdm=True, log_level="error")
    trainer = GRPOTrainer(model, reward_funcs=rewards(name, url), args=config, train_dataset=Dataset.from_list(questions(3, steps * PROMPTS, held=False)),
                          processing_class=tokenizer, callbacks=[measured])
    began = time.monotonic()
    trainer.train()
    rewarded = [{"step": row["step"], "reward": row["reward"]} for row in trainer.state.log_history if "reward" in row]
    return {"reward": name, "seconds": round(time.monotonic() - began), "points": measured.points, "rewards": rewarded}
