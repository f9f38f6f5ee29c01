"""`python -m templates OUT [--generated N]`: OUT/cases.jsonl, one line a template with what transformers makes of conversations."""

import argparse
import json
import re
import warnings
from datetime import datetime
from pathlib import Path

from transformers.utils import chat_template_utils

from . import packages, snippets
from .conversations import given


class Noon(datetime):
    """The clock that templates see: the first moment of 1 February 2000, as a manifest's template.date gives it."""

    @classmethod
    def now(cls, tz=None) -> datetime:  # noqa: ANN001
        return cls(2000, 2, 1)


def rendering(template: str, variables: dict) -> dict:
    """Return what apply_chat_template makes of the variables: `text`, or the `error` with which it ends."""
    rest = {name: value for name, value in variables.items() if name != "messages"}
    try:
        rendered, _ = chat_template_utils.render_jinja_template(conversations=[variables["messages"]], chat_template=template, **rest)
    except Exception as error:  # noqa: BLE001 - whatever ends a rendering there must end it here
        return {"error": f"{type(error).__name__}: {error}"[:200]}
    if re.search(r" object .*at 0x", rendered[0], re.IGNORECASE):
        return {"error": "a value is written by its address"}
    return {"text": rendered[0]}


def line(source: str, template: str, variables: list[dict]) -> dict:
    """Return one template's line: where it is from, itself, and each rendering."""
    found = [{"variables": {"tools": None, "documents": None, **one}, **rendering(template, one)} for one in variables]
    return {"from": source, "template": template, "cases": found}


def main() -> None:
    """Read the command line and write the cases."""
    parser = argparse.ArgumentParser(prog="templates", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--generated", type=int, default=10_000, metavar="N", help="so many generated templates")
    parser.add_argument("--conversations", type=int, default=30, metavar="N", help="so many plain conversations for each public template")
    parser.add_argument("--generated-only", action="store_true")
    arguments = parser.parse_args()
    chat_template_utils.datetime = Noon
    warnings.simplefilter("ignore", SyntaxWarning)  # of templates that index what has no items, which is for Jinja to refuse
    arguments.out.mkdir(parents=True, exist_ok=True)
    counts = [0, 0, 0]
    with (arguments.out / "cases.jsonl").open("w", encoding="utf-8") as file:
        public = {} if arguments.generated_only else packages.templates(arguments.out / "packages")
        lines = [(source, template, given(template[:50], arguments.conversations)) for template, source in public.items()]
        lines += snippets.generated(arguments.generated)
        for source, template, variables in lines:
            one = line(source, template, variables)
            counts[0] += 1
            counts[1] += len(one["cases"])
            counts[2] += sum("error" in case for case in one["cases"])
            file.write(json.dumps(one, ensure_ascii=False) + "\n")
    print(f"{len(public)} public templates, {arguments.generated} generated ones: {counts[1]} renderings, {counts[2]} of them refusals")


if __name__ == "__main__":
    main()
