"""The second reference: what this package would read otherwise than transformers is read as transformers does, or
refused."""

import json

import pytest
import torch
from conftest import read_bundle
from safetensors.torch import load_file, save_file
from tokenizers import normalizers, processors
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForSequenceClassification

from assay_export import ExportError, tiny
from assay_export.cli import arguments, export
from assay_export.load import checkpoint as reading
from assay_export.prove import second

PAIRS = ("--family", "bert-pair")
ITEM = {"prompt": "What is 12 + 30?", "response": "It is 41, because 12 + 30 = 41."}


def run(source, out, *options: str) -> str:
    """Export with the command; return what it says."""
    return export(arguments().parse_args([str(source), str(out), *options]))


def transformers_score(source, item: dict) -> tuple[list[int], float]:
    """Return the ids and the score of an item as transformers alone gives them."""
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32).eval()
    turns = [{"role": "user", "content": item["prompt"]}, {"role": "assistant", "content": item["response"]}]
    ids = tokenizer(tokenizer.apply_chat_template(turns, tokenize=False), add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        return ids, model(input_ids=torch.tensor([ids])).logits[0, 0].item()


def change(source, edit) -> None:
    """Rewrite a checkpoint's weights."""
    weights = load_file(source / "model.safetensors")
    edit(weights)
    save_file(weights, source / "model.safetensors", metadata={"format": "pt"})


def same_as_transformers(bundle, source) -> bool:
    """Tell whether a bundle's golden pair of ITEM is what transformers gives."""
    ids, score = transformers_score(source, ITEM)
    pair = next(pair for pair in bundle.golden if pair["item"] == ITEM)
    return pair["ids"] == ids and abs(pair["score"] - score) < 1e-5


@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_a_pad_that_ends_the_template_is_passed_over_whatever_the_eos_is(checkpoint, tmp_path, layout):
    source = checkpoint("llama")
    tokenizer = AutoTokenizer.from_pretrained(source)
    tiny.edit_json(source / "config.json", pad_token_id=tokenizer.convert_tokens_to_ids("<|eot_id|>"),
                   eos_token_id=tokenizer.convert_tokens_to_ids("<|end_header_id|>"))
    run(source, tmp_path / "out", "--layout", layout)
    bundle = read_bundle(tmp_path / "out")
    assert bundle.golden[0]["ids"][-1] == tokenizer.convert_tokens_to_ids("<|eot_id|>") and same_as_transformers(bundle, source)


def test_a_single_file_goes_before_an_index_of_older_shards(checkpoint, tmp_path):
    source = checkpoint("llama")
    weights = load_file(source / "model.safetensors")
    save_file({name: value + 0.1 for name, value in weights.items()}, source / "model-00001-of-00001.safetensors")
    index = {"weight_map": dict.fromkeys(weights, "model-00001-of-00001.safetensors")}
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    said = run(source, tmp_path / "out")
    assert "model.safetensors is taken, as transformers does, and model.safetensors.index.json beside it is not" in said
    assert same_as_transformers(read_bundle(tmp_path / "out"), source)


def test_special_tokens_that_stand_in_special_tokens_map_alone(checkpoint, tmp_path):
    source = checkpoint("llama")
    settings = json.loads((source / "tokenizer_config.json").read_text())
    (source / "special_tokens_map.json").write_text(json.dumps({"bos_token": settings.pop("bos_token")}))
    (source / "tokenizer_config.json").write_text(json.dumps(settings))
    run(source, tmp_path / "out")
    bundle = read_bundle(tmp_path / "out")
    assert bundle.manifest["tokenizer"]["bos"] == "one" and same_as_transformers(bundle, source)


def lower(source) -> None:
    """Make tokenizer.json lowercase what it reads, which tokenizer_config.json denies."""
    tokenizer = reading.load_tokenizer(source)[0]
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.save(str(source / "tokenizer.json"))


@pytest.fixture
def bert(tmp_path, texts):
    """A tiny cross-encoder of BERT with a tokenizer of its kind."""
    from parity import checkpoint as kinds  # what the parity cases write

    tokenizer = kinds.wordpiece()
    config = BertConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
                        num_labels=1, max_position_embeddings=128, architectures=["BertForSequenceClassification"])
    kinds.write(tmp_path / "bert", json.loads(config.to_json_string()), kinds.weights_of(BertForSequenceClassification(config), 4), tokenizer,
                {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "mask_token": "[MASK]"},
                tokenizer_class="BertTokenizer")
    return tmp_path / "bert"


def test_a_cross_encoder_is_held_to_its_tokenizer_on_two_texts(bert, tmp_path):
    assert ", 2 golden pairs" in run(bert, tmp_path / "out", *PAIRS)
    tokenizer, model = AutoTokenizer.from_pretrained(bert), BertForSequenceClassification.from_pretrained(bert).eval()
    for pair in read_bundle(tmp_path / "out").golden:
        given = tokenizer(pair["item"]["prompt"], pair["item"]["response"], return_tensors="pt")
        assert pair["ids"] == given["input_ids"][0].tolist()
        assert pair["score"] == pytest.approx(model(**given).logits.item(), abs=1e-5)


def test_an_empty_document_is_read_as_a_batch_of_one_reads_it(bert, tmp_path):
    """A call of two plain texts leaves out an empty second one, and CrossEncoder.predict, which makes none, does
    not."""
    tokenizer = AutoTokenizer.from_pretrained(bert)
    alone, batch = tokenizer("a query", "")["input_ids"], tokenizer(["a query"], [""])["input_ids"][0]
    assert len(batch) == len(alone) + 1
    (tmp_path / "items").write_text(json.dumps({"prompt": "a query", "response": ""}))
    run(bert, tmp_path / "out", *PAIRS, "--golden", str(tmp_path / "items"))
    assert read_bundle(tmp_path / "out").golden[0]["ids"] == batch


def test_a_tokenizer_whose_config_says_otherwise(bert, tmp_path):
    tiny.edit_json(bert / "tokenizer_config.json", do_lower_case=False)
    with pytest.raises(ExportError, match=r"tokenizer\.json gives 'What is 12 \+ 30\?' the ids .* and AutoTokenizer, which reads tokenizer_config"):
        run(bert, tmp_path / "out", *PAIRS)


@pytest.mark.parametrize("name", ["is_decoder", "add_cross_attention"])
def test_an_encoder_that_is_told_to_decode(bert, tmp_path, name):
    tiny.edit_json(bert / "config.json", **{name: True})
    with pytest.raises(ExportError, match=f"config.json: {name}: true is not supported for bert"):
        run(bert, tmp_path / "out", *PAIRS)


def test_a_token_that_stands_in_added_tokens_decoder_alone(checkpoint, tmp_path):
    source = checkpoint("qwen3")
    content = json.loads((source / "tokenizer.json").read_text())
    token = next(entry for entry in content["added_tokens"] if entry["content"] == "<extra_0>")
    content["added_tokens"].remove(token)
    (source / "tokenizer.json").write_text(json.dumps(content))
    tiny.edit_json(source / "tokenizer_config.json", added_tokens_decoder={str(token.pop("id")): token})
    with pytest.raises(ExportError, match=r"tokenizer\.json gives 'a<extra_0> b' the ids"):
        run(source, tmp_path / "out")


def test_a_second_weight_of_the_next_token_heads_name(checkpoint, tmp_path):
    source = checkpoint("qwen2", class_name="Qwen2ForCausalLM")
    change(source, lambda weights: weights.update({"extra.lm_head.weight": torch.ones(weights["lm_head.weight"].shape)}))
    with pytest.raises(ExportError, match="the checkpoint has a weight extra.lm_head.weight beside lm_head.weight"):
        run(source, tmp_path / "out", "--family", "dpo")
    change(source, lambda weights: weights.pop("lm_head.weight"))
    with pytest.raises(ExportError, match="a weight extra.lm_head.weight, and lm_head.weight is wanted"):
        run(source, tmp_path / "out", "--family", "dpo")


def test_a_bias_that_the_class_has_not(checkpoint, tmp_path):
    source = checkpoint("llama")
    change(source, lambda weights: weights.update({"score.bias": torch.ones(1)}))
    with pytest.raises(ExportError, match="a weight score.bias, and the head has no bias"):
        run(source, tmp_path / "out")
    source = checkpoint("qwen2", class_name="Qwen2ForCausalLM")
    change(source, lambda weights: weights.update({"lm_head.bias": torch.ones(400)}))
    with pytest.raises(ExportError, match="a weight lm_head.bias, and its class has no such bias"):
        run(source, tmp_path / "out", "--family", "dpo")


def test_a_next_token_head_that_config_json_does_not_mention(checkpoint, tmp_path):
    source = checkpoint("qwen2", class_name="Qwen2ForCausalLM")
    change(source, lambda weights: weights.pop("lm_head.weight"))
    config = json.loads((source / "config.json").read_text())
    config.pop("tie_word_embeddings")
    (source / "config.json").write_text(json.dumps(config))
    with pytest.raises(ExportError, match=r"no weight lm_head.weight, and config.json does not say that it is tied"):
        run(source, tmp_path / "out", "--family", "dpo")


@pytest.mark.parametrize(("name", "item"), [("ids", "its ids differ from transformers' own at index 2"), ("scores", "its score is ")])
def test_the_first_difference_ends_the_export(checkpoint, tmp_path, monkeypatch, name, item):
    source = checkpoint("llama")
    if name == "ids":
        template = (source / "chat_template.jinja").read_text()
        monkeypatch.setattr("assay_export.text.settings.chat_template", lambda *_: template.replace("user", "User").replace("['role']", "['role'][::-1]"))
    else:
        kept = reading.read_weights
        monkeypatch.setattr(reading, "read_weights", lambda files: (found := kept(files)) | {"score.weight": found["score.weight"] + 0.01})
    with pytest.raises(ExportError) as caught:
        run(source, tmp_path / "out")
    assert str(caught.value).startswith(f'{source}: golden item 1, {{"prompt": "What is 12 + 30?"') and item in str(caught.value)
    assert "Traceback" not in str(caught.value) and not (tmp_path / "out" / "assay.yaml").exists()


def test_a_likelihood_and_its_reference_are_held_to_transformers(checkpoint, tmp_path, monkeypatch):
    policy, other = (checkpoint("qwen2", folder=name, class_name="Qwen2ForCausalLM", seed=seed) for name, seed in (("policy", 3), ("other", 4)))
    assert "3 golden pairs" in run(policy, tmp_path / "out", "--family", "dpo", "--reference", str(other))
    kept = reading.read_weights
    monkeypatch.setattr(reading, "read_weights", lambda files: {
        name: value * (1.001 if files[0].parent == other and name == "lm_head.weight" else 1) for name, value in kept(files).items()})
    with pytest.raises(ExportError, match="its score is "):
        run(policy, tmp_path / "more", "--family", "dpo", "--reference", str(other))


def test_no_check_is_noted_in_the_manifest(checkpoint, tmp_path):
    source = checkpoint("llama")
    assert "largest difference" in run(source, tmp_path / "out") and "checked" not in read_bundle(tmp_path / "out").manifest["source"]
    assert "largest difference" not in (said := run(source, tmp_path / "out", "--no-check")) and "not checked" in said
    assert read_bundle(tmp_path / "out").manifest["source"]["checked"] is False


def test_a_head_that_config_json_gives_another_size(checkpoint, tmp_path):
    source = checkpoint("llama")
    tiny.edit_json(source / "config.json", id2label={"0": "bad", "1": "good"}, label2id={"bad": 0, "good": 1})
    with pytest.raises(ExportError) as caught:
        run(source, tmp_path / "out")
    assert "id2label" in str(caught.value) and "\n" not in str(caught.value)


def test_a_tokenizer_that_gives_no_token_types(bert, tmp_path):
    tiny.edit_json(bert / "tokenizer_config.json", model_input_names=["input_ids", "attention_mask"])
    assert "the tokenizer gives no token_type_ids (model_input_names), so they are 0 throughout" in run(bert, tmp_path / "out", *PAIRS)
    bundle = read_bundle(tmp_path / "out")
    tokenizer, model = AutoTokenizer.from_pretrained(bert), BertForSequenceClassification.from_pretrained(bert).eval()
    given = tokenizer(ITEM["prompt"], ITEM["response"], return_tensors="pt")
    assert "token_type_ids" not in given and "type_after" not in bundle.manifest["tokenizer"]
    assert bundle.golden[1]["score"] == pytest.approx(model(**given).logits.item(), abs=1e-5)


def test_an_end_token_that_the_tokenizer_writes_by_itself_is_told(checkpoint, tmp_path):
    source = checkpoint("mistral")
    tokenizer = reading.load_tokenizer(source)[0]
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))])
    tokenizer.save(str(source / "tokenizer.json"))
    assert "the tokenizer puts </s> behind a text by itself" in run(source, tmp_path / "out", "--no-check")


@pytest.mark.parametrize(("ours", "theirs"), [([None, 0.5], [0.2, 0.5]), ([0.2, 0.5], [None, 0.5])])
def test_a_step_that_only_one_side_scores_is_a_difference(ours, theirs):
    with pytest.raises(ExportError, match=r"item 1: its steps\[0\] is .* as this package reads the checkpoint"):
        second.hold_pair("item 1", {"steps": ours}, {"steps": theirs}, 1)
    second.hold_pair("item 1", {"steps": ours}, {"steps": ours}, 1)
