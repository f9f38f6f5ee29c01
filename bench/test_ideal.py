"""The ideal's batches: nothing is lost, budgets hold, prompts are computed once, and both graphs give one score."""

import random

import batches


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
