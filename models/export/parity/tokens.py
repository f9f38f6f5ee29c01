"""Writes what transformers itself gives every token of the responses of some cases: `python -m parity.tokens ../../rewards/testdata/logprobs.jsonl`.

A line has a case's name, an item, the ids, where the response begins, the text of it, and log-probabilities under the policy and the reference.
"""

import json
import sys
import tempfile
from pathlib import Path

from .case import every_case
from .cases.likelihood import logps, models_of
from .reference import tokenizer_of

CASES = ("dpo-llama3", "dpo-qwen2-alone", "dpo-gpt2", "density-ratio", "simpo-llama3", "cream-alone", "implicit-prm", "eurus-prm")


def lines(case, directory: Path):
    """Yield a line for each of the case's items."""
    case.write(directory)
    tokenizer, (policy, other) = tokenizer_of(directory), models_of(directory)
    for pair in case.reference(directory, case.items):
        ids, start = pair["ids"], pair["read"][0] + 1
        before, whole = (tokenizer.decode(part, clean_up_tokenization_spaces=False) for part in (ids[:start], ids))
        line = {"case": case.name, "item": pair["item"], "ids": ids, "start": start, "text": whole.removeprefix(before),
                "policy": logps(policy, ids)[start - 1:].tolist()}
        yield line | ({"reference": logps(other, ids)[start - 1:].tolist()} if other else {})


def main() -> None:
    """Write the file that the command line names."""
    with Path(sys.argv[1]).open("w") as out:
        for case in every_case():
            if case.name in CASES:
                with tempfile.TemporaryDirectory() as folder:
                    for line in lines(case, Path(folder)):
                        out.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
