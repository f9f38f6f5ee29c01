"""Where an item's ids are read: the manifest's pooling rules, places of steps, the response of a likelihood."""

from dataclasses import dataclass, field

from ..errors import ExportError
from ..read.family import token_id
from .text import TextRules, beside


@dataclass
class Encoded:
    """An item as the model sees it."""

    ids: list[int]
    place: int | None = None
    """Reward: the place read; None when the graph pools or there are steps."""
    prompt: int | None = None
    """The second place, where the manifest asks for one."""
    steps: list[int] = field(default_factory=list)
    """Process: the place of each step."""
    response: int | None = None
    """Likelihood: where the response begins."""
    row: int = -1
    """The row of the readings that a graph picks which pools; an encoder has one."""

    def read(self, skip: int = 0) -> list[int]:
        """Return the places whose rows are wanted, ascending."""
        if self.response is not None:
            return list(range(self.response - 1, len(self.ids) - 1))
        places = self.steps[skip:] if self.steps else [] if self.place is None else [self.place]
        return places if self.prompt is None else [self.prompt, *places]


def encode(rules: TextRules, item: dict) -> Encoded:
    """Return an item's ids and the places read; ExportError when it has none."""
    manifest = rules.manifest
    encoded = Encoded(rules.encode(item))
    if manifest["kind"] == "choice":
        encoded.place = len(encoded.ids) - 2
        return encoded
    if manifest.get("likelihood"):
        encoded.response = response_start(rules, item, encoded.ids)
    if manifest["kind"] == "process":
        encoded.steps = step_places(rules, item, encoded.ids)
    elif not manifest.get("likelihood") and manifest["pooling"] != "in_graph":
        encoded.place = pooled(rules, encoded.ids)
    elif rules.pad is not None:
        encoded.row = last_not_pad(encoded.ids, rules.pad)
    prompt = rules.part("read").get("prompt")
    if prompt:
        encoded.prompt = prompt_place(rules, item, encoded.ids, prompt)
    return encoded


def pooled(rules: TextRules, ids: list[int]) -> int:
    """Return the place that the manifest's pooling rule reads."""
    last, rule = len(ids) - 1, rules.manifest["pooling"]
    pad = rules.part("tokenizer").get("pad_id")
    if rule == "last_attended":
        return last
    if rule == "last_not_pad":
        return last_not_pad(ids, pad)
    if rule == "before_first_pad":
        return ids.index(pad) - 1 if pad in ids[1:] and ids[0] != pad else last
    if rule == "count_not_pad":
        count = sum(token != pad for token in ids)
        return count - 1 if count else last
    if rule == "first":
        return 0
    if rule == "from_end":
        offset = rules.part("read").get("offset", 0)
        if offset > last:
            raise ExportError(f"an item of {len(ids)} tokens ends before read.offset {offset}")
        return last - offset
    if rule == "at_token":
        wanted = token_id(rules.tokenizer, rules.part("read")["token"])
        places = [at for at, token in enumerate(ids) if token == wanted]
        if not places:
            raise ExportError(f"a golden item has no token {rules.part('read')['token']!r}")
        return places[-1]
    raise ExportError(f"pooling {rule!r} is not known for a model of kind {rules.manifest['kind']}")


def transformers_pooling(config) -> str:
    """Return the rule by which transformers' own sequence classifiers pool: at the last token that is not their
    config's pad, where it has one."""
    return "last_attended" if config.pad_token_id is None or config.pad_token_id < 0 else "last_not_pad"


def last_not_pad(ids: list[int], pad: int | None) -> int:
    """Return the place of the last id that is not pad; the last of all when every one is."""
    return next((at for at in range(len(ids) - 1, -1, -1) if ids[at] != pad), len(ids) - 1)


def prompt_place(rules: TextRules, item: dict, ids: list[int], prompt: dict) -> int:
    """Return the second place: the start of a pattern's last occurrence, or the last token of the rendered prompt."""
    if "pattern" in prompt:
        pattern = prompt["pattern"]
        for at in range(len(ids) - len(pattern), -1, -1):
            if ids[at:at + len(pattern)] == pattern:
                return at
        raise ExportError(f"a golden item does not have the ids {pattern} of read.prompt.pattern")
    before = rules.before_response(item, add_generation_prompt=False)
    if ids[:len(before)] != before or len(before) >= len(ids):
        raise ExportError("a golden item's prompt, rendered on its own, does not lead the whole item's ids")
    return len(before) - 1


def response_start(rules: TextRules, item: dict, ids: list[int]) -> int:
    """Return the first id that is not the rendered prompt's."""
    if "input_ids" in item or "text" in item:
        raise ExportError("a likelihood needs a prompt and a response, and a golden item is text or input_ids")
    before = rules.before_response(item, add_generation_prompt=True)
    start = next((at for at, (one, other) in enumerate(zip(before, ids, strict=False)) if one != other), min(len(before), len(ids)))
    if not 1 <= start < len(ids):
        raise ExportError(f"a golden item's response begins at token {start} of {len(ids)}")
    return start


def step_places(rules: TextRules, item: dict, ids: list[int]) -> list[int]:
    """Return the place of each step."""
    steps = rules.part("steps")
    tokenize = steps.get("tokenize", "joint")
    if tokenize == "joint":
        separator = rules.separator_id()
        places = [at for at, token in enumerate(ids) if token == separator]
        if not places:
            raise ExportError(f"a golden item has no separator {steps['separator']!r}")
        return places
    if "steps" not in item:
        raise ExportError(f"steps that are tokenized {tokenize} must be given as steps")
    if tokenize == "separate":
        pieces = rules.pieces(item)
        flat = [token for piece in pieces for token in piece]
        end, shift = 0, len(rules.policies(flat, whole=False)) - len(flat)
        ends = []
        for piece in pieces:
            end += len(piece)
            ends.append(end + shift - 1 - steps.get("offset", 0))
        if min(ends[1:]) < 0:
            raise ExportError(f"a golden item's first step ends before steps.offset {steps['offset']}")
        return ends[1:]
    places = []
    for count in range(1, len(item["steps"]) + 1):
        cut = rules.policies(rules.tokenize(rules.render(rules.messages(item, steps=count), False, **beside(item))), whole=False)
        place = len(cut) - 1 - steps.get("offset", 0)
        if place < 0 or cut[:place + 1] != ids[:place + 1]:
            raise ExportError(f"step {count} of a golden item ends inside a token")
        places.append(place)
    return places
