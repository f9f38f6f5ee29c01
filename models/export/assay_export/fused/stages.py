"""A model's layers cut into stages, each a graph in a file of its own, for devices that hold some of the weights each.

A stage takes in what the one before leaves: the residual and the last summand, which is not added to it yet. Names and
shapes of all but these are those of the uncut graph, layers keep their numbers, and so every number is the uncut
graph's.
"""

from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import onnx_ir as ir
from torch import nn

from ..errors import ExportError
from ..models.model import Model
from ..store import int4
from .nodes import Nodes


@dataclass(frozen=True)
class Stage:
    """A run of layers; without arguments all of them."""

    number: int = 0
    first: int = 0
    end: int | None = None
    """Behind its last layer; None: it has the last of all, and the head."""

    @property
    def leads(self) -> bool:
        """Tell whether it has the embedding."""
        return self.number == 0

    @property
    def ends(self) -> bool:
        """Tell whether it has the head."""
        return self.end is None

    def layers(self, count: int) -> range:
        """Return the numbers of its own of so many layers."""
        return range(count)[self.first:self.end]


WHOLE = Stage()

MOST = 16
"""Stages that a server takes."""


def cut(model: Model, count: int, precision: str = "float32", compute: str | None = None) -> list[Stage]:
    """Cut a model into so many stages of about as many bytes of weights each, the embedding counted with the first
    layer and the head with the last. precision: as those of layers are stored, and compute: as others are. ExportError
    where it cannot be cut."""
    if count == 1:
        return [WHOLE]
    if count > MOST:
        raise ExportError(f"--stages is {count}, and a server takes {MOST} at most")
    if len(model.parts) != 1:
        raise ExportError(f"--stages {count} is for decoders of one body; leave it out")
    body = model.parts[0].body
    each = [float(numbers(layer)) for layer in body.layers]
    if not 1 <= count <= len(each):
        raise ExportError(f"--stages is {count}, and must be between 1 and the model's {len(each)} layers")
    wide = wider(precision, compute)
    each[0] += wide * numbers(body.embed_tokens)
    each[-1] += wide * numbers(model.parts[0].head)
    sums, ends = list(accumulate(each)), [0]
    for stage in range(1, count):
        share = stage * sums[-1] / count
        ends.append(min(range(ends[-1] + 1, len(each) - count + stage + 1), key=lambda end: abs(sums[end - 1] - share)))
    return [Stage(number, first, end) for number, (first, end) in enumerate(zip(ends, [*ends[1:], None], strict=True))]


def wider(precision: str, compute: str | None) -> float:
    """Return how many bytes another weight has for each of a layer's: one of int8 has one, and one of int4 four bits
    and its share of a scale and a zero."""
    other = 2 if compute in ("float16", "bfloat16") else 4
    return other / {"int8": 1, "int4": int4.BITS / 8 + (other + int4.BITS / 8) / int4.BLOCK}.get(precision, other)


def numbers(module: nn.Module) -> int:
    """Return how many numbers a module's weights have."""
    return sum(parameter.numel() for parameter in module.parameters())


def file_of(graph: Path, stage: Stage) -> Path:
    """Return where a stage lies, where the first is `graph`: model.onnx, model.1.onnx, and so on."""
    return graph if stage.leads else graph.with_name(f"{graph.stem}.{stage.number}{graph.suffix}")


def files(graph: Path) -> list[Path]:
    """Return the files of all stages of a graph, which lie beside its first."""
    found = [graph]
    while (after := file_of(graph, Stage(len(found)))).is_file():
        found.append(after)
    return found


def handed(number: int) -> tuple[str, str]:
    """Return the names of what a stage takes in, the residual [T, hidden] and the last summand [T, hidden]."""
    return f"residual.{number}", f"summand.{number}"


def taken(nodes: Nodes, stage: Stage, hidden: int) -> tuple[ir.Value, ir.Value]:
    """Add what a stage takes in to its graph's inputs."""
    residual, summand = handed(stage.number)
    return nodes.input(residual, nodes.residual, ["tokens", hidden]), nodes.input(summand, nodes.type, ["tokens", hidden])


def left(nodes: Nodes, stage: Stage, total: ir.Value, summand: ir.Value, hidden: int) -> None:
    """Make what a stage leaves the graph's first outputs."""
    for value, name in zip((total, summand), handed(stage.number + 1), strict=True):
        nodes.output(value, name, ["tokens", hidden])
