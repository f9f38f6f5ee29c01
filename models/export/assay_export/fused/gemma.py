"""Gemma, whose norms multiply by 1 + weight, whose embedding is scaled, and which from 2 on has norms behind its parts
and caps its logits."""

from torch import nn

from .described import Norm
from .read import Plain, Typed, Windowed


class Gemma(Plain):
    """Gemma 1."""

    def norm(self, module: nn.Module) -> Norm:
        return Norm(module.weight, module.eps, offset=1.0)

    def embedding_multiplier(self) -> float:
        return float(self.body.embed_tokens.scalar_embed_scale)


class Gemma2(Gemma, Windowed):
    """Norms in front of its parts and behind them, and windows in turn."""

    def norms(self, layer: nn.Module) -> tuple[tuple[Norm | None, Norm | None], tuple[Norm | None, Norm | None]]:
        return ((self.norm(layer.input_layernorm), self.norm(layer.pre_feedforward_layernorm)),
                (self.norm(layer.post_attention_layernorm), self.norm(layer.post_feedforward_layernorm)))

    def activation(self) -> str:
        return self.config.hidden_activation


class Gemma3(Gemma2, Typed):
    """Norms of each head's queries and keys, and a rotation for each type of layer."""

    def head_norms(self, own: nn.Module) -> tuple[Norm | None, Norm | None]:
        return self.norm(own.q_norm), self.norm(own.k_norm)
