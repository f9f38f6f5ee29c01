"""Tiny random classifiers, exported by Optimum's own exporter as anyone would, each with a manifest and transformers' scores.

`make.py OUT` writes OUT/{qwen2,gpt2,bert}: model.onnx and tokenizer.json as Optimum left them, NAME.yaml beside this file as assay.yaml,
golden.jsonl with what transformers gives for each item alone, and OUT/README.txt.
"""

import importlib.metadata
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from optimum.exporters.onnx import main_export
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, GPT2Config, PretrainedConfig, Qwen2Config
from transformers.utils.logging import disable_progress_bar

HERE = Path(__file__).parent
SEED = 7
VOCABULARY = 384
CHATML = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
PAIRS = [("What is 12 + 30?", "It is 42."), ("What is 12 + 30?", "Forty."), ("Translate: naïve café", "一个天真的咖啡馆 ☕"),
         ("Name a river.", "The Danube flows through ten countries, more than any other."), ("", "An answer to nothing."), ("Why?", ""),
         ("Write a line of code.", "for i in range(3):\n\tprint(i ** 2)  # squares\n"),
         ("Count to twenty.", " ".join(map(str, range(1, 21))))]
CORPUS = [text for pair in PAIRS for text in pair] + ["the quick brown fox jumps over a lazy dog", "is it so, or is it not so?"]


def byte_level(special: list[str]) -> Tokenizer:
    """A byte-level BPE tokenizer; the special tokens have the first ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False,
                                                              initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    return tokenizer


def word_piece() -> Tokenizer:
    """BERT's kind of tokenizer, that writes [CLS] a [SEP] b [SEP] with types 0 and 1; its words and letters are those of the corpus."""
    normalizer, splitter = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    words = sorted({word for text in CORPUS for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))})
    letters = sorted({letter for word in words for letter in word})
    pieces = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters), *words[::2]])
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizer, splitter, decoders.WordPiece()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def chats(tokenizer: AutoTokenizer) -> list[tuple[dict, dict]]:
    """Conversations through the chat template, one with the pad token inside."""
    found = []
    for prompt, response in [*PAIRS, ("Pad here <|endoftext|> too.", "<|endoftext|> and here")]:
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
        text = tokenizer.apply_chat_template(messages, tokenize=False)
        found.append(({"messages": messages}, tokenizer(text, add_special_tokens=False)))
    return found


def texts(tokenizer: AutoTokenizer) -> list[tuple[dict, dict]]:
    """Plain texts: each with and without the end of text, which is the pad token, behind it; one with it inside."""
    plain = [f"{prompt} {response}" for prompt, response in PAIRS]
    every = [*plain, *(text + "<|endoftext|>" for text in plain[:3]), "before<|endoftext|>behind", "twice<|endoftext|><|endoftext|>"]
    return [({"text": text}, tokenizer(text)) for text in every]


def pairs(tokenizer: AutoTokenizer) -> list[tuple[dict, dict]]:
    """Question and answer, two segments with types of their own; transformers leaves an empty second one out, with its [SEP]."""
    return [({"prompt": prompt, "response": response}, tokenizer(prompt, response)) for prompt, response in PAIRS if response]


SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 256}
MODELS: dict[str, tuple[PretrainedConfig, Tokenizer, dict, Callable]] = {
    "qwen2": (Qwen2Config(**SIZES, num_key_value_heads=2, pad_token_id=0, eos_token_id=2, bos_token_id=None),
              byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>"]),
              {"pad_token": "<|endoftext|>", "eos_token": "<|im_end|>", "chat_template": CHATML}, chats),
    "gpt2": (GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=256, pad_token_id=0, eos_token_id=0, bos_token_id=0),
             byte_level(["<|endoftext|>"]),
             {"pad_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "model_input_names": ["input_ids", "attention_mask"]}, texts),
    "bert": (BertConfig(**SIZES, pad_token_id=0), word_piece(),
             {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "mask_token": "[MASK]",
              "model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}, pairs),
}


def write_checkpoint(directory: Path, config: PretrainedConfig, tokenizer: Tokenizer, settings: dict, seed: int) -> None:
    """A checkpoint with one label and weights wide enough that the score depends on every token."""
    config.num_labels, config.vocab_size = 1, VOCABULARY
    model = AutoModelForSequenceClassification.from_config(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            noise = torch.randn(weight.shape, generator=generator)
            norm = weight.ndim == 1 and name.endswith("weight")
            weight.copy_(1 + 0.1 * noise if norm else noise * (0.25 if weight.ndim > 1 else 0.1))
    model.save_pretrained(directory)
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    (directory / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **settings}))


def write_bundle(name: str, seed: int, out: Path) -> str:
    """Write one bundle; return its line for the README."""
    config, raw, settings, make_items = MODELS[name]
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint, exported = Path(scratch) / f"tiny-{name}", Path(scratch) / "onnx"
        write_checkpoint(checkpoint, config, raw, settings, seed)
        main_export(str(checkpoint), output=exported, task="text-classification", local_files_only=True)
        model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        for file in ("model.onnx", "tokenizer.json"):
            shutil.copy(exported / file, out / file)
    shutil.copy(HERE / f"{name}.yaml", out / "assay.yaml")
    if settings.get("chat_template"):
        (out / "chat_template.jinja").write_text(settings["chat_template"])
    scores = []
    with (out / "golden.jsonl").open("w", encoding="utf-8") as golden:
        for item, encoding in make_items(tokenizer):
            with torch.no_grad():
                scores.append(model(**{key: torch.tensor([ids]) for key, ids in encoding.items()}).logits.item())
            golden.write(json.dumps({"item": item, "ids": encoding["input_ids"], "score": scores[-1]}, ensure_ascii=False) + "\n")
    return f"{name}: {type(model).__name__}, seed {seed}, {len(scores)} golden pairs, scores {min(scores):.3f} to {max(scores):.3f}"


def main() -> None:
    """Write every bundle and the README."""
    disable_progress_bar()
    out = Path(sys.argv[1])
    lines = [write_bundle(name, SEED + i, out / name) for i, name in enumerate(MODELS)]
    versions = [f"{name} {importlib.metadata.version(name)}"
                for name in ("optimum-onnx", "optimum", "transformers", "tokenizers", "torch", "onnx", "onnxruntime")]
    head = ("Bundles with tiny random weights whose graphs Optimum's exporter made: the manifest is all that was added.\n"
            "Made by: models/export/optimum/make.sh models/testdata/optimum\n")
    (out / "README.txt").write_text(head + "With " + ", ".join(versions) + ".\n\n" + "\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
