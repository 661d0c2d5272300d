"""A Dockerfile, read: its instructions, stages and comments, and what BuildKit would refuse in it."""

from __future__ import annotations

from typing import Literal

import msgspec

from tare.dockerfile.parse.lines import Comment, Directive, Logical
from tare.dockerfile.parse.problems import Problem
from tare.dockerfile.parse.source import Source, Span
from tare.dockerfile.parse.words import Flag, Word


class Heredoc(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that an instruction is followed by."""

    name: str
    """The terminator, without quotes."""

    expand: bool
    """Whether variables in it are replaced: its name is not quoted."""

    tabs: bool
    """Whether leading tabs are taken away: `<<-`."""

    content: str
    span: Span
    """Of the content."""

    word: Word
    """What announces it."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A name and a value of ENV, LABEL or ARG."""

    name: str
    value: Word | None
    """With quotes and variables; None for an ARG without a default."""

    span: Span


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A `--mount` of RUN. Values are as written; a build replaces variables in them."""

    kind: str
    """`bind`, `cache`, `tmpfs`, `secret` or `ssh`."""

    target: str
    source: str
    origin: str
    """A stage, an image, or empty for the build's context."""

    flag: Flag


class Instruction(msgspec.Struct, frozen=True, kw_only=True):
    """One instruction."""

    name: str
    """In capitals, such as `RUN`."""

    keyword: Word
    flags: tuple[Flag, ...]
    words: tuple[Word, ...]
    """What follows the flags: split as the instruction has it; one word for a shell form."""

    form: Literal["shell", "json", "words"]
    pairs: tuple[Pair, ...]
    heredocs: tuple[Heredoc, ...]
    mounts: tuple[Mount, ...]
    inner: Instruction | None
    """Of ONBUILD: what it holds."""

    stage: int
    """The index of its stage; -1 before the first FROM."""

    line: Logical
    span: Span
    """From its keyword to the end of its last line, heredocs included."""

    broken: bool
    """Whether BuildKit refuses it, so that its words mean little."""

    @property
    def rest(self) -> str:
        """What follows keyword and flags, continuations removed."""
        return self.line.text[self.words[0].index :] if self.words else ""

    def flag(self, name: str) -> Flag | None:
        """Return the last flag of that name."""
        return next((flag for flag in reversed(self.flags) if flag.name == name), None)


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A stage: from one FROM to the next."""

    index: int
    name: str | None
    """In lower case, as BuildKit compares it."""

    base: str | None
    """The image or stage that it starts from, after expansion; None when only a build knows."""

    base_word: Word | None
    """None for a FROM that names nothing."""

    parent: int | None
    """The index of the stage that it starts from."""

    platform: str | None
    instruction: Instruction


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The variables at an instruction."""

    env: dict[str, str | None]
    """Those that RUN sees and the image keeps; None where only a build knows the value."""

    args: dict[str, str | None]
    """Those of ARG, which RUN sees too, and the image does not keep."""

    @property
    def values(self) -> dict[str, str | None]:
        """All of them; ENV wins."""
        return {**self.args, **self.env}


class Dockerfile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file."""

    source: Source
    escape: str
    directives: tuple[Directive, ...]
    comments: tuple[Comment, ...]
    instructions: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    scopes: tuple[Scope, ...]
    """The variables before each instruction."""

    end_scopes: tuple[Scope, ...]
    """The variables at the end of each stage."""

    problems: tuple[Problem, ...]
    empty_continuations: tuple[int, ...]
    """Offsets of blank lines among continued ones: BuildKit skips them, with a warning."""
