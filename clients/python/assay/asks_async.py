"""One method for each route, each one request. Made by tools/asks_of.py of asks.py."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, Unpack

from . import routes, types
from .items import Given
from .routes import Call, Prompt

T = TypeVar("T")


class AsyncAsks:
    """The routes of a client that has send."""

    model: str | None

    async def send(self, call: Call[T]) -> T:
        """Return the answer of a call."""
        raise NotImplementedError

    def _named(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options with the client's model where they name none."""
        named = self.model is None or "model" in options or "recipe" in options
        return dict(options) if named else {"model": self.model, **options}

    async def score(self, items: Iterable[Given], **options: Unpack[types.ScoreOptions]) -> types.ScoreAnswer:
        """Return the whole answer of one request: how good is each item?"""
        return await self.send(routes.score(items, **self._named(options)))

    async def steps(self, items: Iterable[Given], **options: Unpack[types.StepsOptions]) -> types.StepsAnswer:
        """Return the whole answer of one request: which step goes wrong?"""
        return await self.send(routes.steps(items, **self._named(options)))

    async def choose(self, items: Iterable[Given], **options: Unpack[types.ChooseOptions]) -> types.ChooseAnswer:
        """Return the whole answer of one request: which of the candidates follows the prompt?"""
        return await self.send(routes.choose(items, **self._named(options)))

    async def logprobs(self, items: Iterable[Given], **options: Unpack[types.LogprobsOptions]) -> types.LogprobsAnswer:
        """Return the whole answer of one request: how likely is each token of the response?"""
        return await self.send(routes.logprobs(items, **self._named(options)))

    async def tokenize(self, items: Iterable[Given], **options: Unpack[types.TokenizeOptions]) -> types.TokenizeAnswer:
        """Return the whole answer of one request: what does the model see?"""
        return await self.send(routes.tokenize(items, **self._named(options)))

    async def rank(self, prompt: Prompt, responses: Iterable[str], /, **options: Unpack[types.RankOptions]) -> types.RankAnswer:
        """Return the responses to one prompt, ordered, with what a strategy selects of them."""
        return await self.send(routes.rank(prompt, responses, **self._named(options)))

    async def compare(self, prompt: Prompt, responses: Iterable[str], /, **options: Unpack[types.CompareOptions]) -> types.CompareAnswer:
        """Return how surely each of the responses to one prompt is preferred to each other one."""
        return await self.send(routes.compare(prompt, responses, **self._named(options)))

    async def pairs(self, pairs: Iterable[Mapping[str, Any]], /, **options: Unpack[types.CompareOptions]) -> types.CompareAnswer:
        """Return how surely the chosen response of each pair is preferred."""
        return await self.send(routes.pairs(pairs, **self._named(options)))

    async def embeddings(self, input: str | list[str] | list[int] | list[list[int]], **options: Unpack[types.EmbeddingsOptions]) -> types.EmbeddingsAnswer:
        """Return the vector of each text."""
        return await self.send(routes.embeddings(input, **self._named(options)))

    async def models(self) -> types.ModelsAnswer:
        """Return what is loaded: kind, labels, limits, transforms, digest."""
        return await self.send(routes.models())

    async def load(self, name: str, **request: Unpack[types.LoadOptions]) -> types.LoadAnswer:
        """Serve a bundle in the place of the model of a name: the folder that it came from, or another one."""
        return await self.send(routes.load(name, **request))

    async def unload(self, name: str) -> types.UnloadAnswer:
        """Serve a model no longer, and give its memory back."""
        return await self.send(routes.unload(name))

    async def recipes(self) -> types.RecipesAnswer:
        """Return which recipes are served."""
        return await self.send(routes.recipes())

    async def runs(self) -> types.RunsAnswer:
        """Return the names of the training runs that are watched."""
        return await self.send(routes.runs())

    async def run(self, name: str) -> types.RunAnswer:
        """Return how the rewards of a run are distributed, and how they drift."""
        return await self.send(routes.run(name))

    async def start_job(self, question: str, rows: Iterable[Given], *, key: str | None = None, **options: Unpack[types.JobOptions]) -> types.JobAnswer:
        """Have many rows computed (score, rank, compare or steps), and fetch their results later."""
        return await self.send(routes.start_job(question, rows, key=key, **self._named(options)))

    async def jobs(self) -> types.JobsAnswer:
        """Return the jobs of this caller, the latest first."""
        return await self.send(routes.jobs())

    async def job(self, name: str) -> types.JobAnswer:
        """Return how far a job is."""
        return await self.send(routes.job(name))

    async def job_result(self, name: str, *, follow: bool = False, partial: bool = False, start: int = 1) -> list[dict[str, Any]]:
        """Return what came of the rows of a job, in their order. follow waits for its end, and partial takes what there is."""
        return routes.lines_of(await self.send(routes.job_result(name, follow=follow, partial=partial, start=start)))

    async def cancel_job(self, name: str) -> types.JobAnswer:
        """Stop a job, and keep what is computed of it."""
        return await self.send(routes.cancel_job(name))

    async def delete_job(self, name: str) -> types.JobGone:
        """Stop a job, and remove everything of it."""
        return await self.send(routes.delete_job(name))

    async def states(self) -> types.StatesAnswer:
        """Return which states there are."""
        return await self.send(routes.states())

    async def state(self, name: str, keys: Iterable[str] = (), prompts: Iterable[str] = (), quantile: float | None = None) -> types.StateAnswer:
        """Return what a state knows of some keys."""
        return await self.send(routes.state(name, keys, prompts, quantile))

    async def read_state(self, name: str, queries: Iterable[Mapping[str, Any]]) -> types.StateAnswer:
        """Return what a state knows of keys, users and texts."""
        return await self.send(routes.read_state(name, queries))

    async def change_state(self, name: str, **request: Unpack[types.StateOptions]) -> types.StateInfo:
        """Declare, update or reset a state. It is not sent again when its answer was lost."""
        return await self.send(routes.change_state(name, **request))

    async def delete_state(self, name: str, expect_version: int | None = None) -> types.StateGone:
        """Delete a state and its declaration."""
        return await self.send(routes.delete_state(name, expect_version))

    async def snapshot(self, name: str) -> types.StateSnapshot:
        """Return a whole state at one moment."""
        return await self.send(routes.snapshot(name))

    async def restore(self, name: str, snapshot: Mapping[str, Any]) -> types.StateInfo:
        """Put a snapshot in a state's place."""
        return await self.send(routes.restore(name, snapshot))

    async def alive(self) -> bool:
        """Return whether the process lives, or raise Unreachable."""
        return (await self.send(routes.alive()))["alive"]

    async def ready(self) -> types.ReadyAnswer:
        """Return whether every model scores, and why one does not."""
        return await self.send(routes.ready())

    async def metrics(self) -> str:
        """Return Prometheus metrics."""
        return await self.send(routes.metrics())

    async def openapi(self) -> dict[str, Any]:
        """Return the schemas of all routes."""
        return await self.send(routes.openapi())
