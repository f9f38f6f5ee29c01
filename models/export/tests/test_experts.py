"""Bodies with experts: weights by one name or another, read as transformers reads them, and bits that hang on a token alone."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import read_bundle
from safetensors.torch import load_file, save_file
from test_bits import THREADS, pick
from transformers import AutoModelForSequenceClassification, Qwen3MoeConfig

from assay_export import ExportError, check, tiny, weights
from assay_export import checkpoint as reading
from assay_export.cli import arguments, export
from assay_export.family import families
from assay_export.plan import Slack, apart, packed_feeds, prefix_tree
from assay_export.reference import Reference
from parity import large
from parity.case import every_case

CASES = {case.name: case for case in every_case()}
IDS = [24, 60, 33, 97, 41, 150, 28, 66, 201, 77, 34, 120]
KINDS = ("body-mixtral", "body-qwen3-moe")


@pytest.fixture
def source(tmp_path, request):
    """A tiny checkpoint of a parity case, whose experts' weights are named one by one."""
    CASES[request.param].write(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def ours(source, precision: str = "float32") -> float:
    """Return the score of IDS as this package reads the checkpoint."""
    raw, _ = reading.read_config(source)
    loaded = reading.load(source, raw, families()["sequence-classification"], reading.load_tokenizer(source)[0])
    return Reference(loaded.model, precision).readings(IDS)[-1, 0].item()


def theirs(source) -> float:
    """Return the score of IDS as transformers loads the checkpoint."""
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32, experts_implementation="eager").eval()
    with torch.no_grad():
        return model(input_ids=torch.tensor([IDS])).logits[0, 0].item()


def change(source, edit) -> None:
    """Rewrite a checkpoint's weights."""
    given = load_file(source / "model.safetensors")
    edit(given)
    save_file(given, source / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("source", KINDS, indirect=True)
@pytest.mark.parametrize("large", [1 << 20, 16])
def test_experts_are_read_as_transformers_reads_them(source, monkeypatch, large):
    monkeypatch.setattr(weights, "LARGE", large)
    assert abs(ours(source) - theirs(source)) < 1e-5


@pytest.mark.parametrize("source", KINDS, indirect=True)
def test_experts_in_one_tensor_are_the_same(source, tmp_path):
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32)
    whole = {name: value for name, value in model.state_dict().items() if ".experts." in name}
    assert whole and all(value.ndim == 3 for value in whole.values())
    before = ours(source)
    change(source, lambda given: [given.pop(name) for name in list(given) if ".experts." in name] and given.update(whole))
    assert ours(source) == before


@pytest.mark.parametrize("source", KINDS, indirect=True)
def test_lower_precision_rounds_each_expert(source):
    assert 0 < abs(ours(source, "bfloat16") - ours(source)) < 0.2
    with pytest.raises(ExportError, match="--int8 is not supported for .*, whose layers have experts"):
        ours(source, "int8")


@pytest.mark.parametrize("source", ["body-mixtral"], indirect=True)
@pytest.mark.parametrize(("edit", "words"), [
    (lambda given: given.pop("model.layers.1.block_sparse_moe.experts.3.w3.weight"), "no up weight of expert 3 in layers.1.mlp"),
    (lambda given: [given.pop(name) for name in list(given) if ".experts.2." in name], "no gate weight of expert 2 in layers.0.mlp"),
    (lambda given: [given.pop(name) for name in list(given) if ".experts.4." in name], "has shape [4, 96, 32], and config.json asks for [5, 96, 32]"),
    (lambda given: given.update({"model.layers.0.block_sparse_moe.experts.3.w1.weight": torch.ones(8, 32)}),
     "expert 3 in layers.0.mlp have other shapes than those of expert 0"),
])
def test_experts_that_are_not_whole(source, edit, words):
    change(source, edit)
    with pytest.raises(ExportError) as caught:
        ours(source)
    assert words in str(caught.value)


def test_an_export_holds_no_copy_of_the_experts(tmp_path, texts):
    """Of a model with five times the layers it has hardly more memory of its own, which no file backs."""
    own = {}
    for layers in (1, 5):
        config = Qwen3MoeConfig(vocab_size=1024, hidden_size=1024, moe_intermediate_size=1024, num_experts=4, num_experts_per_tok=2, num_labels=1,
                                num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=2, head_dim=64, max_position_embeddings=512,
                                architectures=["Qwen3MoeForSequenceClassification"])
        source, out = tmp_path / str(layers), tmp_path / f"out-{layers}"
        large.write_checkpoint(source, config, tiny.family_tokenizer("qwen2", 400, texts))
        process = subprocess.Popen([sys.executable, "-m", "assay_export", source, out, "--no-check", "--dtype", "bfloat16", "--external-data"],
                                   cwd=Path(__file__).parents[1])
        _, own[layers] = large.watch(process)
        assert process.returncode == 0 and read_bundle(out).golden
    weights_of_four = 4 * 4 * 3 * 1024 * 1024 * 2 / 2**30
    assert own[5] - own[1] < 0.75 * weights_of_four


@pytest.mark.parametrize("source", ["body-mixtral"], indirect=True)
def test_readings_are_bit_equal_in_any_plan(source, tmp_path):
    export(arguments().parse_args([str(source), str(tmp_path / "out"), "--no-check"]))
    bundle, rng = read_bundle(tmp_path / "out"), random.Random(5)
    vocab = bundle.manifest["graph"]["vocab_size"]
    known = [[rng.randrange(vocab) for _ in range(count)] for count in (1, 2, 3, 9, 200)]
    known += [(known[4][:cut] + [rng.randrange(vocab) for _ in range(7)]) for cut in (0, 5, 40, 111)]
    sessions = [check.open_graph(bundle.graph, threads) for threads in THREADS]
    seen: dict[int, bytes] = {}
    for number in range(30):
        chosen = [number] if number < len(known) else pick(rng, known)
        given = [known[one] for one in chosen]
        segments = last = apart(given)
        if rng.random() < 0.5:
            segments, last = prefix_tree(given)
        feeds = packed_feeds(segments, [(end, len(end.ids) - 1) for end in last], *bundle.sizes, chunk=rng.choice([None, 1, 16]), shuffle=rng,
                             slack=Slack(*(rng.randint(0, 7) for _ in range(4))))
        for session in sessions:
            for one, row in zip(chosen, check.run(session, feeds)[0], strict=False):
                assert seen.setdefault(one, row.tobytes()) == row.tobytes(), (number, len(known[one]))
