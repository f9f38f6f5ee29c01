"""Directories whose config.json is none, or says what the rest denies."""

import os

from wrong import POINTER, Wrong, all_of, config, cut, drop, gone, hold, instead, table, weights, write

FILE = "config.json"


@table(
    Wrong("missing", gone(FILE), ("", "has weights (model.safetensors) and no config.json, which transformers' save_pretrained writes")),
    Wrong("empty", write(FILE, ""), (FILE, "is empty, and a JSON object is wanted")),
    Wrong("cut short", cut(FILE, -20), (FILE, "is not JSON")),
    Wrong("a list", write(FILE, "[1]"), (FILE, "holds [1], and a JSON object is wanted")),
    Wrong("in UTF-16", write(FILE, '{"model_type": "qwen3"}'.encode("utf-16")), (FILE, "is not UTF-8")),
    Wrong("nested without end", write(FILE, '{"a":' * 100000), (FILE, "is not JSON: maximum recursion depth exceeded")),
    Wrong("a directory", instead(FILE, lambda path: path.mkdir()), (FILE, "is no regular file")),
    Wrong("a link to nothing", instead(FILE, lambda path: path.symlink_to("../blobs/12ab")), (FILE, "is a link to ../blobs/12ab, which is not there")),
    Wrong("a link to itself", instead(FILE, lambda path: path.symlink_to(FILE)), (FILE, "cannot be read: Too many levels of symbolic links")),
    Wrong("a pointer of git-lfs", write(FILE, POINTER), (FILE, "git lfs pull fetches")),
)
def test_a_file_that_is_no_config(wrong, rights, tmp_path, monkeypatch, capfd):
    hold(wrong, rights(wrong.model_type), tmp_path, monkeypatch, capfd)


@table(
    Wrong("no model_type", drop(FILE, "model_type"), (FILE, "model_type is null, and must be")),
    Wrong("a list for model_type", config(model_type=["qwen3"]), (FILE, 'model_type is ["qwen3"]')),
    Wrong("an unknown model_type", config(model_type="mamba"), (FILE, "model_type 'mamba' is not supported; supported are")),
    Wrong("no architectures", drop(FILE, "architectures"), (FILE, "architectures is missing")),
    Wrong("a text for architectures", config(architectures="LlamaForCausalLM"), (FILE, 'architectures is "LlamaForCausalLM", and must be a list')),
    Wrong("a number for a class", config(architectures=[3]), (FILE, "architectures is [3], and must be a list")),
    Wrong("two classes", config(architectures=["Qwen3ForCausalLM", "Qwen3ForSequenceClassification"]),
          (FILE, "architectures names", "only one of them can be the class of the weights; leave that one")),
    Wrong("a class of its own code", config(architectures=["MyRewardModel"], auto_map={"AutoModel": "modeling_mine.MyRewardModel"}),
          (FILE, "class 'MyRewardModel' is not supported, and code that lies in a checkpoint is never run", "docs/MODELS.md")),
    Wrong("a class that several families read", config(architectures=["Qwen3ForCausalLM"]), (FILE, "choose one with --family")),
    Wrong("quantized by GPTQ", config(quantization_config={"quant_method": "gptq", "bits": 4}),
          (FILE, "quantization_config: quantized weights are not supported (gptq)", "dequantize()")),
    Wrong("quantized for MLX", config(quantization={"group_size": 64, "bits": 4}), (FILE, "quantization: quantized weights are not supported")),
    Wrong("weights under another name", config(transformers_weights="x.safetensors"), (FILE, "transformers_weights")),
    Wrong("a type of numbers that is none", config(dtype="float4_special"), (FILE, 'dtype is "float4_special"')),
    Wrong("a pad id beyond the vocabulary", config(pad_token_id=10_000), (FILE, "pad_token_id is 10000, and vocab_size")),
    Wrong("a text for the pad id", config(pad_token_id="<pad>"), (FILE, 'pad_token_id is "<pad>", and must be a whole number')),
    Wrong("chunks", config(chunk_size_feed_forward=4), (FILE, "chunk_size_feed_forward: 4, and 0 computes the same at once, is not supported")),
    Wrong("the sight of an encoder", config(is_causal=False), ("", "config.json: is_causal: false")),
    Wrong("an unknown activation", config(hidden_act="swish9"), (FILE, 'hidden_act is "swish9", and no activation that transformers has')),
    Wrong("heads that cannot share keys",
          config(num_key_value_heads=3), (FILE, "num_key_value_heads is 3, and num_attention_heads 4, which must be a multiple")),
    Wrong("no room for a token", config(max_position_embeddings=0), (FILE, "max_position_embeddings is 0, and must be a whole number of 1 or more")),
    Wrong("a sum that is not finite", config(rms_norm_eps=float("nan")), (FILE, "rms_norm_eps is nan, and no number to compute with")),
    Wrong("a text for the rotation", config(rope_parameters="linear"), (FILE, 'rope_parameters is "linear", and must be an object')),
)
def test_values_of_which_no_model_can_be_made(wrong, rights, tmp_path, monkeypatch, capfd):
    hold(wrong, rights(wrong.model_type), tmp_path, monkeypatch, capfd)


@table(
    Wrong("more layers than there are", config(num_hidden_layers=3, layer_types=None), ("", "no weight model.layers.2.")),
    Wrong("fewer layers than there are", config(num_hidden_layers=1, layer_types=None), ("", "a weight model.layers.1.", "another model than config.json")),
    Wrong("another width", config(hidden_size=64), ("", "weight score.weight has shape [1, 32], and [labels, 64] is wanted")),
    Wrong("another vocabulary", config(vocab_size=500), ("", "weight model.embed_tokens.weight has shape", "config.json asks for [500, 32]")),
    Wrong("another kind of body", config(model_type="llama", layer_types=None, architectures=["LlamaForSequenceClassification"]),
          ("", "k_norm.weight that LlamaModel does not use")),
    Wrong("another number of labels", config(num_labels=2), (FILE, "num_labels says that the head has 2 outputs, and its weights have 1")),
    Wrong("a text for the number of labels", config(num_labels="one"), (FILE, 'num_labels is "one", and must be a whole number')),
    Wrong("names of more labels", config(id2label={"0": "bad", "1": "good"}), (FILE, "id2label says that the head has 2 outputs")),
    Wrong("a list of labels", config(id2label=["reward"]), (FILE, 'id2label is ["reward"], and must give each number from 0 on a name')),
    Wrong("a label without a number", config(id2label={"good": "good"}), (FILE, "id2label is")),
    Wrong("a label left out", config(id2label={"0": "a", "2": "b"}), (FILE, "id2label names the outputs 0, 2, and must name each from 0 to 1")),
    Wrong("two labels of one name", config(id2label={"0": "a", "1": "a"}), (FILE, "id2label names two outputs 'a'")),
    Wrong("two labels and no word which is the score", all_of(
        config(id2label={"0": "bad", "1": "good"}), weights(lambda given: given.update({"score.weight": given["score.weight"].repeat(2, 1)}))),
        (FILE, "id2label names the labels bad, good, and nothing says which of them is the score; give --label NAME")),
)
def test_values_that_the_weights_deny(wrong, rights, tmp_path, monkeypatch, capfd):
    hold(wrong, rights(wrong.model_type), tmp_path, monkeypatch, capfd)


def test_a_named_pipe(rights, tmp_path, monkeypatch, capfd):
    """Nobody writes to it, so whoever opened it would wait for ever."""
    hold(Wrong("a pipe", instead(FILE, os.mkfifo), (FILE, "is no regular file, and nothing else is read")), rights("qwen3"), tmp_path, monkeypatch, capfd)

