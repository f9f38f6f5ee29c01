"""The ideal's batches: nothing is lost, budgets hold, prompts are computed once. Its engines of ONNX Runtime give one score, in any way; those of
OpenVINO are compared with them in every run of the benchmark, which installs it."""

import random
from pathlib import Path

import batches
import ideal

BUNDLES = Path(__file__).resolve().parent.parent / "models" / "testdata" / "bundles"


def texts(rng):
    """Sequences of which some share long prompts and some a few tokens."""
    prompts = [[rng.randrange(50) for _ in range(200)] for _ in range(3)]
    ids = [prompts[rng.randrange(3)] + [rng.randrange(50) for _ in range(rng.randint(1, 90))] for _ in range(40)]
    return ids + [[7, rng.randrange(50)] + [rng.randrange(50)] * rng.randint(1, 300) for _ in range(20)]


def test_every_sequence_is_in_one_batch_within_the_budget():
    ids = texts(random.Random(1))
    for cut, size in ((batches.padded_batches, lambda batch: len(batch) * max(map(len, batch))),
                      (batches.packed_batches, lambda batch: sum(len(segment.ids) for segment in batches.segments(batch)[0]))):
        for budget in (512, 2048, 16384):
            cuts = cut(ids, budget)
            assert sorted(i for batch in cuts for i in batch) == list(range(len(ids)))
            assert all(len(batch) == 1 or size([ids[i] for i in batch]) <= budget for batch in cuts)


def test_a_shared_prompt_is_computed_once():
    ids = texts(random.Random(2))
    every, last = batches.segments([ids[i] for i in batches.packed_batches(ids, 1 << 20)[0]])
    assert sum(len(segment.ids) for segment in every) < sum(map(len, ids)) / 2
    assert sorted([token for part in [*segment.ancestors(), segment] for token in part.ids] for segment in last) == sorted(ids)
    assert len({segment.parent for segment in last if segment.parent}) == 3


def test_tiles_are_cut_where_attention_is_cheapest():
    assert batches.tile_size([150, 150, 149]) == 150  # one tile each
    assert batches.tile_size([2000] + [100] * 64) < 130  # the prompt in tiles as wide as the responses


def test_a_score_is_the_same_in_every_way_and_alone():
    given = {"padded": "padded", "packed": "packed", "packed-int8": "packed-int8"}
    engines = ideal.Ideal({engine: str(BUNDLES / f"qwen3-reward-{name}") for engine, name in given.items()}, 1, openvino=False)
    assert {way.split(" ")[0] for way in engines.ways} == set(given)
    rng = random.Random(3)
    texts = ["a prompt that some share " * 12 + "answer " * rng.randint(1, 20) for _ in range(10)] + ["short " * rng.randint(1, 60) for _ in range(20)]
    tokens = engines.load(texts)["tokens"]
    want = engines.run("padded 512")["scores"]
    assert len(tokens) == len(want) == len(texts) and max(want) - min(want) > 0.3
    for way in engines.ways:
        got = engines.run(way)
        apart = max(abs(a - b) for a, b in zip(got["scores"], want, strict=True))
        assert got["seconds"] > 0 and apart < (0.15 if "int8" in way else 1e-5), way
        alone = engines.run(way, only=7)["scores"]
        assert len(alone) == 1 and abs(alone[0] - got["scores"][7]) < 1e-5, way
