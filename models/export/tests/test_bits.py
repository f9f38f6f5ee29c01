"""A sequence's readings have the same bits whatever surrounds it and however many threads compute it."""

import random

import numpy as np
import pytest
from conftest import BUNDLES, fixture_names, read_bundle

from assay_export.graph.plan import Segment, Slack, apart, packed_feeds, padded_feeds, prefix_tree
from assay_export.prove import check

ROUNDS = 60
THREADS = (1, 2, 8)
LONGEST = 300


def sequences_of(rng: random.Random, vocab: int) -> list[list[int]]:
    """Return sequences of 1 to LONGEST tokens, some of which share prefixes, with two equal ones among them."""
    made = [[rng.randrange(vocab) for _ in range(count)] for count in (1, 2, 3, LONGEST)]
    for _ in range(5):
        stem = [rng.randrange(vocab) for _ in range(rng.randint(1, LONGEST))]
        for _ in range(4):
            cut = rng.randint(0, len(stem))
            made.append((stem[:cut] + [rng.randrange(vocab) for _ in range(rng.randint(1, 60))])[:LONGEST])
    return made + [made[-1]]


def pick(rng: random.Random, known: list[list[int]], budget: int = 600) -> list[int]:
    """Return the numbers of one to eight sequences, together within a budget of tokens."""
    chosen = rng.sample(range(len(known)), rng.choice([1, 1, 2, 3, 5, 8]))
    while len(chosen) > 1 and sum(len(known[number]) for number in chosen) > budget:
        chosen.pop()
    return chosen


@pytest.mark.parametrize("name", fixture_names("packed"))
def test_packed_readings_are_bit_equal_in_any_plan(name):
    bundle = read_bundle(BUNDLES / name)
    rng = random.Random(name)
    known = sequences_of(rng, bundle.manifest["graph"]["vocab_size"])
    sessions = [check.open_graph(bundle.graph, threads) for threads in THREADS]
    seen: dict[int, bytes] = {}
    for round_number in range(ROUNDS):
        chosen = [round_number] if round_number < len(known) else pick(rng, known)
        given = [known[number] for number in chosen]
        segments = last = apart(given)
        if rng.random() < 0.5:
            segments, last = prefix_tree(given)
        chunk = rng.choice([None, None, 1, 2, 16, 64, lambda: rng.randint(1, 64)])
        spare = rng.choice([0, 0, 1, 7, 20])
        feeds = packed_feeds(segments, [(end, len(end.ids) - 1) for end in last], *bundle.sizes, chunk=chunk, shuffle=rng,
                             slack=Slack(*(rng.randint(0, spare) for _ in range(4))))
        for session in sessions:
            rows = check.run(session, feeds)[0]
            for number, row in zip(chosen, rows[:len(chosen)], strict=True):
                assert seen.setdefault(number, row.tobytes()) == row.tobytes(), (round_number, len(known[number]))


@pytest.mark.parametrize("name", fixture_names("packed"))
def test_packed_readings_are_bit_equal_behind_cached_keys(name):
    bundle = read_bundle(BUNDLES / name)
    layers = bundle.sizes[0]
    rng = random.Random(name)
    ids = [rng.randrange(bundle.manifest["graph"]["vocab_size"]) for _ in range(LONGEST)]
    whole = Segment(None, 0, ids)
    names = [f"{part}.{layer}" for layer in range(layers) for part in ("key", "value")]
    outputs = ("readings", *(f"present_{part}" for part in names))
    want, *present = check.run(check.open_graph(bundle.graph), packed_feeds([whole], [(whole, LONGEST - 1)], *bundle.sizes), outputs)
    for threads in (1, 2, 4, 16):
        session = check.open_graph(bundle.graph, threads)
        for length in (1, 2, 3, 7, 16, 33, 64, 100, 200, 299):
            head = Segment(None, 0, ids[:-length])
            tail = Segment(head, LONGEST - length, ids[-length:])
            past = {f"past_{part}": value[:len(head.ids)] for part, value in zip(names, present, strict=True)}
            feeds = packed_feeds([tail], [(tail, length - 1)], *bundle.sizes, past=(head, past), slack=Slack(0, length % 3, 0, 0))
            assert check.run(session, feeds)[0].tobytes() == want.tobytes(), (threads, length)


@pytest.mark.parametrize("name", fixture_names("padded"))
def test_padded_readings_are_bit_equal_in_any_batch(name):
    bundle = read_bundle(BUNDLES / name)
    rng = random.Random(name)
    known = sequences_of(rng, bundle.manifest["graph"]["vocab_size"])
    sessions = [check.open_graph(bundle.graph, threads) for threads in THREADS]
    seen: dict[int, bytes] = {}
    for round_number in range(ROUNDS):
        chosen = [round_number] if round_number < len(known) else pick(rng, known)
        given = [known[number] for number in chosen]
        length = max(map(len, given)) + rng.choice([0, 0, 1, 7, 20])
        feeds = padded_feeds(given, pad_id=rng.randrange(5), length=min(length, 320))
        for session in sessions:
            rows = check.run(session, feeds)[0]
            for number, row in zip(chosen, rows, strict=True):
                row = row[:len(known[number])] if row.ndim == 2 else row
                assert seen.setdefault(number, row.tobytes()) == row.tobytes(), (round_number, len(known[number]))


@pytest.mark.parametrize("family", ["qwen2", "qwen3", "llama", "mistral", "gemma2", "phi3"])
def test_packed_and_padded_graphs_agree(family):
    packed, padded = (read_bundle(BUNDLES / f"{family}-reward-{layout}") for layout in ("packed", "padded"))
    given = [pair["ids"] for pair in packed.golden]
    segments, last = prefix_tree(given)
    one = check.run(check.open_graph(packed.graph), packed_feeds(segments, [(end, len(end.ids) - 1) for end in last], *packed.sizes))[0]
    other = check.run(check.open_graph(padded.graph), padded_feeds(given))[0]
    np.testing.assert_allclose(one, other, atol=1e-5, rtol=0)
