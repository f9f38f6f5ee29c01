"""Tiny random checkpoints of every family, written to disk as real ones are: for fixtures, tests and benchmarks."""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn
from transformers import AutoConfig, AutoModel
from transformers.utils.logging import disable_progress_bar

from .bodies.bodies import DECODERS

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Family:
    """How a family's tiny checkpoint looks."""

    template: str
    bos: str | None
    eos: str
    pad: str
    separator: str
    others: tuple[str, ...] = ()
    """Special tokens beyond bos, eos, pad and separator."""
    config: dict = field(default_factory=dict)
    """Config fields over the common ones."""


CONFIG = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
          "max_position_embeddings": 320}

FAMILIES = {
    "qwen2": Family("qwen", None, "<|im_end|>", "<|endoftext|>", "<extra_0>", ("<|im_start|>",), {
        "num_hidden_layers": 3, "use_sliding_window": True, "sliding_window": 10, "max_window_layers": 1}),
    "qwen3": Family("qwen", None, "<|im_end|>", "<|endoftext|>", "<extra_0>", ("<|im_start|>",), {"head_dim": 16}),
    "llama": Family("llama", "<|begin_of_text|>", "<|eot_id|>", "<|finetune_right_pad_id|>", "<|reserved_special_token_0|>",
                    ("<|start_header_id|>", "<|end_header_id|>"), {
        "rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
                            "high_freq_factor": 4.0, "original_max_position_embeddings": 64}}),
    "mistral": Family("mistral", "<s>", "</s>", "<unk>", "[STEP]", ("[INST]", "[/INST]"), {"sliding_window": 12, "head_dim": 8}),
    "gemma2": Family("gemma", "<bos>", "<eos>", "<pad>", "<unused0>", ("<start_of_turn>", "<end_of_turn>"), {
        "num_hidden_layers": 4, "sliding_window": 8, "head_dim": 16, "query_pre_attn_scalar": 16, "attn_logit_softcapping": 3.0}),
    "phi3": Family("phi3", None, "<|endoftext|>", "<|placeholder1|>", "<|step|>", ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"), {
        "sliding_window": 16, "num_key_value_heads": 4}),
}

ENCODERS: dict[str, tuple[str, dict]] = {
    "bert": ("BertForSequenceClassification", {"type_vocab_size": 2}),
    "modernbert": ("ModernBertForSequenceClassification", {
        "num_hidden_layers": 3, "global_attn_every_n_layers": 2, "local_attention": 8, "classifier_pooling": "mean", "cls_token_id": 1,
        "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2})}
"""Classes of tiny encoders that read two texts, and config fields over the common ones."""

ENCODER_TOKENS = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}


def words(rng: random.Random, count: int) -> list[str]:
    """Return made-up English-like words, short ones first and far more often repeated by `sentences`."""
    starts = ["b", "br", "c", "ch", "d", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "th", "tr", "w", ""]
    vowels, ends = ["a", "e", "i", "o", "u", "ea", "ou"], ["", "n", "t", "r", "s", "ng", "l", "ck", "m", "st", "nd"]
    made: dict[str, None] = {}
    while len(made) < count:
        syllables = 1 + len(made) * 3 // count + (rng.random() < 0.3)
        made["".join(rng.choice(starts) + rng.choice(vowels) + rng.choice(ends) for _ in range(syllables))] = None
    return list(made)


def sentences(seed: int, vocabulary: int, count: int) -> list[str]:
    """Return made-up sentences with Zipf-like word counts, numbers and punctuation; the same for the same arguments."""
    rng = random.Random(seed)
    known = words(rng, vocabulary)
    made = []
    for _ in range(count):
        picked = [known[int(len(known) ** rng.random()) - 1] for _ in range(rng.randint(4, 18))]
        if rng.random() < 0.3:
            picked.insert(rng.randrange(len(picked)), f"{rng.randint(0, 99)} {rng.choice('+-*/=')} {rng.randint(0, 99)}")
        made.append(" ".join(picked).capitalize() + rng.choice([".", ".", "?", "!", ",", "\n"]))
    return made


def byte_level_tokenizer(texts: list[str], vocab_size: int, special: list[str], bos: str | None) -> Tokenizer:
    """Train a byte-level BPE tokenizer with the special tokens first; with a bos, its post-processor writes one."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  special_tokens=[AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.train_from_iterator(texts, trainer)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))])
    return tokenizer


def fill(module: nn.Module, seed: int, spread: float) -> None:
    """Fill every parameter with seeded noise wide enough that scores depend on every token."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(module.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            centre = 1.0 if "norm" in name.lower() and name.endswith("weight") and "Gemma2" not in type(module).__name__ else 0.0
            parameter.copy_(centre + noise * (spread if parameter.ndim > 1 else 0.1))


def write_checkpoint(directory: Path, model_type: str, kind: str, *, tokenizer: Tokenizer, seed: int, spread: float = 0.2,
                     config: dict | None = None, class_name: str | None = None) -> Path:
    """Write a random checkpoint of a family as transformers would save it; return the directory.

    kind is "reward" (one label) or "process" (two). A class that transformers lacks (Qwen2ForProcessRewardModel) is
    written from its body and a Linear–ReLU–Linear head.
    """
    family = FAMILIES[model_type]
    labels = 1 if kind == "reward" else 2
    ids = {f"{name}_token_id": tokenizer.token_to_id(token) if token else None
           for name, token in (("bos", family.bos), ("eos", family.eos), ("pad", family.pad))}
    settings = AutoConfig.for_model(model_type, **{**CONFIG, **family.config, **(config or {}), **ids, "num_labels": labels,
                                                   "vocab_size": tokenizer.get_vocab_size()})
    known = class_name or f"{DECODERS[model_type]}For{'Sequence' if kind == 'reward' else 'Token'}Classification"
    maker = getattr(transformers, known, None)
    model = maker(settings) if maker else TwoLayerReward(settings, labels)
    fill(model, seed, spread)
    disable_progress_bar()
    model.eval().save_pretrained(directory)
    if not maker:
        edit_json(directory / "config.json", architectures=[known], auto_map={"AutoModel": f"modeling_x.{known}"})
    write_tokenizer(directory, tokenizer, family)
    return directory


def write_encoder(directory: Path, model_type: str, vocab_size: int, texts: list[str], seed: int, spread: float = 0.2,
                  config: dict[str, int] | None = None) -> Path:
    """Write a random cross-encoder's checkpoint with its tokenizer, which writes [CLS] a [SEP] b [SEP]; return the
    directory."""
    tokenizer = byte_level_tokenizer(texts, vocab_size, list(ENCODER_TOKENS.values()), None)
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
                                                             special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    name, own = ENCODERS[model_type]
    common = {key: value for key, value in CONFIG.items() if key != "num_key_value_heads"}
    settings = AutoConfig.for_model(model_type, **{**common, **own, **(config or {}), "pad_token_id": 0, "num_labels": 1,
                                                   "vocab_size": tokenizer.get_vocab_size()})
    model = getattr(transformers, name)(settings)
    fill(model, seed, spread)
    disable_progress_bar()
    model.eval().save_pretrained(directory)
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    inputs = ["input_ids", *(["token_type_ids"] if own.get("type_vocab_size") else []), "attention_mask"]
    (directory / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": inputs} | ENCODER_TOKENS), encoding="utf-8")
    return directory


class TwoLayerReward(nn.Module):
    """A body with a Linear–ReLU–Linear head, saved under the names of Qwen's reward models."""

    def __init__(self, config, labels: int):
        super().__init__()
        self.config = config
        self.model = AutoModel.from_config(config)
        self.score = nn.Sequential(nn.Linear(config.hidden_size, config.hidden_size), nn.ReLU(), nn.Linear(config.hidden_size, labels))

    def save_pretrained(self, directory: Path) -> None:
        """Write model.safetensors and config.json."""
        directory.mkdir(parents=True, exist_ok=True)
        save_file(self.state_dict(), directory / "model.safetensors", metadata={"format": "pt"})
        self.config.save_pretrained(directory)


def write_tokenizer(directory: Path, tokenizer: Tokenizer, family: Family) -> None:
    """Write tokenizer.json, tokenizer_config.json and the chat template."""
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": family.bos, "eos_token": family.eos, "pad_token": family.pad}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    template = (TEMPLATES / f"{family.template}.jinja").read_text(encoding="utf-8").removesuffix("\n")
    (directory / "chat_template.jinja").write_text(template, encoding="utf-8")


def family_tokenizer(model_type: str, vocab_size: int, texts: list[str]) -> Tokenizer:
    """Train a family's tokenizer with its special tokens."""
    family = FAMILIES[model_type]
    special = [token for token in (family.pad, family.bos, family.eos, family.separator, *family.others) if token]
    return byte_level_tokenizer(texts, vocab_size, special, family.bos)


def edit_json(path: Path, **fields) -> None:
    """Set fields of a JSON file's object."""
    content = json.loads(path.read_text(encoding="utf-8")) | fields
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
