"""Commands as what they call: `/opt/poetry/bin/pip3 install -q x` is pip's `install` of `x`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from tare.dockerfile.model.tables import table
from tare.dockerfile.parse.expand import BadSubstitution, expand
from tare.dockerfile.parse.source import Span
from tare.dockerfile.shell.commands import SimpleCommand, commands
from tare.dockerfile.shell.lexer import Token

_versioned = re.compile(r"(python|pypy|pip|uv|easy_install)[0-9.]*t?")
_MODULES: Final = frozenset({
    "pip", "venv", "virtualenv", "uv", "poetry", "pdm", "pipenv", "compileall", "pipx", "gunicorn", "build", "ensurepip",
})  # fmt: skip
"""Modules that are known by their own names when `python -m` runs them."""

_ALIASES: Final = {"apt": "apt-get", "aptitude": "apt-get", "mamba": "conda", "micromamba": "conda", "pyvenv": "venv"}
_SAME_WORDS: Final = frozenset({"exec", "command", "nohup", "builtin", "time"})
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_WRAPPERS: Final = {
    "sudo": ("-u", "-g", "-h", "-p"), "env": ("-u", "-C", "-S"), "nice": ("-n",), "xargs": ("-n", "-I", "-P", "-L", "-d"),
    "timeout": ("-k", "-s"), "gosu": (), "su-exec": (), "eatmydata": (), "tini": (), "dumb-init": (), "stdbuf": (),
    "setpriv": (), "runuser": ("-u",), "retry": (), "doas": ("-u",),
}  # fmt: skip
"""Programs that run the command behind them, and their options with a value."""

_ONE_OPERAND: Final = frozenset({"timeout", "gosu", "su-exec"})
_TWO_LEVELS: Final = frozenset(
    {("uv", "pip"), ("uv", "tool"), ("uv", "python"), ("uv", "cache"), ("poetry", "self"), ("poetry", "cache")}
)
_MOST_ASSIGNMENTS: Final = 500
_WITH_SUBCOMMAND: Final = frozenset({
    "pip", "uv", "poetry", "pdm", "pipenv", "pipx", "conda", "apt-get", "apk", "dnf", "yum", "microdnf", "hatch", "rye",
    "npm", "cargo", "git", "docker",
})  # fmt: skip


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """An option, as a program got it."""

    name: str
    value: str | None
    span: Span
    """Of the option; of its value too when they are two words."""


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a program."""

    program: str
    """`pip`, `uv`, `poetry`, `apt-get`, …: without directory, version and `python -m`."""

    path: str
    """The program as it is called, or the interpreter whose `-m` it is; variables replaced where they are known."""

    module: bool
    """Whether it is run by `python -m`."""

    subcommand: str
    """`install`, `pip install`, `sync`; empty where the program has none."""

    options: tuple[Option, ...]
    operands: tuple[Token, ...]
    values: tuple[str | None, ...]
    """The operands with variables replaced; None where only a build knows."""

    env: Mapping[str, str | None]
    """The variables that it sees, those of its own line included."""

    command: SimpleCommand
    span: Span
    name_span: Span
    """Of the words that name program and subcommand."""

    after_name: int
    """The offset behind them: where an option can be put."""

    place: Callable[[int, int], Span]
    """Turns offsets of its words into a place in the file."""

    def has(self, *names: str) -> bool:
        """Return whether one of the options is given."""
        return any(option.name in names for option in self.options)

    def option(self, *names: str) -> Option | None:
        """Return the last of the options that are given."""
        return next((option for option in reversed(self.options) if option.name in names), None)

    def all(self, *names: str) -> tuple[str, ...]:
        """Return the values of all of the options."""
        return tuple(option.value or "" for option in self.options if option.name in names)


class Reader:
    """Turns scripts into invocations, with the variables of the instruction that they stand in."""

    def __init__(self, values: Mapping[str, str | None], place: Callable[[int, int], Span]) -> None:
        self._values = dict(values)
        self._place = place
        self._assigned = 0

    def script(self, text: str, start: int = 0) -> Iterator[Invocation]:
        """Yield what *text* calls. Variables that the script sets are seen by what follows."""
        for command in commands(text, start):
            if not command.words:
                self._assign(command)
            elif command.words[0].value == "export":
                for word in command.words[1:]:
                    name, equals, value = word.value.partition("=")
                    if equals:
                        self._set(name, self.resolve(value))
            else:
                yield from self._invocations(command, command.words, 0)

    def argv(self, words: Sequence[tuple[str, Span]]) -> Iterator[Invocation]:
        """Yield what an argument list calls. *words* are its strings and their places."""
        tokens = tuple(
            Token(kind="word", raw=text, value=text, start=span.start, end=span.end, quoted=True)
            for text, span in words
        )
        command = SimpleCommand(assignments=(), words=tokens, redirections=(), after="", nested=False)
        yield from self._invocations(command, tokens, 0)

    def resolve(self, text: str) -> str | None:
        """Return *text* with its variables replaced; None when it has a substitution or an unknown one."""
        if "$" not in text and "`" not in text:
            return text
        if "$(" in text or "`" in text:
            return None
        try:
            found = expand(text.replace("'", "\\'").replace('"', '\\"'), self._values)
        except BadSubstitution:
            return None
        return found.value

    def _assign(self, command: SimpleCommand) -> None:
        for name, value in command.assignments:
            self._set(name, self.resolve(value))

    def _set(self, name: str, value: str | None) -> None:
        """Set a variable for what follows; calls before keep what they saw, but for scripts made of assignments."""
        self._assigned += 1
        if self._assigned <= _MOST_ASSIGNMENTS:
            self._values = dict(self._values)
        self._values[name] = value

    def _invocations(self, command: SimpleCommand, words: Sequence[Token], depth: int) -> Iterator[Invocation]:
        words = _unwrapped(words)
        if not words or depth > 5:
            return
        path = self.resolve(words[0].value) or words[0].value
        name = posixpath.basename(path)
        if name in _SHELLS:
            yield from self._shell(words, depth)
            return
        yield self._invocation(command, words, path, name)

    def _shell(self, words: Sequence[Token], depth: int) -> Iterator[Invocation]:
        """Look into `sh -c '…'`. Its commands stand where the word stands."""
        for before, script in pairwise(words):
            if before.value.startswith("-") and before.value.endswith("c"):
                for inner in commands(script.value):
                    moved = tuple(
                        msgspec.structs.replace(word, start=script.start, end=script.end) for word in inner.words
                    )
                    yield from self._invocations(msgspec.structs.replace(inner, words=moved), moved, depth + 1)
                return

    def _invocation(self, command: SimpleCommand, words: Sequence[Token], path: str, name: str) -> Invocation:
        match = _versioned.fullmatch(name)
        program, named, module = (match[1] if match else name), 1, False
        if program in {"python", "pypy"}:
            at = _module_at(words)
            if at is not None and words[at].value in _MODULES:
                program, named, module = words[at].value, at + 1, True
        program = _ALIASES.get(program, program)
        options, operands, subcommand, named = self._arguments(program, words, named)
        own = {key: self.resolve(value) for key, value in command.assignments}
        env = {**self._values, **own} if own else self._values
        return Invocation(
            program=program,
            path=path,
            module=module,
            subcommand=subcommand,
            options=options,
            operands=operands,
            values=tuple(self.resolve(token.value) for token in operands),
            env=env,
            command=command,
            span=self._place(words[0].start, words[-1].end),
            name_span=self._place(words[0].start, words[named - 1].end),
            after_name=self._place(words[0].start, words[named - 1].end).end,
            place=self._place,
        )

    def _arguments(
        self, program: str, words: Sequence[Token], at: int
    ) -> tuple[tuple[Option, ...], tuple[Token, ...], str, int]:
        with_value = set(table("model/tools.toml").get(program, {}).get("values", ()))
        options: list[Option] = []
        operands: list[Token] = []
        subcommand, named = "", at
        levels = 1 if program in _WITH_SUBCOMMAND else 0
        rest_is_plain = False
        while at < len(words):
            token = words[at]
            text = token.value
            if rest_is_plain or not text.startswith("-") or text in {"-", "--"}:
                rest_is_plain = rest_is_plain or text == "--"
                if levels and text not in {"-", "--"}:
                    subcommand = f"{subcommand} {text}".strip()
                    named = at + 1
                    levels = 1 if (program, subcommand) in _TWO_LEVELS else 0
                elif text != "--":
                    operands.append(token)
                at += 1
                continue
            name, equals, value = text.partition("=")
            takes_next = not equals and name in with_value and at + 1 < len(words)
            last = words[at + 1] if takes_next else token
            found = self.resolve(words[at + 1].value) if takes_next else self.resolve(value) if equals else None
            options += self._split(name, found, self._place(token.start, last.end), with_value)
            at += 1 + takes_next
        return tuple(options), tuple(operands), subcommand, named

    def _split(self, name: str, value: str | None, span: Span, with_value: set[str]) -> list[Option]:
        """Split `-qr` into `-q` and `-r`, and `-rfile` into `-r` and its value."""
        if name.startswith("--") or len(name) <= 2:
            return [Option(name=name, value=value, span=span)]
        if name[:2] in with_value and value is None:
            return [Option(name=name[:2], value=name[2:], span=span)]
        return [Option(name=f"-{letter}", value=None, span=span) for letter in name[1:]]


def _module_at(words: Sequence[Token]) -> int | None:
    """Return where the module of `python -m` stands."""
    for at, word in enumerate(words[1:], 1):
        if word.value == "-m":
            return at + 1 if at + 1 < len(words) else None
        if not word.value.startswith("-"):
            return None
    return None


def _unwrapped(words: Sequence[Token]) -> Sequence[Token]:
    """Return the command without what only runs it: `sudo`, `env A=b`, `exec`."""
    for _ in range(6):
        if not words:
            return words
        name = posixpath.basename(words[0].value)
        if name in _SAME_WORDS:
            words = words[1:]
        elif name in _WRAPPERS:
            words = _behind(words[1:], _WRAPPERS[name], operands=name in _ONE_OPERAND)
        else:
            return words
    return words


def _behind(words: Sequence[Token], with_value: Sequence[str], *, operands: bool) -> Sequence[Token]:
    at = 0
    while at < len(words):
        text = words[at].value
        if text in with_value:
            at += 2
        elif text.startswith("-") or re.match(r"[A-Za-z_][A-Za-z0-9_]*=", text):
            at += 1
        elif operands:
            operands, at = False, at + 1
        else:
            break
    return words[at:]
