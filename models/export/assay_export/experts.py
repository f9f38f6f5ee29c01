"""Bodies whose layers have experts, of which a router chooses a few for each token.

A checkpoint has the weights of each expert apart; transformers' module has them in one tensor of three dimensions. In a graph each expert is
a feed-forward part of its own, which computes the tokens that chose it, and no others. What it gives is added to a token's sum in the order of
the experts, whatever else is in the batch, so a token keeps its own bits.
"""

import re

import torch
from torch import nn

from . import weights as lazy
from .errors import ExportError

QWEN = re.compile(r"(?P<block>.+\.mlp)\.experts\.(?P<number>\d+)\.(?P<part>gate_proj|up_proj|down_proj)\.weight$")
NAMES = {
    **dict.fromkeys(("qwen3_moe", "qwen3_next", "qwen3_5_moe_text"), QWEN),
    "mixtral": re.compile(r"(?P<block>.+)\.block_sparse_moe\.experts\.(?P<number>\d+)\.(?P<part>w1|w3|w2)\.weight$"),
}
"""Names of an expert's weights in a checkpoint, by model_type; the parts are gate, up and down."""

BLOCKS = ("Qwen3MoeSparseMoeBlock", "MixtralSparseMoeBlock", "Qwen3NextSparseMoeBlock", "Qwen3_5MoeSparseMoeBlock")
"""transformers' modules of a router and its experts."""


class Stacked:
    """Weights of experts that are stored apart, in the place of one tensor [experts, rows, columns], of which one expert's can be read."""

    def __init__(self, experts: list[list[torch.Tensor]]):
        """experts holds of each the tensors [., columns] that lie above one another."""
        self.experts = experts
        self.shape = torch.Size((len(experts), sum(part.shape[0] for part in experts[0]), experts[0][0].shape[1]))
        self.ndim = 3

    def numel(self) -> int:
        """As a tensor has it."""
        return self.shape.numel()

    def parts(self) -> list[torch.Tensor]:
        """Return the tensors as they are stored."""
        return [part for expert in self.experts for part in expert]

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.cat(self.experts[number])

    def float(self) -> torch.Tensor:
        """Return the whole in float32."""
        return torch.stack([self[number].float() for number in range(len(self.experts))])


def stacked(given: dict[str, torch.Tensor], model_type: str) -> dict:
    """Return a body's weights with those of its experts under the names of transformers' module; ExportError where one is missing."""
    if model_type not in NAMES:
        return given
    parts = {"gate_proj": 0, "up_proj": 1, "w1": 0, "w3": 1}
    found: dict = {}
    blocks: dict[str, dict[int, list]] = {}
    for name, value in given.items():
        match = NAMES[model_type].match(name)
        if match is None:
            found[name.replace(".block_sparse_moe.", ".mlp.")] = value
            continue
        block = match["block"] + (".mlp" if model_type == "mixtral" else "")
        blocks.setdefault(block, {}).setdefault(int(match["number"]), [None, None, None])[parts.get(match["part"], 2)] = value
    for block, experts in blocks.items():
        for number in range(max(experts) + 1):
            missing = [part for part, value in zip(("gate", "up", "down"), experts.get(number, [None] * 3), strict=True) if value is None]
            if missing:
                raise ExportError(f"the checkpoint has no {missing[0]} weight of expert {number} in {block}")
            same = [value.shape == experts[0][part].shape and value.ndim == 2 for part, value in enumerate(experts[number])]
            if not all(same) or experts[number][0].shape[1] != experts[number][1].shape[1]:
                raise ExportError(f"the weights of expert {number} in {block} have other shapes than those of expert 0")
        ordered = [experts[number] for number in range(len(experts))]
        found[f"{block}.experts.gate_up_proj"] = Stacked([own[:2] for own in ordered])
        found[f"{block}.experts.down_proj"] = Stacked([own[2:] for own in ordered])
    return found


class Expert(nn.Module):
    """One expert's feed-forward part, [N, hidden] -> [N, hidden]."""

    def __init__(self, gate_up: nn.Parameter, down: nn.Parameter, activation: nn.Module):
        """gate_up is [2 · inner, hidden], down [hidden, inner]."""
        super().__init__()
        self.gate_up, self.down, self.activation = linear(gate_up), linear(down), activation

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        gate, up = self.gate_up(rows).chunk(2, -1)
        return self.down(self.activation(gate) * up)


class Experts(nn.Module):
    """Stands in for a transformers block of router and experts: the same sums in an order that hangs on a token alone."""

    def __init__(self, block: nn.Module):
        super().__init__()
        router, experts = block.gate, block.experts
        self.router, self.top = linear(router.weight), router.top_k
        self.normed = getattr(router, "norm_topk_prob", True)
        self.experts = nn.ModuleList(Expert(lazy.part(experts.gate_up_proj, number), lazy.part(experts.down_proj, number), experts.act_fn)
                                     for number in range(router.num_experts))
        self.shared, self.shared_gate = getattr(block, "shared_expert", None), getattr(block, "shared_expert_gate", None)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """hidden is [B, S, hidden]."""
        rows = hidden.flatten(0, 1)
        shares, chosen = torch.topk(torch.softmax(self.router(rows), -1), self.top, dim=-1)
        if self.normed:  # one by one, as ONNX Runtime sums a short row in an order that depends on where it lies
            shares = shares / sum(shares.split(1, -1))
        total = torch.zeros_like(rows)
        for number, expert in enumerate(self.experts):
            own = chosen == number
            tokens = own.any(-1).nonzero()[:, 0]
            share = (shares * own).sum(-1, keepdim=True)  # of which one at most is not 0
            part = expert(nn.functional.embedding(tokens, rows)) * nn.functional.embedding(tokens, share)
            total = total.index_put((tokens,), nn.functional.embedding(tokens, total) + part)
        if self.shared is not None and self.shared_gate is not None:  # an expert of all tokens
            total = total + torch.sigmoid(self.shared_gate(rows)) * self.shared(rows)
        return total.unflatten(0, hidden.shape[:2])


def linear(weight: nn.Parameter) -> nn.Linear:
    """Return a linear layer with a weight [out, in]."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    layer.weight = weight
    return layer


def with_experts(body: nn.Module) -> bool:
    """Tell whether a body has experts."""
    return any(type(part).__name__ in BLOCKS for part in body.modules())


def take_apart(body: nn.Module) -> nn.Module:
    """Put Experts in the place of a body's blocks of experts; return the body."""
    for part in list(body.modules()):
        for name, child in part.named_children():
            if type(child).__name__ in BLOCKS:
                setattr(part, name, Experts(child))
    return body
