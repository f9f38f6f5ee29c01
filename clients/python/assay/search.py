"""Best-of-n and step-guided beam search: what a policy of transformers samples, and a server of Assay judges.

model and tokenizer, by their places, are any causal language model and its tokenizer; model= names the server's model. Seed
torch to get the same samples again.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from . import types
from .client import Client
from .errors import ItemsFailed
from .items import Turn
from .parts import part

Question = str | list[Turn]


@dataclasses.dataclass(frozen=True)
class Best:
    """What best_of_n found: the best response (None where every one failed), all of them, and the server's whole answer."""

    text: str | None
    responses: list[str]
    answer: types.RankAnswer


@dataclasses.dataclass(frozen=True)
class Beam:
    """A response as far as it goes: its steps, the aggregate of their scores, and whether the policy ended it."""

    steps: tuple[str, ...] = ()
    score: float = 0.0
    finished: bool = False

    @property
    def text(self) -> str:
        """The steps put together."""
        return "".join(self.steps)


@dataclasses.dataclass(frozen=True)
class Beams:
    """What step_beam found: its beams, the best first, and the tokens that the server read and those that it had to compute."""

    beams: list[Beam]
    tokens: int
    computed_tokens: int

    @property
    def text(self) -> str:
        """The best response."""
        return self.beams[0].text


def rendered(tokenizer: Any, prompt: Question) -> str:
    """Return the text that a policy continues: its chat template's, where it has one, and else the prompt as it stands."""
    if isinstance(prompt, str) and not getattr(tokenizer, "chat_template", None):
        return prompt
    turns = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    return cast(str, tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))


def sampled(model: Any, tokenizer: Any, texts: Sequence[str], n: int, generate: Mapping[str, Any], stop: str | None = None) -> list[tuple[str, bool]]:
    """Return n continuations of each text, up to a stop, and whether the policy ended them. Special tokens are not part of them."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    special = not getattr(tokenizer, "chat_template", None)  # a chat template writes its own
    inputs = tokenizer(list(texts), return_tensors="pt", padding=True, padding_side="left", add_special_tokens=special).to(model.device)
    inputs.pop("token_type_ids", None)
    given = {"do_sample": True, "max_new_tokens": 256, "pad_token_id": tokenizer.pad_token_id, **generate}
    length = inputs["input_ids"].shape[1]
    if stop is not None:
        given["stopping_criteria"] = [lambda ids, _: stopped(tokenizer, ids, length, stop)]
    rows = model.generate(**inputs, num_return_sequences=n, **given)[:, length:].tolist()
    ends = given.get("eos_token_id", model.generation_config.eos_token_id)
    stops = set(ends) if isinstance(ends, Iterable) else {ends if ends is not None else tokenizer.eos_token_id}
    cut = [next((place for place, token in enumerate(row) if token in stops), None) for row in rows]
    return [(tokenizer.decode(row[:end], skip_special_tokens=True), end is not None) for row, end in zip(rows, cut, strict=True)]


def stopped(tokenizer: Any, ids: Any, length: int, stop: str) -> Any:
    """Return which rows have the stop in what follows their first tokens, so many. It may end anywhere within a token."""
    import torch

    return torch.tensor([stop in text for text in tokenizer.batch_decode(ids[:, length:], skip_special_tokens=True)], device=ids.device)


def best_of_n(
    model: Any,
    tokenizer: Any,
    client: Client,
    prompt: Question,
    /,
    n: int = 16,
    *,
    batch: int = 64,
    generate: Mapping[str, Any] | None = None,
    render: Callable[[Any, Question], str] = rendered,
    **options: Any,
) -> Best:
    """Sample n responses to a prompt, at most batch at a time, and return the one that the server ranks first.

    generate goes to model.generate; options go to /v1/rank, as model, strategy, answers or activation. render writes
    what the policy continues. A response that fails has its error in the answer and no place.
    """
    text = render(tokenizer, prompt)
    counts = [min(batch, n - done) for done in range(0, n, batch)]
    responses = [one for count in counts for one, _ in sampled(model, tokenizer, [text], count, generate or {})]
    answer = client.rank(prompt, responses, **options)
    picks = answer["selected"].get("picks")
    best = picks[0]["index"] if picks else answer["best"]
    return Best(None if best is None else responses[best], responses, answer)


def step_beam(
    model: Any,
    tokenizer: Any,
    client: Client,
    prompt: Question,
    /,
    *,
    beams: int = 4,
    width: int = 4,
    most_steps: int = 16,
    separator: str = "\n",
    aggregate: str = "min",
    generate: Mapping[str, Any] | None = None,
    render: Callable[[Any, Question], str] = rendered,
    **options: Any,
) -> Beams:
    """Write a response step by step: of each beam width next steps are sampled, and the best beams of all are kept.

    A step ends with the separator, or where generate's max_new_tokens end. A process model scores the steps of every candidate in one request, in which what
    candidates share is computed once; aggregate (min, product, mean or last) makes one number of them. Beams that the
    policy ended stay, and compete with the others. A candidate that fails is dropped; when all do, ItemsFailed is
    raised. options go to /v1/steps, as model.
    """
    text, kept, tokens, computed = render(tokenizer, prompt), [Beam()], 0, 0
    given = {"max_new_tokens": 128, **(generate or {})}
    for _ in range(most_steps):
        growing = [beam for beam in kept if not beam.finished]
        if not growing:
            break
        found = sampled(model, tokenizer, [text + beam.text for beam in growing], width, given, separator)
        done = {beam.steps: beam for beam in kept if beam.finished}
        candidates: dict[tuple[str, ...], Beam] = {}
        for place, (more, ended) in enumerate(found):
            beam = growing[place // width]
            step, parted, _ = more.partition(separator)
            if step + parted:
                steps = (*beam.steps, step + parted)
                candidates.setdefault(steps, Beam(steps, finished=ended and not parted))
            elif beam.steps:  # the policy ended the response here: its score stands
                done[beam.steps] = dataclasses.replace(beam, finished=True)
        scored = list(candidates.values())
        if scored:
            answer = client.steps([asked(prompt, beam, separator) for beam in scored], **options)
            tokens, computed = tokens + answer["usage"]["tokens"], computed + answer["usage"]["computed_tokens"]
            numbers = [part(result, aggregate) for result in answer["results"]]
            if all(number is None for number in numbers) and not done:
                raise ItemsFailed({place: result["error"] for place, result in enumerate(answer["results"]) if "error" in result}, len(scored))
            scored = [dataclasses.replace(beam, score=number) for beam, number in zip(scored, numbers, strict=True) if number is not None]
        kept = sorted([*done.values(), *scored], key=lambda beam: -beam.score)[:beams] or kept
    return Beams(sorted(kept, key=lambda beam: (not beam.finished, -beam.score)), tokens, computed)


def asked(prompt: Question, beam: Beam, separator: str) -> dict[str, Any]:
    """Return the item of a beam."""
    if isinstance(prompt, str):
        return {"prompt": prompt, "steps": list(beam.steps)}
    return {"messages": [*map(dict, prompt), {"role": "assistant", "content": beam.text}], "separator": separator}
