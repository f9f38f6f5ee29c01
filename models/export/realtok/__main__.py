"""`python -m realtok OUT`: for each real tokenizer OUT/NAME/{tokenizer.json, chat_template.jinja, cases.jsonl}."""

import argparse
import json
from datetime import datetime
from pathlib import Path

from jinja2.exceptions import TemplateError
from tokenizers import Tokenizer
from transformers.utils import chat_template_utils

from . import packages
from .conversations import conversations
from .texts import texts

TEMPLATES = Path(__file__).parent / "templates"


class Noon(datetime):
    """The clock that templates see: the first moment of 2000, as a manifest's template.date gives it."""

    @classmethod
    def now(cls, tz=None) -> datetime:  # noqa: ANN001
        return cls(2000, 1, 1)


def rendering(template: str, messages: list[dict], prompt: bool, variables: dict[str, str]) -> dict:
    """What apply_chat_template makes of the conversation: text, or the sentence that the template raises."""
    try:
        rendered, _ = chat_template_utils.render_jinja_template(
            conversations=[messages], chat_template=template, add_generation_prompt=prompt, **variables)
    except TemplateError as error:
        return {"raises": error.message}
    return {"text": rendered[0]}


def cases(tokenizer: Tokenizer, chat_templates: dict[str, str], variables: dict[str, str], name: str) -> list[dict]:
    """Texts with their ids, then conversations with their rendering and its ids, through each template."""
    added = [token.content for _, token in sorted(tokenizer.get_added_tokens_decoder().items())]
    found = [{"class": kind, "text": text} for kind, text in texts(added, name)]
    for file, template in chat_templates.items():
        for messages in conversations(added, name):
            for prompt in (False, True):
                case = {"class": file, "template": file, "messages": messages, "add_generation_prompt": prompt, "variables": variables}
                found.append(case | rendering(template, messages, prompt, variables))
    for case in found:
        if "text" in case:
            case["ids"] = tokenizer.encode(case["text"], add_special_tokens=False).ids
    return found


def variables_of(config: dict) -> dict[str, str]:
    """The special tokens of tokenizer_config.json, which apply_chat_template gives to the template by these names."""
    given = {key: config.get(key) for key in ("bos_token", "eos_token", "unk_token", "pad_token")}
    return {key: token["content"] if isinstance(token, dict) else token for key, token in given.items() if token}


def write(package: packages.Package, out: Path) -> None:
    """Write one tokenizer's folder."""
    data, config = packages.read(packages.fetch(package, out / "packages"))
    own = config.get("chat_template") or (TEMPLATES / f"{package.name}.jinja").read_text(encoding="utf-8")
    chat_templates = {"chat_template.jinja": own, "features.jinja": (TEMPLATES / "features.jinja").read_text(encoding="utf-8")}
    found = cases(Tokenizer.from_buffer(data), chat_templates, variables_of(config), package.name)
    folder = out / package.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_bytes(data)
    for file, template in chat_templates.items():
        (folder / file).write_text(template, encoding="utf-8", newline="")
    with (folder / "cases.jsonl").open("w", encoding="utf-8") as file:
        for case in found:
            file.write(json.dumps(case, ensure_ascii=False) + "\n")
    raising = sum("raises" in case for case in found)
    print(f"{package.name}: {sum('template' not in case for case in found)} texts, "
          f"{sum('template' in case for case in found)} renderings, {raising} of them refusals")


def main() -> None:
    """Read the command line and write every tokenizer's folder."""
    parser = argparse.ArgumentParser(prog="realtok", description=__doc__)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    chat_template_utils.datetime = Noon
    for package in packages.PACKAGES:
        write(package, out)


if __name__ == "__main__":
    main()
