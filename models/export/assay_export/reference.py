"""What PyTorch says: the unchanged transformers body with its eager attention, in float32, one sequence at a time."""

import copy

import torch
from torch import nn


def float32_copy(module: nn.Module) -> nn.Module:
    """Return a copy for inference in float32. Parameters that are float32 already are shared, not copied.

    Constants that a cast to half precision would have rounded (rotary frequencies, Gemma's embedding scale) are made anew.
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
    """A body and a head as PyTorch computes them."""

    def __init__(self, body: nn.Module, head: nn.Module):
        self.body, self.head = float32_copy(body), float32_copy(head)
        self.body.set_attn_implementation("eager")

    def readings(self, ids: list[int]) -> torch.Tensor:
        """Return the head's raw outputs at every token, [len(ids), labels]."""
        with torch.no_grad():
            hidden = self.body(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state
            return self.head(hidden)[0]


def step_scores(readings: torch.Tensor, column: int, activation: str) -> list[float]:
    """Return one score per row of readings [steps, labels] after softmax over the labels, sigmoid, or nothing."""
    rows = readings.double()
    if activation == "softmax":
        rows = torch.softmax(rows, -1)
    elif activation == "sigmoid":
        rows = torch.sigmoid(rows)
    return rows[:, column].tolist()
