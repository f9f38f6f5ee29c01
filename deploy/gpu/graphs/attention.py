"""Makes graphs of attention alone, as a layer of 8 billion parameters has it in a graph of stock operators:

    .venv/bin/python deploy/gpu/graphs/attention.py

remakes attention/TYPE-N.onnx beside this file: N nodes Attention in a row, each of which takes what the one before gave
for its queries, so that a graph of nine and one of one differ by eight of them and by nothing else. Inputs are those
of a packed graph (docs/BUNDLE.md) without a past. A token's queries, keys and values are a row of a table of random
numbers, which is not in the file: the test that runs it (models/onnxrun) draws the table.
"""

from pathlib import Path

import onnx_ir as ir
from assay_export.fused.nodes import FLOAT, Nodes
from assay_export.fused.tiles import tiles

HERE = Path(__file__).resolve().parent / "attention"
HEADS, GROUPS, DIM, VOCABULARY = 32, 8, 128, 1024
COUNTS = (1, 9)
TABLE = "table.bin"


def graph(compute: str, count: int) -> ir.Model:
    """Return the graph; its output has a row of heads · numbers for each token that is read."""
    nodes = Nodes(compute, wide=False)
    width, narrow = HEADS * DIM, GROUPS * DIM
    input_ids, view = tiles(nodes, frozenset([None]))
    columns = width + 2 * narrow
    stored = ir.ExternalTensor(TABLE, 0, 2 * VOCABULARY * columns, nodes.type, shape=ir.Shape((VOCABULARY, columns)), name="table")
    table = ir.Value(name="table", shape=stored.shape, type=ir.TensorType(nodes.type), const_value=stored)
    nodes.graph.register_initializer(table)
    parts = nodes.many("Split", [nodes.one("Gather", [table, input_ids], "rows"), nodes.ints(width, narrow, narrow)], ["query", "key", "value"], nodes.type,
                       axis=1)
    query, key, value = (nodes.one("Gather", [part, index], f"{part.name}.tiles", axis=0)
                         for part, index in zip(parts, (view.query_index, view.key_index, view.key_index), strict=True))
    for number in range(count):
        query = nodes.one("Attention", [query, key, value, view.see[None]], f"mixed.{number}", q_num_heads=HEADS, kv_num_heads=GROUPS, scale=DIM ** -0.5)
    rows = nodes.one("Reshape", [query, nodes.ints(-1, width)], "mixed.rows")
    read = nodes.cast(nodes.one("Gather", [rows, view.read_scatter], "mixed.read", axis=0), FLOAT)
    nodes.output(read, "readings", ["reads", width])
    return nodes.model()


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for compute in ("float16", "bfloat16"):
        for count in COUNTS:
            made = ir.to_proto(graph(compute, count))
            (HERE / f"{compute}-{count}.onnx").write_bytes(made.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
