"""The tokenizer of both bundles: byte-level BPE, so any text encodes; every digit is a token of its own."""

from pathlib import Path
from random import Random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from . import problems

SIZE = 512
"""Vocabulary: 256 bytes, the special tokens, and merges for the commonest words."""
PAD, START, END, SEPARATOR = "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>"
CHUNKS = r" ?\p{L}+| ?[^\s\p{L}\p{N}]+|\p{N}|\s"
"""Merges stay inside a word with the space before it, a run of signs with the space before it, one digit, or one blank."""


def make_tokenizer(path: Path, seed: int) -> Tokenizer:
    """Train the merges on generated problems and write `tokenizer.json`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(CHUNKS), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(text, special=True, normalized=False) for text in (PAD, START, END, SEPARATOR)]
    trainer = trainers.BpeTrainer(vocab_size=SIZE, special_tokens=special, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(corpus(seed), trainer)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return tokenizer


def corpus(seed: int):
    """Yield the texts that the merges are learned from."""
    rng = Random(seed)
    for _ in range(20_000):
        problem = problems.draw_problem(rng, rng.randint(1, 4), held=False)
        yield f"user\n{problem.prompt}\nassistant\n" + "\n".join(problems.solve(rng, problem, flawed=False).steps)
