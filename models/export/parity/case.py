"""What a parity case is, and where the cases are found."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assay_export.read.family import families

from . import cases


@dataclass(frozen=True)
class Case:
    """One tiny checkpoint of a family, with items and the scores of the authors' code."""

    name: str
    """Also the bundle's name."""
    family: str
    """Of `assay_export/read/families`."""
    write: Callable[[Path], None]
    """Writes the checkpoint directory: config.json, model.safetensors with the authors' names, tokenizer files; always
    the same.

    What lies in its folder `reference` is the checkpoint of a likelihood's reference model.
    """
    items: list[dict]
    """Items as users give them."""
    reference: Callable[[Path, list[dict]], list[dict]]
    """Golden pairs as docs/BUNDLE.md defines them, without the exporter: from transformers, or a restatement of the
    authors' code."""
    options: tuple[str, ...] = ()
    """Further arguments of assay-export."""
    layouts: tuple[str, ...] = ("packed", "padded")

    def variants(self) -> list[tuple[str, str]]:
        """Return how it is exported, layout and head: in each layout, and in the first once more with the head in a
        graph of its own, if it can be."""
        separate = [] if families()[self.family].head["form"] in ("likelihood", "choice", "tokens") else [(self.layouts[0], "separate")]
        return [*((layout, "inside") for layout in self.layouts), *separate]


def every_case() -> list[Case]:
    """Return the cases of every module of `parity.cases`, in order of name; two with one name are refused."""
    found = {}
    for module in pkgutil.iter_modules(cases.__path__):
        for case in importlib.import_module(f"{cases.__name__}.{module.name}").CASES:
            if case.name in found:
                raise ValueError(f"two cases are named {case.name}")
            found[case.name] = case
    return [found[name] for name in sorted(found)]
