"""Every example in little: what it prints is true, and what a user adds to a trainer is at most five lines."""

import json
import re
from pathlib import Path

import callers
import curves
import pytest
import search
import task

HERE = Path(__file__).resolve().parent
FULL = task.ROOT / "docs" / "examples"


@pytest.mark.parametrize("file", ["grpo.py", "openrlhf_reward.py", "verl_reward.yaml"])
def test_glue_is_five_lines_at_most(file: str) -> None:
    lines = (HERE / file).read_text().splitlines()
    marked = [line for line in lines if re.search(r"# \+$", line)]
    said = [line for line in lines if re.search(r"\bassay\.", line) and not line.startswith(("#", '"""'))]
    assert 1 <= len(marked) <= 5 and set(said) <= set(marked)


def test_held_out_questions_are_in_no_training() -> None:
    held = {row["prompt"][0]["content"] for row in task.questions(7, 200, held=True)}
    trained = {row["prompt"][0]["content"] for row in task.questions(3, 800, held=False)}
    assert len(held) == 200 and not held & trained


def test_accuracy_counts_the_last_number() -> None:
    assert task.answer_of("7 - 1 = 6\nThe answer is 6.") == "6"
    assert task.answer_of("7 - 1 = 6\nThe answer is 16") == "16"
    assert task.answer_of("6 is the answer") is None and task.answer_of("") is None


def test_grpo_raises_the_reward(tmp_path: Path) -> None:
    found = curves.main(10, tmp_path, ["assay"])["assay"]
    assert [point["step"] for point in found["points"]] == [0, 5, 10]
    assert found["rewards"][-1]["reward"] > found["rewards"][0]["reward"]
    assert (tmp_path / "grpo.svg").read_text().startswith("<?xml")


def test_best_of_n_and_beam_search(tmp_path: Path) -> None:
    found = search.main(12, (1, 4, 16), tmp_path)
    best = found["best_of_n"]
    assert best["best by arith-rm"][-1][1] > best["best by arith-rm"][0][1]
    assert all(dict(points)[size] <= dict(best["any of them is right"])[size] for points in best.values() for size in (1, 4, 16))
    tokens = found["beam"]["tokens"]
    assert tokens["asked"] == tokens["computed"] - tokens["padding"] + tokens["shared"] + tokens["cached"] and tokens["cached"] > 0 and tokens["shared"] > 0


def test_trainers_have_the_servers_rewards() -> None:
    told = callers.main(3)
    assert len(told) == 3 * 5 and all(theirs == pytest.approx(own, rel=1e-6) for _, theirs, own in told)
    assert len({theirs for _, theirs, _ in told}) > 5


def test_the_plots_numbers_are_those_of_full_runs() -> None:
    curve, choice = (json.loads((FULL / file).read_text()) for file in ("grpo.json", "search.json"))
    assert set(curve) == set(curves.NAMES) and [size for size, _ in choice["best_of_n"]["majority"]] == list(search.SIZES)
    first, last = ({name: one["points"][place]["accuracy"] for name, one in curve.items()} for place in (0, -1))
    assert len(set(first.values())) == 1
    assert last["assay"] > first["assay"] and last["recipe"] > first["recipe"] and last["assay"] > last["random"]
