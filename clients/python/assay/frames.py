"""Tables in and out: rows of pandas or of Hugging Face's datasets, with their scores and what failed in columns beside them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .client import Client
from .parts import part
from .results import Result, error_of
from .rows import Question

if TYPE_CHECKING:
    import datasets
    import pandas

Columns = dict[str, list[Any]]


def answered(results: Sequence[Result], question: Question, into: str, components: Sequence[str]) -> Columns:
    """Return the columns of results: the score, the components, and the code and sentence of what failed, None elsewhere."""
    names = {into: question.steps or "score", **{f"{into}_{name}": name for name in components}}
    columns: Columns = {column: [part(result, name) for result in results] for column, name in names.items()}
    errors = [error_of(result) for result in results]
    columns[f"{into}_error"] = [error and f"{error['code']}: {error['detail']}" for error in errors]
    return columns


def score_frame(
    client: Client,
    frame: "pandas.DataFrame",
    *,
    prompt: str = "prompt",
    response: str = "response",
    into: str = "score",
    components: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    steps: str | None = None,
    separator: str | None = None,
    progress: bool = False,
    **options: Any,
) -> "pandas.DataFrame":
    """Return a copy of a pandas frame with the columns score (Float64, <NA> where a row failed) and score_error.

    prompt and response name the columns of texts or turns, into the new column; components name further numbers of a
    result (see assay.parts.part), which go to INTO_NAME. columns, given, steps and separator are as in
    assay.rows.Question; other keywords go with every request.
    """
    import pandas

    question = Question(columns or {}, given or {}, steps, separator, False, {"progress": progress, **options})
    wanted = {*question.columns.values(), *question.given.values()}
    known = {name: [None if blank(value) else value for value in frame[name]] for name in wanted}
    results = question.results(client, list(frame[prompt]), list(frame[response]), known)
    made = {
        name: pandas.array(values, dtype="string" if name == f"{into}_error" else "Float64")
        for name, values in answered(results, question, into, components).items()
    }
    return frame.assign(**made)


def blank(value: Any) -> bool:
    """Whether a cell is pandas' way of writing that nothing is there."""
    import pandas

    return value is None or value is pandas.NA or (isinstance(value, float) and value != value)


def score_dataset(
    client: Client,
    dataset: "datasets.Dataset",
    *,
    prompt: str = "prompt",
    response: str = "response",
    into: str = "score",
    components: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    steps: str | None = None,
    separator: str | None = None,
    batch: int = 1024,
    **options: Any,
) -> "datasets.Dataset":
    """Return a dataset with the columns score (null where a row failed) and score_error, scored batch by batch.

    The arguments are those of score_frame. It is a map of datasets, so a finished part is in its cache.
    """
    import datasets

    question = Question(columns or {}, given or {}, steps, separator, False, options)

    def scored(rows: Mapping[str, Any]) -> Columns:
        return answered(question.results(client, rows[prompt], rows[response], rows), question, into, components)

    numbers = {name: datasets.Value("float64") for name in [into, *(f"{into}_{name}" for name in components)]}
    features = datasets.Features({**dataset.features, **numbers, f"{into}_error": datasets.Value("string")})
    return dataset.map(scored, batched=True, batch_size=batch, features=features, desc="score")
