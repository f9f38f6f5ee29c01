"""What all layers look at: which tokens are in which tile, and which keys a query may see. `docs/BUNDLE.md` defines the
inputs."""

from dataclasses import dataclass

import onnx_ir as ir

from .nodes import Nodes
from .stages import WHOLE, Stage

INT64, BOOL = ir.DataType.INT64, ir.DataType.BOOL


@dataclass
class Tiles:
    """Inputs of the graph and what is made of them once. T tokens, P cached tokens, R tiles of Q queries and K keys, N
    readings."""

    query_index: ir.Value
    key_index: ir.Value
    scatter_index: ir.Value
    read_index: ir.Value | None
    """None in a stage that is not the last, which reads no token."""
    positions: ir.Value | None
    """int64 [T, 1]: each token is a sequence of one, since ONNX Runtime rotates no sequence that is longer than the
    table of cosines; None where nothing is rotated."""
    see: dict[int | None, ir.Value]
    """Of each sliding window (None: no window) whether a key may be seen, bool [R, 1, Q, K]."""
    read_scatter: ir.Value | None
    """Where the results of the tokens that are read lie in the R·Q rows, int64 [N]; None likewise."""


def tiles(nodes: Nodes, windows: frozenset[int | None], turns: bool, stage: Stage = WHOLE) -> tuple[ir.Value | None, Tiles]:
    """Add the graph's first inputs; return input_ids, which the first stage alone has, and what the layers look at.
    turns: a layer rotates."""
    def given(name: str, *shape: str) -> ir.Value:
        return nodes.input(name, INT64, shape)

    input_ids, position_ids = given("input_ids", "tokens") if stage.leads else None, given("position_ids", "tokens")
    past_position_ids = given("past_position_ids", "past")
    query_index, key_index = given("query_index", "tiles", "queries"), given("key_index", "tiles", "keys")
    key_len, scatter_index = given("key_len", "tiles"), given("scatter_index", "tokens")
    read_index = given("read_index", "reads") if stage.ends else None
    see = masks(nodes, position_ids, past_position_ids, query_index, key_index, key_len, windows)
    positions = nodes.one("Unsqueeze", [position_ids, nodes.ints(1)], "positions") if turns else None
    return input_ids, Tiles(query_index, key_index, scatter_index, read_index, positions, see,
                            nodes.one("Gather", [scatter_index, read_index], "read_scatter") if stage.ends else None)


def masks(nodes: Nodes, position_ids: ir.Value, past_position_ids: ir.Value, query_index: ir.Value, key_index: ir.Value, key_len: ir.Value,
          windows: frozenset[int | None]) -> dict[int | None, ir.Value]:
    """Return `Tiles.see`.

    A key is seen when it is among the first key_len of its tile, not after the query and, with a window w, fewer than w
    positions before it. Places are counted by a running sum of ones, since a Range of a shape would be computed on the
    processor and copied.
    """
    positions = nodes.one("Concat", [past_position_ids, position_ids], "all_positions", axis=0)
    key = nodes.one("Unsqueeze", [nodes.one("Gather", [positions, key_index], "key_position"), nodes.ints(1)], "key_position.row")
    query = nodes.one("Unsqueeze", [nodes.one("Gather", [position_ids, query_index], "query_position"), nodes.ints(2)], "query_position.column")
    one = nodes.number(1)
    place = nodes.one("CumSum", [nodes.one("Clip", [key_index, one, one], "key_ones"), one], "key_place")
    usable = nodes.one("LessOrEqual", [place, nodes.one("Unsqueeze", [key_len, nodes.ints(1)], "key_len.column")], "key_usable", BOOL)
    before = nodes.one("LessOrEqual", [key, query], "key_before", BOOL)
    causal = nodes.one("And", [before, nodes.one("Unsqueeze", [usable, nodes.ints(1)], "key_usable.row")], "key_causal")
    distance = nodes.one("Sub", [query, key], "key_distance") if windows - {None} else None
    seen = {}
    for window in sorted(windows, key=lambda w: w or 0):
        name, own = "see" if window is None else f"see.{window}", causal
        if window is not None:
            own = nodes.one("And", [causal, nodes.one("Less", [distance, nodes.number(window)], f"{name}.near", BOOL)], f"{name}.causal")
        seen[window] = nodes.one("Unsqueeze", [own, nodes.ints(1)], name)
    return seen
