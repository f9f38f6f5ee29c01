"""Rotary position embedding as a table in the graph instead of sines and cosines computed there.

The table is filled by the model's own rotary module, so it holds the numbers that PyTorch uses, and a lookup gives the
same bits wherever in a batch a token stands.
"""

import torch
from torch import nn

from ..errors import ExportError


class RotaryTable(nn.Module):
    """Stands in for a transformers rotary module: positions in, cosines and sines out."""

    def __init__(self, cos: torch.Tensor, sin: torch.Tensor):
        """cos and sin are [max_tokens, rotary_dim]; where their halves are equal, as nearly everywhere, one is kept."""
        super().__init__()
        half = cos.shape[-1] // 2
        self.twice = all(torch.equal(part[:, :half], part[:, half:]) for part in (cos, sin))
        self.register_buffer("cos", cos[:, :half].clone() if self.twice else cos, persistent=False)
        self.register_buffer("sin", sin[:, :half].clone() if self.twice else sin, persistent=False)

    def forward(self, x: torch.Tensor, position_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return cosines and sines [B, S, rotary_dim]. A position ≥ max_tokens is an error.

        position_ids is [B, S], or [3, B, S] with the place in each section of mrope, which for a text is the same.
        """
        position_ids = position_ids[0] if position_ids.ndim == 3 else position_ids
        cos = nn.functional.embedding(position_ids, self.cos)
        sin = nn.functional.embedding(position_ids, self.sin)
        return (torch.cat((cos, cos), -1), torch.cat((sin, sin), -1)) if self.twice else (cos, sin)


def rotary_table(rotary: nn.Module, max_tokens: int, *layer_type: str) -> RotaryTable:
    """Return the table of a transformers rotary module for positions below max_tokens."""
    with torch.no_grad():
        turns = rotary(torch.zeros(1, dtype=torch.float32), torch.arange(max_tokens)[None], *layer_type)
    if isinstance(turns, torch.Tensor):  # DeepSeek-V2's are complex numbers, one for each pair of columns
        turns = (torch.cat((part, part), -1) for part in (turns.real, turns.imag))
    cos, sin = turns
    return RotaryTable(cos[0], sin[0])


class RotaryTables(nn.Module):
    """Stands in for a rotary module with rotations of its own for each type of layer."""

    def __init__(self, rotary: nn.Module, max_tokens: int):
        super().__init__()
        self.tables = nn.ModuleDict({kind: rotary_table(rotary, max_tokens, kind) for kind in rotary.layer_types})

    def forward(self, x: torch.Tensor, position_ids: torch.Tensor, layer_type: str) -> tuple[torch.Tensor, torch.Tensor]:
        """As RotaryTable's."""
        return self.tables[layer_type](x, position_ids)


def looked_up(rotary: nn.Module, max_tokens: int) -> nn.Module:
    """Return the table or tables that stand in for a transformers rotary module, for positions below max_tokens."""
    return RotaryTables(rotary, max_tokens) if hasattr(rotary, "layer_types") else rotary_table(rotary, max_tokens)


def position_limit(config) -> int:
    """Return the longest sequence for which one table is right.

    Scalings that change their frequencies once a sequence is longer than a limit (dynamic, longrope) would give a token
    other numbers in a longer sequence, so their table ends at that limit.
    """
    limit = config.max_position_embeddings
    if config.model_type in ("roberta", "xlm-roberta"):
        if config.pad_token_id is None:
            raise ExportError(f"config.json: pad_token_id is missing, and positions of a {config.model_type} begin behind it")
        return limit - config.pad_token_id - 1
    return min([limit, *(rotation_limit(own, limit) for own in rotations(config))])


def scaled_queries(rope: dict) -> bool:
    """Tell whether queries are multiplied by a logarithm of their position from original_max_position_embeddings on, as
    Ministral 3's are."""
    return bool(rope.get("llama_4_scaling_beta"))


def rotations(config) -> list[dict]:
    """Return the parameters of each kind of rotation: one, or one for each type of layer."""
    rope = getattr(config, "rope_parameters", None) or {}
    nested = "rope_type" not in rope and bool(rope) and all(isinstance(own, dict) for own in rope.values())
    return list(rope.values()) if nested else [rope]


def rotation_limit(rope: dict, limit: int) -> int:
    """Return how far one kind of rotation goes; ExportError when it is not supported."""
    kind = rope.get("rope_type", "default")
    if scaled_queries(rope):  # up to there it is 1, which no way of computing a logarithm changes
        limit = min(limit, rope.get("original_max_position_embeddings") or limit)
    if kind == "longrope":
        original = rope.get("original_max_position_embeddings") or limit
        return min(limit, original)
    if kind in ("default", "linear", "llama3", "yarn", "dynamic"):
        return limit
    raise ExportError(f"config.json: rope_type {kind!r} is not supported; supported are default, linear, dynamic, "
                      "llama3, yarn and longrope")


def limit_notice(config) -> list[str]:
    """Say for the user that sequences are bound where a scaling changes its frequencies, or what it multiplies queries
    by."""
    limit = position_limit(config)
    if limit >= config.max_position_embeddings:
        return []
    if any(scaled_queries(own) for own in rotations(config)):
        return [f"config.json: llama_4_scaling_beta multiplies queries from position {limit} on by a logarithm, which is not computed, so "
                f"max_tokens is {limit} and not {config.max_position_embeddings}"]
    if all(own.get("rope_type") != "longrope" for own in rotations(config)):
        return []
    return [f"config.json: rope_type longrope rotates all tokens otherwise in a text of more than {limit} tokens, so max_tokens is {limit} and not "
            f"{config.max_position_embeddings}"]
