"""PyTorch's own half precision: the authors' classes as a user runs them with torch_dtype, beside the same in
float32."""

import copy
from dataclasses import dataclass, field
from unittest import mock

import torch

from assay_export import fused
from assay_export.fused import drift
from assay_export.graph.encoder import OneRow
from assay_export.models.model import Model
from assay_export.models.reference import Reference


class Halved(Reference):
    """A model whose weights and activations are float16 or bfloat16, with transformers' own attention."""

    def __init__(self, model: Model, dtype: torch.dtype):
        super().__init__(copy.deepcopy(model))
        bodies = [part.body for part in self.parts]
        for module in [self.encoder] if self.encoder is not None else [*bodies, *(part.head for part in self.parts)]:
            halve(module, dtype)
        if isinstance(self.encoder, OneRow):
            mean_in_float32(self.encoder, dtype)
        for body in bodies:
            body.set_attn_implementation("eager" if getattr(body.config, "attn_logit_softcapping", None) else "sdpa")

    def readings(self, ids: list[int], types: list[int] | None = None) -> torch.Tensor:
        return super().readings(ids, types).float()


def halve(module: torch.nn.Module, dtype: torch.dtype) -> None:
    """Cast a module; its rotations stay float32, as transformers has them in every type."""
    module.to(dtype)
    for part in module.modules():
        if hasattr(part, "rotary_emb"):
            part.rotary_emb = type(part.rotary_emb)(part.config)


def mean_in_float32(encoder: OneRow, dtype: torch.dtype) -> None:
    """Have an encoder take means in float32, as sentence-transformers does, and its head read them in a type."""
    averaged, on_rows = encoder.averaged, encoder.on_rows
    encoder.averaged = lambda hidden: averaged(hidden).float()
    encoder.on_rows = lambda rows: on_rows(rows.to(dtype))


@dataclass
class Watch:
    """Measures PyTorch's own half precision of whatever is exported, on the sequences that the export tries."""

    found: list[drift.Lost] = field(default_factory=list)

    def __enter__(self) -> "Watch":
        measure = fused.measure

        def both(graph, compute, head, model, exact, pairs, items, rules, max_tokens, *more) -> drift.Lost:
            own = Halved(model, getattr(torch, compute))
            self.found.append(drift.compared(exact, own, drift.tried(pairs, model, max_tokens), model, rules))
            return measure(graph, compute, head, model, exact, pairs, items, rules, max_tokens, *more)

        self.patch = mock.patch.object(fused, "measure", both)
        self.patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.patch.stop()
