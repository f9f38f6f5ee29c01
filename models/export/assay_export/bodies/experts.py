"""Bodies whose layers have experts, of which a router chooses a few for each token.

transformers' module has the weights of all experts in one tensor of three dimensions. In a graph each expert is a
feed-forward part of its own, which computes the tokens that chose it, and no others. What it gives is added to a
token's sum in the order of the experts, whatever else is in the batch, so a token keeps its own bits. Experts that all
tokens share are added behind them.
"""

import torch
from torch import nn

from ..read import weights as lazy
from .routers import ROUTERS


class Expert(nn.Module):
    """One expert's feed-forward part, [N, hidden] -> [N, hidden]."""

    def __init__(self, experts: nn.Module, number: int):
        """experts is transformers' module of all, with gate_up_proj [experts, 2 · inner, hidden] and down_proj."""
        super().__init__()
        self.gate_up, self.down = (linear(lazy.part(own, number)) for own in (experts.gate_up_proj, experts.down_proj))
        self.activation = experts.act_fn

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        gate, up = self.gate_up(rows).chunk(2, -1)
        return self.down(self.activation(gate) * up)


class ClampedExpert(nn.Module):
    """An expert of gpt-oss, which has biases and holds what it multiplies within a limit.

    Its weights are stored with their inputs first, and gate and up take turns among the outputs; here gate comes first.
    """

    def __init__(self, experts: nn.Module, number: int):
        """As Expert's, but [experts, hidden, 2 · inner] and [experts, inner, hidden], and a bias of each."""
        super().__init__()
        self.gate_up = linear(lazy.part(experts.gate_up_proj, number, lambda own: halves(own.T)),
                              lazy.part(experts.gate_up_proj_bias, number, halves))
        self.down = linear(lazy.part(experts.down_proj, number, torch.t), lazy.part(experts.down_proj_bias, number))
        self.alpha, self.limit = experts.alpha, experts.limit

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        gate, up = self.gate_up(rows).chunk(2, -1)
        gate, up = gate.clamp(max=self.limit), up.clamp(-self.limit, self.limit)
        return self.down((up + 1) * (gate * torch.sigmoid(gate * self.alpha)))


def halves(rows: torch.Tensor) -> torch.Tensor:
    """Return the rows at even places and behind them those at odd ones."""
    return torch.cat((rows[::2], rows[1::2]))


class Experts(nn.Module):
    """Stands in for a transformers block of router and experts: the same sums in an order that hangs on a token
    alone."""

    def __init__(self, block: nn.Module):
        super().__init__()
        kind, router = type(block).__name__, block.router if hasattr(block, "router") else block.gate
        self.router = linear(router.weight, getattr(router, "bias", None))
        self.choose = ROUTERS[kind](router)
        self.paired = kind == "GptOssMLP"
        made = ClampedExpert if self.paired else Expert
        self.experts = nn.ModuleList(made(block.experts, number) for number in range(router.num_experts))
        self.shared = getattr(block, "shared_experts", getattr(block, "shared_expert", None))
        self.shared_gate = getattr(block, "shared_expert_gate", None)

    def forward(self, hidden: torch.Tensor):
        """hidden is [B, S, hidden]; gpt-oss's block gives a pair, of which the second is not used."""
        rows = hidden.flatten(0, 1)
        shares, chosen = self.choose(self.router(rows))
        total = torch.zeros_like(rows)
        for number, expert in enumerate(self.experts):
            own = chosen == number
            tokens = own.any(-1).nonzero()[:, 0]
            share = (shares * own).sum(-1, keepdim=True)  # of which one at most is not 0
            part = expert(nn.functional.embedding(tokens, rows)) * nn.functional.embedding(tokens, share)
            total = total.index_put((tokens,), nn.functional.embedding(tokens, total) + part)
        if self.shared is not None:
            own = self.shared(rows)
            total = total + (own if self.shared_gate is None else torch.sigmoid(self.shared_gate(rows)) * own)
        total = total.unflatten(0, hidden.shape[:2])
        return (total, None) if self.paired else total


def linear(weight: nn.Parameter, bias: nn.Parameter | None = None) -> nn.Linear:
    """Return a linear layer with a weight [out, in], and a bias [out] where there is one."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    layer.weight, layer.bias = weight, bias
    return layer


def with_experts(body: nn.Module) -> bool:
    """Tell whether a body has experts."""
    return any(type(part).__name__ in ROUTERS for part in body.modules())


def take_apart(body: nn.Module) -> nn.Module:
    """Put Experts in the place of a body's blocks of experts; return the body."""
    for part in list(body.modules()):
        for name, child in part.named_children():
            if type(child).__name__ in ROUTERS:
                setattr(part, name, Experts(child))
    return body
