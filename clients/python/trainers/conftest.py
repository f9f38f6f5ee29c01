"""The server of the light tests, and a policy of a few thousand weights that writes digits."""

from typing import Any

import pytest
import tokenizers
import torch
import transformers

from tests.conftest import client, server

__all__ = ["client", "policy", "server"]
LETTERS = "0123456789+-*=?. \nWhatisTenr()"


@pytest.fixture(scope="session")
def policy() -> tuple[Any, Any]:
    """A random model of one layer over characters, and its tokenizer."""
    words = {"<pad>": 0, "<eos>": 1, **{letter: place for place, letter in enumerate(dict.fromkeys(LETTERS), start=2)}}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="?"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    made.decoder = tokenizers.decoders.Fuse()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="<eos>", unk_token="?")
    torch.manual_seed(1)
    shape = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.LlamaConfig(vocab_size=len(words), bos_token_id=None, eos_token_id=1, pad_token_id=0, **shape)
    return transformers.LlamaForCausalLM(config), tokenizer
