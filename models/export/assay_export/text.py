"""From an item as users give it to token ids: chat template, tokenizer, BOS policy, positions read."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from .errors import ExportError


@dataclass
class TextRules:
    """Everything between an item and its ids, as the manifest tells it."""

    tokenizer: Tokenizer
    template: str | None
    variables: dict[str, str] = field(default_factory=dict)
    bos: str = "none"
    bos_id: int | None = None
    separator: str | None = None

    def separator_id(self) -> int:
        """Return the id of the step separator; ExportError when it is not one id in any context."""
        ids = self.tokenizer.encode(self.separator, add_special_tokens=False).ids
        for around in ("a", " a ", "1.", "\n", ")", "。", self.separator):
            inside = self.tokenizer.encode(around + self.separator + around, add_special_tokens=False).ids
            if len(ids) != 1 or ids[0] not in inside:
                raise ExportError(f"separator {self.separator!r} is not one token in any context (beside {around!r} it becomes "
                                  f"other tokens); make it a special token or choose another")
        return ids[0]

    def encode(self, item: dict) -> list[int]:
        """Return an item's ids: `input_ids`, `text`, `messages`, or `prompt` with `response` or `steps`."""
        if "input_ids" in item:
            return self.with_bos(list(item["input_ids"]))
        text = item["text"] if "text" in item else self.render(self.messages(item))
        return self.with_bos(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def messages(self, item: dict) -> list[dict[str, str]]:
        """Return an item's conversation; steps are each followed by the separator and joined by nothing else."""
        messages = list(item.get("messages", []))
        if "prompt" in item:
            messages.append({"role": "user", "content": item["prompt"]})
        if "steps" in item:
            messages.append({"role": "assistant", "content": "".join(step + self.separator for step in item["steps"])})
        elif "response" in item:
            messages.append({"role": "assistant", "content": item["response"]})
        return messages

    def render(self, messages: list[dict[str, str]]) -> str:
        """Return the conversation through the chat template, without a generation prompt."""
        if self.template is None:
            raise ExportError("the bundle has no chat template, so items must be text or input_ids")
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals.update(raise_exception=raise_exception, strftime_now=datetime.now().strftime)
        environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
        try:
            return environment.from_string(self.template).render(messages=messages, add_generation_prompt=False, **self.variables)
        except TemplateError as error:
            raise ExportError(f"the chat template refused a conversation: {error}") from error

    def with_bos(self, ids: list[int]) -> list[int]:
        """Return the ids with exactly one BOS in front when the policy is `one`; else as they are."""
        if self.bos != "one":
            return ids
        first = 0
        while first < len(ids) and ids[first] == self.bos_id:
            first += 1
        return [self.bos_id, *ids[first:]]


def raise_exception(message: str):
    """The function that templates call to refuse a conversation."""
    raise TemplateError(message)


def load_tokenizer(source: Path) -> tuple[Tokenizer, str]:
    """Return the tokenizer of a `tokenizer.json` (or of a directory that holds one) and the text to put into a bundle.

    Truncation and padding that the file may ask for are taken out: a server must see every token.
    """
    path = source / "tokenizer.json" if source.is_dir() else source
    if not path.exists():
        raise ExportError(f"{path} is missing; save the tokenizer with transformers' fast tokenizer first")
    text = path.read_text(encoding="utf-8")
    content = json.loads(text)
    if content.get("truncation") or content.get("padding"):
        content["truncation"] = content["padding"] = None
        text = json.dumps(content, ensure_ascii=False)
    return Tokenizer.from_str(text), text
