"""URM: means of attributes by weights that another network gives."""

from torch import nn

from ..case import Case
from ..checkpoint import read
from ..decoders import linear, write
from ..items import CHAT
from ..reference import bare_body, conversation, head, hidden_states, tokenizer_of

ATTRIBUTES = ["helpfulness", "correctness", "coherence", "complexity", "verbosity"]


def urm(directory, items):
    """Restates sglang's LlamaForSequenceClassificationWithNormal_Weights in float32, on the card's text: rendered, then tokenized with a BOS.

    score gives [10] at the last token, mean and spread of each attribute in turn; weights.fc gives [5]; the score is Σ weight · mean.
    """
    weights = read(directory)[1]
    tokenizer, body = tokenizer_of(directory), bare_body(directory, "model.")
    pairs = []
    for item in items:
        if "input_ids" in item:
            ids = item["input_ids"]
        else:
            ids = tokenizer(item["text"] if "text" in item else tokenizer.apply_chat_template(conversation(item), tokenize=False))["input_ids"]
        row = hidden_states(body, ids)[-1]
        rewards = head(weights, "score", row).view(-1, len(ATTRIBUTES), 2)[0]
        inner = nn.functional.selu(head(weights, "weights.fc.0", row))
        mix = head(weights, "weights.fc.4", nn.functional.selu(head(weights, "weights.fc.2", inner)))
        score = (rewards[:, 0] * mix).sum().item()
        names = ["reward", *ATTRIBUTES, *(f"log-std-{name}" for name in ATTRIBUTES), *(f"weight-{name}" for name in ATTRIBUTES)]
        values = [score, *rewards[:, 0].tolist(), *rewards[:, 1].tolist(), *mix.tolist()]
        pairs.append({"item": item, "ids": ids, "read": [len(ids) - 1], "score": score, "scores": dict(zip(names, values, strict=True))})
    return pairs


HEADS = linear("score", 10) | linear("weights.fc.0", 32, True) | linear("weights.fc.2", 32, True) | linear("weights.fc.4", 5, True)
SYSTEM = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes."}]}
RENDERED = {"text": "<|begin_of_text|>Rendered by the client, as it is."}

CASES = [
    Case("urm", "urm", write("llama3", "LlamaForSequenceClassificationWithNormal_Weights", HEADS, seed=141, labels=10),
         [*CHAT, SYSTEM, RENDERED, {"input_ids": [0, 0, 40, 50, 60]}], urm),
]
