"""Reading transformers' modules as what `described.py` says: the plain decoder, from which others deviate in files of
their own."""

from torch import nn

from ..bodies.bodies import describe
from ..bodies.rope import RotaryTable, rotary_table
from .described import Attention, Body, Gated, Layer, Norm, Product


def joined(*parts: nn.Linear) -> Product:
    """Return linear layers of one input as one product. All have a bias, or none."""
    biases = tuple(part.bias for part in parts if part.bias is not None)
    return Product(tuple(part.weight for part in parts), biases)


class Plain:
    """A body as Llama's: two norms in front, rotations by position, silu(gate) · up."""

    norms_turned = False
    """Queries and keys are normed behind their rotation and not before it."""
    neighbours = False
    """A rotation turns each number of a head with its neighbour, and not with that of the other half."""

    def __init__(self, body: nn.Module, max_tokens: int):
        """body is transformers' module, in float32; its rotations go up to max_tokens."""
        self.body, self.config, self.max_tokens = body, body.config, max_tokens
        self.sizes = describe(body.config)

    def read(self) -> Body:
        """Return the body's description."""
        layers = [Layer(self.attention(layer), self.gated(layer), *self.norms(layer), self.multiplier()) for layer in self.body.layers]
        return Body(self.body.embed_tokens.weight, layers, self.norm(self.body.norm), self.tables(), self.embedding_multiplier())

    def norm(self, module: nn.Module) -> Norm:
        """Return a norm."""
        return Norm(module.weight, module.variance_epsilon)

    def norms(self, layer: nn.Module) -> tuple[tuple[Norm | None, Norm | None], tuple[Norm | None, Norm | None]]:
        """Return what stands before attention and the feed-forward part, and what behind them."""
        return (self.norm(layer.input_layernorm), self.norm(layer.post_attention_layernorm)), (None, None)

    def attention(self, layer: nn.Module) -> Attention:
        """Return a layer's attention."""
        own = layer.self_attn
        query, key = self.head_norms(own)
        return Attention(self.qkv(own), joined(own.o_proj), self.sizes.heads, self.sizes.kv_heads, self.sizes.head_dim, own.scaling, self.rotation(own),
                         self.window(own), getattr(own, "attn_logit_softcapping", None), query, key, self.norms_turned, self.neighbours)

    def qkv(self, own: nn.Module) -> Product:
        """Return the products of queries, keys and values as one."""
        return joined(own.q_proj, own.k_proj, own.v_proj)

    def head_norms(self, own: nn.Module) -> tuple[Norm | None, Norm | None]:
        """Return the norms of queries and keys."""
        return None, None

    def rotation(self, own: nn.Module) -> str | None:
        """Return the name of the table that turns a layer's queries and keys."""
        return ""

    def window(self, own: nn.Module) -> int | None:
        """Return a layer's sliding window."""
        return None

    def gated(self, layer: nn.Module) -> Gated:
        """Return a layer's feed-forward part."""
        return Gated(joined(layer.mlp.gate_proj, layer.mlp.up_proj), joined(layer.mlp.down_proj), self.activation())

    def activation(self) -> str:
        """Return what a gate goes through."""
        return self.config.hidden_act

    def tables(self) -> dict[str, RotaryTable]:
        """Return cosines and sines for positions below max_tokens."""
        return {"": rotary_table(self.body.rotary_emb, max(2, self.max_tokens))}

    def multiplier(self) -> float:
        """Return what is multiplied by what a layer's parts give."""
        return 1.0

    def embedding_multiplier(self) -> float:
        """Return what the embedding is multiplied by."""
        return 1.0


class Windowed(Plain):
    """Qwen2 and others whose layers have windows of their own."""

    def window(self, own: nn.Module) -> int | None:
        return own.sliding_window


class Typed(Plain):
    """Bodies with a rotation for each type of layer."""

    def rotation(self, own: nn.Module) -> str | None:
        return self.config.layer_types[own.layer_idx]

    def tables(self) -> dict[str, RotaryTable]:
        rotary = self.body.rotary_emb
        return {kind: rotary_table(rotary, max(2, self.max_tokens), kind) for kind in sorted(set(rotary.layer_types))}


class Qwen3(Windowed):
    """Norms of each head's queries and keys."""

    def head_norms(self, own: nn.Module) -> tuple[Norm | None, Norm | None]:
        return self.norm(own.q_norm), self.norm(own.k_norm)


class Mistral(Plain):
    """All layers have the window of the config."""

    def window(self, own: nn.Module) -> int | None:
        return getattr(self.config, "sliding_window", None)
