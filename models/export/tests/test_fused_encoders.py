"""Encoders' graphs for GPUs: every kind's nodes are PyTorch's in float32, alone and in any batch, and in half precision
the same nodes but for Cast."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import yaml
from conftest import BUNDLES
from test_fused import HALF, nodes
from transformers import AutoModelForSequenceClassification

from assay_export import ExportError, fused, tiny
from assay_export.cli import arguments, export
from assay_export.fused.emulated import Emulated
from assay_export.fused.encoders.kinds import READERS
from assay_export.graph import graph
from assay_export.graph.encoder import Classifier
from assay_export.models.model import Model, encoder
from assay_export.models.reference import Reference
from assay_export.prove.check import Feeding, check_graph, read_packed, sample
from assay_export.prove.watch import open_graph
from parity.case import every_case

CASES = {case.name: case for case in every_case()}
KINDS = {"bert": "bert-reranker", "roberta": "roberta-reranker", "xlm-roberta": "bge-reranker", "electra": "electra-reranker",
         "distilbert": "distilbert-reranker", "modernbert": "modernbert-reranker-mean", "eurobert": "eurobert-reranker-late", "gte": "gte-reranker",
         "nomic_bert": "nomic-reranker"}
"""A case of each kind of body."""
MORE = {"modernbert": "modernbert-reranker", "eurobert": "eurobert-reranker", "modernbert with biases": "body-modernbert-biases"}
"""Other poolings and settings."""
MAX_TOKENS = 200


def loaded(name: str, folder) -> Model:
    """Return the model of a case, whose head is transformers' own class."""
    CASES[name].write(folder / name)
    whole = AutoModelForSequenceClassification.from_pretrained(folder / name, dtype=torch.float32).eval()
    return encoder(Classifier(whole), whole.config.num_labels)


@dataclass
class Made:
    """A model and its graphs, each written when it is asked for first."""

    model: Model
    folder: Path

    def graph(self, compute: str) -> Path:
        """Return the path of a graph."""
        path = self.folder / f"{compute}.onnx"
        if not path.exists():
            graph.save(fused.build(self.model, MAX_TOKENS, compute), path, external=False)
        return path


@pytest.fixture(scope="module", params=[*KINDS.values(), *MORE.values()])
def made(request, tmp_path_factory) -> Made:
    folder = tmp_path_factory.mktemp("encoder")
    return Made(loaded(request.param, folder), folder)


def types_of(model: Model):
    """Return what gives token types: the second half of a sequence is of type 1."""
    return lambda ids: [int(place >= len(ids) // 2) for place in range(len(ids))] if model.types else None


def test_every_kind_is_here():
    assert set(KINDS) == set(READERS)


def test_half_precision_differs_from_its_twin_in_types_alone(made):
    """The head's large weights are widened where they are used."""
    twin = nodes(made.graph("float32"))
    assert all(kind not in ("Shape", "Range") for _, kind, *_ in twin)  # which ONNX Runtime would compute on the processors
    for half in HALF:
        assert re.sub(r"\.(b?float16|float32)\b", "", str(nodes(made.graph(half)))) == re.sub(r"\.float32\b", "", str(twin))


def test_twin_is_pytorch_alone_and_in_any_batch(made):
    """The check also reads a sequence in four batches: cut into tiles, shuffled, with places to spare."""
    model = made.model
    known = sample(model.sizes, MAX_TOKENS, 12)
    verdict = check_graph(made.graph("float32"), "packed", True, model, Reference(model), MAX_TOKENS, types_of(model), known, loose=True)
    assert verdict.worst < 2e-5 and verdict.rounding == 0 and verdict.readings == 18


def test_float16_on_processors_is_its_emulation(made):
    model, path, types = made.model, made.graph("float16"), types_of(made.model)
    emulated, session, exact = Emulated(path, "float16", model, None), open_graph(path), Reference(model)
    given, sequences = Feeding(model, MAX_TOKENS, types, "readings"), sample(model.sizes, MAX_TOKENS)
    alone = [read_packed(session, given, [ids], [[0]], 0)[0] for ids in sequences]
    for variant in range(4):
        batch = read_packed(session, given, sequences, [[len(ids) - 1] for ids in sequences], variant)
        assert all(np.allclose(one, many, rtol=1e-5, atol=1e-5) for one, many in zip(alone, batch, strict=True))
    for ids, row in zip(sequences, alone, strict=True):
        near, right = (reference.readings(ids, types(ids)).numpy() for reference in (emulated, exact))
        assert np.abs(row - near).max() < 2 * np.abs(near - right).max() + 2e-3


@pytest.mark.parametrize("half", HALF)
def test_large_weights_are_in_half_precision_and_sums_of_layers_in_float32(made, half):
    model, found = made.model, onnx.load(made.graph(half)).graph
    types = {part.name: part.data_type for part in found.initializer}
    products = {node.input[1] for node in found.node if node.op_type == "MatMul" and node.name.startswith("layer.")}
    assert len(products) == 4 * model.sizes.layers and {types[name] for name in [*products, "embedding.words"]} == {HALF[half]}
    norms = [name for node in found.node if "LayerNormalization" in node.op_type for name in node.input if name in types]
    assert len(norms) >= 2 * model.sizes.layers and {types[name] for name in norms} == {onnx.TensorProto.FLOAT}
    assert [part.type.tensor_type.elem_type for part in found.output] == [onnx.TensorProto.FLOAT]
    names = ["input_ids", "position_ids", "query_index", "key_index", "key_len", "scatter_index", "read_index"]
    assert [part.name for part in found.input] == [*names, *(["token_type_ids"] if model.types else [])]


def test_onnx_agrees_with_every_node(made):
    """SimplifiedLayerNormalization is ONNX Runtime's name of RMSNormalization, which ONNX checks."""
    for compute in fused.COMPUTES:
        found = onnx.load(made.graph(compute))
        for node in found.graph.node:
            node.op_type = "RMSNormalization" if node.op_type == "SimplifiedLayerNormalization" else node.op_type
        onnx.checker.check_model(found, full_check=True)


def test_a_pad_inside_moves_the_positions_behind_it(tmp_path):
    made = Made(loaded("roberta-reranker", tmp_path), tmp_path)
    model = made.model
    given, pad, ids = Feeding(model, MAX_TOKENS, lambda ids: None, "readings"), model.config.pad_token_id, list(range(20, 60))
    sequences = [ids, [pad, *ids], [*ids[:10], pad, *ids[10:]], [*ids, pad]]
    rows = read_packed(open_graph(made.graph("float32")), given, sequences, [[0]] * 4, 3)
    for sequence, row in zip(sequences, rows, strict=True):
        assert np.allclose(row, Reference(model).readings(sequence).numpy(), rtol=1e-5, atol=1e-5)
    assert len({row.tobytes() for row in rows}) == 4


@pytest.mark.parametrize("options", [(), ("--head", "separate")])
@pytest.mark.parametrize("name", ["bert-reranker", "modernbert-reranker-mean", "eurobert-reranker-late"])
def test_manifest_says_what_it_computes_in(name, options, tmp_path):
    CASES[name].write(tmp_path / "source")
    asked = [str(tmp_path / "source"), str(tmp_path / "out"), "--family", CASES[name].family, "--compute", "float16", *options]
    export(arguments().parse_args(asked))
    manifest = yaml.safe_load((tmp_path / "out" / "assay.yaml").read_text())
    said = manifest["graph"]
    assert said["compute"] == said["precision"] == "float16" and said["attention"] == "bidirectional" and said["layout"] == "packed"
    assert 0 < said["drift"]["score"] < 0.05 and said["drift"]["order"] > 0.99 and said["drift"]["items"] >= 60
    assert manifest["golden"]["tolerance"] == 2 * said["drift"]["score"]
    assert (tmp_path / "out" / "head.onnx").exists() == bool(options)
    output = onnx.load(tmp_path / "out" / "model.onnx").graph.output[0]
    assert output.name == ("hidden" if options else "readings") and output.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


@pytest.mark.parametrize("name", ["embedding-bert-tokens", "embedding-bert-mean", "modules-modernbert", "bert-text"])
def test_models_of_other_kinds_have_such_graphs(name, tmp_path):
    """Vectors of tokens and of texts, modules behind a mean, and classifiers of one text."""
    CASES[name].write(tmp_path / "source")
    asked = [str(tmp_path / "source"), str(tmp_path / "out"), "--compute", "bfloat16", *CASES[name].options]
    assert "largest difference from PyTorch" in export(arguments().parse_args([*asked, "--family", CASES[name].family]))
    assert yaml.safe_load((tmp_path / "out" / "assay.yaml").read_text())["graph"]["drift"]["order"] > 0.98
    assert "Shape" not in {node.op_type for node in onnx.load(tmp_path / "out" / "model.onnx").graph.node}


@pytest.mark.parametrize(("name", "options", "said"), [
    ("deberta-v1", (), "model_type 'deberta' has no graph for --compute, since attention of its own cannot be arranged in tiles; leave it out.*bert"),
    ("deberta-v2", (), "model_type 'deberta-v2' has no graph for --compute"),
    ("bert-reranker", ("--layout", "padded"), "packed graphs, and the layout is padded"),
    ("bert-reranker", ("--operators", "assay", "--int8"), "--int8 beside --compute is for decoders, and model_type 'bert' is an encoder")])
def test_what_has_no_such_graph_is_named(name, options, said, tmp_path):
    CASES[name].write(tmp_path / "source")
    with pytest.raises(ExportError, match=said):
        export(arguments().parse_args([str(tmp_path / "source"), str(tmp_path / "out"), "--family", CASES[name].family, "--compute", "float16", *options]))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("kind", "key"), [("bert", "hidden_act"), ("modernbert", "hidden_activation"), ("distilbert", "activation")])
def test_an_activation_that_has_no_operator_is_named(kind, key, tmp_path):
    CASES[KINDS[kind]].write(tmp_path / "source")
    tiny.edit_json(tmp_path / "source" / "config.json", **{key: "mish"})
    with pytest.raises(ExportError, match="'mish' in the feed-forward part has no operator for --compute; leave it out.*gelu"):
        export(arguments().parse_args([str(tmp_path / "source"), str(tmp_path / "out"), "--family", CASES[KINDS[kind]].family, "--compute", "float16"]))


@pytest.mark.parametrize("activation", ["relu", "gelu_new", "silu"])
def test_other_activations(activation, tmp_path):
    CASES["bert-reranker"].write(tmp_path / "source")
    tiny.edit_json(tmp_path / "source" / "config.json", hidden_act=activation)
    asked = [str(tmp_path / "source"), str(tmp_path / "out"), "--family", "bert-pair", "--compute", "float16"]
    assert "largest difference from PyTorch" in export(arguments().parse_args(asked))


def test_float16_is_refused_where_a_value_overflows(tmp_path):
    CASES["bert-reranker"].write(tmp_path / "source")
    whole = AutoModelForSequenceClassification.from_pretrained(tmp_path / "source", dtype=torch.float32)
    with torch.no_grad():
        whole.bert.encoder.layer[1].intermediate.dense.weight.mul_(1e4)
        whole.bert.encoder.layer[1].intermediate.dense.bias.add_(1e5)
    whole.save_pretrained(tmp_path / "source")
    asked = [str(tmp_path / "source"), str(tmp_path / "out"), "--family", "bert-pair", "--compute"]
    for external in ((), ("--external-data",)):
        with pytest.raises(ExportError, match=r"weight layer\.1\.inner\.up\.bias reaches .* float16 ends at 65504; choose bfloat16"):
            export(arguments().parse_args([*asked, "float16", *external]))
    with torch.no_grad():
        whole.bert.encoder.layer[1].intermediate.dense.bias.sub_(1e5)
    whole.save_pretrained(tmp_path / "source")
    with pytest.raises(ExportError, match=r"--compute float16: layer\.1\.inner\.\w+ reaches .* float16 ends at 65504; give --compute bfloat16"):
        export(arguments().parse_args([*asked, "float16"]))
    export(arguments().parse_args([*asked, "bfloat16"]))


def test_fixtures_are_what_the_script_makes(tmp_path):
    for kind, computes in (("bert", fused.COMPUTES), ("modernbert", ("float16",))):
        source = tiny.write_encoder(tmp_path / kind, kind, 400, tiny.sentences(1, 200, 400), 20)
        whole = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32).eval()
        for compute in computes:
            path = tmp_path / f"{kind}-{compute}.onnx"
            graph.save(fused.build(encoder(Classifier(whole), 1), 320, compute), path, external=False)
            assert path.read_bytes() == (BUNDLES.parent / "fused" / f"{kind}-{compute}" / "model.onnx").read_bytes(), (kind, compute)
