"""Encoders: bodies whose tokens see each other, with the head that pools them, and their padded graph;
`encoder_packed.py` has the other."""

from collections.abc import Iterable

import torch
from torch import nn

from ..bodies.attention import IMPLEMENTATION, MASKED, mix
from ..bodies.bodies import flows
from ..bodies.rope import RotaryTables, rotary_table
from ..models.model import Model
from ..models.reference import float32_copy
from .padded import GridView


def own_attention(config) -> bool:
    """Tell whether this package's attention takes the place of the encoder's; DeBERTa's is part of its layers."""
    return config.model_type not in ("deberta", "deberta-v2")


def packs(model: Model) -> bool:
    """Tell whether a model has a packed graph.

    A decoder has, unless a state flows through its texts, and an encoder with this package's attention whose head reads
    one row.
    """
    if model.encoder is None:
        return not any(flows(part.body.config) for part in model.parts)
    return isinstance(model.encoder, OneRow) and own_attention(model.config)


def bit_equal(config) -> bool:
    """Tell whether an encoder's row has the same bits in any batch: with our attention."""
    return own_attention(config)


def prepared(encoder: nn.Module, max_tokens: int):
    """Return a float32 copy of an encoder that calls this package's attention and looks its rotations up."""
    clone = float32_copy(encoder)
    clone.set_attn_implementation(IMPLEMENTATION)
    for part in list(clone.modules()):
        if hasattr(part, "rotary_emb"):
            table = RotaryTables if hasattr(part.rotary_emb, "layer_types") else rotary_table
            part.rotary_emb = table(part.rotary_emb, max(2, max_tokens))
    return clone


def masks_by_distance(distance: torch.Tensor, usable: torch.Tensor, windows: Iterable[int | None]) -> dict[int | None, torch.Tensor]:
    """Return one mask [R, 1, Q, K] per window size, [R, 1, 1, K] without a window; 0 where the key may be seen and
    MASKED elsewhere.

    distance is that of a query from a key, [R, 1, Q, K] or the same for all rows; usable is [R, 1, 1, K]. A window of w
    lets a token see w tokens on either side. The layers name it one above transformers' own number, and so do the
    masks.
    """
    return {window if window is None else window + 1: torch.where(usable if window is None else usable & (distance <= window), 0.0, MASKED)
            for window in sorted(windows, key=lambda window: window or 0)}


MEANS = ("mean", "late")
"""Values of config.json's classifier_pooling with which a head reads every token, "late" behind its first layer."""


def mean_over(hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Return the mean [B, width] of the tokens' states [B, S, width] that the mask [B, S] has.

    It is a product of ones with the states, summed as attention sums values, so that its bits do not hang on the
    padding. There are two rows of ones, since a product with one row is summed in another order.
    """
    ones = attention_mask.float()[:, None, None, None].expand(-1, -1, -1, 2, -1)
    return mix(ones, hidden[:, :, None])[:, 0, :, 0].flatten(1) / attention_mask.sum(1, keepdim=True)


class EncoderGraph(nn.Module):
    """An encoder with the padded inputs; its output is [B, labels], or with a head of its own the rows that it reads
    [B, width]."""

    def __init__(self, model: Model, max_tokens: int, separate: bool):
        super().__init__()
        self.separate, self.types, self.windows = separate, model.types, model.sizes.windows
        self.own = own_attention(model.config)
        self.module = prepared(model.encoder, max_tokens) if self.own else float32_copy(model.encoder)

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        extra = {"token_type_ids": token_type_ids} if self.types else {}
        if self.own:
            extra["view"] = GridView(self.masks(attention_mask))
        if getattr(self.module, "every_token", False) or not self.separate and getattr(self.module.config, "classifier_pooling", None) not in MEANS:
            return self.module(input_ids, attention_mask, **extra)
        rows = self.module.rows(input_ids, attention_mask, **extra)
        return rows if self.separate else self.module.on_rows(rows)

    def masks(self, attention_mask: torch.Tensor) -> dict[int | None, torch.Tensor]:
        """Return [B, 1, S or 1, S] for each window."""
        position = torch.arange(attention_mask.shape[1])
        return masks_by_distance((position[:, None] - position[None]).abs(), (attention_mask > 0)[:, None, None], self.windows)


HEADS = {"bert": ("bert.pooler", "classifier"), "roberta": ("classifier",), "xlm-roberta": ("classifier",), "modernbert": ("head", "classifier"),
         "deberta": ("pooler", "classifier"), "deberta-v2": ("pooler", "classifier"), "electra": ("classifier",),
         "distilbert": ("pre_classifier", "relu", "classifier"), "eurobert": ("dense", "activation", "classifier"),
         "gte": ("gte.pooler", "classifier"), "nomic_bert": ("nomic_bert.pooler", "classifier")}
"""What transformers' class does after the body, by model_type: parts that run one after another."""

ON_ROWS = ("modernbert", "distilbert", "eurobert")
"""Those whose head takes rows; that of the others picks the first token of a sequence itself."""


class OneRow(nn.Module):
    """An encoder whose head reads one row of a sequence: its first token's last state, or a mean over its tokens.

    `config` is its body's, and `on_rows` gives the head's outputs [B, labels] of rows [B, width].
    """

    @property
    def body(self) -> nn.Module:
        """The encoder without its head."""
        raise NotImplementedError

    @property
    def width(self) -> int:
        """Size of a row that the head reads."""
        return self.config.hidden_size

    @property
    def pooling(self) -> str | None:
        """What config.json says of it, where the class heeds that."""
        return getattr(self.config, "classifier_pooling", None)

    def averaged(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return what a mean is taken of, from last states [., width]."""
        return hidden

    def rows(self, input_ids, attention_mask, **extra) -> torch.Tensor:
        """Return what the head reads [B, width]."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask, **extra).last_hidden_state
        return mean_over(self.averaged(hidden), attention_mask) if self.pooling in MEANS else hidden[:, 0]


class EveryToken(OneRow):
    """An encoder's body alone, which does not pool: it gives the last state of every token."""

    every_token = True

    def __init__(self, body: nn.Module):
        super().__init__()
        self.whole, self.config, self.labels = body, body.config, body.config.hidden_size

    @property
    def body(self) -> nn.Module:
        """The encoder, which has no head."""
        return self.whole

    @property
    def head_parts(self) -> list[nn.Module]:
        """No module."""
        return []

    @property
    def pooling(self) -> None:
        """None, whatever config.json says of a classifier."""
        return None

    def on_rows(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the rows as they are."""
        return rows

    def set_attn_implementation(self, name: str) -> None:
        """As transformers' models have it."""
        self.whole.set_attn_implementation(name)

    def forward(self, input_ids, attention_mask, **extra):
        return self.whole(input_ids=input_ids, attention_mask=attention_mask, **extra).last_hidden_state


class Classifier(OneRow):
    """transformers' own class of an encoder with its head: pooler, dense layers, classifier."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.config = model, model.config
        if model.config.model_type == "distilbert":
            model.relu = nn.ReLU()  # which its own forward calls by itself

    @property
    def body(self) -> nn.Module:
        """The encoder without its head."""
        return self.model.base_model

    @property
    def head_parts(self) -> list[nn.Module]:
        """The modules of the head. Late pooling is between the last two, and as good before the last, a Linear."""
        parts = [self.model.get_submodule(name) for name in HEADS[self.config.model_type]]
        return parts[-1:] if self.pooling == "late" else parts

    def averaged(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return what a mean is taken of: with late pooling the states behind the head's first layer."""
        return self.model.activation(self.model.dense(hidden)) if self.pooling == "late" else hidden

    def on_rows(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the head's outputs [B, labels]."""
        value = rows if self.config.model_type in ON_ROWS else rows[:, None]
        for part in self.head_parts:
            value = part(value)
        return value

    def set_attn_implementation(self, name: str) -> None:
        """As transformers' models have it."""
        self.model.set_attn_implementation(name)

    def forward(self, input_ids, attention_mask, **extra):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **extra).logits
