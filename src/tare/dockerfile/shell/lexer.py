"""A shell script as tokens: words with their quotes removed, operators, and where each stands.

https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_03
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

_OPERATORS: Final = ("&&", "||", ";;", ";&", "|&", ";", "|", "&", "(", ")", "\n")
_REDIRECTIONS: Final = ("<<<", "<<-", "<<", ">>", "<&", ">&", "<>", ">|", "&>>", "&>", "<", ">")
_DEEPEST: Final = 20
"""Substitutions within each other that are looked into."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A word, an operator or a redirection."""

    kind: str
    """`word`, `operator` or `redirection`."""

    raw: str
    """As it is written."""

    value: str
    """Without quotes; variables and substitutions stay as they are written."""

    start: int
    end: int
    """Offsets in the script."""

    quoted: bool = False
    """Whether a part of it is quoted."""

    scripts: tuple[tuple[int, str], ...] = ()
    """The substitutions in it, `$(…)` and backquotes: where each begins, and its text."""


class Heredoc(msgspec.Struct, frozen=True, kw_only=True):
    """A heredoc within a script."""

    name: str
    content: str
    start: int


class Lexer:
    """Reads one script."""

    def __init__(self, text: str, start: int = 0) -> None:
        self.text = text
        self.at = start
        self.heredocs: list[Heredoc] = []
        self._pending: list[tuple[str, bool]] = []

    def tokens(self) -> Iterator[Token]:
        """Yield the tokens; a script that is not well formed yields what can be made of it."""
        text = self.text
        while self.at < len(text):
            character = text[self.at]
            if character in " \t\r":
                self.at += 1
            elif text.startswith(("\\\n", "\\\r\n"), self.at):
                self.at = text.index("\n", self.at) + 1
            elif character == "#":
                end = text.find("\n", self.at)
                self.at = len(text) if end < 0 else end
            else:
                yield self._token(character)

    def _token(self, character: str) -> Token:
        start, text = self.at, self.text
        if character in "<>&0123456789":
            redirection = self._redirection()
            if redirection is not None:
                return redirection
        for operator in _OPERATORS:
            if text.startswith(operator, start):
                self.at += len(operator)
                if operator == "\n":
                    self._skip_heredocs()
                return Token(kind="operator", raw=operator, value=operator, start=start, end=self.at)
        return self._word()

    def _redirection(self) -> Token | None:
        start, text = self.at, self.text
        at = start
        while at < len(text) and text[at].isdigit():
            at += 1
        operator = next((each for each in _REDIRECTIONS if text.startswith(each, at)), None)
        if operator is None or (at > start and operator.startswith("&")):
            return None
        self.at = at + len(operator)
        while self.at < len(text) and text[self.at] in " \t":
            self.at += 1
        target = self._word() if self.at < len(text) and text[self.at] not in "\n;|()" else None
        if operator in {"<<", "<<-"} and target is not None:
            self._pending.append((target.value, operator == "<<-"))
        value = target.value if target else ""
        scripts = target.scripts if target else ()
        return Token(kind="redirection", raw=operator, value=value, start=start, end=self.at, scripts=scripts)

    def _skip_heredocs(self) -> None:
        for name, tabs in self._pending:
            start, content = self.at, []
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line = self.text[self.at : end]
                self.at = min(end + 1, len(self.text))
                if (line.lstrip("\t") if tabs else line) == name:
                    break
                content.append(line)
            self.heredocs.append(Heredoc(name=name, content="\n".join(content), start=start))
        self._pending.clear()

    def _word(self) -> Token:
        start, text = self.at, self.text
        parts: list[str] = []
        scripts: list[tuple[int, str]] = []
        quoted = False
        while self.at < len(text):
            character = text[self.at]
            if character in " \t\r\n;|&()<>":
                break
            if character == "'":
                quoted = True
                end = text.find("'", self.at + 1)
                end = len(text) if end < 0 else end
                parts.append(text[self.at + 1 : end])
                self.at = end + 1
            elif character == '"':
                quoted = True
                parts.append(self._double(scripts))
            elif character == "\\":
                following = text[self.at + 1 : self.at + 2]
                parts.append("" if following == "\n" else following)
                quoted = True
                self.at += 2
            elif character == "$":
                parts.append(self._dollar(scripts))
            elif character == "`":
                parts.append(self._backquote(scripts))
            else:
                parts.append(character)
                self.at += 1
        self.at = min(max(self.at, start + 1), len(text))
        return Token(
            kind="word",
            raw=text[start : self.at],
            value="".join(parts),
            start=start,
            end=self.at,
            quoted=quoted,
            scripts=tuple(scripts),
        )

    def _double(self, scripts: list[tuple[int, str]]) -> str:
        self.at += 1
        text, parts = self.text, []
        while self.at < len(text):
            character = text[self.at]
            if character == '"':
                self.at += 1
                break
            if character == "\\" and text[self.at + 1 : self.at + 2] in {'"', "$", "`", "\\", "\n"}:
                parts.append(text[self.at + 1].replace("\n", ""))
                self.at += 2
            elif character == "$":
                parts.append(self._dollar(scripts))
            elif character == "`":
                parts.append(self._backquote(scripts))
            else:
                parts.append(character)
                self.at += 1
        return "".join(parts)

    def _dollar(self, scripts: list[tuple[int, str]]) -> str:
        """Take a variable or a substitution as it is written."""
        start, text = self.at, self.text
        following = text[start + 1 : start + 2]
        if following == "(":
            end = _closing(text, start + 1, "(", ")")
            if not text.startswith("$((", start):
                scripts.append((start + 2, text[start + 2 : end]))
            self.at = min(end + 1, len(text))
        elif following == "{":
            self.at = min(_closing(text, start + 1, "{", "}") + 1, len(text))
        else:
            self.at += 1
            while self.at < len(text) and (text[self.at].isalnum() or text[self.at] == "_"):
                self.at += 1
        return text[start : self.at]

    def _backquote(self, scripts: list[tuple[int, str]]) -> str:
        start = self.at
        end = self.text.find("`", start + 1)
        end = len(self.text) if end < 0 else end
        scripts.append((start + 1, self.text[start + 1 : end]))
        self.at = min(end + 1, len(self.text))
        return self.text[start : self.at]


def _closing(text: str, start: int, opens: str, closes: str) -> int:
    """Return where what *opens* at *start* is closed, quotes aside; the end of the text when it is not."""
    depth, quote, at = 0, "", start
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == opens:
            depth += 1
        elif character == closes:
            depth -= 1
            if not depth:
                return at
        at += 1
    return len(text)
