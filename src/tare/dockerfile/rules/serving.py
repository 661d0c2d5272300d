"""What a container is for, and what only a developer's machine is for."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Final

from tare.dockerfile.parse.source import Span
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule
from tare.dockerfile.rules.running import started

_RELOADING: Final = frozenset({"uvicorn", "gunicorn", "hypercorn", "granian", "fastapi", "sanic", "litestar", "quart"})
_address = re.compile(r"https?://[^\s/:@'\"]*:(?P<password>[^\s/@'\"]+)@")


@rule("TP409")
def development_server(context: Context) -> Iterator[Hit]:
    for _, call in started(context):
        words = [posixpath.basename(word.value or "") for word in call.command.words]
        found = _of_development(words)
        if found:
            yield Hit(span=call.name_span, message=f"`{found}` is for development, and not for a service")


def _of_development(words: Sequence[str]) -> str:
    """Return what starts a server that is for development; empty when nothing does."""
    for at, word in enumerate(words):
        rest = words[at + 1 :]
        if word in {"manage.py", "django-admin", "django"} and "runserver" in rest:
            return f"{word} runserver"
        if word == "flask" and _command_of_flask(rest) == "run":
            return "flask run"
        if word == "fastapi" and rest[:1] == ["dev"]:
            return "fastapi dev"
        if word in _RELOADING and "--reload" in rest:
            return f"{word} --reload"
    return ""


def _command_of_flask(words: Sequence[str]) -> str:
    """Return the first of *words* that is neither an option nor an option's value: `flask jobs run` is a program's own."""
    before = ""
    for word in words:
        if not word.startswith("-") and before not in {"-A", "--app", "-e", "--env-file"}:
            return word
        before = word
    return ""


@rule("TP410")
def credentials_in_an_address(context: Context) -> Iterator[Hit]:
    for instruction in context.file.instructions:
        if instruction.name not in {"ENV", "ARG", "RUN"}:
            continue
        text = context.text[instruction.span.start : instruction.span.end]
        for match in _address.finditer(text):
            is_written = "$" not in match["password"]
            if is_written or (instruction.name != "RUN" and instruction.stage in context.shipped_indexes):
                what = "the password in this address is" if is_written else "whatever password this address gets is"
                span = Span(instruction.span.start + match.start(), instruction.span.start + match.end())
                yield Hit(span=span, message=f"{what} kept in the image's configuration or history")
