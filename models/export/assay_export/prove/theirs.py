"""A checkpoint directory as transformers itself loads it: tokenizer, conversations and readings, nothing of this
package's reading."""

from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer

from ..errors import ExportError, first_line
from ..read import mxfp4
from ..read.files import read_json
from ..text.bounds import bounded
from ..text.render import Refusal, clock
from ..text.text import TextRules

LOCAL = {"local_files_only": True, "trust_remote_code": False}
"""Nothing is fetched, and code inside a checkpoint is never run."""

ENDINGS = {"ForSequenceClassification": AutoModelForSequenceClassification, "ForTokenClassification": AutoModelForTokenClassification,
           "ForCausalLM": AutoModelForCausalLM, "LMHeadModel": AutoModelForCausalLM}
"""transformers' loaders by the ending of a class's name."""


def tokenizer_of(directory: Path, fallback: bool = False):
    """Return a directory's tokenizer as AutoTokenizer loads it.

    fallback: where that needs code of the checkpoint's own, as transformers' plain fast tokenizer loads it. ExportError
    when it cannot be.
    """
    try:
        return AutoTokenizer.from_pretrained(directory, **LOCAL)
    except Exception as error:  # transformers raises many kinds here; each means the same to the caller
        if fallback:
            return plain_tokenizer_of(directory)
        raise ExportError(f"{directory}: AutoTokenizer cannot load the tokenizer: {first_line(error)}") from error


def plain_tokenizer_of(directory: Path):
    """Return a directory's tokenizer as transformers' plain fast tokenizer reads its files."""
    try:
        return transformers.PreTrainedTokenizerFast.from_pretrained(directory, **LOCAL)
    except Exception as error:
        raise ExportError(f"{directory}: transformers cannot load the tokenizer: {first_line(error)}") from error


class TheirRules(TextRules):
    """From an item to ids by a tokenizer of transformers: its chat template, its special tokens, its way of putting two
    texts together."""

    def __init__(self, rules: TextRules, tokenizer, template: str | None):
        """template: the family's, or None for the one that the tokenizer itself has."""
        super().__init__(rules.tokenizer, rules.template, rules.manifest, rules.pad)
        self.theirs, self.given = tokenizer, template
        self.kinds: dict[tuple[int, ...], list[int]] = {}

    def tokenize(self, text: str) -> list[int]:
        return self.theirs(text, add_special_tokens=False)["input_ids"]

    def whole(self, text: str) -> list[int]:
        if not self.part("tokenizer").get("frame"):
            return self.tokenize(text)
        return self.noted(self.theirs(text))

    def noted(self, encoded) -> list[int]:
        """Return the ids of what the tokenizer gave, and keep the token types; a model takes 0 for those that are not
        given."""
        ids = encoded["input_ids"]
        self.kinds[tuple(ids)] = encoded.get("token_type_ids") or [0] * len(ids)
        return ids

    def render(self, messages: list[dict[str, str]], add_generation_prompt: bool = False, **names: str) -> str:
        try:
            with clock(self.day), bounded():
                return self.theirs.apply_chat_template(messages, chat_template=self.given, tokenize=False,
                                                       add_generation_prompt=add_generation_prompt, **names)
        except Exception as error:
            raise ExportError(f"transformers' apply_chat_template cannot render a conversation: {first_line(error)}") from error

    def segments(self, item: dict) -> list[int]:
        if any("fixed" in segment for segment in self.part("template")["segments"]):
            return super().segments(item)
        turns = self.messages(item)
        if len(turns) != 2:
            raise Refusal("a cross-encoder reads two texts")
        both = self.theirs([turns[0]["content"]], [turns[1]["content"]])  # as CrossEncoder.predict: one call of two texts leaves out an empty second
        return self.noted({name: rows[0] for name, rows in both.items()})

    def types(self, ids: list[int]) -> list[int] | None:
        return self.kinds[tuple(ids)] if tuple(ids) in self.kinds else super().types(ids)


def model_of(directory: Path, class_name: str, labels: int | None = None):
    """Return a directory's model in float32 as transformers loads it, with eager attention.

    labels: how many the head has, where config.json does not say. ExportError when a weight is missing or another class
    comes of it.
    """
    loader = next((loader for ending, loader in ENDINGS.items() if class_name.endswith(ending)), None)
    if loader is None or not hasattr(transformers, class_name):
        raise ExportError(f"{directory / 'config.json'}: transformers has no class {class_name}")
    options = {} if labels is None else {"num_labels": labels}
    if mxfp4.used(read_json(directory / "config.json")):  # whatever kernels the machine has
        options["quantization_config"] = transformers.Mxfp4Config(dequantize=True)
    try:
        model, seen = loader.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager", output_loading_info=True,
                                             return_dict=True, **LOCAL, **options)
    except Exception as error:  # as above
        raise ExportError(f"{directory}: transformers cannot load the model: {first_line(error)}") from error
    if type(model).__name__ != class_name:
        raise ExportError(f"{directory / 'config.json'}: architectures names {class_name}, and transformers makes a {type(model).__name__} of it")
    if seen["missing_keys"]:
        raise ExportError(f"{directory}: transformers finds no weight {sorted(seen['missing_keys'])[0]}")
    return model.eval()


def rows(model, form: dict, ids: list[int], types: list[int] | None, pooled: bool) -> torch.Tensor:
    """Return a model's readings at every token [L, labels], an encoder's as one row; a likelihood's row is of the token
    that follows.

    form is the family's head. pooled: of a sequence classifier the row that transformers itself picks, at every token.
    """
    given = torch.tensor([ids])
    extra = {} if types is None else {"token_type_ids": torch.tensor([types])}
    with torch.no_grad():
        if type(model).__name__.endswith("ForSequenceClassification") and form["form"] == "linear" and not pooled:
            return model.score(model.base_model(input_ids=given, attention_mask=torch.ones_like(given), return_dict=True)
                               .last_hidden_state[0])
        logits = model(input_ids=given, attention_mask=torch.ones_like(given), return_dict=True, **extra).logits
    match form["form"]:
        case "classifier":
            return logits
        case "linear":
            return logits.expand(len(ids), -1) if logits.ndim == 2 else logits[0]
        case "candidates":
            return logits[0][:, form["ids"]]
        case "vocabulary_mean":
            return logits[0].double().mean(-1, keepdim=True)
        case "choice":
            logit = logits[0, :-1].double()
            both = torch.cat([logit.gather(1, given[0, 1:, None]), logit.logsumexp(-1, keepdim=True)], 1)
            return torch.nn.functional.pad(both, (0, 0, 0, 1))
        case "likelihood":
            following = torch.log_softmax(logits[0, :-1].double(), -1).gather(1, given[0, 1:, None])
            return torch.nn.functional.pad(following, (0, 0, 0, 1))
    raise ExportError(f"transformers has no head of form {form['form']}")
