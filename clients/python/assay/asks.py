"""One method for each route, each one request. tools/asks_of.py writes the same for AsyncClient."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, Unpack

from . import routes, types
from .items import Given
from .routes import Call, Prompt

T = TypeVar("T")


class Asks:
    """The routes of a client that has send."""

    model: str | None

    def send(self, call: Call[T]) -> T:
        """Return the answer of a call."""
        raise NotImplementedError

    def _named(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options with the client's model where they name none."""
        named = self.model is None or "model" in options or "recipe" in options
        return dict(options) if named else {"model": self.model, **options}

    def score(self, items: Iterable[Given], **options: Unpack[types.ScoreOptions]) -> types.ScoreAnswer:
        """Return the whole answer of one request: how good is each item?"""
        return self.send(routes.score(items, **self._named(options)))

    def steps(self, items: Iterable[Given], **options: Unpack[types.StepsOptions]) -> types.StepsAnswer:
        """Return the whole answer of one request: which step goes wrong?"""
        return self.send(routes.steps(items, **self._named(options)))

    def choose(self, items: Iterable[Given], **options: Unpack[types.ChooseOptions]) -> types.ChooseAnswer:
        """Return the whole answer of one request: which of the candidates follows the prompt?"""
        return self.send(routes.choose(items, **self._named(options)))

    def logprobs(self, items: Iterable[Given], **options: Unpack[types.LogprobsOptions]) -> types.LogprobsAnswer:
        """Return the whole answer of one request: how likely is each token of the response?"""
        return self.send(routes.logprobs(items, **self._named(options)))

    def tokenize(self, items: Iterable[Given], **options: Unpack[types.TokenizeOptions]) -> types.TokenizeAnswer:
        """Return the whole answer of one request: what does the model see?"""
        return self.send(routes.tokenize(items, **self._named(options)))

    def rank(self, prompt: Prompt, responses: Iterable[str], /, **options: Unpack[types.RankOptions]) -> types.RankAnswer:
        """Return the responses to one prompt, ordered, with what a strategy selects of them."""
        return self.send(routes.rank(prompt, responses, **self._named(options)))

    def compare(self, prompt: Prompt, responses: Iterable[str], /, **options: Unpack[types.CompareOptions]) -> types.CompareAnswer:
        """Return how surely each of the responses to one prompt is preferred to each other one."""
        return self.send(routes.compare(prompt, responses, **self._named(options)))

    def pairs(self, pairs: Iterable[Mapping[str, Any]], /, **options: Unpack[types.CompareOptions]) -> types.CompareAnswer:
        """Return how surely the chosen response of each pair is preferred."""
        return self.send(routes.pairs(pairs, **self._named(options)))

    def embeddings(self, input: str | list[str] | list[int] | list[list[int]], **options: Unpack[types.EmbeddingsOptions]) -> types.EmbeddingsAnswer:
        """Return the vector of each text."""
        return self.send(routes.embeddings(input, **self._named(options)))

    def models(self) -> types.ModelsAnswer:
        """Return what is loaded: kind, labels, limits, transforms, digest."""
        return self.send(routes.models())

    def load(self, name: str, **request: Unpack[types.LoadOptions]) -> types.LoadAnswer:
        """Serve a bundle in the place of the model of a name: the folder that it came from, or another one."""
        return self.send(routes.load(name, **request))

    def unload(self, name: str) -> types.UnloadAnswer:
        """Serve a model no longer, and give its memory back."""
        return self.send(routes.unload(name))

    def recipes(self) -> types.RecipesAnswer:
        """Return which recipes are served."""
        return self.send(routes.recipes())

    def runs(self) -> types.RunsAnswer:
        """Return the names of the training runs that are watched."""
        return self.send(routes.runs())

    def run(self, name: str) -> types.RunAnswer:
        """Return how the rewards of a run are distributed, and how they drift."""
        return self.send(routes.run(name))

    def start_job(self, question: str, rows: Iterable[Given], *, key: str | None = None, **options: Unpack[types.JobOptions]) -> types.JobAnswer:
        """Have many rows computed (score, rank, compare or steps), and fetch their results later."""
        return self.send(routes.start_job(question, rows, key=key, **self._named(options)))

    def jobs(self) -> types.JobsAnswer:
        """Return the jobs of this caller, the latest first."""
        return self.send(routes.jobs())

    def job(self, name: str) -> types.JobAnswer:
        """Return how far a job is."""
        return self.send(routes.job(name))

    def job_result(self, name: str, *, follow: bool = False, partial: bool = False, start: int = 1) -> list[dict[str, Any]]:
        """Return what came of the rows of a job, in their order. follow waits for its end, and partial takes what there is."""
        return routes.lines_of(self.send(routes.job_result(name, follow=follow, partial=partial, start=start)))

    def cancel_job(self, name: str) -> types.JobAnswer:
        """Stop a job, and keep what is computed of it."""
        return self.send(routes.cancel_job(name))

    def delete_job(self, name: str) -> types.JobGone:
        """Stop a job, and remove everything of it."""
        return self.send(routes.delete_job(name))

    def states(self) -> types.StatesAnswer:
        """Return which states there are."""
        return self.send(routes.states())

    def state(self, name: str, keys: Iterable[str] = (), prompts: Iterable[str] = (), quantile: float | None = None) -> types.StateAnswer:
        """Return what a state knows of some keys."""
        return self.send(routes.state(name, keys, prompts, quantile))

    def read_state(self, name: str, queries: Iterable[Mapping[str, Any]]) -> types.StateAnswer:
        """Return what a state knows of keys, users and texts."""
        return self.send(routes.read_state(name, queries))

    def change_state(self, name: str, **request: Unpack[types.StateOptions]) -> types.StateInfo:
        """Declare, update or reset a state. It is not sent again when its answer was lost."""
        return self.send(routes.change_state(name, **request))

    def delete_state(self, name: str, expect_version: int | None = None) -> types.StateGone:
        """Delete a state and its declaration."""
        return self.send(routes.delete_state(name, expect_version))

    def snapshot(self, name: str) -> types.StateSnapshot:
        """Return a whole state at one moment."""
        return self.send(routes.snapshot(name))

    def restore(self, name: str, snapshot: Mapping[str, Any]) -> types.StateInfo:
        """Put a snapshot in a state's place."""
        return self.send(routes.restore(name, snapshot))

    def alive(self) -> bool:
        """Return whether the process lives, or raise Unreachable."""
        return self.send(routes.alive())["alive"]

    def ready(self) -> types.ReadyAnswer:
        """Return whether every model scores, and why one does not."""
        return self.send(routes.ready())

    def metrics(self) -> str:
        """Return Prometheus metrics."""
        return self.send(routes.metrics())

    def openapi(self) -> dict[str, Any]:
        """Return the schemas of all routes."""
        return self.send(routes.openapi())
