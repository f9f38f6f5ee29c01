"""Encoders that classify one text: the tokenizer on that text, as transformers' pipeline has it, raw or as a probability."""

import torch

from ..case import Case
from ..items import CHAT, IDS, PASSAGES, TEXT
from ..reference import conversation, of_class, tokenizer_of
from .encoders import (
    BERT_BYTES,
    BERT_TOKENS,
    BERT_UNIGRAM,
    DISTIL,
    EURO,
    EURO_SIZES,
    MODERN_SIZES,
    PADDED,
    ROBERTA_BYTES,
    ROBERTA_TOKENS,
    ROBERTA_UNIGRAM,
    V3,
    WORDPIECE,
    writer,
)

ODD = [{"text": "  [CLS] spaces, [SEP] and </s> <s> tags </s>"}, {"prompt": "p", "response": "It ends. [SEP]"}, {"prompt": "p", "response": ""},
       {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "An insult, please."}]}]
"""Texts that hold the tokenizer's own tokens, an empty one, and a conversation without an answer."""

ITEMS = [*TEXT, *CHAT, PASSAGES[2], *ODD, *IDS]


def last_turn(tokenizer, turns: list[dict[str, str]]) -> str:
    """The response alone, as TRL's toxicity example scores it."""
    return turns[-1]["content"]


def joined(tokenizer, turns: list[dict[str, str]]) -> str:
    """Query and response as one text, as TRL's sentiment example scores them."""
    return "".join(turn["content"] for turn in turns)


def rendered(tokenizer, turns: list[dict[str, str]]) -> str:
    """The checkpoint's own chat template."""
    return tokenizer.apply_chat_template(turns, tokenize=False)


def classifier(score, text_of=last_turn):
    """Return the reference: the tokenizer on one text with its special tokens, the class's own forward on it alone, `score` of its logits."""
    def run(directory, items):
        tokenizer, model = tokenizer_of(directory), of_class(directory)
        pairs = []
        for item in items:
            if "input_ids" in item:
                given = {"input_ids": torch.tensor([item["input_ids"]])}
            else:
                text = item["text"] if "text" in item else text_of(tokenizer, conversation(item))
                given = tokenizer(text, return_tensors="pt")
            with torch.no_grad():
                pairs.append({"item": item, "ids": given["input_ids"][0].tolist(), "score": score(model(**given).logits[0].double()).item()})
        return pairs
    return run


def labelled(*names: str, **config) -> dict:
    """Return the config fields of a head with these labels."""
    return config | {"num_labels": len(names), "id2label": dict(enumerate(names)), "label2id": {name: at for at, name in enumerate(names)}}


def case(name: str, writes, reference, *options: str, layouts: tuple[str, ...] = ("packed", "padded")) -> Case:
    """Return a classifier's case."""
    return Case(name, "encoder-text", writes, ITEMS, reference, options, layouts)


MOODS = labelled("NEGATIVE", "POSITIVE")
TOXIC = labelled("toxic", "insult", "threat", problem_type="multi_label_classification")
TAGGED = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
WHOLE = "{{ '[CLS]' }}{% for message in messages %}{{ message['content'] }}{{ '[SEP]' }}{% endfor %}"

CASES = [
    case("bert-text", writer("bert", "BertForSequenceClassification", WORDPIECE, BERT_TOKENS, 261, **TOXIC),
         classifier(lambda logits: torch.sigmoid(logits[0])), "--label", "toxic", "--activation", "sigmoid"),
    case("bert-text-weighed", writer("bert", "BertForSequenceClassification", WORDPIECE, BERT_TOKENS, 262, **TOXIC),
         classifier(lambda logits: 0.5 - torch.sigmoid(logits) @ torch.tensor([1, 0.5, 2.0]).double()),
         "--score", "toxic=-1,insult=-0.5,threat=-2", "--activation", "sigmoid", "--mean", "-0.5"),
    case("roberta-text", writer("roberta", "RobertaForSequenceClassification", ROBERTA_BYTES, ROBERTA_TOKENS, 263, max_position_embeddings=258,
                                type_vocab_size=1, **labelled("nothate", "hate")), classifier(lambda logits: logits[0]), "--label", "nothate"),
    case("xlm-roberta-text", writer("xlm-roberta", "XLMRobertaForSequenceClassification", ROBERTA_UNIGRAM, ROBERTA_TOKENS, 264,
                                    max_position_embeddings=258, type_vocab_size=1, template=TAGGED),
         classifier(lambda logits: logits[0], rendered)),
    case("distilbert-text", writer("distilbert", "DistilBertForSequenceClassification", WORDPIECE, BERT_TOKENS, 265, **DISTIL, **MOODS),
         classifier(lambda logits: logits[1], joined), "--label", "POSITIVE", "--text", "conversation"),
    case("electra-text", writer("electra", "ElectraForSequenceClassification", WORDPIECE, BERT_TOKENS, 266, embedding_size=24, **MOODS),
         classifier(lambda logits: torch.softmax(logits, -1)[1]), "--label", "POSITIVE", "--activation", "softmax"),
    case("modernbert-text", writer("modernbert", "ModernBertForSequenceClassification", BERT_BYTES, BERT_TOKENS, 267, classifier_pooling="cls",
                                   **MODERN_SIZES), classifier(lambda logits: logits[0])),
    case("deberta-v3-text", writer("deberta-v2", "DebertaV2ForSequenceClassification", BERT_UNIGRAM, BERT_TOKENS, 268, **V3,
                                   **labelled("appropriate", "inappropriate")),
         classifier(lambda logits: torch.softmax(logits, -1)[0]), "--label", "appropriate", "--activation", "softmax", layouts=PADDED),
    case("eurobert-text", writer(*EURO, 269, classifier_pooling="late", **EURO_SIZES), classifier(lambda logits: logits[0])),
    case("gte-text", writer("gte", "GteForSequenceClassification", WORDPIECE, BERT_TOKENS, 270, type_vocab_size=0), classifier(lambda logits: logits[0])),
    case("nomic-text", writer("nomic_bert", "NomicBertForSequenceClassification", WORDPIECE, BERT_TOKENS, 271), classifier(lambda logits: logits[0])),
]
