"""The network of both bundles: one Qwen3 decoder with a language-model head, a step head and a reward head."""

import torch
from torch import nn
from transformers import Qwen3Config, Qwen3Model

from .vocabulary import SIZE

MAX_TOKENS = 512


def make_config() -> Qwen3Config:
    """A Qwen3 of about 0.9 million parameters."""
    return Qwen3Config(vocab_size=SIZE, hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4,
                       num_key_value_heads=4, head_dim=32, max_position_embeddings=MAX_TOKENS, rope_theta=10000.0,
                       initializer_range=0.04, tie_word_embeddings=True, attn_implementation="sdpa", use_cache=False)


class Verifier(nn.Module):
    """Scores steps and responses, and predicts the next token while it learns."""

    def __init__(self):
        super().__init__()
        self.body = Qwen3Model(make_config())
        self.step_head = nn.Linear(128, 2)
        self.reward_head = nn.Linear(128, 1, bias=False)

    def forward(self, ids: torch.Tensor) -> list[torch.Tensor]:
        """Return the normed hidden states [B·S, 128] after layers 2, 3 and 4 for ids [B, S], padded on the right.

        With causal attention no mask is needed: what a token sees never includes padding.
        """
        positions = torch.arange(ids.shape[1])[None]
        out = self.body(input_ids=ids, position_ids=positions, attention_mask=None, output_hidden_states=True)
        early = [self.body.norm(hidden) for hidden in out.hidden_states[2:4]]
        return [hidden.flatten(0, 1) for hidden in (*early, out.last_hidden_state)]

    def next_token_logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return [N, vocabulary] for hidden states [N, 128]; the weights are the embedding's."""
        return hidden @ self.body.embed_tokens.weight.T
