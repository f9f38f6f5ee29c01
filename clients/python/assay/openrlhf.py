"""OpenRLHF's reward function: --reward.remote_url is the path of this file, or of one that says `reward_func = reward(...)`.

Without more, `python -c 'import assay.openrlhf as file; print(file.__file__)'` prints the path, and $ASSAY_URL,
$ASSAY_MODEL, $ASSAY_RUN, $ASSAY_CLIENT_TOKEN and $ASSAY_ON_ERROR say what is asked. OpenRLHF calls it for one sample at
a time, in threads; calls within a few milliseconds become one request.
"""

from collections.abc import Callable, Sequence
from typing import Any

from assay.client import Client
from assay.parts import parts
from assay.results import OnError
from assay.shared import client as shared
from assay.shared import on_error_of, table

RewardFunc = Callable[[Sequence[str], Sequence[str], Sequence[Any]], dict[str, Any]]


def reward(client: Client | str | None = None, *, components: Sequence[str] = (), on_error: OnError | None = None, **options: Any) -> RewardFunc:
    """Return a reward function of OpenRLHF for rendered texts, which are scored as they stand.

    rewards and scores are the score; extra_logs has what it is made of, and the numbers that components names. OpenRLHF
    has no place for a sample without a reward and ends with an error of its own, so one that failed raises ItemsFailed
    unless on_error is a number. Other keywords go with every request, as truncate="left".
    """
    made = client if isinstance(client, Client) else {"url": client}

    def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> dict[str, Any]:
        import torch

        asked = shared(made)
        items = [{"text": query} for query in queries]
        results = [asked.score_one(items[0], **options)] if len(items) == 1 else asked.results(items, **options)
        names = ["score", *components]
        rows = table(results, names, on_error_of(on_error, "raise"))
        numbers = torch.tensor([row[0] for row in rows])
        logs = {name: [row[place] for row in rows] for place, name in enumerate(names) if place}
        known = [parts(result) for result in results]
        logs |= {name: [one[name] for one in known] for name in known[0] if all(name in one for one in known)} if known else {}
        return {"rewards": numbers, "scores": numbers, "extra_logs": {name: torch.tensor(values) for name, values in logs.items()}}

    return reward_func


reward_func = reward()
