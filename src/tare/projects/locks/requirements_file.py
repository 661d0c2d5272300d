"""Reading requirements files: continued lines, comments, options, hashes, and the files that they include.

https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from packaging.requirements import InvalidRequirement, Requirement

from tare.errors import ProjectError
from tare.projects import files

_comment = re.compile(r"(^|\s+)#.*$")
_variable = re.compile(r"\$\{([A-Z0-9_]+)\}")
_hash = re.compile(r"([a-z0-9]+):([0-9a-fA-F]+)")
_reference = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*://|file:|\.{0,2}[/\\]|[A-Za-z]:[/\\]|\.{1,2}$)")

_ALIASES = {
    "-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url", "-f": "--find-links",
    "--pypi-url": "--index-url",
}  # fmt: skip
_PASSED_ON = frozenset({"--index-url", "--extra-index-url", "--no-binary", "--only-binary"})
_FLAGS = frozenset({"--no-index", "--pre", "--require-hashes", "--prefer-binary"})
_ARCHIVES = (".whl", ".zip", ".tar.gz")
_IGNORED = frozenset({"--use-feature", "--prefer-binary"})
_DEEPEST = 20
"""Files that include each other deeper than this include each other forever."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement of a file."""

    place: str
    """The file's name and the line, for messages."""

    text: str
    """As it is written, without options; variables of the environment are filled in."""

    requirement: Requirement | None = None
    """`None` for a path or URL that stands there without a name."""

    editable: bool = False

    hashes: frozenset[tuple[str, str]] = frozenset()
    """Algorithm, and hexadecimal in lower case."""

    @property
    def version(self) -> str | None:
        """The one version that it accepts, when there is one."""
        if self.requirement is None or self.requirement.url:
            return None
        specifiers = list(self.requirement.specifier)
        if len(specifiers) != 1 or specifiers[0].operator not in {"==", "==="} or specifiers[0].version.endswith(".*"):
            return None
        return specifiers[0].version

    @property
    def reference(self) -> str | None:
        """The path or URL that it names, when it is not a version."""
        return self.text if self.requirement is None else self.requirement.url


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What a requirements file, and those that it includes, say."""

    entries: tuple[Entry, ...] = ()

    constraints: tuple[Entry, ...] = ()

    options: tuple[str, ...] = ()
    """Lines that say where distributions are to be had; they may contain credentials."""

    arguments: tuple[str, ...] = ()
    """The same for uv, of what it takes as arguments only."""

    require_hashes: bool = False

    paths: tuple[str, ...] = ()
    """Absolute, of every file that was read."""


def parse(path: str, env: Mapping[str, str]) -> Contents:
    """Read *path* and what it includes; `${NAME}` is filled in from *env*."""
    reader = _Reader(env)
    reader.read(path, constraint=False, depth=0)
    return Contents(
        entries=tuple(reader.entries),
        constraints=tuple(reader.constraints),
        options=tuple(dict.fromkeys(reader.options)),
        arguments=tuple(reader.arguments),
        require_hashes=reader.require_hashes,
        paths=tuple(reader.paths),
    )


class _Reader:
    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.entries: list[Entry] = []
        self.constraints: list[Entry] = []
        self.options: list[str] = []
        self.arguments: list[str] = []
        self.paths: list[str] = []
        self.require_hashes = False

    def read(self, path: str, *, constraint: bool, depth: int) -> None:
        if path in self.paths:
            return
        if depth > _DEEPEST:
            raise ProjectError(f"`{path}` is included too deeply", causes=(f"more than {_DEEPEST} files deep",))
        self.paths.append(path)
        for number, line in logical_lines(files.text(path)):
            place = f"{files.name(path)}:{number}"
            filled = _variable.sub(lambda found: self._env.get(found[1], found[0]), line)
            if filled.startswith("-"):
                self._option(path, place, filled, constraint=constraint, depth=depth)
            else:
                (self.constraints if constraint else self.entries).append(_entry(place, filled))

    def _option(self, path: str, place: str, line: str, *, constraint: bool, depth: int) -> None:
        name, _, value = line.partition("=") if re.match(r"--[a-z-]+=", line) else line.partition(" ")
        if not name.startswith("--") and len(name) > 2:  # `-rbase.txt`
            name, value = name[:2], name[2:] + (f" {value}" if value else "")
        name, value = _ALIASES.get(name, name), value.strip()
        if name in {"--requirement", "--constraint"}:
            other = os.path.normpath(os.path.join(os.path.dirname(path), value))
            self.read(other, constraint=constraint or name == "--constraint", depth=depth + 1)
        elif name == "--editable":
            self.entries.append(_entry(place, value, editable=True))
        elif name == "--find-links":
            local = os.path.join(os.path.dirname(path), value)
            self.options.append(f"--find-links {local if os.path.exists(local) else value}")
        elif name in _PASSED_ON:
            self.options.append(f"{name} {value}")
        elif name == "--trusted-host":
            self.arguments += ["--allow-insecure-host", value]
        elif name in _FLAGS or name in _IGNORED:
            self._flag(name)
        else:
            raise ProjectError(f"`{place}` cannot be read", causes=(f"`{name}` is no option of a requirements file",))

    def _flag(self, name: str) -> None:
        if name == "--no-index":
            self.options.append(name)
        elif name == "--pre":
            self.arguments += ["--prerelease", "allow"]
        elif name == "--require-hashes":
            self.require_hashes = True


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield each requirement or option with the number of the line it starts at.

    >>> list(logical_lines("a==1 \\\n  --hash=sha256:00 # why\n# b\n"))
    [(1, 'a==1 --hash=sha256:00')]
    """
    start, parts = 0, list[str]()
    for number, raw in enumerate(text.splitlines(), 1):
        is_comment = raw.lstrip().startswith("#")
        if not parts:
            start = number
        if raw.endswith("\\") and not is_comment:
            parts.append(raw[:-1].strip())
            continue
        # A comment ends a continued requirement, as an empty line does.
        parts.append(_comment.sub("", raw).strip())
        if line := _joined(parts):
            yield start, line
        parts = []
    if line := _joined(parts):  # a last line that says that it goes on
        yield start, line


def _joined(parts: Iterable[str]) -> str:
    return _comment.sub("", " ".join(part for part in parts if part)).strip()


def _entry(place: str, line: str, *, editable: bool = False) -> Entry:
    text, options = _split(place, line)
    hashes = frozenset(_hashes(place, options))
    if editable or _reference.match(text) or (text.endswith(_ARCHIVES) and " " not in text):
        return Entry(place=place, text=text, editable=editable, hashes=hashes)
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        if os.sep in text:
            return Entry(place=place, text=text, hashes=hashes)
        raise ProjectError(f"`{place}` cannot be read", causes=tuple(str(error).splitlines())) from error
    return Entry(place=place, text=text, requirement=requirement, hashes=hashes)


def _split(place: str, line: str) -> tuple[str, list[str]]:
    """Split a requirement from the options that follow it: a marker may have spaces, and no part of it starts with `-`."""
    text, dashes, rest = re.sub(r"\s+(?=--[a-z])", "\n", line).partition("\n")
    if not dashes:
        return text.strip(), []
    try:
        return text.strip(), shlex.split(rest.replace("\n", " "))
    except ValueError as error:
        raise ProjectError(f"`{place}` cannot be read", causes=(str(error).lower(),)) from error


def _hashes(place: str, options: list[str]) -> Iterator[tuple[str, str]]:
    values = iter(options)
    for option in values:
        name, equals, value = option.partition("=")
        if name != "--hash":
            if not equals and name in {"--config-settings", "--global-option", "--config-setting"}:
                next(values, None)
            continue
        match = _hash.fullmatch(value if equals else next(values, ""))
        if match is None:
            cause = f"expected `--hash=sha256:` and 64 hexadecimal digits, got `{option[:100]}`"
            raise ProjectError(f"`{place}` cannot be read", causes=(cause,))
        if match[1] == "sha256" and len(match[2]) != 64:
            cause = f"expected 64 hexadecimal digits, got {len(match[2])} in `{option[:100]}`"
            raise ProjectError(f"`{place}` cannot be read", causes=(cause,))
        yield match[1], match[2].lower()
