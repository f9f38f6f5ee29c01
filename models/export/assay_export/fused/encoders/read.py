"""Reading transformers' encoders as what `described.py` says."""

from itertools import pairwise

from torch import nn

from ...bodies.bodies import describe
from ...bodies.rope import rotary_table
from ..described import Attention, Gated, Product
from ..read import Plain, joined
from .described import Body, Embedding, FeedForward, Layer, LayerNorm


def layer_norm(module: nn.LayerNorm) -> LayerNorm:
    """Return a norm."""
    return LayerNorm(module.weight, module.bias, module.eps)


class Reader:
    """Reads one body, whose rotations go up to max_tokens."""

    def __init__(self, body: nn.Module, max_tokens: int):
        """body is transformers' module, in float32."""
        self.body, self.config, self.max_tokens = body, body.config, max_tokens
        self.plain = Plain(body, max_tokens)
        """Who reads layers that look as Llama's do."""

    def read(self) -> Body:
        """Return the body's description."""
        raise NotImplementedError

    def embedding(self) -> Embedding:
        """Return the embeddings of a body that names them as BERT does."""
        own = self.body.embeddings
        positions, types = (getattr(own, f"{name}_embeddings", None) for name in ("position", "token_type"))
        return Embedding(own.word_embeddings.weight, positions and positions.weight, types and types.weight, layer_norm(own.LayerNorm), self.widened())

    def widened(self) -> Product | None:
        """Return what makes embeddings as wide as the layers are."""
        own = getattr(self.body, "embeddings_project", None)
        return own and joined(own)

    def attends(self, qkv: Product, out: Product, rotation: str | None = None, window: int | None = None) -> Attention:
        """Return an attention with as many heads of keys as of queries."""
        sizes = describe(self.config)
        return Attention(qkv, out, sizes.heads, sizes.heads, sizes.head_dim, sizes.head_dim ** -0.5, rotation, window)


class Bert(Reader):
    """BERT and ELECTRA, whose embeddings may be narrower than their layers."""

    pad: int | None = None

    def read(self) -> Body:
        return Body(self.embedding(), [self.layer(layer) for layer in self.body.encoder.layer], pad=self.pad)

    def layer(self, layer: nn.Module) -> Layer:
        """Return a layer."""
        own, out, last = layer.attention.self, layer.attention.output, layer.output
        inner = FeedForward(joined(layer.intermediate.dense), joined(last.dense), self.config.hidden_act)
        return Layer(self.attends(joined(own.query, own.key, own.value), joined(out.dense)), inner, (layer_norm(out.LayerNorm), layer_norm(last.LayerNorm)))


class Roberta(Bert):
    """Positions begin behind the id of padding."""

    def __init__(self, body: nn.Module, max_tokens: int):
        super().__init__(body, max_tokens)
        self.pad = self.config.pad_token_id


class DistilBert(Reader):
    """BERT under other names."""

    def read(self) -> Body:
        return Body(self.embedding(), [self.layer(layer) for layer in self.body.transformer.layer])

    def layer(self, layer: nn.Module) -> Layer:
        """Return a layer."""
        own = layer.attention
        return Layer(self.attends(joined(own.q_lin, own.k_lin, own.v_lin), joined(own.out_lin)),
                     FeedForward(joined(layer.ffn.lin1), joined(layer.ffn.lin2), self.config.activation),
                     (layer_norm(layer.sa_layer_norm), layer_norm(layer.output_layer_norm)))


class Turned(Reader):
    """GTE and Nomic's BERT: rotations and gates as Llama's, and norms behind the parts."""

    def read(self) -> Body:
        layers = [Layer(self.plain.attention(layer), self.plain.gated(layer),
                        (layer_norm(layer.post_attention_layernorm), layer_norm(layer.post_mlp_layernorm))) for layer in self.body.layers]
        return Body(self.embedding(), layers, tables=self.plain.tables())


class EuroBert(Reader):
    """Llama whose tokens see each other."""

    def read(self) -> Body:
        plain, given = self.plain, list(self.body.layers)
        before = [plain.norm(module) for module in (*(layer.input_layernorm for layer in given), self.body.norm)]
        layers = [Layer(plain.attention(layer), plain.gated(layer), (plain.norm(layer.post_attention_layernorm), behind))
                  for layer, behind in zip(given, before[1:], strict=True)]
        return Body(Embedding(self.body.embed_tokens.weight, None, None, None), layers, before[0], behind=False, tables=plain.tables())


class ModernBert(Reader):
    """Norms in front of the parts, but of the first attention, which reads the norm of the embedding; a rotation for
    each type of layer."""

    def read(self) -> Body:
        own, rotary = self.body, self.body.rotary_emb
        tables = {kind: rotary_table(rotary, max(2, self.max_tokens), kind) for kind in sorted(set(rotary.layer_types))}
        norms = [*(layer.attn_norm for layer in own.layers), own.final_norm]
        layers = [self.layer(layer, behind) for layer, (_, behind) in zip(own.layers, pairwise(norms), strict=True)]
        embedding = Embedding(own.embeddings.tok_embeddings.weight, None, None, layer_norm(own.embeddings.norm))
        return Body(embedding, layers, behind=False, tables=tables)

    def layer(self, layer: nn.Module, behind: nn.LayerNorm) -> Layer:
        """Return a layer, with the norm of what it leaves."""
        own = layer.attn
        inner = Gated(joined(layer.mlp.Wi), joined(layer.mlp.Wo), self.config.hidden_activation)
        return Layer(self.attends(joined(own.Wqkv), joined(own.Wo), self.config.layer_types[own.layer_idx], own.sliding_window), inner,
                     (layer_norm(layer.mlp_norm), layer_norm(behind)))
