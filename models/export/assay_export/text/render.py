"""Conversations through a chat template, as transformers itself renders them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time

from jinja2 import TemplateError, TemplateSyntaxError
from transformers.utils import chat_template_utils

from ..errors import ExportError, first_line
from .bounds import bounded


class Refusal(ExportError):
    """The template's own raise_exception, or the form of its segments, refused a conversation."""


def render(template: str, messages: list[dict[str, str]], day: date | None, add_generation_prompt: bool, variables: dict[str, str]) -> str:
    """Return a conversation through a template, on a day that strftime_now writes (None: today).

    Refusal when the template says no, ExportError when it cannot be rendered.
    """
    try:
        with clock(day), bounded():
            rendered, _ = chat_template_utils.render_jinja_template(
                conversations=[messages], chat_template=template, add_generation_prompt=add_generation_prompt, **variables)
    except Exception as error:  # a template may end in whatever Python may
        if type(error) is TemplateError:  # Jinja's own errors are of classes below it
            raise Refusal(f"the chat template refused a conversation: {' '.join(str(error).split())[:200] or 'it does not say why'}") from error
        raise ExportError(f"the chat template cannot be rendered: {first_line(error)}") from error
    return rendered[0]


def check_template(template: str, where: str) -> None:
    """Refuse a template that is no Jinja; where says what it is."""
    try:
        chat_template_utils._compile_jinja_template(template)
    except TemplateSyntaxError as error:
        raise ExportError(f"{where}, line {error.lineno}: {first_line(error)}") from error
    except Exception as error:  # one that is nested too deep ends in RecursionError
        raise ExportError(f"{where} cannot be read as Jinja: {first_line(error)}") from error


@contextmanager
def clock(day: date | None) -> Iterator[None]:
    """Let templates see the first moment of a day; None: the time that it is."""
    if day is None:
        yield
        return
    fixed = day

    class Fixed(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.combine(fixed, time())

    kept = chat_template_utils.datetime
    chat_template_utils.datetime = Fixed
    try:
        yield
    finally:
        chat_template_utils.datetime = kept
