"""TRL's own GRPOTrainer takes the rewards, logs what they are made of, and leaves out what failed."""

import pathlib
from typing import Any

import datasets
import pytest
import torch
import trl

import assay.trl
from assay import Client
from assay.frames import score_dataset


def trained(policy: Any, functions: Any, folder: pathlib.Path, **settings: Any) -> Any:
    """Return a trainer after two steps."""
    model, tokenizer = policy
    rows = datasets.Dataset.from_dict({"prompt": [f"What is {n} + 1?" for n in range(8)], "extra": [0.0, 1.0] * 4})
    arguments = trl.GRPOConfig(
        output_dir=str(folder),
        max_steps=2,
        per_device_train_batch_size=8,
        num_generations=4,
        max_completion_length=6,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        seed=1,
        **settings,
    )
    trainer = trl.GRPOTrainer(model=model, processing_class=tokenizer, reward_funcs=functions, args=arguments, train_dataset=rows)
    trainer.train()
    return trainer


@pytest.mark.parametrize("parallel", [False, True])
def test_a_reward(policy: Any, client: Client, tmp_path: pathlib.Path, parallel: bool) -> None:
    logs = [one for one in trained(policy, assay.trl.reward(client, parallel=parallel), tmp_path).state.log_history if "reward" in one]
    assert len(logs) == 2
    for one in logs:
        assert one["rewards/assay/mean"] == pytest.approx(one["reward"]) and one["reward_std"] > 0
        assert one["assay/score"] == pytest.approx(one["reward"], rel=1e-5) and one["assay/failed"] == 0


def test_components_of_a_recipe(policy: Any, client: Client, tmp_path: pathlib.Path) -> None:
    functions = assay.trl.reward(client, model="short-and-right", components=["rm", "length"], given={"bonus": "extra"})
    trainer = trained(policy, functions, tmp_path, reward_weights=[1.0, -0.5])
    last = [one for one in trainer.state.log_history if "reward" in one][-1]
    assert last["reward"] == pytest.approx(last["rewards/rm/mean"] - 0.5 * last["rewards/length/mean"], rel=1e-4)
    assert "assay/components.rm" in trainer._logs["extra"]


def test_what_failed_is_left_out(policy: Any, client: Client, tmp_path: pathlib.Path) -> None:
    function = assay.trl.reward(client)

    def half(prompts: Any, completions: Any, **columns: Any) -> Any:
        broken = [one if place % 2 else one + "\ud800" for place, one in enumerate(completions)]
        return function(prompts=prompts, completions=broken, **columns)

    logs = [one for one in trained(policy, half, tmp_path).state.log_history if "reward" in one]
    assert all(one["assay/failed"] == 0.5 and one["reward"] == pytest.approx(one["assay/score"], rel=1e-5) for one in logs)
    assert torch.isfinite(torch.tensor([one["loss"] for one in logs])).all()


def test_a_dataset(client: Client, tmp_path: pathlib.Path) -> None:
    rows = datasets.Dataset.from_dict({"q": ["12 + 30?", "12 + 30?", ""], "a": ["42", "41", ""]})
    scored = score_dataset(client, rows, prompt="q", response="a", batch=2)
    assert scored["score"][:2] == client.scores([("12 + 30?", "42"), ("12 + 30?", "41")])
    known = client.results([("", "")])[0]
    assert scored["score"][2] == known.get("score") and (scored["score_error"][2] is None) == ("score" in known)
