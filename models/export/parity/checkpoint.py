"""Tiny random checkpoints of any class: tokenizers of every kind, weights under given names, config and template files."""

import copy
import json
import math
from collections import Counter
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import nn

from assay_export.tiny import byte_level_tokenizer, sentences

TEXTS = [*sentences(1, 120, 300), "Step 1: 2 + 2 = 4. Question Answer User Assistant Human: + - Yes No yes no A B 0 1 2 3 4 5 6 7 8 9 " * 5]
"""What the tokenizers are trained on."""


def special(*tokens: str) -> list[AddedToken]:
    """Return special tokens that are matched as they stand."""
    return [AddedToken(token, special=True, normalized=False) for token in tokens]


def byte_level(tokens: list[str], size: int = 320, bos: str | None = None, words: tuple[str, ...] = ()) -> Tokenizer:
    """Train a byte-level BPE tokenizer (GPT-2, Qwen) with these special tokens first; with a bos it writes one in front.

    words are sure to be one token.
    """
    return byte_level_tokenizer([*TEXTS, *((word + "\n") * 400 for word in words)], size, tokens, bos)


def metaspace(tokens: list[str], size: int = 440, bos: str | None = "<s>", prefix: bool | str = True, words: tuple[str, ...] = ()) -> Tokenizer:
    """Make a SentencePiece-like BPE tokenizer (Llama 2, Mistral, Gemma): "▁" for a space, bytes where a character is unknown.

    tokens are special and come first; prefix puts "▁" before the text, as Llama 2 does and Gemma does not, or with "first" only where no
    special token stands before it, as newer ones do; words are sure to be one token, alone and with a "▁" before them. Nothing else merges
    with a newline.
    """
    tokens = list(dict.fromkeys([*tokens, "<unk>"]))
    learner = Tokenizer(models.BPE(unk_token="<unk>"))
    learner.normalizer = normalizers.Replace(" ", "▁")
    learner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Split(Regex("(?=▁)"), "isolated")])
    trainer = trainers.BpeTrainer(vocab_size=size - len(tokens) - 256, show_progress=False, special_tokens=[])
    learner.train_from_iterator([" " + text for text in TEXTS], trainer)
    learned = json.loads(learner.to_str())["model"]
    merges: dict[tuple[str, str], None] = {}
    for word in (word.removeprefix("▁") for word in words):
        merges |= {(word[:end], word[end]): None for end in range(1, len(word))} | {("▁", word): None}
    merges |= {tuple(merge): None for merge in learned["merges"]}
    pieces = dict.fromkeys([*sorted(learned["vocab"], key=learned["vocab"].get), *(character for word in words for character in word),
                            *(left + right for left, right in merges)])
    vocabulary = {piece: at for at, piece in enumerate([*tokens, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=list(merges), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if prefix == "first":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Sequence([*([normalizers.Prepend("▁")] if prefix else []), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(special(*tokens))
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos} $B",
                                                                 special_tokens=[(bos, tokenizer.token_to_id(bos))])
    return tokenizer


def llama3(size: int = 360, words: tuple[str, ...] = ()) -> Tokenizer:
    """Make a tokenizer like Llama 3's: byte-level BPE that keeps newlines together, a BOS in front, "assistant" one token.

    words are sure to be one token each, between letters.
    """
    tokens = ["<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|finetune_right_pad_id|>", "<|end_of_text|>",
              "<|reserved_special_token_1|>"]
    tokenizer = Tokenizer(models.BPE())
    cuts = Regex(r"\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(cuts, "isolated"),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  special_tokens=special(*tokens))
    tokenizer.train_from_iterator([*TEXTS, "assistant\n\nuser\n\n" * 400, *((word + "a") * 400 for word in words)], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{tokens[0]} $A",
                                                             special_tokens=[(tokens[0], tokenizer.token_to_id(tokens[0]))])
    return tokenizer


def wordpiece(size: int = 400) -> Tokenizer:
    """Make BERT's tokenizer: lower case, [CLS] a [SEP], or [CLS] a [SEP] b [SEP] with types 0 and 1."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    normalizer, splitter = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    counts = Counter(word for text in TEXTS for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    pieces = common_pieces(counts, size - len(tokens), "##")
    tokenizer = Tokenizer(models.WordPiece({piece: at for at, piece in enumerate([*tokens, *pieces])}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.add_special_tokens(special(*tokens))
    return bert_pairs(tokenizer)


def unigram(tokens: list[str], unk: str, size: int = 320) -> Tokenizer:
    """Make a SentencePiece unigram tokenizer (XLM-R, DeBERTa v3), "▁" before each word, without what it puts around a text."""
    counts = Counter("▁" + word for text in TEXTS for word in text.split())
    pieces = common_pieces(counts, size - len(tokens))
    total = sum(pieces.values())
    vocabulary = [(token, 0.0) for token in tokens] + [(piece, math.log(count / total)) for piece, count in pieces.items()]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=tokens.index(unk)))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(special(*tokens))
    return tokenizer


def common_pieces(words: Counter[str], size: int, inside: str = "") -> dict[str, int]:
    """Return every letter of the words and then their commonest parts by count times length, with counts; parts that begin inside
    a word carry a mark. The trainers of `tokenizers` for these two models give other pieces each time.
    """
    pieces: Counter[str] = Counter()
    for word, count in words.items():
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + 7) + 1):
                pieces[(inside if start else "") + word[start:end]] += count
    length = lambda piece: len(piece.removeprefix(inside)) if inside else len(piece)  # noqa: E731
    letters = sorted(piece for piece in pieces if length(piece) == 1)
    others = sorted((piece for piece in pieces if length(piece) > 1), key=lambda piece: (-pieces[piece] * length(piece), piece))
    return {piece: pieces[piece] for piece in (letters + others)[:size]}


def bert_pairs(tokenizer: Tokenizer, first: str = "[CLS]", last: str = "[SEP]") -> Tokenizer:
    """Make it write [CLS] a [SEP] b [SEP], or other tokens in their place, with type 1 from b on."""
    known = [(token, tokenizer.token_to_id(token)) for token in (first, last)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first}:0 $A:0 {last}:0", pair=f"{first}:0 $A:0 {last}:0 $B:1 {last}:1", special_tokens=known)
    return tokenizer


def roberta_pairs(tokenizer: Tokenizer) -> Tokenizer:
    """Make it write <s> a </s></s> b </s>, all of type 0."""
    known = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=known)
    return tokenizer


def seeded(shapes: dict[str, torch.Size | tuple[int, ...]], seed: int, spread: float = 0.25) -> dict[str, torch.Tensor]:
    """Return noise of these shapes, wide enough that a score depends on every token; norms lie around 1, biases around 0."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name in sorted(shapes):
        noise = torch.randn(tuple(shapes[name]), generator=generator)
        centre = 1.0 if noise.ndim == 1 and name.endswith("weight") else 0.0
        weights[name] = centre + noise * (spread if noise.ndim > 1 else 0.1)
    return weights


def weights_of(module: nn.Module, seed: int, spread: float = 0.25) -> dict[str, torch.Tensor]:
    """Return seeded noise for every weight that a transformers model would save; tied weights once."""
    tied = set(getattr(module, "all_tied_weights_keys", None) or {})
    return seeded({name: value.shape for name, value in module.named_parameters() if name not in tied}, seed, spread)


def renamed(weights: dict[str, torch.Tensor], old: str, new: str) -> dict[str, torch.Tensor]:
    """Return the weights with one prefix for another."""
    return {new + name.removeprefix(old) if name.startswith(old) else name: value for name, value in weights.items()}


def write(directory: Path, config: dict, weights: dict[str, torch.Tensor], tokenizer: Tokenizer, tokens: dict[str, str | None] | None = None,
          template: str | None = None, **tokenizer_config) -> None:
    """Write a checkpoint directory; tokens are bos_token, eos_token, pad_token, …"""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    save_file({name: value.contiguous() for name, value in copy.copy(weights).items()}, directory / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"} | (tokens or {}) | tokenizer_config
    (directory / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    if template is not None:
        (directory / "chat_template.jinja").write_text(template, encoding="utf-8")


def read(directory: Path) -> tuple[dict, dict[str, torch.Tensor]]:
    """Return a checkpoint directory's config and weights."""
    return json.loads((directory / "config.json").read_text(encoding="utf-8")), load_file(directory / "model.safetensors")
