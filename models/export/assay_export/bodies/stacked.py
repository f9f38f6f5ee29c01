"""The weights of experts, by the names that checkpoints have, under those of transformers' modules.

A checkpoint has the weights of each expert apart; a module has those of all experts in one tensor of three dimensions.
"""

import re

import torch

from ..errors import ExportError
from ..read import mxfp4

APART = re.compile(r"(?P<block>.+\.mlp)\.experts\.(?P<number>\d+)\.(?P<part>gate_proj|up_proj|down_proj)\.weight$")
OLD = re.compile(r"(?P<block>.+)\.block_sparse_moe\.experts\.(?P<number>\d+)\.(?P<part>w1|w3|w2)\.weight$")

NAMES = {"qwen2_moe": APART, "qwen3_moe": APART, "qwen3_next": APART, "qwen3_5_moe_text": APART,
         "deepseek_v2": APART, "deepseek_v3": APART, "mixtral": OLD, "phimoe": OLD}
"""Names of an expert's weights in a checkpoint, by model_type; the parts are gate, up and down."""

RENAMED = {"mixtral": [(".block_sparse_moe.", ".mlp.")], "phimoe": [(".block_sparse_moe.", ".mlp."), (".mlp.gate.", ".mlp.router.")]}
"""Parts of names that transformers has other words for."""


class Stacked:
    """Weights of experts that are stored apart, in the place of one tensor [experts, rows, columns].

    One expert's can be read.
    """

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


def stacked(given: dict[str, torch.Tensor], config, raw: dict) -> dict:
    """Return a body's weights with those of its experts under the names of transformers' module.

    config is the body's, raw what config.json says. What a checkpoint has of layers that predict tokens beyond the next
    is left out. ExportError names a weight that is missing.
    """
    given = without_further_layers(given, config)
    if mxfp4.used(raw):
        return mxfp4.widened(given)
    if config.model_type not in NAMES:
        return given
    parts = {"gate_proj": 0, "up_proj": 1, "w1": 0, "w3": 1}
    found: dict = {}
    blocks: dict[str, dict[int, list]] = {}
    for name, value in given.items():
        match = NAMES[config.model_type].match(name)
        if match is None:
            found[renamed(name, config.model_type)] = value
            continue
        block = match["block"] + (".mlp" if NAMES[config.model_type] is OLD else "")
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


def renamed(name: str, model_type: str) -> str:
    """Return a weight's name in transformers' words."""
    for old, new in RENAMED.get(model_type, []):
        name = name.replace(old, new)
    return name


def without_further_layers(given: dict[str, torch.Tensor], config) -> dict[str, torch.Tensor]:
    """Leave out the num_nextn_predict_layers layers behind the last that DeepSeek-V3 has for tokens beyond the next."""
    first, count = config.num_hidden_layers, getattr(config, "num_nextn_predict_layers", 0) or 0
    further = tuple(f"layers.{number}." for number in range(first, first + count))
    return {name: value for name, value in given.items() if not name.startswith(further)} if further else given
