"""Writes what was measured into the model card, each part between two marks."""

from pathlib import Path

from .measure import Bundle

PARTS = {
    "table": ("<!-- table: written by python -m train measure -->", "<!-- end of table -->"),
    "language": ("<!-- language: written by python -m train votes -->", "<!-- end of language -->"),
    "examples": ("<!-- examples: written by python -m train measure -->", "<!-- end of examples -->"),
}
SPLITS = {"in": "held-out, 1–5 operations as in training", "hard": "held-out, 6–8 operations, longer than any in training"}


RANKED = ("What is 17 + 25 - 9?", ("17 + 25 = 42. 42 - 9 = 33. The answer is 33.",
                                   "17 + 25 = 42. 42 - 9 = 34. The answer is 34.",
                                   "17 + 25 = 42. 42 + 9 = 51. The answer is 51.",
                                   "17 + 25 = 32. 32 - 9 = 23. The answer is 23."))
ANSWERED = ("Tom has 12 apples and buys 30 more. How many apples does Tom have?",
            ("12 + 30 = 42. The answer is 42.", "12 + 30 = 52. The answer is 52.", "12 - 30 = 52. The answer is 52."))
STEPPED = ("What is 17 + 25 - 9?", ("17 + 25 = 42", "42 - 9 = 34", "The answer is 34."))


def write_card(card: Path, **parts: str) -> None:
    """Replace what stands between the marks of each part."""
    text = card.read_text()
    for part, body in parts.items():
        begin, end = PARTS[part]
        before, rest = text.split(begin, 1)
        text = before + begin + "\n" + body + "\n" + end + rest.split(end, 1)[1]
    card.write_text(text)


def examples(reward: Bundle, process: Bundle) -> str:
    """Return a few scored items as Markdown."""
    lines = []
    for prompt, responses in (RANKED, ANSWERED):
        lines += [f"`arith-rm` on `{prompt}`:", "", "| response | score |", "|---|---|"]
        lines += [f"| `{response}` | {reward.score(prompt, response):.2f} |" for response in responses] + [""]
    prompt, steps = STEPPED
    lines += [f"`arith-prm` on `{prompt}`:", "", "| step | score |", "|---|---|"]
    lines += [f"| `{step}` | {score:.3f} |" for step, score in zip(steps, process.steps(prompt, list(steps)), strict=True)]
    return "\n".join(lines)


def table(found: dict) -> str:
    """Return the metrics as a Markdown table, one column per split."""
    reward, process = found["arith-rm"], found["arith-prm"]
    lines = [
        ("`arith-rm`: pair accuracy", reward["pairs"], "accuracy"),
        ("`arith-rm`: best of 8, right answer picked", reward["best_of_8"], "accuracy"),
        ("`arith-prm`: first-error F1", process["steps"], "f1"),
        ("… exact first error on flawed solutions", process["steps"], "error_accuracy"),
        ("… no error found in right solutions", process["steps"], "correct_accuracy"),
        ("`arith-prm`: best of 8 by the weakest step", process["best_of_8"], "accuracy"),
        ("the sampler itself, right responses among all", reward["best_of_8"], "sampler"),
    ]
    head = "| | " + " | ".join(SPLITS.values()) + " |\n|---|" + "---|" * len(SPLITS)
    body = [f"| {name} | " + " | ".join(f"{metrics[split][key]:.3f} (n = {size(metrics[split], key)})" for split in SPLITS) + " |"
            for name, metrics, key in lines]
    return "\n".join([head, *body])


def language_table(found: dict) -> str:
    """Return what the language models do as two Markdown tables, one column per split."""
    implicit, chance, votes = found["arith-implicit"]["steps"], found["chance"]["steps"], found["votes"]
    head = "| | " + " | ".join(SPLITS.values()) + " |\n|---|" + "---|" * len(SPLITS)
    lines = [head]
    for name, key in (("first-error F1", "f1"), ("exact first error on flawed solutions", "error_accuracy"),
                      ("no error found in right solutions", "correct_accuracy")):
        lines.append(f"| `arith-implicit`: {name}; by chance | " + " | ".join(
            f"{implicit[split][key]:.3f}; {chance[split][key]:.3f} (n = {size(implicit[split], key)})" for split in SPLITS) + " |")
    lines += ["", head, "| right samples of `arith-policy` among all | " + " | ".join(
        f"{votes[split]['sampler']:.3f} (n = {votes[split]['count']})" for split in SPLITS) + " |"]
    for count in (name for name in votes["in"] if name.isdigit()):
        for name, key in (("majority", "majority"), ("weighted by `arith-rm`", "arith-rm"), ("weighted by `arith-prm`", "arith-prm"),
                          ("weighted by `arith-implicit`", "arith-implicit"), ("any of them right", "any")):
            lines.append(f"| vote of {count}: {name} | " + " | ".join(f"{votes[split][count][key]:.3f}" for split in SPLITS) + " |")
    return "\n".join(lines)


def size(metrics: dict, key: str) -> int:
    """Return how many items a metric is a share of."""
    return {"error_accuracy": metrics.get("flawed", 0), "correct_accuracy": metrics["count"] - metrics.get("flawed", 0)}.get(
        key, metrics["count"])
