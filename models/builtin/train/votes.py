"""Measures the language models: first errors by implicit process rewards, and votes on the policy's samples."""

from pathlib import Path

import numpy as np

from .measure import Bundle, rows, step_f1
from .vocabulary import END

SIZES = (2, 4, 8)
"""Samples that vote."""
ZERO = 0.0
"""A step is called wrong where the log-ratio up to its end is below this: the policy holds it less likely than the reference does."""


class Ratio(Bundle):
    """A bundle whose rows are log-probabilities of a policy and a reference, with steps on lines of their own."""

    def readings(self, ids: np.ndarray, read: np.ndarray) -> np.ndarray:
        """Return log-probabilities [N, 2] of the tokens behind positions `read` of one sequence."""
        graph, row = self.manifest["graph"], np.arange(len(ids))
        empty = np.zeros((0, graph["kv_heads"], graph["head_dim"]), np.float32)
        feeds = {"input_ids": ids, "position_ids": row, "past_position_ids": row[:0], "query_index": row[None], "key_index": row[None],
                 "key_len": np.array([len(ids)]), "scatter_index": row, "read_index": read, "target_ids": ids[read + 1]}
        feeds |= {f"past_{part}.{layer}": empty for layer in range(graph["layers"]) for part in ("key", "value")}
        return self.session.run(["readings"], feeds)[0]

    def open_ids(self, prompt: str, response: str) -> np.ndarray:
        """Return the ids of a question and of the begin of its answer."""
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
        text = self.template.render(messages=messages, add_generation_prompt=False).rsplit(END, 1)[0]
        return np.array(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def steps(self, prompt: str, steps: list[str]) -> np.ndarray:
        """Return β · the log-ratio of the response up to the last token of each step."""
        start, ids = len(self.open_ids(prompt, "")), self.open_ids(prompt, "\n".join(steps))
        ends = [len(self.open_ids(prompt, "\n".join(steps[:count + 1]))) for count in range(len(steps))]
        both = self.readings(ids, np.arange(start - 1, len(ids) - 1)).astype(np.float64)
        return self.manifest["likelihood"]["beta"] * np.cumsum(both[:, 0] - both[:, 1])[np.array(ends) - start - 1]


def chance(data: list[dict]) -> dict:
    """Return what step_f1 expects of a guess among a solution's steps and none, all equally likely."""
    share = [(row["first_error"] is None, 1 / (len(row["steps"]) + 1)) for row in data]
    error = float(np.mean([hit for right, hit in share if not right]))
    correct = float(np.mean([hit for right, hit in share if right]))
    return {"count": len(data), "flawed": sum(not right for right, _ in share), "error_accuracy": error, "correct_accuracy": correct,
            "f1": 2 * error * correct / (error + correct)}


def vote(answers: list[str | None], weights: np.ndarray) -> str | None:
    """Return the answer with the greatest sum of weights; of equal ones the one that came first, of none None."""
    sums: dict[str, float] = {}
    for answer, weight in zip(answers, weights, strict=True):
        if answer is not None:
            sums[answer] = sums.get(answer, 0.0) + weight
    return max(sums, key=lambda answer: sums[answer]) if sums else None


def won(row: dict, weights: np.ndarray) -> bool:
    """Tell whether the answer that a vote of the first samples gives is right."""
    size = len(weights)
    winner = vote(row["answers"][:size], weights)
    return winner is not None and row["correct"][row["answers"].index(winner)]


def votes(data: list[dict], judges: dict) -> dict:
    """Return the share of problems whose vote is right, by number of samples; judges maps names to functions of a prompt and a response.

    A response without an answer has no vote, and is not judged.
    """
    weights = [{name: np.array([0.0 if answer is None else judge(row["prompt"], response)
                                for response, answer in zip(row["responses"], row["answers"], strict=True)])
                for name, judge in judges.items()} for row in data]
    found: dict = {"count": len(data), "sampler": float(np.mean([row["correct"] for row in data]))}
    for size in SIZES:
        found[str(size)] = {"any": float(np.mean([any(row["correct"][:size]) for row in data])),
                            "majority": float(np.mean([won(row, np.ones(size)) for row in data]))}
        found[str(size)] |= {name: float(np.mean([won(row, own[name][:size]) for row, own in zip(data, weights, strict=True)])) for name in judges}
    return found


def sigmoid(value: float) -> float:
    """Return the logistic function of a number."""
    return float(1 / (1 + np.exp(-value)))


def lines(response: str) -> list[str]:
    """Return a response's steps, as the server splits it at line breaks."""
    return [line for line in response.split("\n") if line.strip()] or [response]


def measure_language(folder: Path) -> dict:
    """Return every metric of the language models under `folder` on the held-out files beside them."""
    reward, process, implicit = Bundle(folder / "arith-rm"), Bundle(folder / "arith-prm"), Ratio(folder / "arith-implicit")
    judges = {"arith-rm": lambda prompt, response: sigmoid(reward.score(prompt, response)),
              "arith-prm": lambda prompt, response: float(process.steps(prompt, lines(response)).min()),
              "arith-implicit": lambda prompt, response: sigmoid(implicit.steps(prompt, lines(response))[-1])}
    found: dict = {"arith-implicit": {"steps": {}}, "chance": {"steps": {}}, "votes": {}}
    for split in ("in", "hard"):
        data = rows(folder / "heldout" / "steps.jsonl", split)
        found["arith-implicit"]["steps"][split] = step_f1(implicit.steps, data, ZERO)
        found["chance"]["steps"][split] = chance(data)
        found["votes"][split] = votes(rows(folder / "heldout" / "samples.jsonl", split), judges)
    return found
