"""Embedding models of sentence-transformers: what goes into the manifest, and what is refused. parity holds their vectors to transformers."""

import json

import pytest
import torch
from conftest import read_bundle
from safetensors.torch import load_file, save_file
from test_texts import refused, run

from assay_export import tiny
from parity.case import every_case

CASES = {case.name: case for case in every_case()}
UNCHECKED = ("--no-check",)
QUERY, PASSAGE = "config_sentence_transformers.json: 'query: ' goes before each prompt", "'passage: ' goes before each response, as encode_document has it"


@pytest.fixture
def embedder(tmp_path):
    """A function that writes a case's checkpoint, and JSON files over those that it has."""
    def make(case: str = "embedding-bert-mean", **files):
        source = tmp_path / "source"
        CASES[case].write(source)
        for name, content in files.items():
            place = source / (name.replace("__", "/") + ".json")
            old = json.loads(place.read_text()) if place.exists() else {}
            place.write_text(json.dumps(content if isinstance(content, list) else old | content))
        return source
    return make


def test_what_a_text_becomes(embedder, tmp_path):
    said = run(embedder("embedding-bert-dense"), tmp_path / "out", *UNCHECKED)
    assert QUERY in said and PASSAGE in said
    assert "SentenceTransformer cuts a text to 200 tokens (model_max_length or max_seq_length), so longer ones are refused" in said
    bundle = read_bundle(tmp_path / "out")
    manifest = bundle.manifest
    assert (manifest["kind"], manifest["pooling"], manifest["limits"]) == ("embedding", "in_graph", {"max_tokens": 200})
    assert manifest["embedding"] == {"size": 24, "similarity": "dot", "before": {"prompt": "query: ", "response": "passage: "}}
    assert "labels" not in manifest["graph"] and "template" not in manifest and set(manifest["tokenizer"]["frame"]) == {"before", "after"}
    assert [set(pair) for pair in bundle.golden] == [{"item", "ids", "vector"}] * 3
    assert all(len(pair["vector"]) == 24 and abs(sum(x * x for x in pair["vector"]) - 1) < 1e-6 for pair in bundle.golden)


def test_a_causal_model_is_read_at_the_token_that_its_tokenizer_puts_last(embedder, tmp_path):
    run(embedder("embedding-qwen3-last"), tmp_path / "out", *UNCHECKED)
    bundle = read_bundle(tmp_path / "out")
    end = bundle.manifest["tokenizer"]["frame"]["after"]
    assert bundle.manifest["pooling"] == "last_attended" and all(pair["ids"][-1:] == end for pair in bundle.golden)
    assert bundle.manifest["embedding"]["before"] == {"prompt": "Instruct: find\nQuery:"}


def test_a_prompt_by_another_name(embedder, tmp_path):
    source = embedder(config_sentence_transformers={"prompts": {"passage": "p: ", "clustering": "c: ", "query": ""}, "default_prompt_name": "clustering"})
    said = run(source, tmp_path / "out", *UNCHECKED)
    assert "'p: ' goes before each response" in said and "the prompts clustering are not put before any text" in said
    assert read_bundle(tmp_path / "out").manifest["embedding"] == {"size": 32, "similarity": "cosine", "before": {"response": "p: "}}


def test_its_family_is_told_by_the_directory(embedder, tmp_path):
    source = embedder()
    words = "the directory is a SentenceTransformer, whose embeddings are no scores, and family sentence-modules makes scores"
    assert words in refused(source, tmp_path / "out", "--family", "sentence-modules")
    (source / "modules.json").unlink()
    words = "the directory has no modules.json that makes a SentenceTransformer, whose embeddings are no scores, and family sentence-embedding is for those"
    assert words in refused(source, tmp_path / "out", "--family", "sentence-embedding")
    tiny.edit_json(source / "config.json", architectures=["MPNetModel"])
    assert "MPNetModel" in refused(source, tmp_path / "out")


@pytest.mark.parametrize(("files", "words"), [
    ({"config_sentence_transformers": {"similarity_fn_name": "euclidean"}},
     "config_sentence_transformers.json: similarity_fn_name is euclidean; supported are cosine and dot"),
    ({"config_sentence_transformers": {"prompts": {"query": 7}}}, "config_sentence_transformers.json: prompts must be texts by name"),
    ({"config_sentence_transformers": {"prompts": {"query": "q" * 8193}}}, "prompts: what goes before a prompt has 8193 bytes, and may have 8192"),
    ({"config_sentence_transformers": {"prompts": {"query": "q: "}}, "1_Pooling__config": {"include_prompt": False}},
     "1_Pooling/config.json: include_prompt: false leaves the prompts of"),
    ({"config_sentence_transformers": {"model_type": "SparseEncoder"}}, "make a SparseEncoder, whose embeddings are no scores"),
    ({"sentence_bert_config": {"do_lower_case": True}}, "sentence_bert_config.json: do_lower_case: True changes what the tokenizer reads"),
    ({"sentence_bert_config": {"transformer_task": "fill-mask"}}, "transformer_task is 'fill-mask', and these modules need feature-extraction"),
    ({"1_Pooling__config": {"pooling_mode": "max"}}, "1_Pooling/config.json: pooling_mode is max; supported here: cls, mean"),
    ({"1_Pooling__config": {"pooling_mode": "lasttoken"}}, "pooling_mode is lasttoken; supported here: cls, mean"),
])
def test_what_is_not_read(embedder, tmp_path, files, words):
    assert words in refused(embedder(**files), tmp_path / "out", *UNCHECKED)


def test_a_causal_model_has_no_mean(embedder, tmp_path):
    source = embedder("embedding-qwen3-last", **{"1_Pooling__config": {"pooling_mode": "mean"}})
    assert "pooling_mode is mean; supported here: lasttoken" in refused(source, tmp_path / "out", *UNCHECKED)


def test_options_that_are_for_scores(embedder, tmp_path):
    source = embedder()
    for option, value in (("--text", "response"), ("--activation", "sigmoid"), ("--mean", "1"), ("--pooling", "last_attended")):
        assert f"{option} is for" in refused(source, tmp_path / "out", option, value)


def test_a_golden_item_of_two_texts(embedder, tmp_path):
    (tmp_path / "golden").write_text('{"prompt": "a", "response": "b"}\n')
    said = refused(embedder(), tmp_path / "out", *UNCHECKED, "--golden", str(tmp_path / "golden"))
    assert "must have text or input_ids, as a model of kind embedding needs it" in said


TOKENS = ("--family", "token-embedding")


def test_each_token_of_an_encoder_has_a_vector(embedder, tmp_path):
    source = embedder("embedding-bert-tokens")
    run(source, tmp_path / "out", *UNCHECKED, *TOKENS)
    bundle = read_bundle(tmp_path / "out")
    assert (bundle.manifest["kind"], bundle.manifest["pooling"]) == ("embedding", "first")
    assert bundle.manifest["embedding"] == {"size": 32, "similarity": "cosine"} and bundle.manifest["limits"] == {"max_tokens": 256}
    weights = load_file(source / "model.safetensors")
    assert any(name.startswith("pooler.") for name in weights)
    masked = {f"bert.{name}": value for name, value in weights.items() if not name.startswith("pooler.")} | {"cls.predictions.bias": torch.zeros(400)}
    save_file(masked, source / "model.safetensors")
    tiny.edit_json(source / "config.json", architectures=["BertForMaskedLM"])
    run(source, tmp_path / "masked", *UNCHECKED, *TOKENS)
    assert [pair["vector"] for pair in read_bundle(tmp_path / "masked").golden] == [pair["vector"] for pair in bundle.golden]


def test_the_family_of_tokens_is_chosen_by_its_name_alone(embedder, tmp_path):
    source = embedder("embedding-bert-tokens")
    assert "a body without a head, and there is no modules.json" in refused(source, tmp_path / "out", *UNCHECKED)
    assert "head separate: the model gives its tokens' states as they are" in refused(source, tmp_path / "out", *UNCHECKED, *TOKENS, "--head", "separate")
    run(embedder("embedding-bert-mean"), tmp_path / "out", *UNCHECKED, *TOKENS)
    assert read_bundle(tmp_path / "out").manifest["pooling"] == "first"
