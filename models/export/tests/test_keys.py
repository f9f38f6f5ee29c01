"""Every key of config.json is heeded, harmless, or refused by its name."""

import importlib
import inspect
import json
import re

import pytest
import torch
from conftest import read_bundle
from published import PUBLISHED
from transformers import AutoConfig, AutoModelForSequenceClassification

from assay_export import ExportError, export_bundle, tiny
from assay_export.bodies.bodies import BODIES
from assay_export.bodies.keys import check_keys
from assay_export.cli import arguments, export
from assay_export.load import checkpoint as reading
from assay_export.models.reference import Reference
from assay_export.read.family import families

OURS = [model_type for model_type in BODIES if model_type != "internlm2"]
"""Kinds of body that transformers has under the same name."""

OFF = re.compile("dropout|pdrop|layerdrop|^output_|^use_cache$|^return_dict$|^problem_type$|^initializer|^summary_|^router_aux|jitter")
"""Keys that transformers' modules read and that change no score outside training: dropouts, what a call returns,
losses."""

HEADS = {"bert": {"type_vocab_size"}, "gpt_neox": {"is_decoder"}, "modernbert": {"decoder_bias", "deterministic_flash_attn", "sparse_prediction",
         "sparse_pred_ignore_index"}, "deberta": {"legacy"}, "deberta-v2": {"legacy"}, "falcon": {"dtype"}}
"""Keys that they read in classes that are not exported, of masked tokens or of generation, or for flash attention
alone."""


@pytest.mark.parametrize("model_type", OURS)
def test_every_key_that_transformers_writes_is_known(model_type):
    assert check_keys(AutoConfig.for_model(model_type).to_dict(), "config.json") == []


@pytest.mark.parametrize("model_type", OURS)
def test_every_key_that_transformers_modules_read_is_heeded(model_type):
    config = AutoConfig.for_model(model_type)
    module = importlib.import_module(type(config).__module__.replace("configuration_", "modeling_"))
    found = re.findall(r"config\.(\w+)\b(?!\()|getattr\((?:self\.)?config, \"(\w+)\"", inspect.getsource(module))
    read = {one or other for one, other in found if not (one or other).startswith("_attn")}
    known, names = BODIES[model_type].keys, set(config.to_dict()) | set(config.attribute_map)
    missed = {name for name in read & (names | known.harmless) if not OFF.search(name)} - HEADS.get(model_type, set())
    assert sorted(missed - known.used - set(known.only) - {config.attribute_map.get(name) for name in known.used}) == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_people_publish_is_known(name):
    raw = PUBLISHED[name] | {"architectures": ["X"]}
    assert check_keys(raw, "config.json") == []
    AutoConfig.for_model("llama" if raw["model_type"] == "internlm2" else raw["model_type"], **{
        key: value for key, value in raw.items() if key not in ("model_type", "architectures")})


@pytest.mark.parametrize(("model_type", "fields", "words"), [
    ("qwen3", {"is_causal": False}, "is_causal: false, so that tokens see what follows them, is not supported for qwen3; supported is true, and a"),
    ("gemma2", {"use_bidirectional_attention": True}, "use_bidirectional_attention: true, so that tokens see what follows them,"),
    ("llama", {"rope_interleaved": True}, "rope_interleaved: true is not supported for llama; supported is false"),
    ("llama", {"partial_rotary_factor": 0.5}, "partial_rotary_factor: 0.5, and the class rotates the whole of a head,"),
    ("qwen3", {"rope_parameters": {"partial_rotary_factor": 0.5}}, "config.json: rope_parameters: partial_rotary_factor: 0.5, and the class rotates"),
    ("llama", {"layer_types": ["sliding_attention"] * 2}, "layer_types: "),
    ("qwen2", {"use_mrope": True}, "use_mrope: true, which is for images, is not supported for qwen2"),
    ("qwen2", {"rope_scaling": {"type": "default", "mrope_section": [1, 1]}}, "rope_scaling: mrope_section: [1, 1], which is for images,"),
    ("mistral", {"layer_types": ["full_attention"] * 2}, "and the class gives all its layers one window, is not supported for mistral"),
    ("gemma", {"hidden_activation": "relu"}, 'hidden_activation: "relu", and the class goes by hidden_act, is not supported for gemma'),
    ("phi3", {"attention_bias": True}, "attention_bias: true is not supported for phi3"),
    ("gpt2", {"add_cross_attention": True}, "add_cross_attention: true is not supported for gpt2"),
    ("gpt2", {"pruned_heads": {"0": [1]}}, 'pruned_heads: {"0": [1]} is not supported for gpt2; supported is {}'),
    ("llama", {"per_layer_config": {"0": {"intermediate_size": 8}}}, "layers of different sizes are not read"),
    ("llama", {"chunk_size_feed_forward": 4}, "chunk_size_feed_forward: 4, and 0 computes the same at once, is not supported for llama"),
    ("bert", {"position_embedding_type": "relative_key"}, 'position_embedding_type: "relative_key", whose positions transformers no longer adds,'),
    ("bert", {"is_decoder": True}, "is_decoder: true is not supported for bert; supported is false"),
    ("electra", {"position_embedding_type": "relative_key"}, "whose positions transformers no longer adds, is not supported for electra"),
    ("eurobert", {"clf_pooling": "bos"}, 'clf_pooling: "bos", and the class goes by classifier_pooling, is not supported for eurobert'),
    ("modernbert", {"hidden_act": "relu"}, "and the class goes by hidden_activation"),
    ("deberta", {"position_buckets": 256}, "position_buckets: 256, and the class has no buckets, is not supported for deberta"),
    ("falcon", {"alibi": True}, "alibi: true, which adds a bias for each distance to the logits and is not computed here, is not supported"),
    ("falcon", {"apply_residual_connection_post_layernorm": True}, "and the class never does, is not supported for falcon"),
    ("gpt_oss", {"hidden_act": "gelu"}, 'hidden_act: "gelu", and the class has one of its own, is not supported for gpt_oss'),
    ("deepseek_v2", {"topk_method": "noaux_tc"}, 'topk_method: "noaux_tc" is not supported for deepseek_v2; supported is "greedy" or "group_limi'),
    ("deepseek_v2", {"norm_topk_prob": True}, "and the class never divides shares by their sum, is not supported for deepseek_v2"),
    ("deepseek_v3", {"scoring_func": "softmax"}, 'scoring_func: "softmax" is not supported for deepseek_v3; supported is "sigmoid"'),
    ("deepseek_v3", {"moe_layer_freq": 2}, "and the class has experts in every layer behind the first, is not supported"),
    ("phimoe", {"num_experts_per_tok": 3}, "num_experts_per_tok: 3, and the class always takes two, is not supported for phimoe; supported is 2"),
    ("hunyuan_v1_dense", {"use_cla": True}, "use_cla: true, which lets layers share their keys and values, is not supported"),
    ("llama", {"chunk_size_feed_forward": False}, "chunk_size_feed_forward: false"),
])
def test_values_that_are_refused(model_type, fields, words):
    with pytest.raises(ExportError) as caught:
        check_keys(AutoConfig.for_model(model_type).to_dict() | fields, "config.json")
    assert str(caught.value).startswith("config.json: ") and words in str(caught.value)


@pytest.mark.parametrize(("fields", "names"), [
    ({"mup_scale": 2.0}, ["mup_scale"]), ({"logit_scale": 0.5, "embedding_multiplier": 12}, ["logit_scale", "embedding_multiplier"]),
    ({"rope_parameters": {"rope_type": "default", "rope_theta": 1.0, "alpha": 3}}, ["rope_parameters.alpha"]),
    ({"rope_parameters": {"rope_type": "default", "rope_theta": 1.0, "llama_4_scaling_beta": 0.1}}, ["rope_parameters.llama_4_scaling_beta"]),
    ({"rope_scaling": {"full_attention": {"beta": 1}}}, ["rope_scaling.full_attention.beta"])])
def test_keys_that_are_not_known(fields, names):
    raw = AutoConfig.for_model("llama").to_dict() | fields
    with pytest.raises(ExportError) as caught:
        check_keys(raw, "config.json")
    assert str(caught.value).startswith(f"config.json: {', '.join(names)} ") and " ".join(f"--harmless {name}" for name in names) in str(caught.value)
    assert check_keys(raw, "config.json", harmless=names) == names


def test_an_old_name_of_falcon():
    with pytest.raises(ExportError, match="model_type 'RefinedWebModel' is an old name of falcon, with other keys .*; take the config.json that"):
        check_keys({"model_type": "RefinedWebModel", "n_head": 71, "n_layer": 32}, "config.json")


def test_a_key_that_says_nothing_is_no_key():
    assert check_keys({"model_type": "llama", "mup_scale": None, "sliding_window": None}, "config.json") == []


def test_a_family_may_have_keys_of_its_own():
    raw = {"model_type": "llama", "num_objectives": 19, "gating_temperature": 10}
    assert check_keys(raw, "config.json", families()["armorm"]) == []
    with pytest.raises(ExportError, match="num_objectives, gating_temperature are keys that a llama is not known to have"):
        check_keys(raw, "config.json", families()["sequence-classification"])


def run(source, out, *options: str) -> str:
    """Export with the command, unchecked; return what it says."""
    return export(arguments().parse_args([str(source), str(out), "--no-check", *options]))


def test_a_key_that_the_user_calls_harmless(checkpoint, tmp_path):
    source = checkpoint("qwen3")
    tiny.edit_json(source / "config.json", lab_notes="warm", mup_scale=2.0)
    with pytest.raises(ExportError, match="lab_notes, mup_scale are keys that a qwen3 is not known to have .*--harmless lab_notes --harmless mup_scale"):
        run(source, tmp_path / "out")
    with pytest.raises(ExportError, match="mup_scale is a key that a qwen3"):
        run(source, tmp_path / "out", "--harmless", "lab_notes")
    with pytest.raises(ExportError, match=r"--harmless head_dim: .*config.json has no such key, or what it does is known"):
        run(source, tmp_path / "out", "--harmless", "lab_notes", "--harmless", "mup_scale", "--harmless", "head_dim")
    assert not (tmp_path / "out").exists()
    said = run(source, tmp_path / "out", "--harmless", "lab_notes", "--harmless", "mup_scale")
    assert "config.json: lab_notes is taken to change no score, as --harmless says\n" in said
    assert read_bundle(tmp_path / "out").manifest["source"]["harmless"] == ["lab_notes", "mup_scale"]


def test_a_reference_is_held_to_its_keys_too(checkpoint, tmp_path):
    policy, other = (checkpoint("qwen2", folder=name, class_name="Qwen2ForCausalLM") for name in ("policy", "reference"))
    tiny.edit_json(other / "config.json", mup_scale=2.0)
    with pytest.raises(ExportError, match=r"reference/config.json: mup_scale is a key"):
        run(policy, tmp_path / "out", "--family", "dpo", "--reference", str(other))


def test_a_model_in_memory_is_held_to_its_keys(checkpoint, tmp_path):
    source = checkpoint("qwen3")
    model = AutoModelForSequenceClassification.from_pretrained(source)
    model.config.is_causal = False
    with pytest.raises(ExportError, match="the config of Qwen3ForSequenceClassification: is_causal: false, so that tokens see what follows them"):
        export_bundle(model, source, tmp_path / "out", name="x")


def test_labels_that_are_counted_in_two_ways(checkpoint, tmp_path):
    source = checkpoint("llama")
    tiny.edit_json(source / "config.json", num_labels=2)
    with pytest.raises(ExportError, match="num_labels says that the head has 2 outputs, and its weights have 1"):
        run(source, tmp_path / "out")


LONGROPE = {"type": "longrope", "short_factor": [1.0, 1.5, 2.0, 3.0], "long_factor": [4.0] * 4}
DEFAULT = {"rope_type": "default", "rope_theta": 500.0}


@pytest.mark.parametrize(("model_type", "edit"), [
    ("phi3", {"rope_scaling": LONGROPE, "rope_parameters": None, "rope_theta": 1000.0, "original_max_position_embeddings": 160}),
    ("phi3", {"rope_scaling": LONGROPE, "rope_parameters": None, "rope_theta": 1000.0}),
    ("llama", {"rope_parameters": None, "rope_theta": 77.0}),
    ("llama", {"rope_parameters": DEFAULT, "rope_theta": 77.0}),
    ("llama", {"rope_parameters": None, "rope_theta": 77.0, "rope_scaling": {"type": "linear", "factor": 3.0}}),
    ("phi3", {"partial_rotary_factor": 0.5, "rope_parameters": None}),
    ("llama", {"hidden_act": "gelu"}),
    ("llama", {"rms_norm_eps": 0.5}),
    ("qwen2", {"layer_types": ["sliding_attention", "full_attention"]}),
    ("qwen2", {"use_sliding_window": False}),
    ("mistral", {"sliding_window": None}),
    ("gemma2", {"query_pre_attn_scalar": 5}),
    ("gemma2", {"attn_logit_softcapping": None}),
    ("gemma2", {"hidden_activation": "relu"}),
])
def test_a_key_that_is_heeded_moves_the_score_as_it_moves_transformers(checkpoint, tmp_path, model_type, edit):
    source = checkpoint(model_type)
    ids, family = [24, 60, 33, 97, 41, 150, 28, 66, 201, 77, 34, 120] * 3, families()["sequence-classification"]
    before = theirs(source, ids)
    raw = json.loads((source / "config.json").read_text()) | edit
    if "layer_types" not in edit and "use_sliding_window" in edit:
        raw.pop("layer_types", None)
    (source / "config.json").write_text(json.dumps({key: value for key, value in raw.items() if value is not None or key in ("sliding_window",
                                                                                                                            "attn_logit_softcapping")}))
    raw = reading.read_config(source)[0]
    assert check_keys(raw, "config.json", family) == []
    tokenizer = reading.load_tokenizer(source)[0]
    ours = Reference(reading.load(source, raw, family, tokenizer).model).readings(ids)[-1, 0].item()
    assert abs(theirs(source, ids) - before) > 1e-4
    assert abs(ours - theirs(source, ids)) < 1e-5


def theirs(source, ids: list[int]) -> float:
    """Return the score of ids as transformers loads the directory."""
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0, 0].item()
