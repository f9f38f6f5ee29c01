"""The float32 twin of a graph in half precision, by which its list of nodes is held to PyTorch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..graph import graph
from ..models.model import Model
from .graph import HALVES, build
from .pooled import build_pooled
from .stages import Stage, file_of


@contextmanager
def twin(path: Path, model: Model, max_tokens: int, compute: str | None, separate: bool, operators: str | None,
         stages: Sequence[Stage], precision: str) -> Iterator[Path]:
    """Give the graph that is held to PyTorch: the one at path or, where that is in half precision, one in float32 with
    the same nodes but for Cast, which lies beside it meanwhile, cut into the same stages."""
    if compute not in HALVES:
        yield path
        return
    beside = path.with_name("twin.onnx")
    try:
        for stage in stages:
            drawn = (build(model, max_tokens, "float32", separate, compute, stage, precision == "int4") if operators is None
                     else build_pooled(model, max_tokens, "float32", separate, stage, precision == "int8"))
            graph.save(drawn, file_of(beside, stage), external=False)
        yield beside
    finally:
        for file in (file_of(beside, stage) for stage in stages):
            file.unlink(missing_ok=True)
            file.with_name(file.name + "_data").unlink(missing_ok=True)
