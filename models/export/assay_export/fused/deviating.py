"""Bodies that differ from the plain decoder in one thing: products stored as one, layers that are not rotated,
multipliers, pairs that turn."""

from torch import nn

from .described import Gated, Norm, Product
from .read import Mistral, Plain, Windowed, joined


class Phi3(Mistral):
    """Queries, keys and values are one product, and gate and up."""

    def qkv(self, own: nn.Module) -> Product:
        return joined(own.qkv_proj)

    def gated(self, layer: nn.Module) -> Gated:
        return Gated(joined(layer.mlp.gate_up_proj), joined(layer.mlp.down_proj), self.activation())


class SmolLM3(Windowed):
    """Some layers are not rotated."""

    def rotation(self, own: nn.Module) -> str | None:
        return "" if own.use_rope else None


class Granite(Plain):
    """What parts give is multiplied before it is added, and the embedding is."""

    def multiplier(self) -> float:
        return float(self.config.residual_multiplier)

    def embedding_multiplier(self) -> float:
        return float(self.config.embedding_multiplier)


class HunYuan(Plain):
    """Queries and keys are normed behind their rotation."""

    norms_turned = True

    def head_norms(self, own: nn.Module) -> tuple[Norm | None, Norm | None]:
        return self.norm(own.query_layernorm), self.norm(own.key_layernorm)


class Glm(Plain):
    """Neighbours of a head turn together, in a part of it; gate and up are one product."""

    neighbours = True

    def gated(self, layer: nn.Module) -> Gated:
        return Gated(joined(layer.mlp.gate_up_proj), joined(layer.mlp.down_proj), self.activation())


class Glm4(Glm):
    """Norms in front of its parts and behind them."""

    def norms(self, layer: nn.Module) -> tuple[tuple[Norm | None, Norm | None], tuple[Norm | None, Norm | None]]:
        return ((self.norm(layer.input_layernorm), self.norm(layer.post_attention_layernorm)),
                (self.norm(layer.post_self_attn_layernorm), self.norm(layer.post_mlp_layernorm)))
