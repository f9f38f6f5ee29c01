"""The operators of domain `assay`, each as a function of plain operators that stands in the file beside the nodes that
call it.

A runtime that has kernels for them (docs/GPU.md) runs these; any other runs the bodies, which compute in float32 and
round to the compute type where the kernels do. Shapes: T tokens, h hidden, H heads and G key heads of d numbers, S
slots of a pool, R tiles of Q queries and K keys.

    AddRmsNorm     (residual f32 [T, h], x [T, h], weight f32 [h]) → (normed [T, h], residual + x f32 [T, h])
    AddLayerNorm   (residual f32 [T, h], x [T, h], weight and bias f32 [h]) → (normed [T, h], flows f32 [T, h])
    Linear         (x [T, k], weight [n, k], bias [n]) → [T, n]
    Rotate         (qkv [T, (H + 2G)·d], positions [T], cos and sin f32 [places, r / 2], query_norm and key_norm
                    f32 [d], slots [T], key_pool and value_pool [S, G, d])
                   → (queries [T, H·d], key_pool and value_pool with the tokens in their slots)
    RotateQkv      (qkv, positions, cos, sin, query_norm, key_norm) → (queries [T, H·d], keys and values [T, G, d])
    TileAttention  (queries [T, H·d], positions [T], query_index [R, Q], key_slots [R, K], key_len [R],
                    scatter_index [T], key_pool, value_pool) → [T, H·d]
    SwiGLU         (gate and up [T, 2m]) → silu(gate) · up [T, m]
    GeGLU          (gate and up [T, 2m]) → gelu(gate) · up [T, m]
    Gelu           (x [T, m]) → gelu(x) [T, m], by the error function as GeGLU's is
    QuantizeRows   (x [T, k]) → (levels int8 [T, k], row_scale f32 [T]), so that levels · row_scale is near x
    Linear8        (levels int8 [T, k], row_scale f32 [T], weight int8 [n, k], scale f32 [n], bias [n]) → [T, n]

Rotate's attribute `heads` has H, G and G, `turned` how many of a head's numbers are turned and how many are not; where
`normed` is 1, queries and keys are normed head by head before that. RotateQkv is the same for encoders, which keep no
keys: those of a forward are the pool that TileAttention reads, and a token's slot is its place in the forward. What
flows on from AddLayerNorm is residual + x, or where `behind` is 1 the norm of that, before it is rounded. A tile's key
place j has position j of its sequence: a query sees it where it lies before key_len, fewer than `window` positions from
it, and not after it where the body is causal. QuantizeRows divides each row by max|x| / 127 and rounds to whole
numbers, and Linear8 multiplies them by those of the weights: its sums are exact. A row that is not finite has a scale
of NaN, and so a result of NaN.
"""

from .forms import DOMAIN, EVERY_KEY, VERSION, Form, functions

__all__ = ["DOMAIN", "EVERY_KEY", "VERSION", "Form", "functions"]
