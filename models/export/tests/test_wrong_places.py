"""What is no checkpoint at all, what nobody may read, and places to which no bundle can be written."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from wrong import POINTER, Wrong, all_of, gone, hold, sentence, state, table, write

from assay_export.command import main
from assay_export.prove import check

EXPORTER = Path(__file__).parents[1]


def emptied(*more):
    """Return what leaves nothing of a checkpoint but what is written then."""
    def spoil(source) -> None:
        shutil.rmtree(source)
        source.mkdir()
        for one in more:
            one(source)
    return spoil


def device(name: str, make) -> None:
    """Return what puts a thing beside the checkpoint's files that is no file."""
    return lambda source: make(source / name)


def listen(path) -> None:
    """Make a socket."""
    with socket.socket(socket.AF_UNIX) as made:
        here = os.open(path.parent, os.O_RDONLY)  # since a socket's path may have 107 bytes only
        try:
            made.bind(f"/proc/self/fd/{here}/{path.name}")
        finally:
            os.close(here)


@table(
    Wrong("empty", emptied(), ("config.json", "is missing")),
    Wrong("a bundle", emptied(write("assay.yaml", "version: 1\n"), write("model.onnx", b"\x08")), ("", "is a bundle already (assay.yaml)")),
    Wrong("llama.cpp", emptied(write("rm-Q8_0.gguf", b"GGUF")), ("", "holds weights for llama.cpp (rm-Q8_0.gguf)", "that they were made from")),
    Wrong("diffusers", emptied(write("model_index.json", "{}"), write("unet/config.json", "{}")), ("", "is a pipeline of diffusers (model_index.json)")),
    Wrong("a folder of the hub's cache", emptied(write("snapshots/12ab/config.json", "{}"), write("refs/main", "12ab")),
          ("", "give the snapshot in it, the folder of snapshots/12ab/config.json")),
    Wrong("a trainer's folder", emptied(write("checkpoint-500/config.json", "{}"), write("trainer_state.json", "{}")),
          ("", "has no config.json, and checkpoint-500/config.json is there: give that folder")),
    Wrong("an adapter without its settings", emptied(write("adapter_model.safetensors", b"\x08")), ("", "holds the weights of an adapter")),
    Wrong("an adapter beside a whole model", write("adapter_config.json", "{}"), ("", "holds a LoRA adapter (adapter_config.json) and is read as a whole")),
    Wrong("NeMo", emptied(write("rm.nemo", b"x")), ("", "holds an archive of NeMo (rm.nemo)")),
    Wrong("the layout of Llama's authors", emptied(write("params.json", "{}"), write("consolidated.00.pth", b"x")), ("", "in the layout of their authors")),
    Wrong("a TensorFlow model", emptied(write("saved_model.pb", b"x")), ("", "holds weights of TensorFlow or Flax (saved_model.pb)")),
    Wrong("a clone without git-lfs",
          all_of(*(write(name, POINTER) for name in ("model.safetensors", "tokenizer.json"))), ("tokenizer.json", "git lfs pull")),
    Wrong("a pipe among the files", device("notes", os.mkfifo), ("notes", "is no regular file, and nothing else is read")),
    Wrong("a socket among the files", device("sock", listen), ("sock", "is no regular file")),
    Wrong("a device in the weights' place", all_of(gone("model.safetensors"), lambda source: (source / "model.safetensors").symlink_to("/dev/zero")),
          ("model.safetensors", "is no regular file")),
)
def test_what_is_no_checkpoint(wrong, rights, tmp_path, monkeypatch, capfd):
    hold(wrong, rights(wrong.model_type), tmp_path, monkeypatch, capfd)


def test_no_directory(rights, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "rm.safetensors").write_bytes(b"x")
    for source, said in (("nowhere", "nowhere is not a directory"), ("loop", "loop is not a directory"),
                         ("rm.safetensors", "rm.safetensors is a file, and a checkpoint is a directory"),
                         ("a-lab/its-model", "a-lab/its-model is not a directory; if it is a name on the hub, hf download a-lab/its-model")):
        assert said in sentence(monkeypatch, capfd, source, tmp_path / "out")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "."])
def test_what_nobody_may_read(rights, tmp_path, monkeypatch, capfd, name):
    source, own = tmp_path / "source", os.geteuid()
    shutil.copytree(rights("qwen3"), source)
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)
    (source / name).chmod(0)
    try:
        if own == 0:
            os.seteuid(65534)  # nobody's, since root may read everything
        monkeypatch.setattr("wrong.state", lambda place: sorted(path.name for path in place.iterdir()))
        said = sentence(monkeypatch, capfd, source, tmp_path / "out")
    finally:
        os.seteuid(own)
        (source / name).chmod(0o755)
    assert str(source / name) in said and "cannot be read: Permission denied" in said, said


@pytest.mark.parametrize(("out", "said"), [
    ("source", "source is the checkpoint's own directory"),
    ("source/bundle", "lies in the checkpoint's directory"),
    ("link/bundle", "lies in the checkpoint's directory"),
    (".", "is not empty and holds no assay.yaml, so it is no bundle"),
    ("file", "file is a file, and a bundle is a directory"),
    ("file/bundle", "lies below {place}/file, which is no directory"),
    ("filled", "filled is not empty and holds no assay.yaml"),
    ("strange", "strange/assay.yaml is no manifest that can be read"),
    ("mine", "mine/tokenizer.json is none of the bundle that is there, and would be overwritten; move it away"),
])
def test_places_of_no_bundle(rights, tmp_path, monkeypatch, capfd, out, said):
    shutil.copytree(rights("qwen3"), tmp_path / "source")
    (tmp_path / "link").symlink_to("source")
    write("file", "mine")(tmp_path)
    write("filled/mine.txt", "mine")(tmp_path)
    write("strange/assay.yaml", "- mine")(tmp_path)
    write("mine/assay.yaml", "graph: {file: model.onnx}\nsource: {}\n")(tmp_path)
    write("mine/tokenizer.json", "mine")(tmp_path)
    assert said.format(place=tmp_path) in sentence(monkeypatch, capfd, tmp_path / "source", tmp_path / out, "--no-check")


def test_a_place_that_was_made_goes_again(rights, tmp_path, monkeypatch, capfd):
    shutil.copytree(rights("qwen3"), tmp_path / "source")
    read = check.read_packed
    monkeypatch.setattr(check, "read_packed", lambda *given: [rows + 0.3 for rows in read(*given)])
    assert "readings differ from PyTorch" in sentence(monkeypatch, capfd, tmp_path / "source", tmp_path / "a" / "b" / "out")


def test_a_disk_that_is_full(rights, tmp_path, monkeypatch, capfd):
    shutil.copytree(rights("qwen3"), tmp_path / "source")

    def full(*_):
        raise OSError(28, "No space left on device", str(tmp_path / "out"))

    monkeypatch.setattr("assay_export.graph.graph.trace_packed", lambda *_: None)
    monkeypatch.setattr("assay_export.graph.graph.save", full)
    assert "out cannot be written: No space left on device" in sentence(monkeypatch, capfd, tmp_path / "source", tmp_path / "out", "--no-check")


def test_a_fault_of_our_own_is_not_laid_to_the_checkpoint(rights, tmp_path, monkeypatch, capfd):
    def broken(*_):
        raise KeyError("x")

    monkeypatch.setattr("assay_export.load.checkpoint.load", broken)
    monkeypatch.setattr("sys.argv", ["assay-export", str(rights("qwen3")), str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 70 and not state(tmp_path)
    assert capfd.readouterr().err == (
        f"assay-export: {rights('qwen3')}: KeyError: 'x'; this is a fault of assay-export itself, and --traceback shows where\n")
    monkeypatch.setattr("sys.argv", [*sys.argv, "--traceback"])
    with pytest.raises(KeyError):
        main()


def test_the_command_itself(rights, tmp_path):
    """In a process of its own: status 1, nothing on stdout, and on stderr the one line."""
    shutil.copytree(rights("qwen3"), tmp_path / "source")
    (tmp_path / "source" / "model.safetensors").write_bytes(b"")
    given = [sys.executable, "-m", "assay_export", str(tmp_path / "source"), str(tmp_path / "out")]
    ended = subprocess.run(given, cwd=EXPORTER, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"assay-export: {tmp_path}/source/model.safetensors is not a safetensors file") and ended.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
