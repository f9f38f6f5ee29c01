"""Writes the two bundles with `models/export`; golden scores are PyTorch's own."""

import hashlib
from pathlib import Path

import torch
from assay_export import export_bundle

from .network import MAX_TOKENS, Verifier
from .vocabulary import SEPARATOR

TEMPLATE = Path(__file__).with_name("chat_template.jinja")
REWARD_GOLDEN = [
    {"prompt": "12 + 30?", "response": "42"},
    {"prompt": "12 + 30?", "response": "43"},
    {"prompt": "What is 17 + 25 - 9?", "response": "17 + 25 = 42\n42 - 9 = 33\nThe answer is 33."},
    {"prompt": "What is 17 + 25 - 9?", "response": "17 + 25 = 42\n42 - 9 = 34\nThe answer is 34."},
    {"prompt": "What is 17 + 25 - 9?", "response": "17 + 25 = 32. 32 - 9 = 23. The answer is 23."},
    {"prompt": "What is seventeen plus twenty-five?", "response": "17 + 25 = 42. The answer is 42."},
    {"prompt": "Tom has 12 apples and buys 30 more. How many apples does Tom have?",
     "response": "12 + 30 = 42. The answer is 42."},
    {"prompt": "Tom has 12 apples and buys 30 more. How many apples does Tom have?", "response": "12 - 30 = 52.\nAnswer: 52"},
    {"messages": [{"role": "user", "content": "Compute 81 - 9."}, {"role": "assistant", "content": "81 - 9 = 72\nAnswer: 72"}]},
    {"messages": [{"role": "user", "content": "Grüße, 你好 🙂?"}, {"role": "assistant", "content": "Fünf — пять"}]},
]
"""Items with text far from the training among them: golden scores prove equal computation, not good judgement."""

PROCESS_GOLDEN = [
    {"prompt": "What is 17 + 25 - 9?", "steps": ["17 + 25 = 42", "42 - 9 = 33", "The answer is 33."]},
    {"prompt": "What is 17 + 25 - 9?", "steps": ["17 + 25 = 42", "42 - 9 = 34", "The answer is 34."]},
    {"prompt": "What is 17 + 25 - 9?", "steps": ["17 + 25 = 32.", "32 - 9 = 23.", "The answer is 23."]},
    {"prompt": "12 + 30?", "steps": ["42"]},
    {"prompt": "What is sixty plus ninety-nine minus four?",
     "steps": ["60 + 99 = 159.", "159 - 4 = 155.", "So the answer is 155."]},
    {"prompt": "Ann has 49 coins. Ann sells 32. Ann finds 23 more. How many coins are left?",
     "steps": ["49 - 32 = 17", "17 + 32 = 49", "The answer is 49."]},
    {"prompt": "188 + 8 + 2 - 166", "steps": ["188 + 8 = 196", "196 + 2 = 198", "198 - 166 = 32", "Answer: 23"]},
    {"prompt": "Grüße, 你好 🙂?", "steps": ["Fünf", "пять 五"]},
]


def write_bundles(process: Verifier, reward: Verifier, tokenizer: Path, folder: Path) -> None:
    """Write arith-prm and arith-rm under `folder`; the exporter checks each graph against PyTorch."""
    common = {"layout": "packed", "max_tokens": MAX_TOKENS, "chat_template": TEMPLATE.read_text(), "bos": "none", "pad_id": 0,
              "licence": "Apache-2.0", "check": True}
    export_bundle(process.body, str(tokenizer), str(folder / "arith-prm"), name="arith-prm", kind="process",
                  labels=["wrong", "right"], head=process.step_head, separator=SEPARATOR, step_label="right",
                  activation="softmax", golden=PROCESS_GOLDEN, source=source(process),
                  description="Judges each step of a chain of additions and subtractions below 200.", **common)
    export_bundle(reward.body, str(tokenizer), str(folder / "arith-rm"), name="arith-rm", kind="reward", labels=["reward"],
                  head=reward.reward_head, golden=REWARD_GOLDEN, source=source(reward),
                  description="Prefers the right answer to a chain of additions and subtractions below 200.", **common)


def source(model: Verifier) -> dict:
    """Return where the weights come from; the digest is over names and float32 bytes of every weight, sorted by name."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode() + value.detach().to(torch.float32).contiguous().numpy().tobytes())
    return {"checkpoint": "assay-rm/assay models/builtin/train", "class": "Qwen3Model",
            "digest": f"sha256:{digest.hexdigest()}"}
