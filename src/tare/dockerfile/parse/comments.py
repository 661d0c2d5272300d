"""Comments at the end of an instruction's line, which the language does not have."""

from __future__ import annotations

from typing import Final

from tare.dockerfile.parse import words
from tare.dockerfile.parse.lines import SPACES, Logical

REFUSED: Final = frozenset({"FROM", "ENV", "LABEL", "EXPOSE", "STOPSIGNAL", "SHELL"})
"""Where BuildKit stops at such a comment. Elsewhere it becomes a part of what is built."""

MEANS: Final = {
    "FROM": "FROM takes one or three words",
    "ENV": "ENV takes it for a name and a value",
    "LABEL": "LABEL takes it for a name and a value",
    "EXPOSE": "EXPOSE takes it for a port",
    "STOPSIGNAL": "STOPSIGNAL takes it for a part of the signal",
    "ARG": "ARG takes each word of it for the name of an argument",
    "COPY": "COPY takes its last word for the destination, and the rest for files",
    "ADD": "ADD takes its last word for the destination, and the rest for files",
    "USER": "USER takes it for a part of the name",
    "WORKDIR": "WORKDIR takes it for a part of the path",
    "VOLUME": "VOLUME takes each word of it for a path",
    "CMD": "CMD is taken for a line of the shell, not for a JSON array",
    "ENTRYPOINT": "ENTRYPOINT is taken for a line of the shell, not for a JSON array",
    "RUN": "RUN is taken for a line of the shell, not for a JSON array",
    "SHELL": "SHELL takes a JSON array, and nothing else",
}
"""By instruction, what comes of such a comment."""

_JSON: Final = frozenset({"CMD", "ENTRYPOINT", "RUN", "SHELL"})


def find(name: str, line: Logical, rest: int, escape: str) -> int | None:
    """Return where a comment begins in *line*, with the blanks before it left out; None when there is none."""
    if name not in MEANS or "#" not in line.text[rest:]:
        return None
    if name in _JSON:
        return _behind_array(line, rest)
    at = _unquoted(line.text, rest, escape)
    if at is None or (name in {"COPY", "ADD"} and len(words.by_blanks(line, rest)) < 3):
        return None
    before = line.text[rest:at].split()
    least = 2 if name in {"COPY", "ADD"} else 1
    return at if len(before) >= least else None


def _behind_array(line: Logical, rest: int) -> int | None:
    text = line.text
    end = text.find("]", rest)
    for _ in range(20):  # an argument may have a `]` and a `#` in it
        if end < 0:
            break
        behind = text[end + 1 :]
        mark = behind.lstrip(SPACES)
        if mark.startswith("#") and text[rest:].lstrip(SPACES).startswith("["):
            at = end + 1 + len(behind) - len(mark)
            cut, _ = line.without_rest(at)
            try:
                found = words.json_form(cut, rest)
            except words.NotStrings:
                return None
            return at if found is not None else None
        end = text.find("]", end + 1)
    return None


def _unquoted(text: str, start: int, escape: str) -> int | None:
    """Return where a `#` stands after a blank and before anything but a word with `=`, outside quotes."""
    quote, at = "", start
    while at < len(text):
        character = text[at]
        if quote:
            if character == escape and quote != "'":
                at += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character == escape:
            at += 1
        elif character == "#" and text[at - 1] in SPACES and "=" not in text[at:].split(None, 1)[0]:
            return at
        at += 1
    return None
