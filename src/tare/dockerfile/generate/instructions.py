"""Instructions as values, and their one spelling."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping

import msgspec

INDENT = "    "


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A `--mount` of `RUN`."""

    kind: str
    options: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"--mount=type={self.kind}," + ",".join(f"{name}={value}" for name, value in self.options)


def cache(target: str, *, name: str = "", locked: bool = False) -> Mount:
    """Return a directory that is kept between builds; *locked* for programs that do not share theirs.

    Every Dockerfile that names the same target gets the same directory, whatever it starts from, but for one with a *name*.
    """
    named = (("id", name),) if name else ()
    sharing = (("sharing", "locked"),) if locked else ()
    return Mount(kind="cache", options=(*named, ("target", target), *sharing))


def bind(source: str, directory: str) -> Mount:
    """Return a file of the context, seen in *directory* while the command runs.

    BuildKit takes a target that is relative to the working directory; podman 4 and its buildah refuse it.
    """
    return Mount(kind="bind", options=(("source", source), ("target", f"{directory.rstrip('/')}/{source}")))


def secret(name: str, target: str | None = None) -> Mount:
    """Return a secret as a file. A build that is not given it goes on without."""
    return Mount(kind="secret", options=(("id", name), *((("target", target),) if target else ())))


class Instruction(msgspec.Struct, frozen=True, kw_only=True):
    """One instruction, with the comments that stand before it."""

    lines: tuple[str, ...]
    """As they are written; all but the last are continued."""

    comments: tuple[str, ...] = ()


def instruction(keyword: str, *words: str, comments: Iterable[str] = ()) -> Instruction:
    """Return an instruction on one line."""
    return Instruction(lines=(" ".join((keyword, *words)),), comments=tuple(comments))


def run(commands: Iterable[str], mounts: Iterable[Mount] = (), comments: Iterable[str] = ()) -> Instruction:
    """Return a `RUN` of *commands*, each of which runs when the one before succeeded."""
    first, *others = commands
    parts = [*map(str, mounts), first, *(f"&& {command}" for command in others)]
    return Instruction(lines=(f"RUN {parts[0]}", *(f"{INDENT}{part}" for part in parts[1:])), comments=tuple(comments))


def wrapped(command: str) -> str:
    """Return a command on as many lines as it needs; it is broken between words."""
    return f" \\\n{INDENT}  ".join(textwrap.wrap(command, 110, break_long_words=False, break_on_hyphens=False))


def env(values: Mapping[str, str], *, literal: bool = False) -> Instruction:
    """Return an `ENV`, one variable a line. Values that are *literal* name no other variable."""
    parts = [f"{name}={quoted(value, literal=literal)}" for name, value in values.items()]
    return Instruction(lines=(f"ENV {parts[0]}", *(f"{INDENT}{part}" for part in parts[1:])))


def array(keyword: str, words: Iterable[str]) -> Instruction:
    """Return an instruction in exec form."""
    return instruction(keyword, json.dumps(list(words), ensure_ascii=False))


def quoted(value: str, *, literal: bool = False) -> str:
    r"""Return *value* as an instruction takes it: in quotes where it has more than plain characters.

    >>> quoted("/opt/venv/bin:$PATH"), quoted("x y"), quoted("$5", literal=True) == r'"\$5"'
    ('/opt/venv/bin:$PATH', '"x y"', True)
    """
    allowed = "-_./:,@%+=" if literal else "-_./:,@%+=$"
    plain = all(character.isalnum() or character in allowed for character in value)
    return value if value and plain else in_quotes(value, literal=literal)


def in_quotes(value: str, *, literal: bool = True) -> str:
    """Return *value* in quotes; one that is not *literal* may name variables."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + (escaped.replace("$", "\\$") if literal else escaped) + '"'


def text_of(instructions: Iterable[Instruction]) -> Iterator[str]:
    """Yield the lines of *instructions*."""
    for each in instructions:
        yield from (f"# {comment}" for comment in each.comments)
        yield from (f"{line} \\" for line in each.lines[:-1])
        yield each.lines[-1]
