"""The reward code of OpenRLHF and of verl, as these trainers run it, asks Assay about what the policy says.

OpenRLHF's executor takes a prompt, has an engine continue it (here transformers, there vLLM) and fetches the reward:
from a server's /get_reward, or from a file with a reward function. verl's reward loop loads compute_score as its
configuration says, and calls it for each sample through its reward manager. Their trainers want a GPU, and are not
started. Every reward is compared with the server's own answer.
"""

import asyncio
import os
import types
from pathlib import Path
from typing import Any

import assay
import numpy as np
import torch
from policy import MOST, WORK, load, respond
from serving import serving
from task import questions

HERE = Path(__file__).resolve().parent


class Engine:
    """Continues a prompt as OpenRLHF asks vLLM to."""

    def __init__(self, model: Any) -> None:
        self.model = model

    async def generate(self, ids: list[int], params: Any, multi_modal_data: Any = None) -> Any:
        row = self.model.generate(torch.tensor([ids]), max_new_tokens=params.max_tokens, do_sample=True, top_k=0, eos_token_id=2, pad_token_id=0)[0]
        said = types.SimpleNamespace(token_ids=row[len(ids):].tolist(), text="", logprobs=None, finish_reason="stop")
        return types.SimpleNamespace(outputs=[said])


def openrlhf(url: str, model: Any, tokenizer: Any, rows: list[dict]) -> list[tuple[str, float, float]]:
    """Return (way, reward that OpenRLHF has, the server's own score) for each prompt and way."""
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    params = types.SimpleNamespace(max_tokens=MOST, logprobs=None)
    told = []
    for way, place in (("openrlhf, /get_reward", f"{url}/get_reward"), ("openrlhf, reward_func", str(HERE / "openrlhf_reward.py"))):
        executor = SingleTurnAgentExecutor(place)
        for row in rows:
            text = tokenizer.apply_chat_template(row["prompt"], tokenize=False, add_generation_prompt=True)
            out = asyncio.run(executor.execute(text, row["answer"], params, 256, tokenizer, Engine(model)))
            with assay.Client(url, model="arith-rm") as client:
                own = client.scores([{"text": tokenizer.decode(out["observation_tokens"])}], on_error="raise")[0]
            told.append((way, float(out["reward"][0]), own))
    return told


def batch(tokenizer: Any, rows: list[dict], responses: list[str]) -> Any:
    """Return what verl's rollout hands to its reward loop."""
    from verl import DataProto

    texts = [tokenizer.apply_chat_template(row["prompt"], tokenize=False, add_generation_prompt=True) for row in rows]
    before = tokenizer(texts, return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False)
    after = tokenizer(responses, return_tensors="pt", padding=True, padding_side="right", add_special_tokens=False)
    mask = torch.cat([before["attention_mask"], after["attention_mask"]], 1)
    extra = [{"prompt": row["prompt"]} for row in rows]
    columns = {"data_source": ["arithmetic"] * len(rows), "reward_model": [{"ground_truth": row["answer"]} for row in rows], "extra_info": extra}
    return DataProto.from_dict(tensors={"prompts": before["input_ids"], "responses": after["input_ids"], "attention_mask": mask},
                               non_tensors={name: np.array(values, dtype=object) for name, values in columns.items()})


def verl(url: str, model: Any, tokenizer: Any, rows: list[dict]) -> list[tuple[str, float, float]]:
    """Return the same of verl's reward loop, whose manager (gdpo) takes the recipe's two numbers too."""
    from omegaconf import OmegaConf
    from verl.experimental.reward_loop.reward_loop import RewardLoopWorker

    config = OmegaConf.load(HERE / "verl_reward.yaml")
    config.trainer = {"experiment_name": "arithmetic"}
    config.actor_rollout_ref = {"model": {"path": str(WORK / "policy"), "tokenizer_path": None}}
    responses = respond(model, tokenizer, rows, sampled=True)

    async def ask() -> list[dict]:
        return await RewardLoopWorker(config).compute_score_batch(batch(tokenizer, rows, responses))

    found = asyncio.run(ask())
    items = [assay.pair(row["prompt"], response, separator="\n") for row, response in zip(rows, responses, strict=True)]
    with assay.Client(url, model="answer-and-steps") as client:
        results = client.results(items)
    told = [("verl, score", one["reward_score"], result["score"]) for one, result in zip(found, results, strict=True)]
    for name in ("right", "weakest"):
        told += [(f"verl, values.{name}", one["reward_extra_info"][f"values.{name}"], result["values"][name])
                 for one, result in zip(found, results, strict=True)]
    return told


def main(count: int = 8) -> list[tuple[str, float, float]]:
    """Ask both, and print what they have beside the server's own."""
    torch.manual_seed(4)
    model, tokenizer = load()
    rows = questions(8, count, held=True)
    with serving("--recipe", str(HERE / "two.yaml")) as url:
        os.environ["ASSAY_URL"] = url
        try:
            told = openrlhf(url, model, tokenizer, rows) + verl(url, model, tokenizer, rows)
        finally:
            del os.environ["ASSAY_URL"]
    for way in dict.fromkeys(way for way, _, _ in told):
        gaps = [abs(theirs - own) for name, theirs, own in told if name == way]
        print(f"{way:24} {len(gaps)} rewards, at most {max(gaps):.2g} from the server's own")
    return told


if __name__ == "__main__":
    main()
