"""Encoders: bodies whose tokens see each other, with the head that pools them, in the padded layout only."""

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


def bit_equal(config) -> bool:
    """Tell whether a row's bits are the same in any batch: with our attention, and no sum whose length depends on the padding."""
    return own_attention(config) and getattr(config, "classifier_pooling", None) != "mean"


class EncoderGraph(nn.Module):
    """An encoder with the padded inputs; its output is [B, labels]."""

    def __init__(self, model: Model, max_tokens: int):
        super().__init__()
        self.module = float32_copy(model.encoder)
        self.own, self.types = own_attention(model.config), model.types
        self.windows = sorted(model.sizes.windows, key=lambda window: window or 0)
        if not self.own:
            return
        self.module.set_attn_implementation(IMPLEMENTATION)
        for part in list(self.module.modules()):
            if hasattr(part, "rotary_emb"):
                part.rotary_emb = RotaryTables(part.rotary_emb, max(2, max_tokens))

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        extra = {"token_type_ids": token_type_ids} if self.types else {}
        if self.own:
            extra["view"] = GridView(self.masks(attention_mask))
        return self.module(input_ids, attention_mask, **extra)

    def masks(self, attention_mask: torch.Tensor) -> dict[int | None, torch.Tensor]:
        """Return [B, 1, S or 1, S] for each window, by the number that the layers name it with, one above transformers' own."""
        usable = (attention_mask > 0)[:, None, None]
        position = torch.arange(attention_mask.shape[1])
        distance = (position[:, None] - position[None]).abs()
        return {window if window is None else window + 1: torch.where(usable if window is None else usable & (distance <= window), 0.0, MASKED)
                for window in self.windows}


class Classifier(nn.Module):
    """transformers' own class of an encoder with its head: pooler, dense layers, classifier."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.config = model, model.config

    def set_attn_implementation(self, name: str) -> None:
        """As transformers' models have it."""
        self.model.set_attn_implementation(name)

    def forward(self, input_ids, attention_mask, **extra):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **extra).logits
