"""What PyTorch makes of layers of the shape of Llama-3.1-8B in bfloat16: bar.py prints one JSON object. Needs torch."""

import json
import math

import torch
from layers import GROUPS, HEAD, HEADS, HIDDEN, INTERMEDIATE, LAYERS, LENGTHS
from speed import timed
from torch.nn import functional

RUNS = 10


class Layer:
    """One layer with random weights, written as PyTorch's users write it: its own fused attention, and products as one
    where they read the same rows."""

    def __init__(self):
        def drawn(outer, inner):
            return torch.randn(outer, inner, device="cuda", dtype=torch.bfloat16) * 0.02

        self.qkv, self.out = drawn((HEADS + 2 * GROUPS) * HEAD, HIDDEN), drawn(HIDDEN, HEADS * HEAD)
        self.gate_up, self.down = drawn(2 * INTERMEDIATE, HIDDEN), drawn(HIDDEN, INTERMEDIATE)
        self.norms = [torch.ones(HIDDEN, device="cuda", dtype=torch.bfloat16) for _ in range(2)]

    def __call__(self, x, cos, sin):
        """Gives what the layer makes of x [T, hidden]."""
        heads = functional.linear(functional.rms_norm(x, (HIDDEN,), self.norms[0], 1e-5), self.qkv).view(len(x), -1, HEAD).transpose(0, 1)
        query, key, value = heads.split([HEADS, GROUPS, GROUPS])
        query, key = (part * cos + torch.cat([-part[..., HEAD // 2:], part[..., :HEAD // 2]], -1) * sin for part in (query, key))
        mixed = functional.scaled_dot_product_attention(query[None], key[None], value[None], is_causal=True, enable_gqa=True)[0]
        x = x + functional.linear(mixed.transpose(0, 1).reshape(len(x), -1), self.out)
        gate, up = functional.linear(functional.rms_norm(x, (HIDDEN,), self.norms[1], 1e-5), self.gate_up).chunk(2, -1)
        return x + functional.linear(functional.silu(gate) * up, self.down)


def main():
    every, found = [Layer() for _ in range(LAYERS)], {"torch": torch.__version__, "ms_a_layer": {}}
    with torch.inference_mode():
        for tokens in LENGTHS:
            angles = torch.outer(torch.arange(tokens, device="cuda"), 500000.0 ** (-torch.arange(0, HEAD, 2, device="cuda") / HEAD)).repeat(1, 2)
            cos, sin = angles.cos().bfloat16(), angles.sin().bfloat16()
            x = torch.randn(tokens, HIDDEN, device="cuda", dtype=torch.bfloat16) / math.sqrt(HIDDEN)

            def forward(x=x, cos=cos, sin=sin):
                for layer in every:
                    x = layer(x, cos, sin)

            found["ms_a_layer"][str(tokens)] = 1e3 * timed(forward, RUNS) / LAYERS
    found["memory"] = torch.cuda.max_memory_allocated()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
