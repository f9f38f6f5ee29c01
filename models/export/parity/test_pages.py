"""The page of models: a user finds a checkpoint or its class, and a command that the exporter takes."""

import shlex

import pytest

from assay_export.errors import ExportError
from assay_export.options import arguments, check_options
from assay_export.read.family import CROSS_ENCODER, EMBEDDER, choose, families
from parity.pages import models_page

COMMANDS = [(family.name, name, command) for family in families().values() for name, command in family.commands.items()]


@pytest.fixture(scope="module")
def page() -> list[str]:
    """The page's lines, without a parity run."""
    return models_page([]).splitlines()


def test_every_checkpoint_has_one_line_with_its_command_and_what_it_was_held_to(page):
    assert len({name for _, name, _ in COMMANDS}) == len(COMMANDS) > 100, "no checkpoint is of two families"
    for family, name, command in COMMANDS:
        (line,) = [line for line in page if line.startswith(f"| {name} |")]
        assert f"| {f'`{command}`' if command else 'nothing more'} | `{family}` | " in line
        assert line.rstrip(" |").split(" | ")[-1] != f"`{family}`", "what it was held to is said"


@pytest.mark.parametrize(("name", "checkpoint", "command"), COMMANDS)
def test_its_command_is_one_that_the_exporter_takes(name, checkpoint, command):
    family = families()[name]
    options = arguments().parse_args(["DIR", "OUT", *shlex.split(command)])
    check_options(options, family)
    says = EMBEDDER if family.default == EMBEDDER else CROSS_ENCODER if family.default == CROSS_ENCODER else None
    assert all(choose(one, options.family, says) is family for one in family.classes)


def test_every_class_says_who_reads_it_and_who_is_chosen(page):
    for name in {one for family in families().values() for one in family.classes}:
        (line,) = [line for line in page if line.startswith("| ") and name in line.split(" | ")[0].removeprefix("| ").split(", ")]
        readers = [family for family in families().values() if name in family.classes]
        assert all(f"`{family.name}`" in line or f"`--family {family.name}`" in line for family in readers)
        try:
            assert f"nothing more: `{choose(name, None).name}`" in line
        except ExportError:
            assert "nothing more" not in line
