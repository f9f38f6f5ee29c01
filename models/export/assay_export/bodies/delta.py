"""Gated delta layers: tokens read a state, which flows from the first token to the last, in the place of attention.

Each head has a state S, [key size, value size]. A token with a key k of length 1, a value v, a decay a and a rate β
fades it, S ← a·S, moves what it holds under k towards v, S ← S + β·k(v − kᵀS), and reads it by its query, qᵀS.
transformers' own modules project, norm and gate. The convolution and the recurrence between them are restated here,
since theirs go through a text in a loop of Python, whose length a graph would keep. Every product has the same sizes
for every text and is summed in one chain, so a token's bits hang on neither the batch nor the padding.
"""

from functools import partial

import torch
from torch import nn
from transformers.activations import ACT2FN

from .attention import DOT_BLOCK

LAYERS = ("Qwen3_5GatedDeltaNet", "Qwen3_5MoeGatedDeltaNet", "Qwen3NextGatedDeltaNet")
"""transformers' modules of such a layer."""

CHUNK = 64
"""Tokens that are computed together, a power of two; the graph goes through a text chunk by chunk."""

TERMS = 8
"""Of the series of a logarithm, whose rest is below float32's last bit."""


def restate(body: nn.Module) -> nn.Module:
    """Have a body's gated delta layers compute as this module does; return the body."""
    for part in body.modules():
        if type(part).__name__ in LAYERS:
            part.forward = partial(forward, part)
    return body


def forward(layer: nn.Module, hidden_states: torch.Tensor, **_) -> torch.Tensor:
    """Return what a layer gives for [B, S, hidden].

    No mask is needed: what follows a token, such as padding on the right, changes nothing of it.
    """
    mixed, gate, rate, step = projected(layer, hidden_states)
    query, key, value = convolved(layer, mixed).split([layer.key_dim, layer.key_dim, layer.value_dim], -1)
    heads = layer.num_k_heads  # each serves several heads of values
    query, key = (unit(part.unflatten(-1, (heads, 1, -1))) for part in (query, key))
    decay = -layer.A_log.exp() * softplus(step + layer.dt_bias)
    value, rate, decay = (part.unflatten(-1, (heads, layer.num_v_heads // heads, -1)) for part in (value, rate.sigmoid(), decay))
    read = recurrence(query * layer.head_k_dim**-0.5, key, value, rate, decay)
    normed = layer.norm(read.flatten(0, -2), gate.reshape(-1, layer.head_v_dim))
    return layer.out_proj(normed.reshape(*hidden_states.shape[:2], -1))


def projected(layer: nn.Module, hidden: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return [B, S, .]: queries, keys and values in one, the gate, and a rate and a step of each head of values."""
    if hasattr(layer, "in_proj_qkv"):
        return layer.in_proj_qkv(hidden), layer.in_proj_z(hidden), layer.in_proj_b(hidden), layer.in_proj_a(hidden)
    *mixed, gate, rate, step = layer.fix_query_key_value_ordering(layer.in_proj_qkvz(hidden), layer.in_proj_ba(hidden))
    return torch.cat([part.flatten(2) for part in mixed], -1), gate, rate, step


def convolved(layer: nn.Module, mixed: torch.Tensor) -> torch.Tensor:
    """Return the layer's convolution of [B, S, channels], each token with the few before it, and its activation."""
    kernel = layer.conv1d.weight[:, 0].T
    width, length = len(kernel), mixed.shape[1]
    padded = nn.functional.pad(mixed, (0, 0, width - 1, 0))
    return ACT2FN[layer.activation](sum(padded[:, at:at + length] * kernel[at] for at in range(width)))


def unit(rows: torch.Tensor) -> torch.Tensor:
    """Return vectors [..., d] of length 1, as transformers' l2norm does."""
    return rows * torch.rsqrt((rows * rows).sum(-1, keepdim=True) + 1e-6)


def softplus(value: torch.Tensor) -> torch.Tensor:
    """Return log(1 + eˣ).

    The logarithm is a series, 2·artanh(t / (t + 2)) of t = e^−|x|: ONNX Runtime's own gives a number other bits by
    where in a tensor it lies.
    """
    tail = torch.exp(-value.abs())
    ratio = tail / (tail + 2)
    square, series = ratio * ratio, torch.full((), 1 / (2 * TERMS - 1))
    for term in reversed(range(TERMS - 1)):
        series = series * square + 1 / (2 * term + 1)
    return value.relu() + 2 * ratio * series


def recurrence(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, rate: torch.Tensor, decay: torch.Tensor) -> torch.Tensor:
    """Return what each token reads, [B, S, heads, shares, value size].

    query and key are [B, S, heads, 1, key size], value [B, S, heads, shares, value size], rate and the logarithm of the
    decay [B, S, heads, shares, 1].
    """
    rows, length, heads, shares = value.shape[:4]
    place = places(length)
    inside = (place < length)[None, :, None, None, None]
    parts = [part.index_select(1, place.clamp(max=length - 1)) for part in (query, key, value, rate, decay)]
    parts[3:] = [part * inside for part in parts[3:]]  # so that tokens behind the last change no state
    state = value.new_zeros(rows, heads, shares, key.shape[-1], value.shape[-1])
    chunks = [part.unflatten(1, (-1, CHUNK)).permute(1, 0, 3, 4, 2, 5) for part in parts]
    _, read = torch.ops.higher_order.scan(through, [state], chunks, triangles())
    return read.permute(1, 0, 4, 2, 3, 5).flatten(1, 2).index_select(1, torch.arange(length))


def places(length: int) -> torch.Tensor:
    """Return 0 to the end of the last chunk.

    torch's exporter knows nothing of their number, or it would keep that of its example.
    """
    count = ((torch.scalar_tensor(length, dtype=torch.long) + CHUNK - 1) // CHUNK).item()
    torch._check(count >= 1)
    return torch.arange(count * CHUNK)


def through(state: torch.Tensor, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, rate: torch.Tensor, decay: torch.Tensor,
            lower: torch.Tensor, *levels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Take a chunk's tokens through the state; return the state behind them and what they read.

    What a token adds to the state hangs on what those before it in the chunk added: new = rate·(value − what the state
    before the chunk holds) − related·new, where related is strictly lower triangular. lower and levels are triangles'.
    """
    total = decay.cumsum(-2)  # since the chunk's beginning
    fade = torch.exp((total - total.transpose(-1, -2)) * lower) * lower  # from one token to another
    kept = torch.exp(total)
    related = product(key, key.transpose(-1, -2)) * fade * rate
    new = inverse(related, levels) @ (rate * (value - product(key * kept, state)))
    read = product(query * kept, state) + (product(query, key.transpose(-1, -2)) * fade) @ new
    last = total[..., -1:, :]
    return state * torch.exp(last) + (key * torch.exp(last - total)).transpose(-1, -2) @ new, read


def triangles() -> tuple[torch.Tensor, ...]:
    """Return matrices [CHUNK, CHUNK]: 1 where a row is not before its column, and where a level of `inverse` works."""
    row, column = torch.arange(CHUNK)[:, None], torch.arange(CHUNK)[None]
    sizes = [1 << level for level in range(CHUNK.bit_length() - 1)]
    levels = [(row // (2 * size) == column // (2 * size)) & (row // size > column // size) for size in sizes]
    return (row >= column).float(), *(level.float() for level in levels)


def inverse(related: torch.Tensor, levels: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Return (I + related)⁻¹ of a strictly lower triangular matrix [..., CHUNK, CHUNK]; above may lie any number.

    That of [[A, 0], [B, D]] is [[A⁻¹, 0], [−D⁻¹BA⁻¹, D⁻¹]]: blocks of one row are put together by pairs until one is
    left. Powers of the matrix, which would take fewer products, grow beyond what float32 can subtract.
    """
    found = torch.eye(CHUNK) - related * levels[0]
    for level in levels[1:]:
        found = found - found @ (related * level) @ found
    return found


def product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return left @ right, DOT_BLOCK of the sum at a time, so that it is cut at the same places whatever the sizes."""
    starts = range(0, left.shape[-1], DOT_BLOCK)
    return sum(left[..., at:at + DOT_BLOCK] @ right[..., at:at + DOT_BLOCK, :] for at in starts)
