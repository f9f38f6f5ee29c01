"""Inputs for the exported graphs, for checks and tests; the server's own planner is written in Go.

A sequence lies in the packed row as a path of segments: its own last part and, before it, parts shared with other
sequences.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Read = tuple["Segment", int]
"""A token whose outputs are wanted: its segment and its offset there."""


@dataclass(eq=False)
class Segment:
    """A run of tokens that follows its parent; start is the position of its first token."""

    parent: "Segment | None"
    start: int
    ids: list[int]

    def ancestors(self) -> list["Segment"]:
        """Return the segments before this one, first to last."""
        return [] if self.parent is None else [*self.parent.ancestors(), self.parent]


@dataclass
class Slack:
    """Places beyond what a plan needs, to prove that they change nothing."""

    queries: int = 0
    keys: int = 0
    tokens: int = 0
    reads: int = 0


def apart(sequences: Sequence[list[int]]) -> list[Segment]:
    """Return one segment per sequence; nothing is shared."""
    return [Segment(None, 0, ids) for ids in sequences]


def prefix_tree(sequences: Sequence[list[int]]) -> tuple[list[Segment], list[Segment]]:
    """Return all segments of the tree of common prefixes, and each sequence's last segment.

    Every sequence keeps at least its last token to itself, so equal sequences share all but that one.
    """
    segments: list[Segment] = []
    last: dict[int, Segment] = {}

    def grow(members: list[int], parent: Segment | None, start: int) -> None:
        groups: dict[int, list[int]] = {}
        for member in members:
            groups.setdefault(sequences[member][start], []).append(member)
        for group in groups.values():
            shortest = min(len(sequences[member]) for member in group)
            end = start
            while len(group) > 1 and end < shortest - 1 and len({sequences[member][end] for member in group}) == 1:
                end += 1
            if end > start:
                shared = Segment(parent, start, sequences[group[0]][start:end])
                segments.append(shared)
                grow(group, shared, end)
                continue
            for member in group:
                last[member] = Segment(parent, start, sequences[member][start:])
                segments.append(last[member])

    grow(list(range(len(sequences))), None, 0)
    return segments, [last[member] for member in range(len(sequences))]


def packed_feeds(segments: list[Segment], reads: list[Read], layers: int, kv_heads: int, head_dim: int, *,
                 chunk: Callable[[], int] | int | None = None, shuffle: random.Random | None = None, slack: Slack | None = None,
                 past: tuple[Segment, dict[str, np.ndarray]] | None = None, bidirectional: bool = False,
                 types: Callable[[list[int]], list[int] | None] | None = None) -> dict[str, np.ndarray]:
    """Return the packed graph's inputs.

    chunk is the longest run of queries in one tile (None: a segment is one tile). shuffle mixes the order of segments
    and of tiles. past is a segment that is cached already, with its `past_key.l` and `past_value.l`; it must not be
    among segments. bidirectional: a token sees its whole segment, which is a sequence; types gives the token types of
    one.
    """
    slack = slack or Slack()
    order, cached = list(segments), past[0] if past else None
    if shuffle:
        shuffle.shuffle(order)
    offset = {cached: 0} if cached else {}
    tokens: list[int] = []
    positions: list[int] = []
    kinds: list[int] = []
    kept = len(cached.ids) if cached else 0
    for segment in order:
        offset[segment] = kept + len(tokens)
        tokens += segment.ids
        positions += range(segment.start, segment.start + len(segment.ids))
        kinds += (types(segment.ids) if types else None) or [0] * len(segment.ids)
    tiles = [tile for segment in order for tile in tiles_of(segment, offset, chunk, bidirectional)]
    if shuffle:
        shuffle.shuffle(tiles)
    tokens, positions = tokens + [0] * slack.tokens, positions + [0] * slack.tokens
    queries = max(2, max(len(rows) for rows, _ in tiles) + slack.queries)
    keys = max(len(seen) for _, seen in tiles) + slack.keys
    query_index, key_index = np.zeros((len(tiles), queries), np.int64), np.zeros((len(tiles), keys), np.int64)
    scatter = np.zeros(len(tokens), np.int64)
    for tile, (rows, seen) in enumerate(tiles):
        query_index[tile] = rows[0] - kept
        query_index[tile, :len(rows)] = np.array(rows) - kept
        key_index[tile, :len(seen)] = seen
        scatter[np.array(rows) - kept] = tile * queries + np.arange(len(rows))
    read = [offset[segment] - kept + at for segment, at in reads]
    feeds = {
        "input_ids": np.array(tokens, np.int64), "position_ids": np.array(positions, np.int64),
        "past_position_ids": np.arange(kept), "query_index": query_index, "key_index": key_index,
        "key_len": np.array([len(seen) for _, seen in tiles]), "scatter_index": scatter,
        "read_index": np.array(read + read[:1] * slack.reads, np.int64),
        "token_type_ids": np.array(kinds + [0] * slack.tokens, np.int64),
    }
    nothing = np.zeros((0, kv_heads, head_dim), np.float32)
    for layer in range(layers):
        for name in (f"past_key.{layer}", f"past_value.{layer}"):
            feeds[name] = past[1][name] if past else nothing
    return feeds


def tiles_of(segment: Segment, offset: dict[Segment, int], chunk: Callable[[], int] | int | None,
             bidirectional: bool = False) -> list[tuple[list[int], list[int]]]:
    """Return a segment's tiles as (places of its queries, places of its keys); bidirectional: which are all of them."""
    before = [offset[part] + at for part in segment.ancestors() for at in range(len(part.ids))]
    own = [offset[segment] + at for at in range(len(segment.ids))]
    tiles, start = [], 0
    while start < len(own):
        length = len(own) if chunk is None else chunk if isinstance(chunk, int) else chunk()
        end = min(len(own), start + length)
        tiles.append((own[start:end], before + (own if bidirectional else own[:end])))
        start = end
    return tiles


def padded_feeds(sequences: Sequence[list[int]], pad_id: int = 0, length: int = 2) -> dict[str, np.ndarray]:
    """Return the padded graph's inputs, at least `length` (and 2) tokens wide."""
    length = max(2, length, *(len(ids) for ids in sequences))
    ids = np.full((len(sequences), length), pad_id, np.int64)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, :len(sequence)] = sequence
        mask[row, :len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": mask}
