"""Best-of-n and beam search with a model of transformers, against the real binary."""

from typing import Any

import pytest
import torch

from assay import Client, ItemsFailed
from assay.search import best_of_n, step_beam


def test_best_of_n(policy: Any, client: Client) -> None:
    model, tokenizer = policy
    torch.manual_seed(2)
    best = best_of_n(model, tokenizer, client, "What is 12 + 30?", n=7, batch=3, generate={"max_new_tokens": 6})
    assert len(best.responses) == 7 and len(set(best.responses)) > 1
    scores = client.scores([("What is 12 + 30?", one) for one in best.responses])
    known = [score for score in scores if score is not None]
    assert best.text == best.responses[scores.index(max(known))]
    torch.manual_seed(2)
    assert best_of_n(model, tokenizer, client, "What is 12 + 30?", n=7, batch=3, generate={"max_new_tokens": 6}).responses == best.responses
    chat = best_of_n(model, tokenizer, client, [{"role": "user", "content": "1?"}], n=2, render=lambda _, turns: str(turns[-1]), generate={"max_new_tokens": 2})
    assert len(chat.answer["responses"]) == 2


def test_step_beam(policy: Any, client: Client) -> None:
    model, tokenizer = policy
    torch.manual_seed(3)
    settings: Any = {"beams": 2, "width": 3, "most_steps": 3, "separator": "1", "generate": {"max_new_tokens": 40}}
    found = step_beam(model, tokenizer, client, "What is 12 + 30?", model="arith-prm", **settings)
    assert 1 <= len(found.beams) <= 2 and found.tokens > found.computed_tokens > 0
    for beam in found.beams:
        assert beam.text == "".join(beam.steps) and all(step.endswith("1") or len(step) > 30 for step in beam.steps[:-1])
        assert all("1" not in step[:-1] for step in beam.steps)
        again = client.step_scores([{"prompt": "What is 12 + 30?", "steps": list(beam.steps)}], model="arith-prm")[0]
        assert beam.score == pytest.approx(again, abs=1e-6)
    assert not found.beams[0].finished or found.beams[0].text == found.text


def test_a_search_whose_candidates_all_fail_says_why(policy: Any, client: Client) -> None:
    model, tokenizer = policy
    with pytest.raises(ItemsFailed, match="wrong_kind|bad_item|too_long"):
        step_beam(model, tokenizer, client, "What is 12 + 30?" * 100, model="arith-prm", generate={"max_new_tokens": 4})
