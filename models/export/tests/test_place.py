"""Where bundles are put: an export that fails leaves what was there, and nothing goes but what an earlier bundle's
manifest names."""

import json

import pytest
from conftest import read_bundle

from assay_export import ExportError, tiny
from assay_export.cli import arguments, export
from assay_export.prove import check


def run(source, out, *options: str) -> str:
    """Export with the command; return what it says."""
    return export(arguments().parse_args([str(source), str(out), "--no-check", *options]))


def contents(directory) -> dict[str, bytes]:
    """Return every file of a directory."""
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()}


def test_a_folder_that_is_no_bundle_is_left_alone(checkpoint, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("LICENSE", "NOTICES-of-mine.doc", "tokenizer.json", "model.onnx"):
        (out / name).write_text(f"my {name}")
    before = contents(out)
    with pytest.raises(ExportError, match="out is not empty and holds no assay.yaml, so it is no bundle; give an empty or a new directory"):
        run(checkpoint(), out)
    assert contents(out) == before


def test_an_export_that_fails_leaves_the_earlier_bundle(checkpoint, tmp_path, monkeypatch):
    source, out = checkpoint(), tmp_path / "out"
    run(source, out)
    before = contents(out)
    read = check.read_packed
    monkeypatch.setattr(check, "read_packed", lambda *given: [rows + 0.3 for rows in read(*given)])
    with pytest.raises(ExportError) as caught:
        run(source, out, "--check")
    assert f"{out}/model.onnx: readings differ" in str(caught.value)
    assert contents(out) == before and [path.name for path in tmp_path.iterdir() if ".part-" in path.name] == []


def test_what_the_earlier_manifest_does_not_name_stays(checkpoint, tmp_path):
    first, second, out = checkpoint(folder="first"), checkpoint(folder="second"), tmp_path / "out"
    (first / "LICENSE").write_text("of the first")
    run(first, out, "--external-data")
    assert read_bundle(out).manifest["source"]["licences"] == ["LICENSE"] and (out / "model.onnx_data").exists()
    (out / "NOTICE.mine").write_text("mine")
    run(second, out)
    assert not (out / "LICENSE").exists() and not (out / "model.onnx_data").exists() and (out / "NOTICE.mine").read_text() == "mine"
    (second / "NOTICE.mine").write_text("theirs")
    before = contents(out)
    with pytest.raises(ExportError, match="NOTICE.mine is none of the bundle that is there, and would be overwritten"):
        run(second, out)
    assert contents(out) == before


def test_an_empty_folder_and_folders_that_are_not_there(checkpoint, tmp_path):
    (tmp_path / "empty").mkdir()
    for out in ("empty", "a/b/new"):
        run(checkpoint(), tmp_path / out)
        assert read_bundle(tmp_path / out).golden


def test_the_reference_is_never_written_to(checkpoint, tmp_path):
    policy, other = (checkpoint("qwen2", folder=name, class_name="Qwen2ForCausalLM") for name in ("policy", "reference"))
    before = contents(other)
    with pytest.raises(ExportError, match="reference is the checkpoint's own directory"):
        run(policy, other, "--family", "dpo", "--reference", str(other))
    assert contents(other) == before


def test_the_digest_covers_every_file_that_is_read(checkpoint, tmp_path):
    source, seen = checkpoint(), set()
    changes = {"": lambda: None, "chat_template.jinja": lambda: (source / "chat_template.jinja").write_text("{{ messages[-1].content }}"),
               "tokenizer_config.json": lambda: tiny.edit_json(source / "tokenizer_config.json", unk_token="<unk>"),
               "tokenizer.json": lambda: (source / "tokenizer.json").write_text(json.dumps(json.loads((source / "tokenizer.json").read_text()), indent=1)),
               "config.json": lambda: tiny.edit_json(source / "config.json", attention_dropout=0.1)}
    for name, change in changes.items():
        change()
        run(source, tmp_path / "out")
        seen.add(read_bundle(tmp_path / "out").manifest["source"]["digest"])
        assert len(seen) == list(changes).index(name) + 1, name


def test_licences_that_lie_elsewhere_are_not_copied(checkpoint, tmp_path):
    source = checkpoint()
    (tmp_path / "secret").write_text("secret")
    (source / "LICENSE-x").symlink_to(tmp_path / "secret")
    (source / "LICENSE").write_text("licence")
    (source / "NOTICE").symlink_to("LICENSE")
    run(source, tmp_path / "out")
    assert sorted(read_bundle(tmp_path / "out").manifest["source"]["licences"]) == ["LICENSE", "NOTICE"]
    assert not (tmp_path / "out" / "LICENSE-x").exists() and not (tmp_path / "out" / "NOTICE").is_symlink()
