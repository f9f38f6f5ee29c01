"""Bodies with experts: weights by one name or another, read as transformers reads them, and bits that hang on a token
alone."""

import random
from functools import cache

import pytest
import torch
from conftest import read_bundle
from safetensors.torch import load_file, save_file
from test_bits import THREADS, pick
from transformers import AutoConfig, AutoModelForSequenceClassification

from assay_export import ExportError
from assay_export.bodies.routers import check_counts
from assay_export.cli import arguments, export
from assay_export.graph.plan import Segment, Slack, apart, packed_feeds, prefix_tree
from assay_export.load import checkpoint as reading
from assay_export.models.reference import Reference
from assay_export.prove import check
from assay_export.read import weights
from assay_export.read.family import families
from parity.case import every_case

CASES = {case.name: case for case in every_case()}
SAME = 1e-6  # of two readings of the same weights: PyTorch's products round by how a tensor lies in memory
IDS = [24, 60, 33, 97, 41, 150, 28, 66, 201, 77, 34, 120]
APART = ("body-mixtral", "body-qwen3-moe", "body-qwen2-moe", "body-phimoe", "body-deepseek-v2", "body-deepseek-v2-lite", "body-deepseek-v3",
         "body-deepseek-v3-plain")
KINDS = (*APART, "body-gpt-oss", "body-gpt-oss-mxfp4")


@pytest.fixture
def source(tmp_path, request):
    """A tiny checkpoint of a parity case."""
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


@pytest.mark.parametrize("source", APART, indirect=True)
def test_experts_in_one_tensor_are_the_same(source, tmp_path):
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32)
    whole = {name: value for name, value in model.state_dict().items() if ".experts." in name}
    assert whole and all(value.ndim == 3 for value in whole.values())
    before = ours(source)
    change(source, lambda given: [given.pop(name) for name in list(given) if ".experts." in name] and given.update(whole))
    assert abs(ours(source) - before) < SAME


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


@pytest.mark.parametrize(("model_type", "fields", "words"), [
    ("mixtral", {"num_experts_per_tok": 9}, "num_experts_per_tok is 9, and there are 8 experts"),
    ("gpt_oss", {"num_experts_per_tok": 0}, "num_experts_per_tok is 0, and there are 128 experts"),
    ("deepseek_v3", {"n_group": 7}, "n_group is 7, and 256 experts must make that many groups of one size, each of two or more"),
    ("deepseek_v3", {"n_group": 256}, "n_group is 256, and"),
    ("deepseek_v3", {"topk_group": 9}, "topk_group is 9: of 8 groups of 32 experts"),
    ("deepseek_v2", {}, "num_experts_per_tok is None, and there are 64 experts"),
    ("deepseek_v2", {"topk_method": "group_limited_greedy", "num_experts_per_tok": 6}, "n_group is None, and 64 experts"),
    ("deepseek_v2", {"topk_method": "group_limited_greedy", "n_group": 16, "topk_group": 1, "num_experts_per_tok": 6},
     "topk_group is 1: of 16 groups of 4 experts that many must have 6 to choose from"),
])
def test_numbers_of_experts_that_are_refused(model_type, fields, words):
    with pytest.raises(ExportError) as caught:
        check_counts(AutoConfig.for_model(model_type, **fields))
    assert words in str(caught.value)


@pytest.mark.parametrize("source", ["body-deepseek-v3"], indirect=True)
def test_layers_of_tokens_beyond_the_next_are_left_out(source):
    before = ours(source)
    change(source, lambda given: given.update({name.replace(".2.", ".3."): value.clone() for name, value in given.items() if ".layers.2." in name}))
    assert abs(ours(source) - before) < SAME
    change(source, lambda given: given.update({"model.layers.4.input_layernorm.weight": torch.ones(32)}))
    with pytest.raises(ExportError, match=r"a weight model.layers.4.input_layernorm.weight that DeepseekV3Model does not use"):
        ours(source)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """A function that returns the packed bundle of a parity case."""
    @cache
    def make(name: str):
        place = tmp_path_factory.mktemp(name)
        CASES[name].write(place / "checkpoint")
        export(arguments().parse_args([str(place / "checkpoint"), str(place / "out"), "--no-check"]))
        return read_bundle(place / "out")
    return make


@pytest.mark.parametrize("name", ["body-mixtral", "body-qwen2-moe", "body-phimoe", "body-gpt-oss", "body-deepseek-v2", "body-deepseek-v3-plain",
                                  "body-falcon-40b"])
def test_readings_are_bit_equal_in_any_plan(bundles, name):
    bundle, rng = bundles(name), random.Random(5)
    vocab = bundle.manifest["graph"]["vocab_size"]
    longest = min(200, bundle.manifest["limits"]["max_tokens"])  # Phi-3.5-MoE's table ends early
    known = [[rng.randrange(vocab) for _ in range(count)] for count in (1, 2, 3, 9, longest)]
    known += [(known[4][:cut] + [rng.randrange(vocab) for _ in range(7)]) for cut in (0, 5, 40, 111)]
    sessions = [check.open_graph(bundle.graph, threads) for threads in THREADS]
    seen: dict[int, bytes] = {}
    for number in range(24):
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


@pytest.mark.parametrize("name", ["body-gpt-oss", "body-deepseek-v2", "body-deepseek-v3-plain"])
def test_readings_are_bit_equal_behind_cached_keys(bundles, name):
    """Also where values are padded to the size of keys, or keys to that of values, and where sinks stand before the
    keys."""
    bundle, rng = bundles(name), random.Random(6)
    ids = [rng.randrange(bundle.manifest["graph"]["vocab_size"]) for _ in range(200)]
    names = [f"{part}.{layer}" for layer in range(bundle.sizes[0]) for part in ("key", "value")]
    whole = Segment(None, 0, ids)
    want, *present = check.run(check.open_graph(bundle.graph), packed_feeds([whole], [(whole, 199)], *bundle.sizes),
                               ("readings", *(f"present_{name}" for name in names)))
    assert all(value.shape == (200, *bundle.sizes[1:]) for value in present)
    for threads in THREADS:
        session = check.open_graph(bundle.graph, threads)
        for length in (1, 2, 9, 64, 150):
            head = Segment(None, 0, ids[:-length])
            tail = Segment(head, 200 - length, ids[-length:])
            past = {f"past_{name}": value[:200 - length] for name, value in zip(names, present, strict=True)}
            feeds = packed_feeds([tail], [(tail, length - 1)], *bundle.sizes, past=(head, past), slack=Slack(0, length % 3, 0, 0))
            assert check.run(session, feeds)[0].tobytes() == want.tobytes(), (threads, length)
