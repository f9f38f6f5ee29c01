"""What sentence-transformers' own CrossEncoder gives for parity's tiny checkpoints, as each of its versions saves them.

`PYTHONPATH=. python sentence/make.py` writes tests/sentence_transformers.json: for each directory the checkpoint it is made of, what config.json
has besides, the files that save_pretrained put beside the weights, and the scores of CrossEncoder.predict for PASSAGES and for pairs with an
empty text. It needs sentence-transformers with scikit-learn, which the lock does not have; the versions are in the file.
"""

import importlib.metadata
import json
import tempfile
from pathlib import Path

from sentence_transformers import CrossEncoder
from torch import nn
from transformers.utils.logging import disable_progress_bar

from assay_export import tiny
from parity.case import every_case
from parity.items import PASSAGES, WITHOUT_TEXT

OUT = Path(__file__).parents[1] / "tests" / "sentence_transformers.json"
CLASSES = {"Identity": nn.Identity, "Sigmoid": nn.Sigmoid}
LINEAR, ACTIVATION = "torch.nn.modules.linear.Identity", "torch.nn.modules.activation.Sigmoid"
DIRECTORIES = [
    ("saved, sigmoid", "bert-reranker", {}, "Sigmoid"), ("saved, identity", "electra-reranker", {}, "Identity"),
    ("saved, two labels", "roberta-text", {}, None),
    ("version 4, identity", "roberta-reranker", {"sentence_transformers": {"activation_fn": LINEAR, "version": "4.1.0"}}, None),
    ("version 4, sigmoid", "distilbert-reranker", {"sentence_transformers": {"activation_fn": ACTIVATION, "version": "4.1.0"}}, None),
    ("version 4, nothing named", "modernbert-reranker", {"sentence_transformers": {"version": "4.1.0"}}, None),
    ("version 3, identity", "bert-reranker", {"sbert_ce_default_activation_function": LINEAR}, None),
    ("version 3, sigmoid", "gte-reranker", {"sbert_ce_default_activation_function": ACTIVATION}, None),
    ("modules, first token", "modules-modernbert", {}, None), ("modules, mean", "modules-bert-mean", {}, None),
    ("logits, a template", "logit-score-qwen3", {}, None), ("logits, two texts", "logit-score-mistral", {}, None),
]
"""A name, the parity case whose checkpoint it is, what config.json has besides, and the activation with which it is saved by this version."""


def directory(name: str, case: str, config: dict, activation: str | None, folder: Path) -> dict:
    """Return a directory's entry."""
    source = folder / "source"
    next(one for one in every_case() if one.name == case).write(source)
    tiny.edit_json(source / "config.json", **config)
    files = {}
    if name.startswith("saved"):
        model = CrossEncoder(str(source), device="cpu", **({"activation_fn": CLASSES[activation]()} if activation else {}))
        model.save_pretrained(str(folder / "saved"))
        files = {path.name: json.loads(path.read_text()) for path in sorted((folder / "saved").glob("*.json"))
                 if path.name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json")}
        source = folder / "saved"
    scores = CrossEncoder(str(source), device="cpu").predict([(item["prompt"], item["response"]) for item in [*PASSAGES, *WITHOUT_TEXT]],
                                                               batch_size=1)
    return {"name": name, "case": case, "config": config, "files": files, "scores": scores.tolist()}


def main() -> None:
    """Write the file."""
    disable_progress_bar()
    versions = {name: importlib.metadata.version(name) for name in ("sentence-transformers", "transformers", "torch")}
    found = []
    for entry in DIRECTORIES:
        with tempfile.TemporaryDirectory() as folder:
            found.append(directory(*entry, Path(folder)))
    OUT.write_text(json.dumps({"versions": versions, "directories": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
