"""The float32 twin of a graph in half precision, by which its list of nodes is held to PyTorch."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..graph import graph
from ..models.model import Model
from .graph import HALVES, build
from .pooled import build_pooled


@contextmanager
def twin(path: Path, model: Model, max_tokens: int, compute: str | None, separate: bool, operators: str | None = None,
         int4: bool = False) -> Iterator[Path]:
    """Give the graph that is held to PyTorch: the one at path or, where that is in half precision, one in float32 with
    the same nodes but for Cast, which lies beside it meanwhile."""
    if compute not in HALVES:
        yield path
        return
    beside = path.with_name("twin.onnx")
    try:
        drawn = build_pooled(model, max_tokens, "float32", separate) if operators is not None else build(
            model, max_tokens, "float32", separate, like=compute, int4=int4)
        graph.save(drawn, beside, external=False)
        yield beside
    finally:
        for file in (beside, beside.with_name(beside.name + "_data")):
            file.unlink(missing_ok=True)
