"""From an item as users give it to token ids: template or segments, tokenizer, policies on ids. `places.py` says where
they are read."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, overload

from tokenizers import Tokenizer

from ..errors import ExportError
from ..fields import Frame, Likelihood, Manifest, Read, Steps, Template, TokenizerRules
from ..read.family import token_id
from .render import Refusal, render

CONTEXTS = ("a", " a ", "1.", "\n", ")", "。")
"""Texts beside which a step separator that is an added token must stay one token."""

STEPS = ("x = 12", "done.", "so 4")
"""Ends of steps behind which any other separator must be one token."""

BESIDE = ("reference", "principle")
"""Fields of an item that a template may name beside the conversation."""


@dataclass
class TextRules:
    """Everything between an item and its ids, in the manifest's words."""

    tokenizer: Tokenizer
    template: str | None
    """Jinja text; None with segments, or when items must be text or input_ids."""
    manifest: Manifest
    """`tokenizer`, `template`, `pooling`, `read`, `steps`, … as docs/BUNDLE.md has them."""
    pad: int | None = None
    """The id that a decoder's graph which pools passes over at the end; None: no id, or no such graph."""

    @overload
    def part(self, name: Literal["tokenizer"]) -> TokenizerRules: ...
    @overload
    def part(self, name: Literal["template"]) -> Template: ...
    @overload
    def part(self, name: Literal["read"]) -> Read: ...
    @overload
    def part(self, name: Literal["steps"]) -> Steps: ...
    @overload
    def part(self, name: Literal["likelihood"]) -> Likelihood: ...
    def part(self, name):
        """Return a part of the manifest, empty when it is absent."""
        return self.manifest.get(name) or {}

    @property
    def conversations(self) -> bool:
        """Tell whether the model takes prompts and messages."""
        return self.template is not None or bool(self.part("template").get("segments"))

    @property
    def dated(self) -> bool:
        """Tell whether the template writes today's date, so that ids differ from day to day."""
        return "strftime_now" in (self.template or "") and self.day is None

    @property
    def day(self) -> date | None:
        """The day that the template writes, where the manifest fixes one."""
        fixed = self.part("template").get("date")
        return date.fromisoformat(fixed) if fixed else None

    def tokenize(self, text: str) -> list[int]:
        """Return a text's ids without special tokens of the tokenizer's own."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def whole(self, text: str) -> list[int]:
        """Return the ids of a text that is all that the model reads, with the manifest's frame around it."""
        frame: Frame = self.part("tokenizer").get("frame") or {}
        return [*frame.get("before", []), *self.tokenize(text), *frame.get("after", [])]

    def policies(self, ids: list[int], whole: bool = True) -> list[int]:
        """Return the ids with the manifest's end (of a whole item) and BOS."""
        rules = self.part("tokenizer")
        end, bos = rules.get("end", "keep"), {"none": 0, "one": 1, "two": 2}[rules["bos"]]
        if whole and end == "append" and ids[-1:] != [rules["end_id"]]:
            ids = [*ids, rules["end_id"]]
        if whole and end == "replace":
            ids = [*ids[:-1], rules["end_id"]]
        leading = rules.get("bos_id")
        if bos == 0 or leading is None:
            return list(ids)
        first = 0
        while first < len(ids) and ids[first] == leading:
            first += 1
        return [leading] * bos + ids[first:]

    def encode(self, item: dict) -> list[int]:
        """Return an item's ids: `input_ids`, `text`, `messages`, `prompt` with `response` or `steps`; of a pair `first`
        and `second`.

        With `candidate` they are the prompt's, and behind them the candidate's one.
        """
        if "candidate" in item:
            return self.with_candidate(item)
        if "input_ids" in item:
            return self.policies(list(item["input_ids"]))
        if "text" in item:
            return self.policies(self.whole(item["text"]))
        if self.part("template").get("segments"):
            return self.policies(self.segments(item))
        if "steps" in item and self.part("steps").get("tokenize") == "separate":
            return self.policies([token for piece in self.pieces(item) for token in piece])
        names = {name: item[name] for name in ("first", "second") if name in item} | beside(item)
        return self.policies(self.whole(self.render(self.messages(item), **names)))

    def with_candidate(self, item: dict) -> list[int]:
        """Return the prompt's ids and the candidate's behind them; ExportError when it is not one token there."""
        candidate = item["candidate"]
        text = item["text"] if "text" in item else self.render(self.messages(item), add_generation_prompt=True, **beside(item))
        before, whole = (self.policies(self.tokenize(part)) for part in (text, text + candidate))
        if whole[:-1] != before:
            raise ExportError(f"the candidate {candidate!r} is not exactly one token behind the prompt of a golden item")
        return whole

    def pieces(self, item: dict) -> list[list[int]]:
        """Return the ids of the rendered prompt and of each step with its separator, for steps tokenized on their
        own."""
        prompt = self.tokenize(self.render(self.messages(item, steps=0), add_generation_prompt=True, **beside(item)))
        separator = self.tokenize(self.part("steps").get("separator") or "")
        return [prompt, *(self.tokenize(step) + separator for step in item["steps"])]

    def messages(self, item: dict, steps: int | None = None) -> list[dict[str, str]]:
        """Return an item's conversation; steps: with so many of its steps only, and with 0 without the turn that they
        make."""
        messages = list(item.get("messages", []))
        if "prompt" in item:
            messages.append({"role": "user", "content": item["prompt"]})
        if "response" in item:
            messages.append({"role": "assistant", "content": item["response"]})
        kept = item.get("steps", [])[:steps]
        if not kept:
            return messages
        rules = self.part("steps")
        separator, join = rules.get("separator") or "", rules.get("join") or ""
        if not rules.get("turns"):
            return [*messages, {"role": "assistant", "content": join.join(step + separator for step in kept)}]
        first = f"{messages.pop()['content']} {kept[0]}" if messages and messages[-1]["role"] == "user" else kept[0]
        turns = [{"role": role, "content": content} for step in [first, *kept[1:]] for role, content in (("user", step), ("assistant", separator))]
        return messages + turns

    def before_response(self, item: dict, add_generation_prompt: bool) -> list[int]:
        """Return the ids of an item's conversation without its last assistant turn."""
        messages = self.messages(item, steps=0)
        if messages and messages[-1]["role"] == "assistant":
            messages.pop()
        return self.policies(self.tokenize(self.render(messages, add_generation_prompt, **beside(item))), whole=False)

    def render(self, messages: list[dict[str, str]], add_generation_prompt: bool = False, **names: str) -> str:
        """Return the conversation through the chat template; names are further variables."""
        if self.template is None:
            raise ExportError("the bundle has no chat template, so items must be text or input_ids")
        return render(self.template, messages, self.day, add_generation_prompt, self.part("template").get("variables", {}) | names)

    def segments(self, item: dict) -> list[int]:
        """Return the ids of a model without Jinja: of each segment by itself, which is a token, fixed text, a part of
        the item or both."""
        turns = self.messages(item)
        roles = ["user"] if "first" in item else ["user", "assistant"]
        if [turn["role"] for turn in turns] != roles:
            raise Refusal(f"the segments take the turns {' and '.join(roles)}, and the item has {[turn['role'] for turn in turns]}")
        texts = {"prompt": turns[0]["content"], "response": turns[-1]["content"], **{name: item[name] for name in ("first", "second") if name in item}}
        segments = self.part("template")["segments"]
        marks = {token_id(self.tokenizer, segment["token"]) for segment in segments if "token" in segment}
        ids: list[int] = []
        for segment in segments:
            if "token" in segment:
                ids.append(token_id(self.tokenizer, segment["token"]))
                continue
            part = texts[segment["text"]] if "text" in segment else ""
            own, most = self.tokenize(segment.get("fixed", "") + part), segment.get("max_tokens")
            if "text" in segment and marks.intersection(own):
                raise ExportError(f"the {segment['text']} holds one of the segments' tokens")
            if most is not None and len(own) > most:
                raise ExportError(f"the {segment['text']} has {len(own)} tokens, and its segment takes {most}")
            ids += own
        return ids

    def types(self, ids: list[int]) -> list[int] | None:
        """Return the token_type_ids of an item, or None when the manifest has no rule for them."""
        after = self.part("tokenizer").get("type_after")
        if after is None:
            return None
        first = ids.index(after) if after in ids else len(ids)
        return [int(at > first) for at in range(len(ids))]

    def separator_id(self) -> int:
        """Return the id of the step separator; ExportError when it is not one id wherever a step ends.

        A token of its own must hold in any context, other text in those that occur: behind a step, before the next or
        the end.
        """
        separator, join = self.part("steps").get("separator") or "", self.part("steps").get("join") or ""
        found = self.tokenize(STEPS[0] + separator)[len(self.tokenize(STEPS[0])):]
        added = {token.content for token in self.tokenizer.get_added_tokens_decoder().values()}
        contexts = [(around, around) for around in (*CONTEXTS, separator)]
        if separator not in added:
            contexts = [(step, join + after) for step in STEPS for after in ("", "y", "Next", "Step 2: 5")]
        for before, after in contexts:
            if len(found) != 1 or self.tokenize(before + separator + after).count(found[0]) != (3 if before == separator else 1):
                raise ExportError(f"separator {separator!r} is not one token in any context (between {before!r} and {after!r} it becomes "
                                  f"other tokens); make it a special token or choose another")
        return found[0]


def beside(item: dict) -> dict[str, str]:
    """Return the texts of an item that its template may name beside the conversation."""
    return {name: item[name] for name in BESIDE if name in item}


class Watched(TextRules):
    """Text rules that keep what came of the template: the first text, which is the whole of an item that is not
    tokenized in parts."""

    text: str | None = None
    refused: ExportError | None = None

    def render(self, messages: list[dict[str, str]], add_generation_prompt: bool = False, **names: str) -> str:
        try:
            rendered = super().render(messages, add_generation_prompt, **names)
        except ExportError as error:
            self.refused = error
            raise
        self.text = rendered if self.text is None else self.text
        return rendered
