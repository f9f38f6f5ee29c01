"""The cases themselves: one for every family, and checkpoints whose scores hang on every token."""

import pytest

from assay_export.read.family import families
from parity.case import every_case

CASES = {case.name: case for case in every_case()}
PLAIN = sorted(name for name in CASES if name.startswith("plain-"))


def test_every_family_has_a_case():
    assert {case.family for case in CASES.values()} == set(families())


@pytest.mark.parametrize("name", PLAIN)
def test_every_token_moves_the_score(name, tmp_path):
    ids = [24, 60, 33, 97, 41, 150, 28, 66]
    changed = [[*ids[:at], ids[at] + 1, *ids[at + 1:]] for at in range(len(ids))]
    CASES[name].write(tmp_path / "checkpoint")
    first, *others = CASES[name].reference(tmp_path / "checkpoint", [{"input_ids": own} for own in (ids, *changed)])
    assert min(abs(pair["score"] - first["score"]) for pair in others) > 1e-3
