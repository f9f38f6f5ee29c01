"""LoRA adapters over a base model, held to peft's own model of both."""

import peft
import torch
from transformers import AutoModelForSequenceClassification

from ..case import Case
from ..items import CHAT
from ..reference import pair, template_ids, tokenizer_of
from .likelihood import lm

SETTINGS: dict = {"r": 4, "lora_alpha": 6, "init_lora_weights": False}


def adapter(base, seed: int, **settings):
    """Return the writer of a classifier's adapter with seeded noise, as peft saves it; its base model lies in its folder `base`."""
    def write(directory):
        base(directory / "base")
        torch.manual_seed(seed)
        model = AutoModelForSequenceClassification.from_pretrained(directory / "base", num_labels=1)
        model = peft.get_peft_model(model, peft.LoraConfig(task_type="SEQ_CLS", **SETTINGS, **settings))
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.copy_(torch.randn(parameter.shape) * 0.2)
        model.save_pretrained(directory)
    return write


def rewards(bos: int = 0):
    """Return the reference of a sequence classifier that was trained as an adapter: peft's forward on each sequence alone."""
    def run(directory, items):
        base = AutoModelForSequenceClassification.from_pretrained(directory / "base", attn_implementation="eager", num_labels=1)
        tokenizer, model = tokenizer_of(directory / "base"), peft.PeftModel.from_pretrained(base, directory).float().eval()
        pairs = []
        for item in items:
            ids = template_ids(tokenizer, item, bos)
            with torch.no_grad():
                score = model(input_ids=torch.tensor([ids])).logits[0, 0]
            pad = model.config.pad_token_id
            pairs.append(pair(item, ids, max(at for at, one in enumerate(ids) if one != pad), score))
        return pairs
    return run


EVERY = {"target_modules": "all-linear"}
CASES = [
    Case("lora-qwen3", "sequence-classification",
         adapter(lm("qwen3", "Qwen3ForCausalLM", 311), 312, target_modules=["q_proj", "v_proj", "down_proj"]),
         CHAT, rewards()),
    Case("lora-llama3-rslora", "sequence-classification",
         adapter(lm("llama3", "LlamaForCausalLM", 313), 314, use_rslora=True,
                 rank_pattern={"q_proj": 2}, modules_to_save=["embed_tokens"], **EVERY), CHAT, rewards(bos=1)),
]
