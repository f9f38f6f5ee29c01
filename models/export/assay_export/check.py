"""Holding a written graph to PyTorch and to itself: right within a tolerance, and bit-equal whatever the batch."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from .errors import ExportError
from .families import Body
from .plan import Slack, apart, packed_feeds, padded_feeds, prefix_tree
from .reference import Reference

TOLERANCE = 1e-4


@dataclass
class Verdict:
    """What a check saw: the largest difference from PyTorch and the number of readings compared."""

    worst: float
    readings: int


def open_graph(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """Open a graph on ONNX Runtime's CPU provider with that many intra-op threads, which sleep when idle."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(session: onnxruntime.InferenceSession, feeds: dict[str, np.ndarray], outputs: tuple[str, ...] = ("readings",)) -> list[np.ndarray]:
    """Run a graph on the feeds that it asks for; a graph whose layers are all windowed may not ask for each."""
    wanted = {value.name for value in session.get_inputs()}
    return session.run(list(outputs), {name: value for name, value in feeds.items() if name in wanted})


def sample(body: Body, max_tokens: int, count: int = 6) -> list[list[int]]:
    """Return sequences that share prefixes, of one token up to about three windows or 200 tokens, always the same ones."""
    rng = random.Random(0)
    longest = min(max_tokens, max([3 * window for window in body.windows if window] + [200]), 1024)
    stem = [rng.randrange(body.vocab_size) for _ in range(longest)]
    cuts = [rng.randint(1, longest) for _ in range(count - 2)] + [1, longest]
    return [stem[:cut // 2] + [rng.randrange(body.vocab_size) for _ in range(cut - cut // 2)] for cut in cuts]


def check_graph(path: Path, layout: str, pooled: bool, body: Body, reference: Reference, max_tokens: int,
                sequences: list[list[int]] = ()) -> Verdict:
    """Compare a graph with PyTorch and with itself in several batches. ExportError when it differs.

    sequences are read besides the sample; a reward graph is read at each last token, a process graph at every third too.
    """
    sequences = [*sequences, *sample(body, max_tokens)]
    places = [[len(ids) - 1] if pooled else sorted({*range(0, len(ids), 3), len(ids) - 1}) for ids in sequences]
    want = [reference.readings(ids).numpy()[at] for ids, at in zip(sequences, places, strict=True)]
    session = open_graph(path)
    read = read_packed if layout == "packed" else read_padded
    alone = [read(session, body, [ids], [at], 0, max_tokens)[0] for ids, at in zip(sequences, places, strict=True)]
    for variant in range(4):
        batch = read(session, body, sequences, places, variant, max_tokens)
        for number, (one, many) in enumerate(zip(alone, batch, strict=True)):
            if one.tobytes() != many.tobytes():
                raise ExportError(f"{path}: sequence {number} of {len(sequences[number])} tokens reads other bits in a batch than alone "
                                  f"(difference {np.abs(one - many).max():.1e})")
    worst = max(float(np.abs(one - right).max()) for one, right in zip(alone, want, strict=True))
    if not worst <= TOLERANCE:
        raise ExportError(f"{path}: readings differ from PyTorch by {worst:.1e}, and {TOLERANCE:.0e} is allowed")
    return Verdict(worst, sum(len(at) for at in places))


def read_packed(session, body: Body, sequences: list[list[int]], places: list[list[int]], variant: int,
                max_tokens: int) -> list[np.ndarray]:
    """Read the places of each sequence from a packed graph: apart, as a tree, in small tiles, shuffled with spare places.

    Spare tokens stand at position 0, so max_tokens does not matter here.
    """
    if variant == 1:
        segments, last = prefix_tree(sequences)
    else:
        segments = last = apart(sequences)
    reads = [locate(end, place) for end, at in zip(last, places, strict=True) for place in at]
    feeds = packed_feeds(segments, reads, body.layers, body.kv_heads, body.head_dim, chunk=16 if variant >= 2 else None,
                         shuffle=random.Random(variant) if variant == 3 else None,
                         slack=Slack(3, 5, 2, 1) if variant == 3 else None)
    rows = run(session, feeds)[0]
    ends = np.cumsum([len(at) for at in places])
    return np.split(rows[:ends[-1]], ends[:-1])


def locate(end, place: int):
    """Return the segment and offset of a position of the sequence that ends in segment `end`."""
    while place < end.start:
        end = end.parent
    return end, place - end.start


def read_padded(session, body: Body, sequences: list[list[int]], places: list[list[int]], variant: int,
                max_tokens: int) -> list[np.ndarray]:
    """Read the places of each sequence from a padded graph, in rows that are wider with each variant, up to max_tokens."""
    widest = min(max(len(ids) for ids in sequences) + 5 * variant, max_tokens)
    rows = run(session, padded_feeds(sequences, length=widest))[0]
    return [row[None] if row.ndim == 1 else row[at] for row, at in zip(rows, places, strict=True)]
