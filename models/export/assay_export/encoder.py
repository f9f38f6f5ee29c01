"""Encoders: bodies whose tokens see each other, with the head that pools them, and their padded graph; `encoder_packed.py` has the other."""

from collections.abc import Iterable

import torch
from torch import nn

from .attention import IMPLEMENTATION, MASKED
from .model import Model
from .padded import GridView
from .reference import float32_copy
from .rope import RotaryTables


def own_attention(config) -> bool:
    """Tell whether this package's attention takes the place of the encoder's; DeBERTa's is part of its layers."""
    return config.model_type not in ("deberta", "deberta-v2")


def packs(model: Model) -> bool:
    """Tell whether a model has a packed graph: a decoder, or an encoder of transformers' own class with this package's attention."""
    return model.encoder is None or isinstance(model.encoder, Classifier) and own_attention(model.config)


def bit_equal(config, layout: str) -> bool:
    """Tell whether an encoder's row has the same bits in any batch: with our attention, and no sum whose length depends on the padding."""
    return own_attention(config) and (layout == "packed" or getattr(config, "classifier_pooling", None) != "mean")


def prepared(encoder: nn.Module, max_tokens: int):
    """Return a float32 copy of an encoder that calls this package's attention and looks its rotations up."""
    clone = float32_copy(encoder)
    clone.set_attn_implementation(IMPLEMENTATION)
    for part in list(clone.modules()):
        if hasattr(part, "rotary_emb"):
            part.rotary_emb = RotaryTables(part.rotary_emb, max(2, max_tokens))
    return clone


def masks_by_distance(distance: torch.Tensor, usable: torch.Tensor, windows: Iterable[int | None]) -> dict[int | None, torch.Tensor]:
    """Return one mask [R, 1, Q, K] per window size, [R, 1, 1, K] without a window; 0 where the key may be seen and MASKED elsewhere.

    distance is that of a query from a key, [R, 1, Q, K] or the same for all rows; usable is [R, 1, 1, K]. A window of w lets a token see w
    tokens on either side. The layers name it one above transformers' own number, and so do the masks.
    """
    return {window if window is None else window + 1: torch.where(usable if window is None else usable & (distance <= window), 0.0, MASKED)
            for window in sorted(windows, key=lambda window: window or 0)}


class EncoderGraph(nn.Module):
    """An encoder with the padded inputs; its output is [B, labels], or with a head of its own the rows that it reads [B, width]."""

    def __init__(self, model: Model, max_tokens: int, separate: bool):
        super().__init__()
        self.separate, self.types, self.windows = separate, model.types, model.sizes.windows
        self.own = own_attention(model.config)
        self.module = prepared(model.encoder, max_tokens) if self.own else float32_copy(model.encoder)

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        extra = {"token_type_ids": token_type_ids} if self.types else {}
        if self.own:
            extra["view"] = GridView(self.masks(attention_mask))
        return (self.module.rows if self.separate else self.module)(input_ids, attention_mask, **extra)

    def masks(self, attention_mask: torch.Tensor) -> dict[int | None, torch.Tensor]:
        """Return [B, 1, S or 1, S] for each window."""
        position = torch.arange(attention_mask.shape[1])
        return masks_by_distance((position[:, None] - position[None]).abs(), (attention_mask > 0)[:, None, None], self.windows)


HEADS = {"bert": ("bert.pooler", "classifier"), "roberta": ("classifier",), "xlm-roberta": ("classifier",), "modernbert": ("head", "classifier"),
         "deberta": ("pooler", "classifier"), "deberta-v2": ("pooler", "classifier")}
"""What transformers' class does after the body, by model_type: parts that run one after another."""


class Classifier(nn.Module):
    """transformers' own class of an encoder with its head: pooler, dense layers, classifier."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.config = model, model.config

    @property
    def width(self) -> int:
        """Size of a row that the head reads."""
        return self.config.hidden_size

    @property
    def head_parts(self) -> list[nn.Module]:
        """The modules of the head."""
        return [self.model.get_submodule(name) for name in HEADS[self.config.model_type]]

    def rows(self, input_ids, attention_mask, **extra) -> torch.Tensor:
        """Return what the head reads [B, width]: the first token's hidden state, or the mean."""
        hidden = self.model.base_model(input_ids=input_ids, attention_mask=attention_mask, **extra).last_hidden_state
        if getattr(self.config, "classifier_pooling", "cls") == "mean":
            return (hidden * attention_mask[..., None]).sum(1) / attention_mask.sum(1, keepdim=True)
        return hidden[:, 0]

    def on_rows(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the head's outputs [B, labels]; all but ModernBERT's pick the first token of a sequence themselves."""
        value = rows if self.config.model_type == "modernbert" else rows[:, None]
        for part in self.head_parts:
            value = part(value)
        return value

    def set_attn_implementation(self, name: str) -> None:
        """As transformers' models have it."""
        self.model.set_attn_implementation(name)

    def forward(self, input_ids, attention_mask, **extra):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **extra).logits
