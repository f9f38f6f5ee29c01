"""verl's asynchronous compute_score, without a file of one's own:

reward.custom_reward_function.path=pkg://assay.verl reward.custom_reward_function.name=compute_score
+reward.custom_reward_function.reward_kwargs.url=http://127.0.0.1:8080

verl calls it for each sample; the samples of a few milliseconds become one request.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .items import pair
from .results import OnError
from .shared import async_client, on_error_of, table

PROMPTS = ("prompt", "raw_prompt", "question")  # where extra_info may have the prompt, which verl does not give otherwise


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    reward_router_address: str | None = None,
    reward_model_tokenizer: Any = None,
    *,
    url: str | None = None,
    model: str | None = None,
    prompt: str | None = None,
    reference: bool = False,
    given: Mapping[str, str] | None = None,
    components: Sequence[str] = (),
    steps: str | None = None,
    separator: str | None = None,
    on_error: OnError | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, float | None]:
    """Return the score of one sample, and by name the components, which verl logs and its gdpo takes as rewards.

    What follows extra_info are settings of reward_kwargs. prompt names the field of extra_info that has the prompt, a
    text or turns (prompt, raw_prompt or question where it is left out). reference sends ground_truth beside the
    response; given names, by field of a recipe, the field of extra_info that has it. With steps (min, product, mean or
    last) a process model is asked, whose steps a separator splits. verl makes a tensor of all scores, so a sample that
    failed raises ItemsFailed unless on_error is a number, which every component has then; failed is 1 there and else 0.
    """
    info = extra_info or {}
    named = [prompt] if prompt else [name for name in PROMPTS if info.get(name) is not None]
    if not named or info.get(named[0]) is None:
        raise KeyError(f"extra_info has no {prompt or ' or '.join(PROMPTS)}: write the prompt there when the data is made; it has {sorted(info)}")
    beside: dict[str, Any] = {"separator": separator} if separator else {}
    if reference:
        beside["reference"] = ground_truth
    if given:
        beside["given"] = {field: info[name] for field, name in given.items()}
    made = {"url": url} if model is None else {"url": url, "model": model}
    client, item = async_client(made), pair(info[named[0]], solution_str, **beside)
    ask = client.steps_one if steps else client.score_one
    result = await ask(item, **(options or {}))
    row = table([result], [steps or "score", *components], on_error_of(on_error, "raise"))[0]
    return {"score": row[0], **dict(zip(components, row[1:], strict=True)), "failed": float("error" in result)}
