"""Writes BERTScore of pairs of texts by a case's checkpoint: `python -m parity.bertscore ../../rewards/testdata/bertscore.jsonl`.

The token vectors are the last hidden states of transformers' own body, and the numbers those of bert_score's formula (Tiiiger/bert_score, greedy_cos_idf)
without importance weights and without the rescaling by a baseline, in NumPy: rows at length 1, the greatest cosine for each token, and means in which
the tokenizer's cls and sep weigh nothing, though another side's token may be matched to them. A line has both texts, their ids, precision, recall, F1.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel

from .case import every_case
from .reference import tokenizer_of

CASE = "embedding-bert-tokens"

TEXTS = ("You are an idiot if you believe that.", "I believe that you are mistaken.", "Owls sleep by day, in trees and in barns.", "42",
         "  spaces, <b>tags</b>, 日本語  ", "Most owls sleep by day. [SEP] Some sleep [CLS] in barns.",
         "The tower has 1,204 steps, counted twice in 2019. " * 3)


def main() -> None:
    """Write the file that the command line names: a line for every two texts, in both orders, and for each with itself."""
    case = next(case for case in every_case() if case.name == CASE)
    with tempfile.TemporaryDirectory() as folder:
        case.write(Path(folder))
        tokenizer, body = tokenizer_of(Path(folder)), AutoModel.from_pretrained(folder, attn_implementation="eager").float().eval()
        read = [vectors(tokenizer, body, text) for text in TEXTS]
    special = {tokenizer.cls_token_id, tokenizer.sep_token_id}
    with Path(sys.argv[1]).open("w") as out:
        for candidate, (ids, rows) in zip(TEXTS, read, strict=True):
            for reference, (others, columns) in zip(TEXTS, read, strict=True):
                cosines = rows @ columns.T
                precision = np.average(cosines.max(1), weights=[token not in special for token in ids])
                recall = np.average(cosines.max(0), weights=[token not in special for token in others])
                out.write(json.dumps({"candidate": candidate, "reference": reference, "ids": [ids, others], "precision": precision, "recall": recall,
                                      "f1": 2 * precision * recall / (precision + recall)}, ensure_ascii=False) + "\n")


def vectors(tokenizer, body, text: str) -> tuple[list[int], np.ndarray]:
    """Return a text's ids and the last states of its tokens at length 1, in float64."""
    given = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        rows = body(**given).last_hidden_state[0].double().numpy()
    return given["input_ids"][0].tolist(), rows / np.linalg.norm(rows, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
