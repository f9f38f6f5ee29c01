"""What all layers of an encoder look at: which tokens are in which tile, which keys a query may see, and which rows
are read. `docs/BUNDLE.md` defines the inputs.

T tokens, R tiles of Q queries and K keys, N readings. A shape's numbers would be computed on the processor and copied,
so places are counted by running sums of ones.
"""

from dataclasses import dataclass

import onnx_ir as ir

from ..nodes import FLOAT, Nodes
from ..tiles import BOOL, INT64, Tiles


@dataclass
class Given:
    """The graph's inputs, and what is made of them once."""

    input_ids: ir.Value
    position_ids: ir.Value
    token_type_ids: ir.Value | None
    key_len: ir.Value
    read_index: ir.Value
    tiles: Tiles
    usable: ir.Value | None
    """Of each key place whether it has a key, bool [R, K], where a mean is taken."""
    tile: ir.Value | None
    """The tile of each token that is read, int64 [N], where more of it is looked at than that token."""


def given(nodes: Nodes, windows: frozenset[int | None], turns: bool, types: bool, rows: str) -> Given:
    """Add the graph's inputs, and what is made of them as far as something looks at it.

    windows: of the layers whose attention looks at masks; one of w sees less than w tokens away. turns: a layer looks
    at Tiles.positions. rows: which rows a forward goes on with behind the last attention, `first` of each sequence that
    is read, those `read`, or `every` one.
    """
    def value(name: str, *shape: str) -> ir.Value:
        return nodes.input(name, INT64, shape)

    input_ids, position_ids, query_index, key_index = (
        value("input_ids", "tokens"), value("position_ids", "tokens"), value("query_index", "tiles", "queries"), value("key_index", "tiles", "keys"))
    key_len, scatter_index, read_index = value("key_len", "tiles"), value("scatter_index", "tokens"), value("read_index", "reads")
    token_type_ids = value("token_type_ids", "tokens") if types else None
    query_ones = ones(nodes, query_index, "query_ones") if windows or rows != "read" else None
    see, usable, tile, read_scatter = {}, None, None, None
    if windows or rows == "every":
        place = counted(nodes, ones(nodes, key_index, "key_ones"), "key_place", axis=1)
        column = nodes.one("Unsqueeze", [key_len, nodes.ints(1)], "key_len.column")
        if rows == "every":
            usable = nodes.one("Less", [place, column], "key_usable", BOOL)
        if windows:
            see = masks(nodes, position_ids, query_index, key_index, place, nodes.one("Mul", [query_ones, column], "query_len"), windows)
    if rows != "read":
        number = counted(nodes, ones(nodes, key_len, "tile_ones"), "tile_number", axis=0)
        number = nodes.one("Mul", [query_ones, nodes.one("Unsqueeze", [number, nodes.ints(1)], "tile_number.column")], "query_tile")
        number = nodes.one("Reshape", [number, nodes.ints(-1)], "query_tile.row")
        tile = nodes.one("Gather", [number, nodes.one("Gather", [scatter_index, read_index], "read_place")], "read_tile")
    if rows == "first":
        read_index = nodes.one("Gather", [nodes.one("Gather", [key_index, nodes.number(0)], "key_first", axis=1), tile], "read_first")
    if windows and rows != "every":
        read_scatter = nodes.one("Gather", [scatter_index, read_index], "read_scatter")
    positions = nodes.one("Unsqueeze", [position_ids, nodes.ints(1)], "positions") if turns else None
    tiles = Tiles(query_index, key_index, scatter_index, read_index, positions, see, read_scatter)
    return Given(input_ids, position_ids, token_type_ids, key_len, read_index, tiles, usable, tile)


def ones(nodes: Nodes, like: ir.Value, name: str) -> ir.Value:
    """Return integers of 1, as many as those of a value."""
    return nodes.one("Clip", [like, nodes.number(1), nodes.number(1)], name)


def counted(nodes: Nodes, ones: ir.Value, name: str, axis: int) -> ir.Value:
    """Return what stands before each place of an axis: the sum of ones before it."""
    return nodes.one("CumSum", [ones, nodes.number(axis)], name, exclusive=1)


def masks(nodes: Nodes, position_ids: ir.Value, query_index: ir.Value, key_index: ir.Value, place: ir.Value, length: ir.Value,
          windows: frozenset[int | None]) -> dict[int | None, ir.Value]:
    """Return `Tiles.see`. place: of each key in its list, from 0 on; length: of the list that a query sees [R, Q].

    A key is seen when it is among the first key_len of its tile and, with a window w, fewer than w positions from the
    query, on either side.
    """
    row, column = nodes.ints(1), nodes.ints(2)
    usable = nodes.one("Less", [nodes.one("Unsqueeze", [place, row], "key_place.row"), nodes.one("Unsqueeze", [length, column], "query_len.column")],
                       "query_sees", BOOL)
    distance = None
    if windows - {None}:
        key, query = (nodes.one("Gather", [position_ids, index], f"{name}_position") for name, index in (("key", key_index), ("query", query_index)))
        away = nodes.one("Sub", [nodes.one("Unsqueeze", [query, column], "query_position.column"),
                                 nodes.one("Unsqueeze", [key, row], "key_position.row")], "key_away")
        distance = nodes.one("Abs", [away], "key_distance")
    seen = {}
    for window in sorted(windows, key=lambda w: w or 0):
        name, own = "see" if window is None else f"see.{window}", usable
        if window is not None:
            own = nodes.one("And", [usable, nodes.one("Less", [distance, nodes.number(window)], f"{name}.near", BOOL)], f"{name}.both")
        seen[window] = nodes.one("Unsqueeze", [own, row], name)
    return seen


def mean(nodes: Nodes, given: Given, states: ir.Value, width: int) -> ir.Value:
    """Return the mean [N, width] of the states [T, width], float32, over the tokens of each sequence that is read."""
    usable = nodes.cast(nodes.one("Gather", [given.usable, given.tile], "mean.usable"), FLOAT)
    states = nodes.one("Gather", [states, nodes.one("Gather", [given.tiles.key_index, given.tile], "mean.index")], "mean.states", axis=0)
    total = nodes.one("MatMul", [nodes.one("Unsqueeze", [usable, nodes.ints(1)], "mean.ones"), states], "mean.total")
    count = nodes.cast(nodes.one("Gather", [given.key_len, given.tile], "mean.len"), FLOAT)
    return nodes.one("Div", [nodes.one("Reshape", [total, nodes.ints(-1, width)], "mean.total.rows"),
                             nodes.one("Unsqueeze", [count, nodes.ints(1)], "mean.count")], "mean")
