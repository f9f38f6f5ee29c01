"""Which row is read (docs/BUNDLE.md, P1 to P7), with a pad token of its own, with the EOS as pad, with the EOS inside the prompt, and
without a pad token: P1 to P4 as the generations of transformers compute them on a right-padded batch, P5 to P7 as the authors' code does.
"""

import torch
from torch import nn

from ..case import Case
from ..checkpoint import read
from ..decoders import KINDS, linear, write
from ..items import CHAT
from ..reference import bare_body, of_class, template_ids, tokenizer_of
from .ends import trl
from .process import LLAMA_STEPS, lm, rlhflow
from .scalar import athene

KIND, EOS, PAD = "llama3", 1, 4
INSIDE = [{"text": "first<|eot_id|> and more"}, {"text": "twice<|eot_id|><|eot_id|>"}, {"input_ids": [0, 40, EOS, 50, 60, EOS]},
          {"input_ids": [0, EOS, 50, 60]}, {"input_ids": [0, 50, PAD, 60, 61]}, {"input_ids": [0, 50, 60, PAD, PAD]}]


def last_attended(ids, mask, pad):
    """P1: the last token of the attention mask, as OpenRLHF and ArmoRM's kin read it."""
    return (mask * torch.arange(mask.shape[1])).argmax(-1)


def last_not_pad(ids, mask, pad):
    """P2: GenericForSequenceClassification since pull request 35911 (4.50): the rightmost id that is not pad."""
    return (torch.arange(ids.shape[1], dtype=torch.int32) * (ids != pad).int()).argmax(-1)


def before_first_pad(ids, mask, pad):
    """P3: *ForSequenceClassification of 4.31 to 4.49 (with pull request 27450 the remainder): the first pad less one."""
    return (torch.eq(ids, pad).int().argmax(-1) - 1) % ids.shape[-1]


def count_not_pad(ids, mask, pad):
    """P4: *ForSequenceClassification up to 4.30: how many ids are not pad, less one."""
    return torch.ne(ids, pad).sum(-1) - 1


def batched(rule, pad: int | None):
    """Return the reference of a rule: all items right-padded to one batch, the head's rows gathered where the rule says.

    Without a pad token a sequence runs alone, as transformers asks, and is read at its end.
    """
    def run(directory, items):
        weights = read(directory)[1]
        tokenizer, body = tokenizer_of(directory), bare_body(directory, "model.")
        sequences = [template_ids(tokenizer, item, 1) for item in items]
        groups = [sequences] if pad is not None else [[ids] for ids in sequences]
        places, scores = [], []
        for group in groups:
            width = max(map(len, group))
            ids = torch.tensor([own + [pad or 0] * (width - len(own)) for own in group])
            mask = torch.tensor([[1] * len(own) + [0] * (width - len(own)) for own in group])
            with torch.no_grad():
                hidden = body(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
            logits = nn.functional.linear(hidden, weights["score.weight"]).squeeze(-1)
            at = rule(ids, mask, pad) if pad is not None else torch.tensor([width - 1])
            places += at.tolist()
            scores += logits[torch.arange(len(group)), at].tolist()
        return [{"item": item, "ids": ids, "read": [at], "score": score}
                for item, ids, at, score in zip(items, sequences, places, scores, strict=True)]
    return run


def own_class(directory, items):
    """The class of transformers 5 itself, on the right-padded batch with the config's pad id."""
    tokenizer, model = tokenizer_of(directory), of_class(directory)
    sequences = [template_ids(tokenizer, item, 1) for item in items]
    width, pad = max(map(len, sequences)), model.config.pad_token_id
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([own + [pad] * (width - len(own)) for own in sequences]),
                       attention_mask=torch.tensor([[1] * len(own) + [0] * (width - len(own)) for own in sequences])).logits[:, 0]
    places = [max(at for at, one in enumerate(ids) if one != pad) for ids in sequences]
    return [{"item": item, "ids": ids, "read": [at], "score": score}
            for item, ids, at, score in zip(items, sequences, places, logits.tolist(), strict=True)]


RULES = {"last-attended": last_attended, "last-not-pad": last_not_pad, "before-first-pad": before_first_pad, "count-not-pad": count_not_pad}


def writer(pad: str | None):
    """Return the writer of a Llama classifier with that pad token."""
    return write(KIND, "LlamaForSequenceClassification", linear("score"), seed=71, tokens={"pad_token": pad})


def case(name: str, pad: str | None, rule: str, reference, layouts=("packed", "padded"), option: bool = True) -> Case:
    """Return a case of a rule; with option the rule is asked for, else the exporter must find it."""
    asked = ("--pooling", rule.replace("-", "_")) if option else ()
    return Case(name, "sequence-classification", writer(pad), [*CHAT, *INSIDE], reference, asked, layouts)


ENDED = {"prompt": "One<|eot_id|> and one<|eot_id|><|eot_id|>?", "response": "It is 2<|eot_id|>, so 2."}
STEPPED = [{"prompt": "2 + 2 + 3?", "steps": ["2 + 2 = 4.", "4 + 3 = 7."]},
           {"prompt": "One<|eot_id|> and one<|eot_id|>?", "steps": ["Two<|eot_id|>.", "So 2."]}, {"prompt": "One?", "steps": ["Yes"]}]


def at_places(name: str, pad: str | None) -> list[Case]:
    """Return the cases of P5 (two before the end of each step's turn), P6 (at a token) and P7 (at the last token of a step) with that pad token."""
    layouts, tokens = ("packed", "padded") if pad else ("packed",), {"pad_token": pad}
    return [
        Case(f"pool-from-end-{name}", "rlhflow-prm", write(LLAMA_STEPS, "LlamaForCausalLM", lm(LLAMA_STEPS), seed=72, tokens=tokens),
             STEPPED, rlhflow, layouts=layouts),
        Case(f"pool-at-token-{name}", "athene-rm", write(KIND, "AtheneForSequenceClassification", linear("v_head"), seed=73, tokens=tokens),
             [*CHAT, ENDED, {"text": "<|begin_of_text|>one<|reserved_special_token_1|> two<|eot_id|>"}], athene, layouts=layouts),
        Case(f"pool-at-step-{name}", "trl-prm", write(KIND, "LlamaForTokenClassification", linear("score", 2, True), seed=74, labels=2,
                                                      tokens=tokens), STEPPED, trl("\n"), layouts=layouts),
    ]


OWN, END = KINDS[KIND].tokens["pad_token"], KINDS[KIND].tokens["eos_token"]
CASES = [
    *(case(f"pool-{name}-own-pad", OWN, name, batched(rule, PAD)) for name, rule in RULES.items()),
    *(case(f"pool-{name}-pad-is-eos", END, name, batched(rule, EOS)) for name, rule in RULES.items()),
    case("pool-found-pad-is-eos", END, "last-not-pad", own_class, option=False),
    case("pool-no-pad-token", None, "last-attended", batched(last_attended, None), layouts=("packed",), option=False),
    *at_places("own-pad", OWN), *at_places("pad-is-eos", END), *at_places("no-pad-token", None),
]
