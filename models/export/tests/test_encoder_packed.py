"""Packed graphs of encoders: transformers' scores, the same bits in any plan, and the layout that a checkpoint gets by
itself."""

import random

import numpy as np
import pytest
import torch
from conftest import BUNDLES, read_bundle
from transformers import AutoModelForSequenceClassification

from assay_export.cli import arguments, export
from assay_export.errors import ExportError
from assay_export.graph.plan import Slack, apart, packed_feeds
from assay_export.prove import check
from parity.case import every_case

ENCODERS = BUNDLES.parent / "encoders"
NAMES = ("bert-reranker", "roberta-reranker", "modernbert-reranker-mean")
CASES = {case.name: case for case in every_case()}
THREADS = (1, 2, 8)
ROUNDS = 60


def types_of(bundle):
    """Return what gives the token types of ids, by the manifest."""
    after = bundle.manifest["tokenizer"].get("type_after")

    def types(ids: list[int]) -> list[int] | None:
        end = len(ids) if after is None or after not in ids else ids.index(after) + 1
        return [0] * end + [1] * (len(ids) - end)
    return types


def read(bundle, session, sequences: list[list[int]], **how) -> np.ndarray:
    """Run sequences in one plan; return a row for each. A sequence is named by any of its tokens."""
    segments = apart(sequences)
    rng = random.Random(len(sequences))
    feeds = packed_feeds(segments, [(end, rng.randrange(len(end.ids))) for end in segments], 0, 0, 0, bidirectional=True, types=types_of(bundle), **how)
    return check.run(session, feeds)[0][:len(sequences)]


@pytest.mark.parametrize("name", NAMES)
def test_readings_are_bit_equal_in_any_plan(name):
    bundle, rng = read_bundle(ENCODERS / f"{name}-packed"), random.Random(name)
    vocabulary, longest = bundle.manifest["graph"]["vocab_size"], bundle.manifest["limits"]["max_tokens"]
    stem = [rng.randrange(vocabulary) for _ in range(longest)]
    known = [stem[:length] for length in (1, 2, 3, 16, 17, 100, longest)]
    known += [stem[:rng.randint(0, 100)] + [rng.randrange(vocabulary) for _ in range(rng.randint(1, 150))] for _ in range(20)]
    sessions = [check.open_graph(bundle.graph, threads) for threads in THREADS]
    seen: dict[int, bytes] = {}
    for round_number in range(ROUNDS):
        chosen = [round_number] if round_number < len(known) else rng.sample(range(len(known)), rng.randint(2, 8))
        spare = rng.choice([0, 0, 1, 7, 20])
        how = {"chunk": rng.choice([None, None, 1, 2, 16, 64]), "shuffle": random.Random(round_number),
               "slack": Slack(*(rng.randint(0, spare) for _ in range(4)))}
        for session in sessions:
            for number, row in zip(chosen, read(bundle, session, [known[number] for number in chosen], **how), strict=True):
                assert seen.setdefault(number, row.tobytes()) == row.tobytes(), (round_number, len(known[number]))


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_those_of_the_unchanged_transformers_class(name, tmp_path):
    CASES[name].write(tmp_path / "source")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "source", attn_implementation="eager", dtype=torch.float32).eval()
    bundle = read_bundle(ENCODERS / f"{name}-packed")
    assert max(len(pair["ids"]) for pair in bundle.golden) == 240
    types, given = types_of(bundle), [pair["ids"] for pair in bundle.golden]
    rows = read(bundle, check.open_graph(bundle.graph), given)
    for ids, pair, row in zip(given, bundle.golden, rows, strict=True):
        extra = {"token_type_ids": torch.tensor([types(ids)])} if "type_after" in bundle.manifest["tokenizer"] else {}
        with torch.no_grad():
            want = model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), **extra).logits.item()
        assert row[0] == pytest.approx(want, abs=1e-5) and pair["score"] == pytest.approx(want, abs=1e-5)


def test_a_pad_inside_moves_the_positions_behind_it():
    bundle = read_bundle(ENCODERS / "roberta-reranker-packed")
    session, pad = check.open_graph(bundle.graph), bundle.manifest["tokenizer"]["pad_id"]
    ids = list(range(20, 60))
    rows = read(bundle, session, [ids, [pad, *ids], [*ids[:10], pad, *ids[10:]], [*ids, pad]])
    assert len({row.tobytes() for row in rows}) == 4


@pytest.mark.parametrize(("name", "layout"), [("bge-reranker", "packed"), ("deberta-v1", "padded")])
def test_the_layout_that_a_checkpoint_gets_by_itself(name, layout, tmp_path):
    CASES[name].write(tmp_path / "source")
    said = export(arguments().parse_args([str(tmp_path / "source"), str(tmp_path / "out"), "--no-check", "--family", CASES[name].family]))
    assert f", reward, {layout}, " in said
    graph = read_bundle(tmp_path / "out").manifest["graph"]
    assert (graph["layout"], graph.get("attention")) == (layout, "bidirectional" if layout == "packed" else None)


def test_attention_that_cannot_be_arranged_is_refused(tmp_path):
    CASES["deberta-v1"].write(tmp_path / "source")
    with pytest.raises(ExportError, match="model_type 'deberta' has attention of its own, which the packed layout cannot arrange: give --layout padded"):
        export(arguments().parse_args([str(tmp_path / "source"), str(tmp_path / "out"), "--layout", "packed", "--family", "deberta-pair"]))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["bert-reranker", "modernbert-reranker-mean"])
def test_int8_rounds_by_token(name, tmp_path):
    CASES[name].write(tmp_path / "source")
    said = export(arguments().parse_args([str(tmp_path / "source"), str(tmp_path / "out"), "--int8", "--family", CASES[name].family]))
    assert ", packed, " in said and "largest difference" in said
    bundle = read_bundle(tmp_path / "out")
    known = [[(7 * start + 3 * at) % 300 for at in range(length)] for start, length in enumerate((1, 2, 9, 30, 64, 64, 100))]
    session = check.open_graph(bundle.graph, 2)
    alone = [read(bundle, session, [ids]).tobytes() for ids in known]
    assert [row.tobytes() for row in read(bundle, session, known, chunk=16)] == alone
