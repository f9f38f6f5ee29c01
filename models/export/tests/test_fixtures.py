"""The repository's fixture bundles against transformers: ids, scores and the files themselves."""

import numpy as np
import onnx
import pytest
import torch
from conftest import BUNDLES, fixture_names, read_bundle
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, PreTrainedTokenizerFast

from assay_export import fixtures, tiny
from assay_export.graph.plan import apart, packed_feeds, padded_feeds
from assay_export.prove import check

SAME = 1e-5
"""Within which PyTorch's scores are the same: those of one processor differ from another's by up to 1.5e-6 here."""


def readings(bundle, sequences: list[list[int]]) -> list[np.ndarray]:
    """Run a bundle on each sequence alone; return [labels] (reward) or [tokens, labels] (process) for each."""
    session = check.open_graph(bundle.graph)
    out = []
    for ids in sequences:
        if bundle.manifest["graph"]["layout"] == "padded":
            out.append(check.run(session, padded_feeds([ids]))[0][0])
            continue
        segments = apart([ids])
        at = range(len(ids)) if bundle.manifest["kind"] == "process" else [len(ids) - 1]
        rows = check.run(session, packed_feeds(segments, [(segments[0], place) for place in at], *bundle.sizes))[0]
        out.append(rows if bundle.manifest["kind"] == "process" else rows[0])
    return [row[:len(ids)] if row.ndim == 2 else row for row, ids in zip(out, sequences, strict=True)]


def final(bundle, pair: dict, rows: np.ndarray) -> list[float]:
    """Turn raw readings into what a golden pair holds, from the manifest alone."""
    manifest = bundle.manifest
    if manifest["kind"] == "reward":
        head = manifest.get("head", {"mean": 0, "std": 1})
        return [(float(rows[0]) - head["mean"]) / head["std"]]
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(bundle.path / "tokenizer.json"))
    separator = tokenizer.convert_tokens_to_ids(manifest["steps"]["separator"])
    picked = rows[[at for at, token in enumerate(pair["ids"]) if token == separator]].astype(np.float64)
    weights = np.exp(picked) / np.exp(picked).sum(-1, keepdims=True)
    return weights[:, manifest["graph"]["labels"].index(manifest["steps"]["label"])].tolist()


def test_every_family_kind_and_layout_is_there():
    want = {f"{family}-{kind}-{layout}" for family in tiny.FAMILIES for kind in ("reward", "process") for layout in ("packed", "padded")}
    assert want <= set(fixture_names())


@pytest.mark.parametrize("name", fixture_names())
def test_graph_gives_the_golden_scores(name):
    bundle = read_bundle(BUNDLES / name)
    assert max(len(pair["ids"]) for pair in bundle.golden) > 150
    for pair, rows in zip(bundle.golden, readings(bundle, [pair["ids"] for pair in bundle.golden]), strict=True):
        want = pair.get("steps", [pair.get("score")])
        tolerance = 1e-5 if bundle.manifest["graph"]["precision"] == "float32" else bundle.manifest["golden"]["tolerance"]
        assert final(bundle, pair, rows) == pytest.approx(want, rel=tolerance, abs=tolerance), pair["item"]


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("kind", ["reward", "process"])
def test_golden_scores_are_those_of_the_unchanged_transformers_class(family, kind, tmp_path, texts):
    tokenizer = tiny.family_tokenizer(family, fixtures.VOCAB, texts)
    seed = fixtures.SEED + list(tiny.FAMILIES).index(family)
    source = tiny.write_checkpoint(tmp_path / family, family, kind, tokenizer=tokenizer, seed=seed)
    auto = AutoModelForSequenceClassification if kind == "reward" else AutoModelForTokenClassification
    model = auto.from_pretrained(source, attn_implementation="eager", dtype=torch.float32).eval()
    separator = tokenizer.token_to_id(tiny.FAMILIES[family].separator)
    for pair in read_bundle(BUNDLES / f"{family}-{kind}-packed").golden:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([pair["ids"]])).logits[0]
        if kind == "reward":
            assert logits.item() == pytest.approx(pair["score"], abs=SAME)
            continue
        ends = [at for at, token in enumerate(pair["ids"]) if token == separator]
        assert torch.softmax(logits[ends], -1)[:, 1].tolist() == pytest.approx(pair["steps"], abs=SAME)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_ids_are_those_of_apply_chat_template(family, tmp_path, texts):
    tiny.write_tokenizer(tmp_path, tiny.family_tokenizer(family, fixtures.VOCAB, texts), tiny.FAMILIES[family])
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    bundle = read_bundle(BUNDLES / f"{family}-reward-packed")
    for pair in bundle.golden:
        item = pair["item"]
        turns = [{"role": "user", "content": item.get("prompt")}, {"role": "assistant", "content": item.get("response")}]
        messages = item.get("messages", turns)
        if "messages" in item or "prompt" in item:
            assert tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False) == pair["ids"], item


@pytest.mark.parametrize("name", fixture_names())
def test_graph_holds_no_trace_of_where_it_was_made(name):
    content = (BUNDLES / name / "model.onnx").read_bytes()
    for word in (b"site-packages", b".py", b"/home", b"/root", b"/tmp"):
        assert word not in content
    onnx.checker.check_model(str(BUNDLES / name / "model.onnx"))


def test_fixtures_are_what_the_script_makes_byte_for_byte(tmp_path):
    fixtures.make(tmp_path / "out", tmp_path, "mistral", "process", "packed", seed=fixtures.SEED + list(tiny.FAMILIES).index("mistral"))
    old, new = read_bundle(BUNDLES / "mistral-process-packed"), read_bundle(tmp_path / "out" / "mistral-process-packed")
    assert sorted(file.name for file in old.path.iterdir()) == sorted(file.name for file in new.path.iterdir())
    for file in old.path.iterdir():
        if file.name != "golden.jsonl":  # whose scores are PyTorch's, and differ in their last digits from processor to processor
            assert file.read_bytes() == (new.path / file.name).read_bytes(), file.name
    assert [pair["ids"] for pair in old.golden] == [pair["ids"] for pair in new.golden]
    for before, after in zip(old.golden, new.golden, strict=True):
        assert after["steps"] == pytest.approx(before["steps"], abs=1e-5)
