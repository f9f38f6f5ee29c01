"""Process models: places read, written by hand from the tokens, and scores that the steps behind them do not change."""

import pytest

from assay_export.read.family import families
from parity.case import every_case

CASES = {case.name: case for case in every_case()}

READ = {
    "math-psa": {2: [23, 32], 3: [29, 43], 4: [7]},
    "math-shepherd": {2: [29, 46], 3: [37, 59], 4: [16]},
    "meds3-prm": {3: [142, 163], 4: [120], 6: [126, 136], 7: [123, 137, 147]},
    "qwen25-math-prm": {2: [74, 85], 4: [52], 6: [16, 26]},
    "reasoneval-34b": {3: [63, 77], 4: [42], 6: [46, 49], 7: [45, 52, 56]},
    "reasoneval-7b": {3: [62, 76], 4: [41], 6: [45, 48]},
    "rewardmath-prm": {3: [52, 67], 4: [31], 6: [36, 40]},
    "rlhflow-prm-deepseek-data": {2: [32, 51], 4: [16]},
    "rlhflow-prm-mistral-data": {2: [39, 65], 4: [23]},
    "skywork-o1-prm": {3: [30, 44], 4: [8], 6: [15, 18]},
    "skywork-o1-prm-lm": {3: [31, 47], 4: [8], 5: [21, 32, 43, 54, 65, 76, 87, 98, 109]},
    "token-classification-gemma2": {6: [28, 31]},
    "token-classification-gpt-neox": {0: [16, 26]},
    "token-classification-gpt2": {0: [16, 26], 3: [1]},
    "token-classification-llama3": {6: [26, 29], 8: [1, 2], 9: [1, 3]},
    "token-classification-mistral": {3: [45, 60], 6: [27, 31]},
    "token-classification-one-label": {6: [62, 65]},
    "token-classification-phi3": {6: [23, 26]},
    "token-classification-qwen2": {4: [52], 6: [62, 65], 9: [0, 1]},
    "trl-prm-first": {3: [31, 47], 4: [10], 6: [13, 18], 8: [9, 12]},
    "trl-prm-gpt2": {4: [8], 6: [18, 22]},
    "trl-prm-llama3": {4: [7], 6: [14, 17]},
    "trl-prm-mistral": {3: [31, 47], 4: [10], 6: [13, 18]},
    "trl-prm-qwen2": {3: [29, 45], 4: [6], 6: [16, 19]},
    "versaprm-llama": {2: [24, 33], 4: [8]},
    "versaprm-qwen": {2: [23, 32], 4: [7]},
}
"""Case → item → places read, by hand; the cases' own comments say why these."""

CUT = sorted(name for name in READ if "steps" in CASES[name].items[0])
"""Cases whose second item is the first one cut short."""


@pytest.fixture(scope="module")
def pairs_of(tmp_path_factory):
    """Return a function from a case's name to the reference's pairs of all its items, made once."""
    made = {}

    def pairs(name):
        if name not in made:
            directory = tmp_path_factory.mktemp("ends") / name
            CASES[name].write(directory)
            made[name] = CASES[name].reference(directory, CASES[name].items)
        return made[name]
    return pairs


@pytest.mark.parametrize("name", sorted(READ))
def test_places_are_those_found_by_hand(name, pairs_of):
    pairs = pairs_of(name)
    assert {at: pairs[at]["read"] for at in READ[name]} == READ[name]


@pytest.mark.parametrize("name", CUT)
def test_a_later_step_changes_no_earlier_score(name, pairs_of):
    whole, cut = pairs_of(name)[:2]
    steps = cut["item"]["steps"]
    assert whole["item"]["steps"][:len(steps)] == steps and len(whole["item"]["steps"]) > len(steps)
    assert whole["read"][:len(cut["read"])] == cut["read"]
    for before, after in zip(cut["steps"], whole["steps"], strict=False):
        assert before == after or before == pytest.approx(after, abs=1e-6)


def test_every_family_with_a_head_for_steps_is_held():
    wanted = {family.name for family in families().values() if family.kind == "process" and family.head["form"] != "likelihood"}
    assert wanted == {CASES[name].family for name in READ}
