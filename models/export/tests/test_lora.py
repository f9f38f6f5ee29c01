"""LoRA adapters are merged as peft sums them, with their base model's weights and the head that they were saved
with."""

import json

import peft
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, GPT2Config, GPT2LMHeadModel

from assay_export import ExportError, tiny
from assay_export.bodies.nested import known_config
from assay_export.cli import arguments, export
from assay_export.load import checkpoint as reading
from assay_export.load import lora
from assay_export.models.reference import Reference
from assay_export.read.family import families
from parity.case import every_case

IDS = torch.tensor([[5, 9, 301, 7, 44, 8, 120, 17]])


def train(base, directory, maker=AutoModelForSequenceClassification, labels=1, **settings):
    """Save a random adapter over a base model as a trainer does; return what peft's model gives for IDS."""
    torch.manual_seed(5)
    model = maker.from_pretrained(base, num_labels=labels)
    task = "SEQ_CLS" if maker is AutoModelForSequenceClassification else "TOKEN_CLS"
    settings = {"target_modules": ["q_proj", "v_proj", "down_proj"], "r": 4, "lora_alpha": 6} | settings
    adapted = peft.get_peft_model(model, peft.LoraConfig(task_type=task, init_lora_weights=False, **settings)).eval()
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape) * 0.2)
    adapted.save_pretrained(directory)
    with torch.no_grad():
        return adapted(input_ids=IDS).logits


@pytest.fixture
def base(checkpoint):
    """A language model without a head of rewards."""
    return checkpoint("qwen3", class_name="Qwen3ForCausalLM", folder="base")


@pytest.mark.parametrize("settings", [
    {}, {"use_rslora": True}, {"rank_pattern": {"q_proj": 2, r"layers\.1\.mlp.down_proj": 8}, "alpha_pattern": {"v_proj": 1}},
    {"layers_to_transform": [1]}, {"target_modules": "all-linear"}, {"target_modules": ["q_proj", "embed_tokens"]},
    {"modules_to_save": ["score", "embed_tokens"]}, {"modules_to_save": ["norm"]}, {"lora_dropout": 0.1}], ids=str)
def test_merged_as_peft_sums(base, tmp_path, settings):
    wanted = train(base, tmp_path / "adapter", **settings)
    lora.merge(tmp_path / "adapter", None, tmp_path / "merged")
    merged = AutoModelForSequenceClassification.from_pretrained(tmp_path / "merged").eval()
    with torch.no_grad():
        assert torch.allclose(merged(input_ids=IDS).logits, wanted, atol=2e-6, rtol=1e-5)


def test_the_base_in_bfloat16_is_merged_in_float32(base, tmp_path):
    stored = load_file(base / "model.safetensors")
    save_file({name: value.bfloat16() for name, value in stored.items()}, base / "model.safetensors", metadata={"format": "pt"})
    tiny.edit_json(base / "config.json", dtype="float32")  # as peft loads it here
    wanted = train(base, tmp_path / "adapter")
    lora.merge(tmp_path / "adapter", None, tmp_path / "merged")
    merged = AutoModelForSequenceClassification.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()
    with torch.no_grad():
        assert torch.allclose(merged(input_ids=IDS).logits, wanted, atol=2e-6, rtol=1e-5)


def test_a_head_of_tokens(base, tmp_path):
    wanted = train(base, tmp_path / "adapter", AutoModelForTokenClassification, labels=2)
    lora.merge(tmp_path / "adapter", None, tmp_path / "merged")
    merged = AutoModelForTokenClassification.from_pretrained(tmp_path / "merged").eval()
    with torch.no_grad():
        assert torch.allclose(merged(input_ids=IDS).logits, wanted, atol=2e-6, rtol=1e-5)


def test_weights_that_lie_on_their_side(tmp_path):
    """GPT-2's linear layers are stored with their inputs first."""
    torch.manual_seed(1)
    GPT2LMHeadModel(GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=4, n_positions=64, pad_token_id=0)).save_pretrained(tmp_path / "base")
    wanted = train(tmp_path / "base", tmp_path / "adapter", target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)
    lora.merge(tmp_path / "adapter", None, tmp_path / "merged")
    merged = AutoModelForSequenceClassification.from_pretrained(tmp_path / "merged").eval()
    with torch.no_grad():
        assert torch.allclose(merged(input_ids=IDS).logits, wanted, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("names", ["body-gemma3", "body-gemma3-old-names"])
@pytest.mark.parametrize("settings", [{}, {"target_modules": "all-linear"}, {"modules_to_save": ["score", "embed_tokens"]}], ids=str)
def test_a_text_inside_a_model_of_text_and_images(tmp_path, names, settings):
    """As Gemma 3 is published: without a head, with weights that read images, and with older names than peft sees."""
    base = tmp_path / "base"
    next(case for case in every_case() if case.name == names).write(base)
    stored = load_file(base / "model.safetensors")
    stored.pop("score.weight")
    save_file(stored, base / "model.safetensors", metadata={"format": "pt"})
    tiny.edit_json(base / "config.json", architectures=["Gemma3ForConditionalGeneration"])
    wanted = train(base, tmp_path / "adapter", **settings)
    lora.merge(tmp_path / "adapter", None, tmp_path / "merged")
    raw, class_name = reading.read_config(tmp_path / "merged")
    assert class_name == "Gemma3ForSequenceClassification"
    merged = AutoModelForSequenceClassification.from_pretrained(tmp_path / "merged").eval()
    with torch.no_grad():
        assert torch.allclose(merged(input_ids=IDS).logits, wanted, atol=2e-6, rtol=1e-5)
    family = families()["sequence-classification"]
    text = known_config({tmp_path / "merged" / "config.json": raw}, family, ())[0]
    loaded = reading.load(tmp_path / "merged", text, family, reading.load_tokenizer(tmp_path / "merged")[0])
    assert torch.allclose(Reference(loaded.model).readings(IDS[0].tolist())[-1:], wanted, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("named", [True, False])
def test_exported_as_a_checkpoint(base, tmp_path, named):
    train(base, tmp_path / "adapter")
    given = []
    if not named:
        tiny.edit_json(tmp_path / "adapter" / lora.CONFIG, base_model_name_or_path="a-lab/its-model")
        given = ["--base", str(base)]
    said = export(arguments().parse_args([str(tmp_path / "adapter"), str(tmp_path / "out"), *given]))
    assert f"6 weights of {base} are merged with it in float32, as a Qwen3ForSequenceClassification" in said
    manifest = yaml.safe_load((tmp_path / "out" / "assay.yaml").read_text(encoding="utf-8"))
    assert (manifest["source"]["checkpoint"], manifest["kind"]) == ("adapter", "reward")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter", "base", "out"]


def test_the_adapters_own_tokenizer_comes_first(base, tmp_path):
    train(base, tmp_path / "adapter")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "adapter" / name).write_bytes((base / name).read_bytes())
    (tmp_path / "adapter" / "chat_template.jinja").write_text("{{ messages[0].content }}", encoding="utf-8")
    lora.merge(tmp_path / "adapter", None, tmp_path / "merged")
    assert (tmp_path / "merged" / "chat_template.jinja").read_text(encoding="utf-8") == "{{ messages[0].content }}"


@pytest.mark.parametrize(("fields", "said"), [
    ({"peft_type": "IA3"}, 'peft_type is "IA3", and only LORA is merged'),
    ({"task_type": ["SEQ_CLS"]}, 'task_type is ["SEQ_CLS"], so the kind of head is unknown'),
    ({"task_type": None}, "task_type is null, so the kind of head is unknown"),
    ({"bias": "lora_only"}, 'bias is "lora_only": adapters that train biases'),
    ({"use_dora": True}, "use_dora is true, and how that changes the sums is not known"),
    ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights is 'pissa_niter_4', which changes the base"),
    ({"layer_replication": [[0, 1]]}, "layer_replication is [[0, 1]]"),
    ({"tomorrows_field": 3}, "tomorrows_field is 3"),
    ({"r": None}, "r is null, and must be a number of 1 or more"),
    ({"rank_pattern": {"(": 3}}, "rank_pattern has the key '(', which is no pattern"),
    ({"alpha_pattern": [1]}, "alpha_pattern is [1], and must be an object"),
    ({"r": 5}, "and r is 5 in adapter_config.json"),
    ({"base_model_name_or_path": "a-lab/its-model"}, 'base_model_name_or_path is "a-lab/its-model", and no directory of a model; give --base DIR'),
])
def test_fields_that_are_refused(base, tmp_path, fields, said):
    train(base, tmp_path / "adapter")
    tiny.edit_json(tmp_path / "adapter" / lora.CONFIG, **fields)
    refused(tmp_path, said)


@pytest.mark.parametrize(("change", "said"), [
    (lambda weights: weights.pop(next(name for name in weights if "lora_A" in name)), "has one factor of two"),
    (lambda weights: [weights.pop(name) for name in list(weights) if "score" in name], "the weights that give the score were never saved"),
    (lambda weights: weights.update({"base_model.model.model.layers.9.mlp.up_proj.weight": torch.ones(2)}), "the base model has no such weight"),
    (lambda weights: weights.update({"base_model.model.model.layers.0.mlp.up_proj.lora_magnitude_vector": torch.ones(2)}),
     "is no factor of a plain LoRA adapter"),
])
def test_weights_that_are_refused(base, tmp_path, change, said):
    train(base, tmp_path / "adapter")
    weights = load_file(tmp_path / "adapter" / lora.WEIGHTS)
    change(weights)
    save_file(weights, tmp_path / "adapter" / lora.WEIGHTS)
    refused(tmp_path, said)


@pytest.mark.parametrize(("change", "said"), [
    (lambda base: tiny.edit_json(base / "config.json", quantization_config={"bits": 4}), "quantized weights are not supported"),
    (lambda base: tiny.edit_json(base / "config.json", architectures=["X"]), "architectures names X, to which"),
    (lambda base: (base / "model.safetensors").write_bytes(b"x"), "is not a safetensors file"),
    (lambda base: (base / lora.CONFIG).write_text("{}"), "holds a LoRA adapter"),
])
def test_bases_that_are_refused(base, tmp_path, change, said):
    train(base, tmp_path / "adapter")
    change(base)
    refused(tmp_path, said)


def test_pickled_weights_are_refused(base, tmp_path):
    train(base, tmp_path / "adapter")
    (tmp_path / "adapter" / lora.WEIGHTS).rename(tmp_path / "adapter" / lora.PICKLED)
    refused(tmp_path, "is pickled, which can run code; convert it, in its folder: python -c")


def test_a_base_for_what_is_no_adapter(checkpoint, tmp_path):
    with pytest.raises(ExportError, match="--base is for LoRA adapters"):
        export(arguments().parse_args([str(checkpoint()), str(tmp_path / "out"), "--base", str(tmp_path)]))


def refused(tmp_path, said: str) -> None:
    """Export the adapter, and want the sentence and nothing written."""
    with pytest.raises(ExportError) as caught:
        export(arguments().parse_args([str(tmp_path / "adapter"), str(tmp_path / "out")]))
    assert said in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter", "base"]
    assert json.loads((tmp_path / "adapter" / lora.CONFIG).read_text(encoding="utf-8"))
