"""The licence goes from the checkpoint's card and files into the bundle."""

import pytest
from conftest import read_bundle

from assay_export.cli import arguments, export


@pytest.mark.parametrize(("card", "licence"), [
    (None, "unknown"), ("# A model without front matter\nlicense: mit\n", "unknown"), ("---\nlicense: apache-2.0\ntags: [x]\n---\n# Model\n", "apache-2.0"),
    ("---\nlicense: other\nlicense_name: llama3\n---\n", "llama3"), ("---\n: [\n---\n", "unknown"), ("---\n- a list\n---\n", "unknown")])
def test_the_card_names_the_licence(checkpoint, tmp_path, card, licence):
    source = checkpoint()
    if card is not None:
        (source / "README.md").write_text(card)
    (source / "LICENSE.txt").write_text("Do as you please.")
    export(arguments().parse_args([str(source), str(tmp_path / "out")]))
    assert read_bundle(tmp_path / "out").manifest["licence"] == licence
    assert (tmp_path / "out" / "LICENSE.txt").read_text() == "Do as you please."


def test_the_option_goes_before_the_card(checkpoint, tmp_path):
    source = checkpoint()
    (source / "README.md").write_text("---\nlicense: mit\n---\n")
    export(arguments().parse_args([str(source), str(tmp_path / "out"), "--licence", "Apache-2.0"]))
    assert read_bundle(tmp_path / "out").manifest["licence"] == "Apache-2.0"
