"""Behind the last attention a packed graph computes only the rows that are read."""

import onnx
import pytest
from conftest import BUNDLES, fixture_names, read_bundle


@pytest.mark.parametrize("name", [name for name in fixture_names("packed") if "int8" not in name])
def test_the_last_layer_is_computed_where_it_is_read(name):
    bundle = read_bundle(BUNDLES / name)
    graph = onnx.load(bundle.graph, load_external_data=False).graph
    needs: dict[str, set[str]] = {value.name: {value.name} for value in graph.input}
    given: dict[str, set[str]] = {}
    for node in graph.node:
        sources = set().union(*(needs.get(name, set()) for name in node.input))
        needs.update((name, sources) for name in node.output)
        for weight in node.input if node.op_type in ("MatMul", "Gemm") else ():
            given[weight.removesuffix(".T")] = sources
    layers = bundle.sizes[0]
    read = {weight for weight, sources in given.items() if "read_index" in sources and ".layers." in weight}
    last = {weight for weight in given if f".layers.{layers - 1}." in weight}
    keys = {weight for weight in last if any(part in weight for part in ("q_proj", "k_proj", "v_proj", "qkv_proj"))}
    assert keys and last - keys and read == last - keys
