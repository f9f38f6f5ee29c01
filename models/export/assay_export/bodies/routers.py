"""How a token chooses its experts: from a router's logits to the experts that a token takes and each one's share.

Every sum is over a token's own few numbers and is written out one by one, as ONNX Runtime sums a short row in an order
that depends on where it lies.
"""

from collections.abc import Callable

import torch
from torch import nn

from ..errors import ExportError
from .attention import MASKED


def added(columns: torch.Tensor) -> torch.Tensor:
    """Return the sum over the last dimension, which stays, from its first to its last."""
    return sum(columns.split(1, -1))


def named(numbers: torch.Tensor, count: int) -> torch.Tensor:
    """Return which of `count` things are among the numbers [..., k], as [..., count]."""
    return (numbers[..., None] == torch.arange(count)).any(-2)


class Softmax(nn.Module):
    """Mixtral and the Qwens: the largest of the softmax over all experts, which may be divided by their sum."""

    def __init__(self, router: nn.Module):
        super().__init__()
        self.top, self.normed = router.top_k, getattr(router, "norm_topk_prob", True)

    def forward(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From logits [N, experts] to shares and experts' numbers, both [N, top]."""
        shares, chosen = torch.topk(torch.softmax(logits, -1), self.top, dim=-1)
        return shares / added(shares) if self.normed else shares, chosen


class TopSoftmax(nn.Module):
    """gpt-oss: the softmax over the largest logits alone."""

    def __init__(self, router: nn.Module):
        super().__init__()
        self.top = router.top_k

    def forward(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As Softmax's."""
        largest, chosen = torch.topk(logits, self.top, dim=-1)
        return torch.softmax(largest, -1), chosen


class GroupedSoftmax(nn.Module):
    """DeepSeek-V2: the largest of the softmax over all experts, or over those of the best groups, times a factor."""

    def __init__(self, router: nn.Module):
        super().__init__()
        self.top, self.factor = router.top_k, router.routed_scaling_factor
        grouped = router.topk_method == "group_limited_greedy"
        self.groups: int = router.num_group if grouped else 1
        self.kept: int = router.topk_group if grouped else 1

    def forward(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As Softmax's."""
        scores = torch.softmax(logits, -1)
        if self.groups > 1:
            groups = scores.unflatten(-1, (self.groups, -1))
            best = named(torch.topk(groups.amax(-1), self.kept, dim=-1)[1], self.groups)
            scores = torch.where(best[..., None], groups, 0.0).flatten(-2)
        shares, chosen = torch.topk(scores, self.top, dim=-1)
        return shares * self.factor, chosen


class GroupedSigmoid(nn.Module):
    """DeepSeek-V3: sigmoids, with a bias that takes part in the choice alone.

    A group is as good as its best two experts together.
    """

    def __init__(self, router: nn.Module):
        super().__init__()
        self.top, self.factor, self.normed = router.top_k, router.routed_scaling_factor, router.norm_topk_prob
        self.groups, self.kept = router.num_group, router.topk_group
        self.bias = nn.Parameter(router.e_score_correction_bias.detach(), requires_grad=False)

    def forward(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As Softmax's."""
        scores = torch.sigmoid(logits)
        groups = (scores + self.bias).unflatten(-1, (self.groups, -1))
        best = named(torch.topk(added(torch.topk(groups, 2, dim=-1)[0])[..., 0], self.kept, dim=-1)[1], self.groups)
        chosen = torch.topk(torch.where(best[..., None], groups, MASKED).flatten(-2), self.top, dim=-1)[1]
        shares = scores.gather(-1, chosen)
        if self.normed:
            shares = shares / (added(shares) + 1e-20)
        return shares * self.factor, chosen


class SparseMixer(nn.Module):
    """Phi-3.5-MoE: two experts, and of each the softmax over those whose logits are near its own.

    The second's is without the first.
    """

    def __init__(self, router: nn.Module):
        super().__init__()
        self.noise = router.router_jitter_noise

    def forward(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As Softmax's."""
        largest, chosen = torch.topk(logits, 2, dim=-1)
        taken = torch.zeros_like(logits, dtype=torch.bool)
        shares = []
        for most, number in zip(largest.split(1, -1), chosen.split(1, -1), strict=True):
            far = (most - logits) / torch.maximum(logits.abs(), most) > 2 * self.noise
            shares.append(torch.softmax(torch.where(far | taken, MASKED, logits), -1).gather(-1, number))
            taken = named(number, logits.shape[-1])
        return torch.cat(shares, -1), chosen


ROUTERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "MixtralSparseMoeBlock": Softmax, "Qwen3MoeSparseMoeBlock": Softmax, "Qwen2MoeSparseMoeBlock": Softmax,
    "Qwen3NextSparseMoeBlock": Softmax, "Qwen3_5MoeSparseMoeBlock": Softmax, "GptOssMLP": TopSoftmax,
    "DeepseekV2Moe": GroupedSoftmax, "DeepseekV3MoE": GroupedSigmoid, "PhimoeSparseMoeBlock": SparseMixer,
}
"""By transformers' module of a router and its experts."""


def check_counts(config) -> None:
    """Refuse numbers of experts, and of groups of them, of which no router can choose."""
    if not hasattr(type(config), "num_experts_per_tok"):
        return
    top, count = config.num_experts_per_tok, getattr(config, "num_local_experts", getattr(config, "num_experts", 0))
    if not top or not 1 <= top <= count:
        raise ExportError(f"config.json: num_experts_per_tok is {top}, and there are {count} experts")
    if config.model_type != "deepseek_v3" and getattr(config, "topk_method", None) != "group_limited_greedy":
        return
    groups, kept = config.n_group, config.topk_group
    least = 2 if config.model_type == "deepseek_v3" else 1
    if not groups or count % groups or count // groups < least:
        raise ExportError(f"config.json: n_group is {groups}, and {count} experts must make that many groups of one size"
                          f"{', each of two or more' if least > 1 else ''}")
    if not kept or not 1 <= kept <= groups or kept * (count // groups) < top:
        raise ExportError(f"config.json: topk_group is {kept}: of {groups} groups of {count // groups} experts that many must have "
                          f"{top} to choose from, as num_experts_per_tok says")
