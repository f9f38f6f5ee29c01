"""Makes the encoders' bundles for the server's tests: `cd models/export && python -m parity.encoder_fixtures
../testdata/encoders`.

The checkpoints are those of parity cases, in both layouts. Golden pairs are PyTorch's, of items from one token to most
of the model's length, with ids of padding inside some. The same versions give the same files.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from tokenizers import Tokenizer
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from assay_export.cli import arguments, export
from assay_export.fixtures import STORY, write_readme
from assay_export.text.golden import write_pairs

from .case import Case, every_case
from .items import PASSAGES

CASES = ("bert-reranker", "roberta-reranker", "modernbert-reranker-mean")
LAYOUTS = ("packed", "padded")


def items(vocabulary: int, pad: int) -> list[dict]:
    """Return a model's golden items: passages, texts and ids; pad stands inside, in front and behind."""
    ids = [4 + (number * number) % (vocabulary - 4) for number in range(240)]
    return [*PASSAGES, {"prompt": STORY[0][:30], "response": STORY[1][:90]}, {"prompt": STORY[2][:60], "response": STORY[3][:160]},
            {"text": "A text without a question"}, {"input_ids": ids[:1]}, {"input_ids": ids[:2]}, {"input_ids": ids[:17]}, {"input_ids": ids[:130]},
            {"input_ids": ids}, {"input_ids": [*ids[:9], pad, *ids[9:14], pad, pad, *ids[14:60]]}, {"input_ids": [pad, *ids[:20], pad]}]


def make(out: Path, scratch: Path, case: Case) -> list[str]:
    """Write a case's bundles; return a line for each."""
    source = scratch / case.name
    case.write(source)
    pad = json.loads((source / "config.json").read_text(encoding="utf-8"))["pad_token_id"]
    vocabulary = Tokenizer.from_file(str(source / "tokenizer.json")).get_vocab_size()
    write_pairs(source / "items.jsonl", items(vocabulary, pad))
    return [export(arguments().parse_args([
        str(source), str(out / f"{case.name}-{layout}"), "--family", case.family, "--layout", layout, "--golden", str(source / "items.jsonl"),
        "--licence", "Apache-2.0", "--description", "Tiny random weights, for tests"])) for layout in LAYOUTS]


def main() -> None:
    """Make every bundle afresh."""
    parser = argparse.ArgumentParser("python -m parity.encoder_fixtures", description=__doc__.partition("\n\n")[0])
    parser.add_argument("out", type=Path, help="directory of bundles; what it holds is replaced")
    out = parser.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    disable_progress_bar()
    set_verbosity_error()
    with tempfile.TemporaryDirectory() as scratch:
        lines = [line for case in every_case() if case.name in CASES for line in make(out, Path(scratch), case)]
    write_readme(out, "Encoders with tiny random weights, for tests.", "cd models/export && python -m parity.encoder_fixtures ../testdata/encoders",
                 "Seeds are in parity/cases. Largest differences from PyTorch when made:", [line.partition(": ")[2] for line in lines])


if __name__ == "__main__":
    main()
