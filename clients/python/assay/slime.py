"""slime's custom reward model: --custom-rm-path assay.slime.custom_rm --rm-url http://127.0.0.1:8080

slime calls it for each sample, or with --group-rm for the samples of a prompt. $ASSAY_MODEL, $ASSAY_RUN,
$ASSAY_CLIENT_TOKEN and $ASSAY_ON_ERROR say more; `my_rm = reward(...)` in a file of one's own says it in Python.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from .items import pair
from .results import OnError, Result, error_of
from .shared import async_client, on_error_of, table

CustomRM = Callable[..., Coroutine[Any, Any, Any]]


def reward(
    url: str | None = None,
    *,
    components: Sequence[str] = (),
    rendered: bool = False,
    reference: bool = False,
    given: Mapping[str, str] | None = None,
    on_error: OnError | None = None,
    model: str | None = None,
    **options: Any,
) -> CustomRM:
    """Return a custom reward model of slime. url is --rm-url's where it is left out.

    A sample's prompt is a text or turns; with rendered it is what a chat template made (--apply-chat-template), and
    prompt and response are scored as one text. reference sends the sample's label beside the response, and given names,
    by field of a recipe, the key of its metadata. With components the reward is an object of score and these numbers,
    for --reward-key score. A sample that failed has its error in metadata["assay_error"] and is left out of the loss
    (remove_sample). Its reward still counts in its group's mean, so it must be told: of a group (--group-rm) it is the
    mean of the others, which moves nothing; of a lone sample ItemsFailed is raised unless on_error is a number.
    """
    names = ["score", *components]

    def item_of(sample: Any) -> dict[str, Any]:
        beside: dict[str, Any] = {"reference": sample.label} if reference else {}
        if given:
            beside["given"] = {field: sample.metadata[key] for field, key in given.items()}
        return {"text": sample.prompt + sample.response, **beside} if rendered else pair(sample.prompt, sample.response, **beside)

    def told(samples: Sequence[Any], results: Sequence[Result], alone: bool) -> list[Any]:
        for sample, result in zip(samples, results, strict=True):
            if (error := error_of(result)) is not None:
                sample.remove_sample = True
                sample.metadata = {**(sample.metadata or {}), "assay_error": error["code"]}
        wanted = on_error_of(on_error, "raise" if alone else "none")
        rows = table(results, names, wanted)
        known = [row for row in rows if None not in row]
        if not known:
            table(results, names, "raise")
        means = [sum(numbers) / len(numbers) for numbers in zip(*known, strict=True)]
        filled = [means if None in row else row for row in rows]
        return [dict(zip(names, row, strict=True)) if components else row[0] for row in filled]

    async def custom_rm(args: Any, sample: Any, **_: Any) -> Any:
        address = url or getattr(args, "rm_url", None)
        client = async_client({"url": address} if model is None else {"url": address, "model": model})
        if isinstance(sample, (list, tuple)):
            return told(sample, await client.results([item_of(one) for one in sample], **options), alone=False)
        return told([sample], [await client.score_one(item_of(sample), **options)], alone=True)[0]

    return custom_rm


custom_rm = reward()
