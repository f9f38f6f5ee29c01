"""Holding a written graph to PyTorch and to itself: right within a tolerance, and bit-equal whatever the batch."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..bodies.bodies import Sizes
from ..errors import ExportError
from ..fused.chain import chained
from ..fused.stages import files
from ..fused.written import slotted
from ..graph import separate
from ..graph.encoder import bit_equal
from ..graph.graph import output_name
from ..graph.plan import Slack, apart, packed_feeds, padded_feeds, prefix_tree
from ..models.heads import Pooled
from ..models.model import Model
from ..models.reference import Reference
from ..models.tolerance import TOLERANCE
from ..text.places import last_not_pad
from .reach import Far
from .watch import follow, open_graph

MOST_ROUNDING = 1e-3
"""Of PyTorch's own rounding, as far as a graph is forgiven the like; relative above 1."""

BATCH_MATES = 1e-5
"""What a score may move with its batch when attention is not this package's own; relative above 1."""


@dataclass
class Verdict:
    """What a check saw: the largest difference from PyTorch, relative above 1, and the number of readings compared."""

    worst: float
    readings: int
    rounding: float = 0.0
    """Where worst is over the tolerance: how far PyTorch's own float32 is from float64, which the graph is about as
    near to."""


def run(session, feeds: dict[str, np.ndarray], outputs: tuple[str, ...] = ("readings",)) -> list[np.ndarray]:
    """Run a graph on the feeds that it asks for; a graph whose layers are all windowed may not ask for each."""
    wanted = {value.name for value in session.get_inputs()}
    feeds = slotted(feeds) if "slots" in wanted else feeds
    return session.run(list(outputs), {name: value for name, value in feeds.items() if name in wanted})


def longest_sample(sizes: Sizes, max_tokens: int) -> int:
    """Return how many tokens the longest sequence of the sample has: about three windows, or 200, and at most 1,024."""
    return min(max_tokens, max([3 * window for window in sizes.windows if window] + [200]), 1024)


def sample(sizes: Sizes, max_tokens: int, count: int = 6) -> list[list[int]]:
    """Return sequences that share prefixes, of one token up to the longest, always the same ones."""
    rng = random.Random(0)
    longest = longest_sample(sizes, max_tokens)
    stem = [rng.randrange(sizes.vocab_size) for _ in range(longest)]
    cuts = [rng.randint(1, longest) for _ in range(count - 2)] + [1, longest]
    return [stem[:cut // 2] + [rng.randrange(sizes.vocab_size) for _ in range(cut - cut // 2)] for cut in cuts]


def check_graph(path: Path, layout: str, pooled: bool, model: Model, reference: Reference, max_tokens: int,
                types: Callable[[list[int]], list[int] | None], sequences: Sequence[list[int]] = (), head: Path | None = None,
                pad: int | None = None, far: Far | None = None, loose: bool = False, mates: float = BATCH_MATES) -> Verdict:
    """Compare a graph, or its stages run one after the other, with PyTorch and with itself in several batches.
    ExportError when it differs.

    sequences are read besides the sample, which is left out where a head looks for certain tokens; pooled: the graph
    has one row a sequence, read at the last token that is not the id `pad`. types gives the token_type_ids of ids; head
    is the graph of the head, where it has one of its own. far is a long sequence, which is read alone. loose: a graph
    for GPUs, whose attention on processors is ONNX Runtime's own, so that scores may move a little with their batch: by
    mates.
    """
    if not isinstance(model.encoder, Pooled):
        sequences = [*sequences, *sample(model.sizes, max_tokens)]
    sequences = list(sequences)
    if model.likelihood or reference.rounding is not None and layout == "padded":  # which pads one token to two, and then rounds more rows
        sequences = [ids for ids in sequences if len(ids) > 1]
    last = 2 if model.likelihood else 1
    places = [[last_not_pad(ids, pad)] if pooled else sorted({*range(0, len(ids) - last, 3), len(ids) - last}) for ids in sequences]
    together = len(sequences)
    if far is not None:
        sequences, places = [*sequences, far.ids], [*places, [last_not_pad(far.ids, pad)] if pooled else far.places]
    read = read_packed if layout == "packed" else read_padded
    given = Feeding(model, max_tokens, types, output_name(head is not None))
    if reference.rounding is None:
        want = [reference.readings(ids, types(ids)).numpy() for ids in sequences]
    else:
        reference.rounding.first = model.encoder is not None
        want = follow(path, lambda watched, ids: read(watched, given, [ids], [list(range(1 if model.pooled else len(ids)))], 0),
                      reference, types, sequences)
    session = chained([open_graph(file) for file in files(path)])  # after what follow() opened is closed: weights are held once
    want = rows_at(model, want, places)
    alone = [read(session, given, [ids], [at], 0)[0] for ids, at in zip(sequences, places, strict=True)]
    exact = not loose and (model.encoder is None or bit_equal(model.config))
    for variant in range(4):
        batch = read(session, given, sequences[:together], places[:together], variant)
        for number, (one, many) in enumerate(zip(alone, batch, strict=False)):
            same = one.tobytes() == many.tobytes() if exact else np.allclose(one, many, rtol=mates, atol=mates)
            if not same:
                raise ExportError(f"{path}: sequence {number} of {len(sequences[number])} tokens reads other bits in a batch than alone "
                                  f"(difference {np.abs(one - many).max():.1e})")
    if head is not None:
        alone = separate.read(open_graph(head), alone)
    worst, rounding = difference(alone, want), 0.0
    if not worst <= TOLERANCE:
        near = worst
        if reference.rounding is None:
            right = rows_at(model, [reference.doubled(ids, types(ids)).numpy() for ids in sequences], places)
            rounding, near = difference(want, right), difference(alone, right)
        if not near <= 2 * min(rounding, MOST_ROUNDING):
            raise ExportError(f"{path}: readings differ from PyTorch by {worst:.1e}, relative above 1, and {TOLERANCE:.0e} is allowed")
    return Verdict(worst, sum(len(at) for at in places), rounding)


def rows_at(model: Model, readings: list[np.ndarray], places: list[list[int]]) -> list[np.ndarray]:
    """Return the rows of sequences that are compared; an encoder that pools has one of each."""
    return readings if model.pooled else [rows[at] for rows, at in zip(readings, places, strict=True)]


def difference(some: list[np.ndarray], others: list[np.ndarray]) -> float:
    """Return the largest difference of readings, relative where the others are above 1."""
    # max() of Python passes over a NaN that is not the first; NumPy's does not.
    return float(np.max([(np.abs(one - right) / np.maximum(1, np.abs(right))).max() for one, right in zip(some, others, strict=True)], initial=0.0))


@dataclass
class Feeding:
    """What the feeds of a graph depend on, and the output that is read."""

    model: Model
    max_tokens: int
    types: Callable[[list[int]], list[int] | None]
    output: str


def read_packed(session, given: Feeding, sequences: list[list[int]], places: list[list[int]], variant: int) -> list[np.ndarray]:
    """Read the places of each sequence from a packed graph: apart, a decoder's as a tree, in small tiles, shuffled with
    spare places.

    Spare tokens stand at position 0, so max_tokens does not matter here.
    """
    bidirectional = given.model.encoder is not None
    if variant == 1 and not bidirectional:
        segments, last = prefix_tree(sequences)
    else:
        segments = last = apart(sequences)
    reads = [locate(end, place) for end, at in zip(last, places, strict=True) for place in at]
    sizes = given.model.sizes
    feeds = packed_feeds(segments, reads, sizes.layers, sizes.kv_heads, sizes.head_dim, chunk=16 if variant >= 2 else None,
                         shuffle=random.Random(variant) if variant == 3 else None,
                         slack=Slack(3, 5, 2, 1) if variant == 3 else None, bidirectional=bidirectional, types=given.types)
    targets = [ids[place + 1] if place + 1 < len(ids) else 0 for ids, at in zip(sequences, places, strict=True) for place in at]
    feeds["target_ids"] = np.array(targets + targets[:len(feeds["read_index"]) - len(targets)], np.int64)
    rows = run(session, feeds, (given.output,))[0]
    ends = np.cumsum([len(at) for at in places])
    return np.split(rows[:ends[-1]], ends[:-1])


def locate(end, place: int):
    """Return the segment and offset of a position of the sequence that ends in segment `end`."""
    while place < end.start:
        end = end.parent
    return end, place - end.start


def read_padded(session, given: Feeding, sequences: list[list[int]], places: list[list[int]], variant: int) -> list[np.ndarray]:
    """Read the places of each sequence from a padded graph, in rows that are wider with each variant, up to
    max_tokens."""
    widest = min(max(len(ids) for ids in sequences) + 5 * variant, given.max_tokens)
    feeds = padded_feeds(sequences, pad_id=given.model.config.pad_token_id or 0, length=widest)
    feeds["token_type_ids"] = np.zeros_like(feeds["input_ids"])
    for row, ids in enumerate(sequences):
        feeds["token_type_ids"][row, :len(ids)] = given.types(ids) or 0
    rows = run(session, feeds, (given.output,))[0]
    return [row[None] if row.ndim == 1 else row[at] for row, at in zip(rows, places, strict=True)]
