"""NeMo-RL's environment: register() once, then env.assay in the configuration:

env:
  assay: {url: "http://127.0.0.1:8080", model: arith-rm}
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from .client import Client
from .items import turn
from .rows import Question
from .shared import on_error_of, table

try:
    from nemo_rl.environments.interfaces import EnvironmentReturn  # type: ignore[import-not-found]
except ImportError:

    class EnvironmentReturn(NamedTuple):  # type: ignore[no-redef]
        """What a step returns, field by field as NeMo-RL has it."""

        observations: list[dict[str, str]]
        metadata: list[Any]
        next_stop_strings: list[None]
        rewards: torch.Tensor
        terminateds: torch.Tensor
        answers: list[str | None] | None = None


class AssayEnvironment:
    """An environment of one turn whose rewards a server gives.

    config has the arguments of assay.Client (url, model, token, run) and, where they are wanted, columns and given (by
    field, the key of a sample's metadata), steps and separator (see assay.rows.Question), components, on_error, and
    options of every request. With components the rewards are one column each, as NeMo-RL takes several rewards.
    NeMo-RL has no place for a sample without a reward, so one that failed raises ItemsFailed unless on_error is a
    number.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.client = Client(**{name: config[name] for name in ("url", "model", "token", "run") if config.get(name) is not None})
        self.names = list(config.get("components") or [config.get("steps") or "score"])
        self.on_error = on_error_of(config.get("on_error"), "raise")
        self.question = Question(
            config.get("columns") or {}, config.get("given") or {}, config.get("steps"), config.get("separator"), False, config.get("options") or {}
        )

    def step(self, message_log_batch: Sequence[Sequence[Mapping[str, Any]]], metadata: Sequence[Any]) -> Any:
        """Return the rewards of a batch of conversations, all of which end here."""
        turns = [[turn({"role": one["role"], "content": one["content"]}) for one in log] for log in message_log_batch]
        wanted = {*self.question.columns.values(), *self.question.given.values()}
        columns = {key: [(one or {}).get(key) for one in metadata] for key in wanted}
        results = self.question.results(self.client, [log[:-1] for log in turns], [log[-1:] for log in turns], columns)
        rows = table(results, self.names, self.on_error)
        rewards = torch.tensor(rows, dtype=torch.float32)
        return EnvironmentReturn(
            observations=[{"role": "environment", "content": f"Environment: {row}"} for row in rows],
            metadata=[None] * len(turns),
            next_stop_strings=[None] * len(turns),
            rewards=rewards if len(self.names) > 1 else rewards[:, 0],
            terminateds=torch.ones(len(turns), dtype=torch.bool),
            answers=[log[-1]["content"] for log in turns],
        )

    def global_post_process_and_metrics(self, batch: Any) -> tuple[Any, dict[str, float]]:
        """Return the batch as it is, and the mean and spread of its rewards."""
        rewards = batch.get("rewards") if hasattr(batch, "get") else None
        if not isinstance(rewards, torch.Tensor) or rewards.numel() == 0:
            return batch, {}
        spread = float(rewards.std()) if rewards.numel() > 1 else 0.0
        return batch, {"assay/mean_reward": float(rewards.mean()), "assay/std_reward": spread}

    def shutdown(self) -> None:
        """Close the connections."""
        self.client.close()


def register(name: str = "assay") -> None:
    """Tell NeMo-RL of the environment, as a Ray actor under this name."""
    from nemo_rl.distributed.ray_actor_environment_registry import ACTOR_ENVIRONMENT_REGISTRY  # type: ignore[import-not-found]
    from nemo_rl.distributed.virtual_cluster import PY_EXECUTABLES  # type: ignore[import-not-found]
    from nemo_rl.environments.utils import register_env  # type: ignore[import-not-found]

    ACTOR_ENVIRONMENT_REGISTRY["assay.nemo_rl.Environment"] = PY_EXECUTABLES.SYSTEM
    register_env(name, "assay.nemo_rl.Environment")


def __getattr__(name: str) -> Any:
    """Give Environment, the Ray actor, to those that have Ray."""
    if name == "Environment":
        import ray

        return ray.remote(AssayEnvironment)
    raise AttributeError(name)
