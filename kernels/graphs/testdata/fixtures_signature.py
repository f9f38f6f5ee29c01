"""What files say of their graphs, as the onnx package reads them; signature_test.go of kernels/onnx compares.

signature.onnx has external data in every place that a tensor may stand in. facts.json has, for it and for other files
of the repository, the inputs without those that are weights, the outputs, every location of external data, and which
weights lie where outside.
"""

import json
import math
from pathlib import Path

import onnx
from google.protobuf.descriptor import FieldDescriptor
from onnx import GraphProto, NodeProto, SparseTensorProto, TensorProto, external_data_helper, helper

ROOT = Path(__file__).resolve().parents[3]
OTHERS = (
    "kernels/onnx/testdata/*.onnx",
    "kernels/graphs/testdata/heads/*.onnx",
    "kernels/graphs/testdata/refused/*.onnx",
    "models/testdata/bundles/qwen3-*/*.onnx",
)


def outside(name: str, file: str, dims: list[int]) -> TensorProto:
    """Return a tensor whose numbers are in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in (("offset", "0"), ("location", file), ("length", "16")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def sparse(name: str, folder: str) -> SparseTensorProto:
    return SparseTensorProto(values=outside(name, f"{folder}/values", [2]), indices=outside("", f"{folder}/indices", [2]), dims=[4])


def branch(name: str, inner: NodeProto | None = None) -> GraphProto:
    """Return a subgraph with a weight of its own, and another subgraph where a node has one."""
    nodes = [helper.make_node("Identity", [f"{name}.weight"], [f"{name}.out"])] + ([inner] if inner else [])
    outputs = [helper.make_tensor_value_info(f"{name}.out", TensorProto.FLOAT, [2])]
    graph = helper.make_graph(nodes, name, [], outputs, [outside(f"{name}.weight", f"{name}.data", [2])])
    graph.sparse_initializer.append(sparse(f"{name}.sparse", name))
    return graph


def signature() -> onnx.ModelProto:
    value, floats = helper.make_tensor_value_info, TensorProto.FLOAT
    inner = helper.make_node("If", ["c"], ["inner.y"], then_branch=branch("inner.then"), else_branch=branch("inner.else"))
    nodes = [
        helper.make_node("If", ["c"], ["y"], then_branch=branch("then", inner), else_branch=branch("else")),
        helper.make_node("Own", ["ids"], ["z"], domain="own", t=outside("", "attribute.data", [2]), s=sparse("", "attribute-sparse")),
        helper.make_node("Own", ["ids"], ["w"], domain="own", ts=[outside("", "attributes.data", [2]), outside("", "all.data", [2])]),
        helper.make_node("Own", ["ids"], ["v"], domain="own", gs=[branch("graphs.0"), branch("graphs.1")]),
    ]
    many = nodes[3].attribute.add(name="ss", type=onnx.AttributeProto.SPARSE_TENSORS)
    many.sparse_tensors.extend([sparse("", "attribute-sparses.0"), sparse("", "attribute-sparses.1")])
    inputs = [
        value("ids", TensorProto.INT64, ["n", "s"]),
        value("mask", TensorProto.BOOL, [None, 7]),
        value("weight", floats, [2]),
        value("table", floats, [4]),
        value("free", floats, None),
        value("number", TensorProto.FLOAT16, []),
        value("minus", TensorProto.UINT8, [-1, 0]),
        helper.make_tensor_sequence_value_info("list", floats, ["n"]),
    ]
    outputs = [value("y", floats, ["n", 2]), value("z", TensorProto.BOOL, None), helper.make_tensor_sequence_value_info("w", floats, ["n"])]
    weights = [outside("weight", "all.data", [2]), outside("other", "all.data", [2]), outside("last", "folder/last.data", [2, 2])]
    graph = helper.make_graph(nodes, "signature", inputs, outputs, weights, sparse_initializer=[sparse("table", "sparse")])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "Own", ["x"], ["y"], [helper.make_node("Constant", [], ["y"], value=outside("", "function.data", [2]))], opsets)
    function.attribute_proto.append(helper.make_attribute("t", outside("", "default.data", [2])))
    model = helper.make_model(graph, opset_imports=opsets, functions=[function], producer_name="make.py", ir_version=9)
    model.training_info.add(initialization=branch("initialization"), algorithm=branch("algorithm"))
    return model


def locations(message) -> set[str]:
    """Return the locations in a message and in all that stand in it."""
    found = {entry.value for entry in message.external_data if entry.key == "location"} if isinstance(message, TensorProto) else set()
    for field, content in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for part in content if field.is_repeated else [content]:
                found |= locations(part)
    return found


def value_facts(value: onnx.ValueInfoProto) -> dict:
    tensor = value.type.tensor_type
    dims = [dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else -1 for dim in tensor.shape.dim]
    return {"Name": value.name, "Kind": tensor.elem_type, "Dims": dims if tensor.HasField("shape") else None}


def placed(tensor: TensorProto) -> dict | None:
    """Return where outside a weight lies, unless the file says another length than its dimensions ask for."""
    outside = external_data_helper.ExternalDataInfo(tensor)
    size = math.prod(tensor.dims) * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    if not external_data_helper.uses_external_data(tensor) or outside.length != size:
        return None
    return {"Name": tensor.name, "Kind": tensor.data_type, "Dims": list(tensor.dims), "Location": outside.location,
            "Offset": outside.offset or 0, "Length": outside.length}


def facts(model: onnx.ModelProto) -> dict:
    weights = {tensor.name for tensor in model.graph.initializer} | {tensor.values.name for tensor in model.graph.sparse_initializer}
    return {
        "Inputs": [value_facts(value) for value in model.graph.input if value.name not in weights],
        "Outputs": [value_facts(value) for value in model.graph.output],
        "External": sorted(locations(model)),
        "Outside": [place for tensor in model.graph.initializer if (place := placed(tensor))],
    }


def make(folder: Path) -> None:
    (folder / "signature.onnx").write_bytes(signature().SerializeToString(deterministic=True))
    files = sorted(file for pattern in OTHERS for file in ROOT.glob(pattern))
    said = {str(file.relative_to(ROOT)): facts(onnx.ModelProto.FromString(file.read_bytes())) for file in files}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(fact)}" for name, fact in said.items())
    (folder / "facts.json").write_text("{\n" + lines + "\n}\n")
