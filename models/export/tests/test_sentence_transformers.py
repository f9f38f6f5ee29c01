"""Directories of sentence-transformers: a CrossEncoder's scores are those of its own predict, and what makes no score by itself is refused."""

import json
from pathlib import Path

import pytest
from conftest import read_bundle
from safetensors.torch import load_file, save_file
from test_texts import FEW, refused, run

from assay_export import tiny
from parity.case import every_case
from parity.cases.encoders import BERT_TOKENS, WORDPIECE, writer
from parity.items import PASSAGES, WITHOUT_TEXT

CASES = {case.name: case for case in every_case()}
SEEN = json.loads((Path(__file__).parent / "sentence_transformers.json").read_text(encoding="utf-8"))["directories"]
"""What sentence/make.py saw of sentence-transformers itself."""

UNCHECKED = ("--no-check",)
SIGMOID = "torch.nn.modules.activation.Sigmoid"
MODULES = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}]
POOLED = [*MODULES, {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]


@pytest.mark.parametrize("seen", SEEN, ids=lambda seen: seen["name"])
def test_a_cross_encoder_gives_what_its_own_predict_gives(seen, tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    CASES[seen["case"]].write(source)
    tiny.edit_json(source / "config.json", **seen["config"])
    for name, content in seen["files"].items():
        (source / name).write_text(json.dumps(content))
    (tmp_path / "golden").write_text("\n".join(map(json.dumps, [*PASSAGES, *WITHOUT_TEXT])))
    several = isinstance(seen["scores"][0], list)
    said = run(source, out, *UNCHECKED, "--golden", str(tmp_path / "golden"), *(("--label", "nothate") if several else ()))
    assert "as CrossEncoder.predict has it; --" in said
    for pair, score in zip(read_bundle(out).golden, seen["scores"], strict=True):
        assert pair["score"] == pytest.approx(score[0] if several else score, abs=1e-5)


@pytest.fixture
def bert(tmp_path):
    """A tiny BERT with one label."""
    writer("bert", "BertForSequenceClassification", WORDPIECE, BERT_TOKENS, 5, **FEW)(tmp_path / "bert")
    return tmp_path / "bert"


def put(source, **files) -> None:
    """Write JSON files; a name's underscores before the last word stay."""
    for name, content in files.items():
        (source / f"{name}.json").write_text(json.dumps(content))


def test_an_activation_without_a_word_is_refused_unless_one_is_given(bert, tmp_path):
    tiny.edit_json(bert / "config.json", sentence_transformers={"activation_fn": "torch.nn.modules.activation.Tanh"})
    said = refused(bert, tmp_path / "out", *UNCHECKED)
    assert "config.json: sentence_transformers.activation_fn is torch.nn.modules.activation.Tanh, and supported are Identity and Sigmoid; give " in said
    run(bert, tmp_path / "out", *UNCHECKED, "--activation", "none")


def test_an_option_goes_before_the_activation_of_the_directory(bert, tmp_path):
    tiny.edit_json(bert / "config.json", sentence_transformers={"activation_fn": SIGMOID})
    assert "CrossEncoder.predict" not in run(bert, tmp_path / "out", *UNCHECKED, "--activation", "none")
    assert read_bundle(tmp_path / "out").manifest["head"] == {"activation": "none"}


def test_what_a_cross_encoder_would_cut_is_refused(bert, tmp_path):
    tiny.edit_json(bert / "config.json", sentence_transformers={"activation_fn": SIGMOID})
    tiny.edit_json(bert / "tokenizer_config.json", model_max_length=100)
    said = run(bert, tmp_path / "out", *UNCHECKED)
    assert "CrossEncoder cuts two texts to 100 tokens (model_max_length or max_seq_length), so longer ones are refused" in said
    assert read_bundle(tmp_path / "out").manifest["limits"]["max_tokens"] == 100
    run(bert, tmp_path / "out", *UNCHECKED, "--max-tokens", "120")
    assert read_bundle(tmp_path / "out").manifest["limits"]["max_tokens"] == 120


@pytest.mark.parametrize(("files", "words"), [
    ({"modules": POOLED}, "the directory is a SentenceTransformer, whose embeddings are no scores, and 'BertForSequenceClassification' is none of"),
    ({"modules": [*POOLED, {"type": "mine.Maxout"}], "config_sentence_transformers": {"prompts": {}}},
     "the modules Transformer, Pooling, Maxout make a SentenceTransformer, whose embeddings are no scores, and what is read of those is Transformer, "),
    ({"modules": MODULES, "config_sentence_transformers": {"model_type": "SparseEncoder"}}, "make a SparseEncoder, whose embeddings are no scores"),
    ({"modules": [*MODULES, {"type": "sentence_transformers.cross_encoder.modules.logit_score.LogitScore"}],
      "config_sentence_transformers": {"model_type": "CrossEncoder"}},
     "modules.json: LogitScore reads next-token logits, and the class that config.json names has none"),
    ({"modules": [*MODULES, {"type": "mine.LogitScore"}], "config_sentence_transformers": {"model_type": "CrossEncoder"}},
     "the modules Transformer, LogitScore make the score together"),
    ({"modules": [MODULES[0] | {"path": "0_Transformer"}], "config_sentence_transformers": {"model_type": "CrossEncoder"}},
     "modules.json: path: the Transformer lies in '0_Transformer', and it is read beside modules.json"),
    ({"modules": MODULES, "config_sentence_transformers": {"model_type": "CrossEncoder"}, "sentence_bert_config": {"transformer_task": "text-generation"}},
     "sentence_bert_config.json: transformer_task is 'text-generation', and these modules need sequence-classification"),
    ({"modules": MODULES, "config_sentence_transformers": {"model_type": "CrossEncoder", "prompts": {"q": "query: "}, "default_prompt_name": "q"}},
     "config_sentence_transformers.json: default_prompt_name: the prompt 'q' goes before each query"),
    ({"modules": MODULES, "config_sentence_transformers": {"model_type": "CrossEncoder"}, "sentence_bert_config": {"do_lower_case": True}},
     "sentence_bert_config.json: do_lower_case: True changes what the tokenizer reads"),
    ({"modules": MODULES, "config_sentence_transformers": {"model_type": "CrossEncoder"},
      "sentence_bert_config": {"modality_config": {"text": {}, "message": {}}}}, "sentence_bert_config.json: modality_config: message"),
    ({"modules": {}}, "modules.json holds {}, and a JSON list is wanted"),
])
def test_directories_that_make_no_score_by_themselves(bert, tmp_path, files, words):
    put(bert, **files)
    assert words in refused(bert, tmp_path / "out", *UNCHECKED)


def change(path, **fields) -> None:
    """Change fields of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(("folder", "fields", "words"), [
    ("1_Pooling", {"pooling_mode": "max"}, "1_Pooling/config.json: pooling_mode is max; supported here: cls, mean"),
    ("1_Pooling", {"pooling_mode": ["cls", "mean"]}, "1_Pooling/config.json: pooling_mode is cls, mean"),
    ("2_Dense", {"activation_function": "mine.Square"}, "2_Dense/config.json: activation_function is mine.Square; supported are Identity, "),
    ("2_Dense", {"use_residual": True}, "2_Dense/config.json: use_residual is not supported"),
    ("2_Dense", {"bias": True, "module_output_name": "scores"}, "2_Dense/config.json: it makes scores of sentence_embedding, and sentence_embedding of "),
    ("4_Dense", {"module_output_name": "sentence_embedding"}, "4_Dense/config.json: it makes sentence_embedding of sentence_embedding, and scores of "),
])
def test_modules_that_are_not_read(tmp_path, folder, fields, words):
    source = tmp_path / "source"
    CASES["modules-modernbert"].write(source)
    change(source / folder / "config.json", **fields)
    assert words in refused(source, tmp_path / "out", *UNCHECKED)


def test_modules_whose_weights_do_not_fit(tmp_path):
    source = tmp_path / "source"
    CASES["modules-modernbert"].write(source)
    weights = load_file(source / "3_LayerNorm" / "model.safetensors")
    save_file({"norm.weight": weights["norm.weight"]}, source / "3_LayerNorm" / "model.safetensors")
    assert "3_LayerNorm has no weight norm.bias" in refused(source, tmp_path / "out", *UNCHECKED)
    (source / "2_Dense" / "model.safetensors").unlink()
    assert "2_Dense/model.safetensors is missing" in refused(source, tmp_path / "out", *UNCHECKED)
    (source / "modules.json").unlink()
    said = refused(source, tmp_path / "out", *UNCHECKED)
    assert "config.json: architectures names ModernBertModel, a body without a head, and there is no modules.json" in said


def test_modules_outside_the_directory(tmp_path):
    source = tmp_path / "source"
    CASES["modules-modernbert"].write(source)
    listed = json.loads((source / "modules.json").read_text())
    put(source, modules=[*listed[:2], listed[2] | {"path": "../2_Dense"}, *listed[3:]])
    assert "modules.json: path '../2_Dense' leaves the directory" in refused(source, tmp_path / "out", *UNCHECKED)


def test_an_embedding_model_whose_config_lies_in_a_folder(bert, tmp_path):
    put(bert, modules=[MODULES[0] | {"path": "0_Transformer"}, POOLED[1]])
    (bert / "config.json").unlink()
    assert "modules.json: path: the Transformer lies in '0_Transformer', and it is read beside modules.json" in refused(bert, tmp_path / "out", *UNCHECKED)
