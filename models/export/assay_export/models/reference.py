"""What PyTorch says: the unchanged transformers body with its eager attention, in float32, one sequence at a time."""

import copy

import torch
from torch import nn

from ..bodies.experts import take_apart, with_experts
from ..errors import ExportError
from ..read import weights
from ..store import int8, storage
from .doubled import doubled
from .model import Model, Part, readings


def float32_copy(module: nn.Module) -> nn.Module:
    """Return a copy for inference in float32. Parameters that are float32 already are shared, not copied.

    Constants that a cast to half precision would have rounded (rotary frequencies, Gemma's embedding scale) are made
    anew.
    """
    shared = {id(parameter): parameter for parameter in module.parameters() if parameter.dtype == torch.float32}
    clone = copy.deepcopy(module, shared).float().eval()
    for part in clone.modules():
        if hasattr(part, "rotary_emb"):
            part.rotary_emb = type(part.rotary_emb)(clone.config)
        if hasattr(part, "scalar_embed_scale"):
            part.embed_scale.fill_(part.scalar_embed_scale)
    return clone


class Reference:
    """A model as PyTorch computes it."""

    def __init__(self, model: Model, precision: str = "float32", separate: bool = False, only: set[str] | None = None):
        """precision: weights, and with int8 activations, are rounded as in a graph of that precision; separate: but not
        the head's, which with int4 never are; only: and no others than these."""
        self.rounding = int8.Rounding() if precision == "int8" else None
        self.sizes, self.types = model.sizes, model.types
        self.encoder = None if model.encoder is None else float32_copy(model.encoder)
        self.parts = [Part(float32_copy(part.body), float32_copy(part.head)) for part in model.parts]
        bodies = [part.body for part in self.parts] + ([self.encoder] if self.encoder else [])
        for body in bodies:
            body.set_attn_implementation("eager")
            if with_experts(body):
                self.prepare_experts(body, precision)
        named = {"module": self.encoder} if self.encoder else {
            f"{kind}.{number}": module for number, part in enumerate(self.parts) for kind, module in (("bodies", part.body), ("heads", part.head))}
        exact = [] if not separate and precision != "int4" else self.encoder.head_parts if self.encoder else [part.head for part in self.parts]
        for where, module in named.items():
            if precision != "float32":
                storage.round_parameters(module, where, precision, self.rounding, exact, only)
            (weights.stream if self.encoder is None else weights.materialize)(module)

    def prepare_experts(self, body: nn.Module, precision: str) -> None:
        """Have transformers compute experts in the plainest of its ways; in lower precision with the weights that a
        graph has, each rounded."""
        if precision == "int8":
            raise ExportError(f"--int8 is not supported for {body.config.model_type}, whose layers have experts")
        body.config._experts_implementation = "eager"
        if precision != "float32":
            take_apart(body)

    def readings(self, ids: list[int], types: list[int] | None = None) -> torch.Tensor:
        """Return the raw outputs at every token, [len(ids), labels], of an encoder that pools as one row.

        A likelihood's row is of the token that follows; the last is 0.
        """
        given = torch.tensor([ids])
        with torch.no_grad():
            if self.encoder is not None:
                extra = {"token_type_ids": torch.tensor([types or [0] * len(ids)])} if self.types else {}
                read = self.encoder(given, torch.ones_like(given), **extra)
                return read[0] if read.ndim == 3 else read
            hidden = [part.body(input_ids=given, use_cache=False).last_hidden_state[0] for part in self.parts]
            if not any(part.likelihood for part in self.parts):
                return readings(self.parts, hidden, None)
            return nn.functional.pad(readings(self.parts, [own[:-1] for own in hidden], given[0, 1:]), (0, 0, 0, 1))

    def doubled(self, ids: list[int], types: list[int] | None = None) -> torch.Tensor:
        """Return readings as they are when everything but the rotations is computed in float64."""
        modules = [self.encoder] if self.encoder is not None else [module for part in self.parts for module in (part.body, part.head)]
        with doubled(*modules):
            return self.readings(ids, types)

    def last_rows(self, sequences: list[list[int]]) -> torch.Tensor:
        """Return the raw outputs at the last token of sequences of one length, [sequences, labels]; of an encoder that
        does not pool at the first."""
        given = torch.tensor(sequences)
        with torch.no_grad():
            if self.encoder is not None:
                read = self.encoder(given, torch.ones_like(given), **({"token_type_ids": torch.zeros_like(given)} if self.types else {}))
                return read[:, 0] if read.ndim == 3 else read
            hidden = [part.body(input_ids=given, use_cache=False).last_hidden_state for part in self.parts]
            targets = given[:, -1]
            if any(part.likelihood for part in self.parts):
                hidden = [own[:, :-1] for own in hidden]
            return readings(self.parts, [own[:, -1] for own in hidden], targets)
