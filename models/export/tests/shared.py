"""Graphs that tests share: tracing takes nine tenths of an export, and many tests export one and the same tiny model.

A graph is taken from an earlier test only where all that it is made of is the same: the model's modules with their
attributes, configs and numbers, what is asked for, and the code that traces, which a test may have patched.
"""

import hashlib
import importlib
import io
import pickle
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType

import onnx
import onnx_ir as ir
import torch

import assay_export

PLAIN = (bool, int, float, str, type(None))
"""Types of the values of a name that is patched and yet seen by what it holds."""


class Unshared(Exception):
    """Something cannot be told by its contents."""


class Contents(pickle.Pickler):
    """Pickles a tensor as its numbers, wherever they lie; Unshared for one whose numbers stay in a file."""

    def __init__(self, file):
        super().__init__(file)
        self.modules = {"assay_export.graph.graph"}
        """The modules whose functions and classes were met, and the one that traces."""

    def reducer_override(self, given):
        """Return what stands for a tensor, and NotImplemented for all else."""
        if isinstance(given, type | FunctionType):
            self.modules.add(given.__module__)
        if not isinstance(given, torch.Tensor):
            return NotImplemented
        if hasattr(given, "read"):
            raise Unshared
        numbers = given.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        return str, (f"{type(given).__name__} {given.dtype} {tuple(given.shape)} {hashlib.sha256(numbers).hexdigest()}",)


def used(names: Iterable[str]) -> set[str]:
    """Return the exporter's modules among these, and those that they use, however far."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name.startswith("assay_export.") and name not in found:
            found.add(name)
            waiting += [value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))
                        for value in vars(importlib.import_module(name)).values()]
    return found


def names(modules: Iterable[str]) -> Iterator[tuple[str, str, object]]:
    """Yield every name of modules and of their classes: whose it is, the name, and what it stands for."""
    for module in sorted(modules):
        for name, value in vars(importlib.import_module(module)).items():
            if name.startswith("__"):
                continue
            yield module, name, value
            if isinstance(value, type) and value.__module__ == module:
                yield from ((f"{module}.{name}", own, held) for own, held in vars(value).items() if not own.startswith("__"))


class Graphs:
    """What a function of `assay_export.graph.graph` gave, by all that it was made of."""

    def __init__(self, trace: Callable[..., ir.Model]):
        """trace is trace_packed or trace_padded; `taken` counts the graphs that were not traced."""
        self.trace, self.taken = trace, 0
        self.known: dict[bytes, bytes] = {}
        self.as_is: dict[tuple[str, str], object] = {}

    def keep(self) -> None:
        """Take the exporter's code as it is now for code that is not patched."""
        modules = {module.name for module in pkgutil.walk_packages(assay_export.__path__, "assay_export.")} - {"assay_export.__main__"}
        self.as_is = {(where, name): value for where, name, value in names(modules)}

    def patched(self, modules: Iterable[str]) -> list[tuple[str, str, object]]:
        """Return the names that stand for something else than they did, in modules and in what they use.

        Unshared where that is no plain value.
        """
        other = [(where, name, value) for where, name, value in names(used(modules)) if self.as_is.get((where, name), self) is not value]
        if not all(isinstance(value, PLAIN) for *_, value in other):
            raise Unshared
        return other

    def __call__(self, *given, **named) -> ir.Model:
        """Return the graph of a model, traced now or in an earlier test."""
        content = io.BytesIO()
        try:
            pickler = Contents(content)
            pickler.dump((given, named))
            content.write(repr(self.patched(pickler.modules)).encode())
        except (Unshared, pickle.PicklingError, AttributeError, TypeError):
            return self.trace(*given, **named)
        key = hashlib.sha256(content.getvalue()).digest()
        if key in self.known:
            self.taken += 1
            return ir.from_proto(onnx.load_from_string(self.known[key]))
        made = self.trace(*given, **named)
        self.known[key] = ir.to_proto(made).SerializeToString()
        return made
