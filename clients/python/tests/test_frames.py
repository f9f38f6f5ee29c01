"""Frames of pandas in and out."""

import pandas

from assay import Client
from assay.frames import score_frame


def test_a_frame(client: Client) -> None:
    frame = pandas.DataFrame({"q": ["12 + 30?", "12 + 30?", "1?"], "a": ["42", "41", "\ud800"], "bonus": [1.0, None, 2.0]}, index=[7, 8, 9])
    scored = score_frame(client, frame, prompt="q", response="a", into="reward", progress=True)
    assert list(scored["reward"])[:2] == client.scores([("12 + 30?", "42"), ("12 + 30?", "41")])
    assert scored["reward"].isna().tolist() == [False, False, True] and str(scored["reward"].dtype) == "Float64"
    assert scored["reward_error"].tolist()[2].startswith("bad_item: ") and scored["reward_error"].isna().sum() == 2
    assert list(scored.index) == [7, 8, 9] and "reward" not in frame
    mixed = score_frame(client, frame[:2], prompt="q", response="a", model="short-and-right", components=["rm"], given={"bonus": "bonus"})
    assert list(mixed["score"]) == [rm - 0.5 * 2 + bonus for rm, bonus in zip(mixed["score_rm"], [1, 0], strict=True)]
