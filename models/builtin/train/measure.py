"""Runs the exported bundles with ONNX Runtime, from their own files only, and measures them on the held-out files."""

import json
from pathlib import Path

import jinja2
import numpy as np
import onnxruntime
import yaml
from tokenizers import Tokenizer

THRESHOLD = 0.5
"""A step is called wrong when its score is below this."""


class Bundle:
    """A bundle directory as `docs/BUNDLE.md` describes it, run one sequence at a time."""

    def __init__(self, folder: Path):
        self.manifest = yaml.safe_load((folder / "assay.yaml").read_text())
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
        self.template = environment.from_string((folder / "chat_template.jinja").read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(folder / self.manifest["graph"]["file"]), options,
                                                    providers=["CPUExecutionProvider"])

    def ids(self, prompt: str, response: str) -> np.ndarray:
        """Return the token ids [T] of one question and one answer."""
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
        text = self.template.render(messages=messages, add_generation_prompt=False)
        return np.array(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def readings(self, ids: np.ndarray, read: np.ndarray) -> np.ndarray:
        """Return the head's raw outputs [N, labels] at positions `read` of one sequence, which is one tile."""
        graph, row = self.manifest["graph"], np.arange(len(ids))
        empty = np.zeros((0, graph["kv_heads"], graph["head_dim"]), np.float32)
        feeds = {"input_ids": ids, "position_ids": row, "past_position_ids": row[:0], "query_index": row[None],
                 "key_index": row[None], "key_len": np.array([len(ids)]), "scatter_index": row, "read_index": read}
        feeds |= {f"past_{part}.{layer}": empty for layer in range(graph["layers"]) for part in ("key", "value")}
        return self.session.run(["readings"], feeds)[0]

    def score(self, prompt: str, response: str) -> float:
        """Return a reward model's score of a response."""
        ids = self.ids(prompt, response)
        return float(self.readings(ids, np.array([len(ids) - 1]))[0, 0])

    def steps(self, prompt: str, steps: list[str]) -> np.ndarray:
        """Return a process model's score of each step: the softmax probability of the label that means right."""
        separator = self.manifest["steps"]["separator"]
        ids = self.ids(prompt, "".join(step + separator for step in steps))
        raw = self.readings(ids, np.flatnonzero(ids == self.tokenizer.token_to_id(separator)))
        odds = np.exp(raw - raw.max(-1, keepdims=True))
        return (odds / odds.sum(-1, keepdims=True))[:, self.manifest["graph"]["labels"].index(self.manifest["steps"]["label"])]


def first_error(scores: np.ndarray, threshold: float = THRESHOLD) -> int | None:
    """Return the index of the first step below the threshold, None when there is none."""
    below = np.flatnonzero(scores < threshold)
    return int(below[0]) if len(below) else None


def rows(path: Path, split: str) -> list[dict]:
    """Return the rows of one split of a JSON-lines file."""
    return [row for row in map(json.loads, path.read_text().splitlines()) if row["split"] == split]


def pair_accuracy(score, data: list[dict]) -> dict:
    """Share of pairs whose chosen response scores strictly higher."""
    hits = [score(row["prompt"], row["chosen"]) > score(row["prompt"], row["rejected"]) for row in data]
    return {"count": len(data), "accuracy": float(np.mean(hits))}


def step_f1(steps, data: list[dict], threshold: float = THRESHOLD) -> dict:
    """ProcessBench's measure: exact first error on flawed solutions, none found on right ones, and their harmonic mean."""
    hits = [(row["first_error"] is None, first_error(steps(row["prompt"], row["steps"]), threshold) == row["first_error"])
            for row in data]
    error = float(np.mean([hit for right, hit in hits if not right]))
    correct = float(np.mean([hit for right, hit in hits if right]))
    return {"count": len(data), "flawed": sum(not right for right, _ in hits), "error_accuracy": error, "correct_accuracy": correct,
            "f1": 2 * error * correct / max(error + correct, 1e-9)}


def best_of_8(score, data: list[dict]) -> dict:
    """Share of right responses among all (sampler) and among those that score highest of their eight (accuracy)."""
    picks = [row["correct"][int(np.argmax([score(row["prompt"], response) for response in row["responses"]]))]
             for row in data]
    return {"count": len(data), "sampler": float(np.mean([row["correct"] for row in data])), "accuracy": float(np.mean(picks))}


def measure(folder: Path) -> dict:
    """Return every metric of both bundles under `folder` on the held-out files beside them."""
    reward, process, heldout = Bundle(folder / "arith-rm"), Bundle(folder / "arith-prm"), folder / "heldout"

    def weakest(prompt: str, response: str) -> float:
        return float(process.steps(prompt, response.split("\n")).min())

    found: dict = {"arith-rm": {"pairs": {}, "best_of_8": {}}, "arith-prm": {"steps": {}, "best_of_8": {}}}
    for split in ("in", "hard"):
        found["arith-rm"]["pairs"][split] = pair_accuracy(reward.score, rows(heldout / "pairs.jsonl", split))
        found["arith-rm"]["best_of_8"][split] = best_of_8(reward.score, rows(heldout / "best_of_8.jsonl", split))
        found["arith-prm"]["steps"][split] = step_f1(process.steps, rows(heldout / "steps.jsonl", split))
        found["arith-prm"]["best_of_8"][split] = best_of_8(weakest, rows(heldout / "best_of_8.jsonl", split))
    return found
