"""What is particular to some kinds of body: a text's config inside another, and rotations by type of layer or by
length."""

import json

import onnx
import pytest
from conftest import read_bundle
from transformers import AutoConfig, Gemma3Config

from assay_export import ExportError
from assay_export.bodies.bodies import describe
from assay_export.bodies.keys import check_keys
from assay_export.bodies.nested import known_config, text_config
from assay_export.bodies.rope import limit_notice, position_limit
from assay_export.cli import arguments, export
from assay_export.read.family import families
from parity.case import every_case

CASES = {case.name: case for case in every_case()}
FAMILY = families()["sequence-classification"]


def gemma3(**fields) -> dict:
    """Return the config.json of a Gemma 3 of text and images as transformers writes it."""
    return Gemma3Config(num_labels=1).to_dict() | {"architectures": ["Gemma3ForSequenceClassification"]} | fields


def test_the_text_inside_is_what_is_read(tmp_path):
    text, harmless, notices = known_config({tmp_path / "config.json": gemma3()}, FAMILY, ())
    assert text["model_type"] == "gemma3_text" and text["architectures"] == ["Gemma3ForSequenceClassification"] and len(text["id2label"]) == 1
    assert "vision_config" not in text and not harmless
    assert notices == [f"{tmp_path / 'config.json'}: a gemma3 is read as the gemma3_text inside it, and takes text alone"]


def test_published_ones_say_little_of_their_text(tmp_path):
    raw = {"architectures": ["Gemma3ForSequenceClassification"], "model_type": "gemma3", "boi_token_index": 255999, "eoi_token_index": 256000,
           "eos_token_id": [1, 106], "image_token_index": 262144, "initializer_range": 0.02, "mm_tokens_per_image": 256, "torch_dtype": "bfloat16",
           "transformers_version": "4.50.0.dev0", "vision_config": {"model_type": "siglip_vision_model"}, "text_config": {
               "hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34, "sliding_window": 1024,
               "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}}
    assert known_config({tmp_path / "config.json": raw}, FAMILY, ())[1] == []


@pytest.mark.parametrize(("fields", "words"), [
    ({"text_config": None}, "config.json: text_config is missing, and a gemma3 has its text's config there"),
    ({"text_config": {"model_type": "gemma2"}}, "text_config: model_type 'gemma2' is not supported in a gemma3; supported is gemma3_text"),
    ({"is_causal": False}, "config.json: is_causal is a key that a gemma3 is not known to have here"),
    ({"text_config": {"use_bidirectional_attention": True}}, "use_bidirectional_attention: true, so that tokens see what follows them,"),
    ({"text_config": {"mup_scale": 2}}, "config.json: mup_scale is a key that a gemma3_text is not known to have here"),
])
def test_what_is_refused_of_it(tmp_path, fields, words):
    with pytest.raises(ExportError) as caught:
        known_config({tmp_path / "config.json": gemma3(**fields)}, FAMILY, ())
    assert words in str(caught.value)


def test_other_models_of_images_are_refused_by_name(tmp_path):
    raw, *_ = text_config({"model_type": "llava", "text_config": {}}, tmp_path / "config.json")
    with pytest.raises(ExportError, match="model_type 'llava' is not supported; supported are .* kinds, .* the nearest in name .*"):
        check_keys(raw, "config.json", FAMILY)


def test_a_rotation_of_one_type_of_layer_that_is_not_supported(tmp_path):
    source = tmp_path / "checkpoint"
    CASES["body-olmo3"].write(source)
    raw = json.loads((source / "config.json").read_text())
    raw["rope_parameters"]["sliding_attention"] = {"rope_type": "strange", "rope_theta": 1.0}
    (source / "config.json").write_text(json.dumps(raw))
    with pytest.raises(ExportError, match="strange"):
        export(arguments().parse_args([str(source), str(tmp_path / "out")]))


def test_longrope_ends_where_its_frequencies_change(tmp_path):
    source = tmp_path / "checkpoint"
    CASES["body-phi-longrope"].write(source)
    said = export(arguments().parse_args([str(source), str(tmp_path / "out"), "--layout", "padded", "--no-check"]))
    assert "longrope rotates all tokens otherwise in a text of more than 128 tokens, so max_tokens is 128 and not 256" in said
    assert read_bundle(tmp_path / "out").manifest["limits"]["max_tokens"] == 128
    with pytest.raises(ExportError, match="max_tokens 129 must be between 1 and 128"):
        export(arguments().parse_args([str(source), str(tmp_path / "more"), "--max-tokens", "129"]))


def test_a_scaling_of_queries_bounds_the_length(tmp_path):
    CASES["body-ministral3"].write(tmp_path / "checkpoint")
    said = export(arguments().parse_args([str(tmp_path / "checkpoint"), str(tmp_path / "out"), "--layout", "padded", "--no-check"]))
    assert "multiplies queries from position 192 on by a logarithm, which is not computed, so max_tokens is 192 and not 256" in said
    assert read_bundle(tmp_path / "out").manifest["limits"]["max_tokens"] == 192


@pytest.mark.parametrize(("fields", "words"), [
    ({"new_decoder_architecture": True, "parallel_attn": False}, "parallel_attn is false, and with new_decoder_architecture the layers are always"),
    ({"new_decoder_architecture": True, "num_kv_heads": 3}, "num_kv_heads is 3, and num_attention_heads 4, which must be a multiple of it"),
    ({"multi_query": False, "num_kv_heads": 2}, "num_kv_heads is 2, and without multi_query and new_decoder_architecture it must be num_attention_he"),
])
def test_falcons_that_are_refused(fields, words):
    with pytest.raises(ExportError) as caught:
        describe(AutoConfig.for_model("falcon", hidden_size=32, num_attention_heads=4, **fields))
    assert words in str(caught.value)


@pytest.mark.parametrize(("fields", "heads"), [({}, 1), ({"multi_query": False}, 4), ({"new_decoder_architecture": True, "num_kv_heads": 2}, 2)])
def test_key_heads_of_a_falcon(fields, heads):
    assert describe(AutoConfig.for_model("falcon", hidden_size=32, num_attention_heads=4, **fields)).kv_heads == heads


def test_a_falcon_in_integers(tmp_path):
    """Its linear layers are of a class of its own, and its attention is a module of ours; the check sees the
    roundings."""
    CASES["body-falcon-40b"].write(tmp_path / "checkpoint")
    export(arguments().parse_args([str(tmp_path / "checkpoint"), str(tmp_path / "out"), "--int8"]))
    graph = onnx.load(read_bundle(tmp_path / "out").graph).graph
    assert sum(node.op_type == "MatMulInteger" for node in graph.node) == 8


def test_a_cache_of_a_latent_has_the_larger_size_of_head():
    sizes = describe(AutoConfig.for_model("deepseek_v3", qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=40, num_attention_heads=4))
    assert (sizes.kv_heads, sizes.head_dim) == (4, 40)


def test_one_type_of_layer_bounds_all():
    config = AutoConfig.for_model("olmo3", num_hidden_layers=4, max_position_embeddings=256, rope_parameters={
        "full_attention": {"rope_type": "longrope", "rope_theta": 1.0, "original_max_position_embeddings": 64, "factor": 4.0,
                           "short_factor": [1.0] * 64, "long_factor": [2.0] * 64}, "sliding_attention": {"rope_type": "default", "rope_theta": 1.0}})
    assert position_limit(config) == 64 and "more than 64 tokens" in limit_notice(config)[0]
