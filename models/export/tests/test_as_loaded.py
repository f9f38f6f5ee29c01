"""Directories as trainers and tools leave them, of which public reports tell that some loader read them otherwise: each
is read as transformers alone reads it, or refused."""

import json

import pytest
import torch
from conftest import read_bundle
from safetensors.torch import load_file, save_file
from tokenizers import processors
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForSequenceClassification

from assay_export import ExportError, tiny
from assay_export.cli import arguments, export
from assay_export.load import checkpoint as reading
from parity import checkpoint as kinds

MARKS = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "mask_token": "[MASK]"}


@pytest.fixture(autouse=True)
def untraced(monkeypatch):
    """What is read and scored is looked at here; that a graph computes the same is looked at elsewhere, and takes most
    of an export's time."""
    for name in ("trace_packed", "trace_padded"):
        monkeypatch.setattr(f"assay_export.graph.graph.{name}", lambda *_: None)
    monkeypatch.setattr("assay_export.graph.graph.save", lambda traced, path, external: path.write_bytes(b""))


def run(source, out, *options: str) -> str:
    """Export with the command, without its own check, since the tests look for themselves; return what it says."""
    return export(arguments().parse_args([str(source), str(out), "--no-check", *options]))


def change(source, edit) -> None:
    """Rewrite a checkpoint's weights."""
    weights = load_file(source / "model.safetensors")
    edit(weights)
    save_file(weights, source / "model.safetensors", metadata={"format": "pt"})


def hold(source, bundle) -> None:
    """Hold the golden scores of conversations to transformers' own model and tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32).eval()
    assert bundle.golden
    for pair in bundle.golden:
        item = pair["item"]
        turns = item.get("messages") or [{"role": "user", "content": item["prompt"]}, {"role": "assistant", "content": item["response"]}]
        text = tokenizer.apply_chat_template(turns, tokenize=False)
        assert pair["ids"] == tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            assert pair["score"] == pytest.approx(model(input_ids=torch.tensor([pair["ids"]])).logits[0, 0].item(), abs=1e-5)


@pytest.mark.parametrize("fields", [
    {"rope_theta": 500.0, "rope_parameters": None}, {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
    {"rope_theta": 500.0, "rope_parameters": {"rope_type": "default", "rope_theta": 90.0}},
    {"rope_theta": 500.0, "rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2.0}}], ids=["at the top", "inside", "both", "old"])
def test_the_base_of_the_rotation_wherever_it_stands(checkpoint, tmp_path, fields):
    source = checkpoint("qwen3")
    tiny.edit_json(source / "config.json", **fields)
    run(source, tmp_path / "out")
    hold(source, read_bundle(tmp_path / "out"))


@pytest.mark.parametrize("original", [True, False])
def test_longrope_in_its_old_spelling(checkpoint, tmp_path, original):
    """Its table is that of short texts, and no longer one is taken."""
    source = checkpoint("phi3")
    half = json.loads((source / "config.json").read_text())["hidden_size"] // 4 // 2
    scaling = {"type": "longrope", "short_factor": [1.0 + 0.1 * n for n in range(half)], "long_factor": [3.0] * half}
    tiny.edit_json(source / "config.json", rope_parameters=None, rope_theta=10000.0, rope_scaling=scaling, max_position_embeddings=512,
                   original_max_position_embeddings=256 if original else None)
    if not original:
        config = json.loads((source / "config.json").read_text())
        del config["original_max_position_embeddings"]
        (source / "config.json").write_text(json.dumps(config))
    run(source, tmp_path / "out")
    bundle = read_bundle(tmp_path / "out")
    assert bundle.manifest["limits"]["max_tokens"] == (256 if original else 512)
    hold(source, bundle)


def test_padding_on_the_left_is_the_tokenizers_own_matter(checkpoint, tmp_path):
    source = checkpoint("llama")
    tiny.edit_json(source / "tokenizer_config.json", padding_side="left", truncation_side="left")
    run(source, tmp_path / "out", "--layout", "padded")
    hold(source, read_bundle(tmp_path / "out"))


def test_one_token_for_bos_eos_and_pad(checkpoint, tmp_path):
    """As GPT-2's reward models have it: what ends a text is passed over, be it the response's own end."""
    source = checkpoint("llama")
    end = AutoTokenizer.from_pretrained(source).convert_tokens_to_ids("<|eot_id|>")
    tiny.edit_json(source / "config.json", bos_token_id=end, eos_token_id=end, pad_token_id=end)
    tiny.edit_json(source / "tokenizer_config.json", bos_token="<|eot_id|>", eos_token="<|eot_id|>", pad_token="<|eot_id|>")
    run(source, tmp_path / "out")
    bundle = read_bundle(tmp_path / "out")
    assert bundle.manifest["pooling"] == "last_not_pad" and bundle.golden[0]["ids"][-1] == end
    tokenizer, model = AutoTokenizer.from_pretrained(source), AutoModelForSequenceClassification.from_pretrained(source).eval()
    for pair in bundle.golden:
        ids = [*pair["ids"], end, end]
        with torch.no_grad():
            assert pair["score"] == pytest.approx(model(input_ids=torch.tensor([ids])).logits[0, 0].item(), abs=1e-5)
    assert tokenizer.pad_token_id == end


def test_an_end_that_the_settings_ask_for_is_told(checkpoint, tmp_path):
    source = checkpoint("mistral")
    tokenizer = reading.load_tokenizer(source)[0]
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))])
    tokenizer.save(str(source / "tokenizer.json"))
    tiny.edit_json(source / "tokenizer_config.json", add_eos_token=True)
    assert "the tokenizer puts </s> behind a text by itself, and this bundle's ids end as the template ends" in run(source, tmp_path / "out")
    hold(source, read_bundle(tmp_path / "out"))


def test_a_bos_follows_the_tokenizer_as_transformers_loads_it(checkpoint, tmp_path):
    source = checkpoint("mistral")
    (source / "chat_template.jinja").write_text("{% for m in messages %}[{{ m.role }}] {{ m.content }}</s>{% endfor %}")
    for written in (True, False):
        tokenizer = reading.load_tokenizer(source)[0]
        if not written:
            tokenizer.post_processor = processors.TemplateProcessing(single="$A")
        tokenizer.save(str(source / "tokenizer.json"))
        puts = AutoTokenizer.from_pretrained(source)("a")["input_ids"][0] == tokenizer.token_to_id("<s>")
        run(source, tmp_path / "out")
        assert (read_bundle(tmp_path / "out").manifest["tokenizer"]["bos"] == "one") == puts == written


@pytest.mark.parametrize("kind", ["LlamaTokenizerFast", "Qwen2TokenizerFast", "GPT2TokenizerFast", "PreTrainedTokenizerFast"])
def test_tokenizers_under_another_class(checkpoint, tmp_path, kind):
    """Some classes put parts of their own in the place of tokenizer.json's: then the ids are AutoTokenizer's, or the
    first difference is told."""
    source = checkpoint("qwen3")
    tiny.edit_json(source / "tokenizer_config.json", tokenizer_class=kind)
    theirs, ours = AutoTokenizer.from_pretrained(source), reading.load_tokenizer(source)[0]
    same = all(theirs(text, add_special_tokens=False)["input_ids"] == ours.encode(text, add_special_tokens=False).ids
               for text in ("NaOH eBay 12345 mL", " Hello,  World!\n\n"))
    if not same:
        with pytest.raises(ExportError, match=r"tokenizer\.json gives .* the ids .* and AutoTokenizer, which reads tokenizer_config\.json too"):
            export(arguments().parse_args([str(source), str(tmp_path / "out")]))
        return
    run(source, tmp_path / "out")
    hold(source, read_bundle(tmp_path / "out"))


def test_a_bias_of_a_tied_next_token_head(checkpoint, tmp_path):
    source = checkpoint("qwen2", class_name="Qwen2ForCausalLM", config={"tie_word_embeddings": True})
    change(source, lambda weights: weights.update({"lm_head.bias": torch.ones(400)}))
    with pytest.raises(ExportError, match="a weight lm_head.bias, and its class has no such bias"):
        run(source, tmp_path / "out", "--family", "dpo")


def test_a_stored_head_beside_a_tied_embedding(checkpoint, tmp_path):
    """transformers 5 keeps it where it differs; a test says so, since older ones did not."""
    source = checkpoint("qwen2", class_name="Qwen2ForCausalLM", config={"tie_word_embeddings": True})
    change(source, lambda weights: weights.update({"lm_head.weight": weights["model.embed_tokens.weight"].flip(0).contiguous()}))
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).eval()
    assert not model.lm_head.weight.equal(model.model.embed_tokens.weight)
    run(source, tmp_path / "out", "--family", "dpo", "--beta", "1")
    for pair in read_bundle(tmp_path / "out").golden:
        ids = torch.tensor([pair["ids"]])
        with torch.no_grad():
            found = model(input_ids=ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
        sums = found.flip(0).cumsum(0)  # of the last token, of the last two, …, of which one is the response's
        assert (sums - pair["score"]).abs().min() < 1e-4 * abs(pair["score"])


@pytest.mark.parametrize(("edit", "said"), [
    (lambda given: given.update({"score.modules_to_save.default.weight": given.pop("score.weight"), "score.original_module.weight": torch.ones(1, 32)}),
     "no head: no weight is named score.weight or classifier.weight, only score.modules_to_save.default.weight, score.original_module.weight"),
    (lambda given: [given.update({f"base_model.model.{name}": given.pop(name)}) for name in list(given)],
     "a weight base_model.model.model.embed_tokens.weight, and embed_tokens.weight is wanted under"),
    (lambda given: given.update({"reward_head.weight": given.pop("score.weight")}), "no head: no weight is named score.weight or classifier.weight"),
], ids=["both of an adapter's heads", "an adapter's prefix", "another name"])
def test_heads_as_adapters_leave_them(checkpoint, tmp_path, edit, said):
    source = checkpoint("qwen3")
    change(source, edit)
    with pytest.raises(ExportError) as caught:
        run(source, tmp_path / "out")
    assert said in str(caught.value)


def test_a_head_under_another_name_than_config_json_says(checkpoint, tmp_path):
    source = checkpoint("qwen3")
    tiny.edit_json(source / "config.json", value_head_prefix="value_head")
    with pytest.raises(ExportError, match="no head: no weight is named value_head.weight"):
        run(source, tmp_path / "out", "--family", "openrlhf")


@pytest.fixture
def bert(tmp_path):
    """A tiny cross-encoder of BERT."""
    tokenizer = kinds.wordpiece()
    config = BertConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
                        num_labels=1, max_position_embeddings=128, architectures=["BertForSequenceClassification"])
    kinds.write(tmp_path / "bert", json.loads(config.to_json_string()), kinds.weights_of(BertForSequenceClassification(config), 4), tokenizer, MARKS)
    return tmp_path / "bert"


@pytest.mark.parametrize(("edit", "said"), [
    (lambda given: [given.pop(name) for name in list(given) if "pooler" in name], "the checkpoint has no weight bert.pooler.dense.weight"),
    (lambda given: [given.update({name.removeprefix("bert."): given.pop(name)}) for name in list(given) if "pooler" in name],
     "the checkpoint has no weight bert.pooler.dense.weight"),
    (lambda given: given.update({"classifier.weight": given["classifier.weight"].repeat(2, 1)}), "weight classifier.weight has shape [2, 32]"),
], ids=["none", "elsewhere", "two labels"])
def test_a_pooler_that_is_not_where_it_belongs(bert, tmp_path, edit, said):
    change(bert, edit)
    with pytest.raises(ExportError) as caught:
        run(bert, tmp_path / "out", "--family", "bert-pair", "--layout", "padded")
    assert said in str(caught.value)
