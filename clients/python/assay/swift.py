"""ms-swift's outcome reward: in the file of --external_plugins,

from swift.rewards import orms
import assay.swift
orms["assay"] = assay.swift.orm("http://127.0.0.1:8080")

and --reward_funcs assay on the command line.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .client import Client
from .items import turn
from .results import OnError
from .rows import Question
from .shared import client as shared
from .shared import on_error_of, table


def orm(
    client: Client | str | None = None,
    *,
    name: str = "Assay",
    number: str | None = None,
    columns: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    steps: str | None = None,
    separator: str | None = None,
    on_error: OnError | None = None,
    **options: Any,
) -> type:
    """Return a class of ms-swift's ORM kind: made once, and called with the completions of a batch and the columns.

    number names what of a result is the reward (the score where it is left out; see assay.parts.part); the rest is as
    in assay.trl.reward. ms-swift adds rewards up with nansum, for which a missing one is 0, so a sample that failed
    raises ItemsFailed unless on_error is a number.
    """
    made = client if isinstance(client, Client) else {"url": client}
    question = Question(columns or {}, given or {}, steps, separator, False, options)
    wanted = number or steps or "score"

    def init(self: Any, args: Any = None, **_: Any) -> None:
        self.args = args

    def call(self: Any, completions: Sequence[str], **kwargs: Any) -> list[float | None]:
        prompts = [[turn(one) for one in messages[:-1]] for messages in kwargs["messages"]]
        results = question.results(shared(made), prompts, completions, kwargs)
        return [row[0] for row in table(results, [wanted], on_error_of(on_error, "raise"))]

    return type(name, (), {"__init__": init, "__call__": call, "__doc__": "Rewards of a server of Assay."})
