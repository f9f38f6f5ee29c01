"""Reward functions for TRL's GRPOTrainer, RLOOTrainer and friends: reward_funcs=assay.trl.reward("http://127.0.0.1:8080")."""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .client import Client
from .parts import part, parts
from .results import OnError, Result, error_of
from .rows import Asker, Question, Text, text_of
from .shared import table


class Reward:
    """One reward function: called once for each batch, it returns one number for each row, and None where there is none."""

    def __init__(self, shared: "Batch", name: str, number: str) -> None:
        self.shared, self.number = shared, number
        self.__name__ = name  # that TRL logs it by

    def __call__(self, prompts: Sequence[Text], completions: Sequence[Text], **columns: Any) -> list[float | None]:
        return self.shared.numbers(self.number, prompts, completions, columns)


class ParallelReward(Reward):
    """A reward function that TRL runs beside its other asynchronous ones."""

    async def __call__(self, prompts: Sequence[Text], completions: Sequence[Text], **columns: Any) -> list[float | None]:  # type: ignore[override]
        return await asyncio.to_thread(super().__call__, prompts, completions, **columns)


class Batch:
    """What the reward functions of one question share: each batch is asked about once, whichever of them is called first."""

    def __init__(self, client: Asker, question: Question, wanted: Sequence[str], prefix: str, on_error: OnError, log: bool, samples: str | None) -> None:
        self.client, self.question, self.wanted, self.prefix = client, question, wanted, prefix
        self.on_error, self.log, self.samples = on_error, log, samples
        self.lock = threading.Lock()
        self.last: tuple[list[Any], list[Result]] | None = None
        self.taken: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "lock": None, "last": None}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state, lock=threading.Lock())

    def numbers(self, number: str, prompts: Sequence[Text], completions: Sequence[Text], columns: Mapping[str, Any]) -> list[float | None]:
        """Return one number of every row. A row that lacks any of the numbers wanted has none, since TRL adds a missing one up as 0."""
        results = self.results(number, prompts, completions, columns)
        place = self.wanted.index(number)
        return [row[place] for row in table(results, self.wanted, self.on_error)]

    def results(self, number: str, prompts: Sequence[Text], completions: Sequence[Text], columns: Mapping[str, Any]) -> list[Result]:
        """Return the results of a batch, which the last call may have asked for."""
        with self.lock:
            rows = [list(prompts), list(completions)]
            if self.last is None or number in self.taken or self.last[0] != rows:
                results = self.question.results(self.client, prompts, completions, columns)
                self.last, self.taken = (rows, results), set()
                self.tell(results, prompts, completions, columns)
            self.taken.add(number)
            return self.last[1]

    def tell(self, results: Sequence[Result], prompts: Sequence[Text], completions: Sequence[Text], columns: Mapping[str, Any]) -> None:
        """Log what the numbers are made of, where TRL takes it, and append the rows to the file of samples."""
        names = list(dict.fromkeys([*self.wanted, *(name for result in results for name in parts(result))]))
        if self.log and callable(log_extra := columns.get("log_extra")):
            for name in names:
                log_extra(f"{self.prefix}/{name}", [part(result, name) for result in results])
            log_extra(f"{self.prefix}/error", [(error_of(result) or {"code": None})["code"] for result in results])
        if self.log and callable(log_metric := columns.get("log_metric")):
            for name in names:
                known = [number for result in results if (number := part(result, name)) is not None]
                if known:
                    log_metric(f"{self.prefix}/{name}", sum(known) / len(known))
            log_metric(f"{self.prefix}/failed", sum("error" in result for result in results) / max(1, len(results)))
        if self.samples:
            step = getattr(columns.get("trainer_state"), "global_step", None)
            with open(self.samples, "a", encoding="utf-8") as file:
                for prompt, completion, result in zip(prompts, completions, results, strict=True):
                    file.write(json.dumps({"step": step, "prompt": prompt, "completion": text_of(completion), "result": result}) + "\n")


def reward(
    client: Asker | str | None = None,
    *,
    name: str = "assay",
    components: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    steps: str | None = None,
    separator: str | None = None,
    group: bool = False,
    on_error: OnError = "none",
    log: bool = True,
    samples: str | None = None,
    parallel: bool = False,
    **options: Any,
) -> Any:
    """Return a reward function for TRL, or with components a list of them, one for each, which share each request.

    client is one, the handle of assay.ray, or the address of a server. components name numbers of a result (see assay.parts.part), as score,
    components.rm or values.short; each function has its component's name in TRL's logs. columns, given, steps,
    separator and group say what is asked (see assay.rows.Question). A row that failed gives None in every function,
    which TRL leaves out; on_error may be "raise", or a number instead. log tells TRL's log_extra and log_metric what
    the rewards are made of, and samples names a file of JSON lines that gets every row. With parallel the functions are
    asynchronous, and TRL runs them side by side. Other keywords go with every request: model, params, truncate, …
    """
    asked = Client(client) if client is None or isinstance(client, str) else client
    question = Question(columns or {}, given or {}, steps, separator, group, options)
    whole = steps or "score"
    shared = Batch(asked, question, list(components) or [whole], name, on_error, log, samples)
    kind: Callable[[Batch, str, str], Reward] = ParallelReward if parallel else Reward
    if not components:
        return kind(shared, name, whole)
    return [kind(shared, component, component) for component in components]
