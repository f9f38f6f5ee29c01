"""Directories whose weights are missing, broken, another model's, or in a form that is not read."""

import json
import shlex
import struct
import subprocess
import sys

import pytest
import torch
from conftest import read_bundle
from safetensors.torch import load_file, save_file
from wrong import POINTER, Wrong, all_of, config, cut, gone, hold, instead, sentence, table, weights, write

from assay_export.cli import arguments, export

FILE, INDEX = "model.safetensors", "model.safetensors.index.json"


def header(fields: dict, size: int = 0) -> bytes:
    """Return a safetensors file with this header, and as many bytes of numbers."""
    text = json.dumps(fields).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def stored(dtype: str, shape: list[int], end: int, **more) -> dict:
    """Return a header that names one weight."""
    return {"score.weight": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]} | more}


def shards(change=lambda places: None, second=lambda given: None):
    """Return what splits the weights into two files and an index, whose places are then changed, as the second file's weights are."""
    def spoil(source) -> None:
        given = load_file(source / FILE)
        names = sorted(given)
        parts = {"model-00001-of-00002.safetensors": names[:5], "model-00002-of-00002.safetensors": names[5:]}
        for file, own in parts.items():
            tensors = {name: given[name] for name in own}
            if file.startswith("model-00002"):
                second(tensors)
            save_file(tensors, source / file, metadata={"format": "pt"})
        places = {name: file for file, own in parts.items() for name in own}
        change(places)
        (source / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))
        (source / FILE).unlink()
    return spoil


@table(
    Wrong("missing", gone(FILE), (FILE, "is missing, and so is model.safetensors.index.json")),
    Wrong("empty", write(FILE, b""), (FILE, "is not a safetensors file that can be read", "fetch or save it again")),
    Wrong("cut short", cut(FILE, -100), (FILE, "is not a safetensors file that can be read")),
    Wrong("no header at all", write(FILE, b"\x80\x02}q\x00X\x01" * 100), (FILE, "is not a safetensors file that can be read")),
    Wrong("a header longer than the file", write(FILE, struct.pack("<Q", 1 << 40)), (FILE, "is not a safetensors file that can be read")),
    Wrong("a header that is no JSON", write(FILE, struct.pack("<Q", 4) + b"{nul"), (FILE, "is not a safetensors file that can be read")),
    Wrong("a header that claims more numbers", write(FILE, header(stored("F32", [1, 32], 64), 64)), (FILE, "is not a safetensors file that can be read")),
    Wrong("numbers of an unknown type", write(FILE, header(stored("F33", [1, 32], 128), 128)), (FILE, "is not a safetensors file that can be read")),
    Wrong("no weights", write(FILE, header({})), (FILE, "has no weights")),
    Wrong("a directory", instead(FILE, lambda path: path.mkdir()), (FILE, "is no regular file")),
    Wrong("a link to nothing", instead(FILE, lambda path: path.symlink_to("../blobs/12ab")), (FILE, "is a link to ../blobs/12ab, which is not there")),
    Wrong("a pointer of git-lfs", write(FILE, POINTER), (FILE, "is a pointer of git-lfs", "git lfs pull fetches")),
)
def test_files_that_hold_no_weights(wrong, rights, tmp_path, monkeypatch, capfd):
    hold(wrong, rights(wrong.model_type), tmp_path, monkeypatch, capfd)


@table(
    Wrong("an index that is no JSON", all_of(gone(FILE), write(INDEX, "{")), (INDEX, "is not JSON")),
    Wrong("an index without places", all_of(gone(FILE), write(INDEX, "{}")), (INDEX, "weight_map is missing or empty")),
    Wrong("an index with numbers for files", all_of(gone(FILE), write(INDEX, '{"weight_map": {"a": 3}}')), (INDEX, "weight_map names 3")),
    Wrong("an index with a nameless file", all_of(gone(FILE), write(INDEX, '{"weight_map": {"a": ""}}')), (INDEX, 'weight_map names ""')),
    Wrong("an index that leads elsewhere", all_of(gone(FILE), write(INDEX, '{"weight_map": {"a": "../x.safetensors"}}')),
          (INDEX, "'../x.safetensors' leaves the directory")),
    Wrong("an index older than its files", shards(lambda places: places.update({"score.weight": "model-00003-of-00003.safetensors"})),
          ("model-00003-of-00003.safetensors", "is missing: model.safetensors.index.json names it")),
    Wrong("one part not fetched", all_of(shards(), write("model-00002-of-00002.safetensors", POINTER)),
          ("model-00002-of-00002.safetensors", "git lfs pull")),
    Wrong("parts without an index", all_of(shards(), gone(INDEX)), ("", "has model-00001-of-00002.safetensors and no model.safetensors.index.json")),
    Wrong("a weight that lies in two parts", shards(second=lambda given: given.update({"lm_head.weight": torch.ones(2), "model.embed_tokens.weight":
                                                                                       torch.ones(400, 32)})),
          ("model-00002-of-00002.safetensors", "has the weight model.embed_tokens.weight, which another of the checkpoint's files has too")),
)
def test_parts_and_their_index(wrong, rights, tmp_path, monkeypatch, capfd):
    hold(wrong, rights(wrong.model_type), tmp_path, monkeypatch, capfd)


@table(
    Wrong("no head", weights(lambda given: given.pop("score.weight")), ("", "the checkpoint has no head: no weight is named score.weight")),
    Wrong("no norm", weights(lambda given: given.pop("model.norm.weight")), ("", "the checkpoint has no weight model.norm.weight")),
    Wrong("no embedding", weights(lambda given: given.pop("model.embed_tokens.weight")), ("", "no weight model.embed_tokens.weight")),
    Wrong("another shape", weights(lambda given: given.update({"model.norm.weight": torch.ones(31)})),
          ("", "weight model.norm.weight has shape [31], and config.json asks for [32]")),
    Wrong("a head of another width", weights(lambda given: given.update({"score.weight": torch.ones(1, 31)})),
          ("", "weight score.weight has shape [1, 31], and [labels, 32] is wanted")),
    Wrong("a weight that nothing reads", weights(lambda given: given.update({"model.layers.0.self_attn.q_proj.lora_A": torch.ones(2, 2)})),
          ("", "a weight model.layers.0.self_attn.q_proj.lora_A that Qwen3Model does not use", "another model than config.json says")),
    Wrong("a second head", weights(lambda given: given.update({"v_head.weight": torch.ones(1, 32)})), ("", "a weight v_head.weight that Qwen3Model")),
    Wrong("a head's bias that the class has not", weights(lambda given: given.update({"score.bias": torch.ones(1)})),
          ("", "a weight score.bias, and the head has no bias")),
    Wrong("names of what wrapped the model", weights(lambda given: [given.update({f"module.{name}": given.pop(name)}) for name in list(given)]),
          ("", "a weight module.model.embed_tokens.weight, and embed_tokens.weight is wanted under", "save the model from within what wraps it")),
    Wrong("a weight under two names", weights(lambda given: given.update({"norm.weight": given["model.norm.weight"] + 1})),
          ("", "the weights model.norm.weight and norm.weight, and only one can be meant")),
    Wrong("NaN", weights(lambda given: given["model.layers.1.mlp.up_proj.weight"][3].fill_(float("nan"))),
          ("", "weight model.layers.1.mlp.up_proj.weight has values that are not finite")),
    Wrong("an infinite row of the embedding that no golden item has", weights(lambda given: given["model.embed_tokens.weight"][399].fill_(float("inf"))),
          ("", "weight model.embed_tokens.weight has values that are not finite")),
    Wrong("an infinite head", weights(lambda given: given["score.weight"].fill_(float("inf"))), ("", "weight score.weight has values that are not finite")),
    Wrong("float64 beyond float32", weights(lambda given: given.update({"model.norm.weight": torch.full((32,), 1e300, dtype=torch.float64)})),
          ("", "weight model.norm.weight has values that are not finite in float32")),
    Wrong("integers", weights(lambda given: given.update({"model.layers.0.mlp.up_proj.weight": given["model.layers.0.mlp.up_proj.weight"].to(torch.int8)})),
          ("", "weight model.layers.0.mlp.up_proj.weight is stored as int8, as quantized weights are", "dequantize()")),
    Wrong("a language model said to be a reward model", all_of(
        weights(lambda given: given.update({"lm_head.weight": given["model.embed_tokens.weight"] + given.pop("score.weight").sum()}))),
        ("", "the checkpoint has no head")),
    Wrong("a language model that lost its head", all_of(config(architectures=["Qwen3ForCausalLM"], tie_word_embeddings=False),
                                                        weights(lambda given: given.pop("score.weight"))),
          ("", "no weight lm_head.weight, and config.json says that it is not tied"), options=("--family", "dpo")),
)
def test_weights_of_another_model(wrong, rights, tmp_path, monkeypatch, capfd):
    hold(wrong, rights(wrong.model_type), tmp_path, monkeypatch, capfd)


def renamed(name: str, *more):
    """Return what leaves the weights under another name alone."""
    return all_of(lambda source: (source / FILE).rename(source / name), *more)


@table(
    Wrong("another name", renamed("rm-final.safetensors"), ("", "has rm-final.safetensors, and weights are read from model.safetensors alone", "rename")),
    Wrong("llama.cpp", renamed("rm-Q4_K_M.gguf"), ("", "has weights for llama.cpp alone (rm-Q4_K_M.gguf)", "take those of transformers")),
    Wrong("TensorFlow", renamed("tf_model.h5"), ("", "has weights of TensorFlow or Flax alone (tf_model.h5)", "from_tf=True")),
    Wrong("Flax", renamed("flax_model.msgpack"), ("", "has weights of TensorFlow or Flax alone (flax_model.msgpack)", "from_flax=True")),
    Wrong("DeepSpeed", all_of(gone(FILE), write("zero_to_fp32.py", ""), write("global_step10/mp_rank_00_model_states.pt", b"\x80")),
          ("", "has weights in DeepSpeed's parts alone", "python zero_to_fp32.py . . --safe_serialization")),
    Wrong("FSDP", all_of(gone(FILE), write("pytorch_model_fsdp_0/__0_0.distcp", b"\x80")), ("", "accelerate merge-weights pytorch_model_fsdp_0 .")),
    Wrong("ONNX", renamed("model.onnx"), ("", "has a graph (model.onnx) and no weights")),
    Wrong("only what a trainer keeps", all_of(gone(FILE), write("training_args.bin", b"\x80"), write("optimizer.pt", b"\x80")),
          (FILE, "is missing, and so is")),
    Wrong("a pickle of PyTorch Lightning", renamed("last.ckpt"), ("last.ckpt", "is pickled, which can run code; convert it")),
)
def test_weights_in_a_form_that_is_not_read(wrong, rights, tmp_path, monkeypatch, capfd):
    hold(wrong, rights(wrong.model_type), tmp_path, monkeypatch, capfd)


@pytest.mark.parametrize("files", [1, 2])
def test_pickled_weights_and_the_command_that_converts_them(rights, tmp_path, monkeypatch, capfd, files):
    source, right = tmp_path / "source", rights("qwen3")

    def pickle(source) -> None:
        given = load_file(source / FILE)
        names = sorted(given)
        for number in range(files):
            name = "pytorch_model.bin" if files == 1 else f"pytorch_model-0000{number + 1}-of-00002.bin"
            torch.save({own: given[own] for own in names[number::files]}, source / name)
        (source / FILE).unlink()

    first = "pytorch_model.bin" if files == 1 else "pytorch_model-00001-of-00002.bin"
    hold(Wrong("pickled", pickle, (first, "is pickled, which can run code; convert it, in its folder: python -c ")), right, tmp_path, monkeypatch, capfd)
    command = shlex.split(sentence(monkeypatch, capfd, source, tmp_path / "out").partition("in its folder: python ")[2])
    subprocess.run([sys.executable, *command], cwd=source, check=True)
    for directory, out in ((source, "out"), (right, "wanted")):
        export(arguments().parse_args([str(directory), str(tmp_path / out)]))
    assert read_bundle(tmp_path / "out").golden == read_bundle(tmp_path / "wanted").golden
