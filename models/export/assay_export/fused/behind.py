"""Bodies whose only norms stand behind their parts: OLMo 2 and 3, and EXAONE 4."""

from torch import nn

from .described import Norm
from .read import Plain, Qwen3, Typed


class Behind(Plain):
    """OLMo 2, whose queries' and keys' norms are of all heads at once."""

    def norms(self, layer: nn.Module) -> tuple[tuple[Norm | None, Norm | None], tuple[Norm | None, Norm | None]]:
        return (None, None), (self.norm(layer.post_attention_layernorm), self.norm(layer.post_feedforward_layernorm))

    def head_norms(self, own: nn.Module) -> tuple[Norm | None, Norm | None]:
        return self.norm(own.q_norm), self.norm(own.k_norm)


class Olmo3(Behind, Typed):
    """A rotation and a window for each type of layer."""

    def window(self, own: nn.Module) -> int | None:
        return own.sliding_window


class Exaone4(Behind, Qwen3):
    """Layers without a window are not rotated where others have one."""

    def window(self, own: nn.Module) -> int | None:
        return own.sliding_window if own.is_sliding else None

    def rotation(self, own: nn.Module) -> str | None:
        return "" if own.sliding_window is None or own.is_sliding else None
