"""What an image can do without (`slim.toml`): which of its files go, and by which rule.

A pure function of all paths of one root, and of what is known of the content of some of them. `docs/slim.md` has the
rules, and what breaks without the exceptions.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final, Literal

import msgspec

from tare.bases.debian.tables import pattern
from tare.oci.digest import Digest, sha256
from tare.wheels.kinds import Kind, inside, kinds

Level = Literal["safe", "more"]

LEVELS: Final = ("safe", "more")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table: what `slim.toml` says at its top."""

    code: str
    level: Level
    title: str
    place: Literal["packages", "system"]
    kinds: tuple[Kind, ...] = ()
    paths: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    unless: tuple[Literal["stub reader", "iconv", "libdb"], ...] = ()
    cut: bool = False
    """Whether files are shortened and stay."""
    reason: str
    caution: str = ""
    loss: str = ""
    """What a program can no longer do."""
    source: str
    date: str


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files that some rules would take, and that are in use."""

    rules: tuple[str, ...]
    paths: tuple[str, ...]
    reason: str
    source: str
    date: str


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is known."""

    rule: tuple[Rule, ...]
    exception: tuple[Kept, ...]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the content of files says about the use of others."""

    mentions: Mapping[str, tuple[str, ...]] = {}
    """Modules with `test` in their names that a Python file imports, by that file's path."""

    stub_readers: frozenset[str] = frozenset()
    """Python files that read the stub beside them when they are imported."""

    iconv: bool = False
    """Whether something converts characters with the C library."""

    libdb: bool = False
    """Whether something beside the standard library needs Berkeley DB."""


@cache
def table() -> Table:
    """Return the table."""
    import tomllib

    return msgspec.convert(tomllib.loads(_text().decode()), Table)


@cache
def table_digest() -> Digest:
    """Return the digest of all that decides what goes: the rules, and the kinds that they name."""
    return sha256(_text() + (pkgutil.get_data("tare.wheels", "kinds.toml") or b""))


def rules(level: Level) -> tuple[Rule, ...]:
    """Return the rules of *level*, which has those of the levels below it."""
    return tuple(rule for rule in table().rule if level == "more" or rule.level == "safe")


DEAD: Final = "TS001"
"""The code of files that a later layer replaces or removes. It is no rule of the table: it follows from the layers."""


def codes() -> tuple[str, ...]:
    """Return the codes of all that may go."""
    return (DEAD, *(rule.code for rule in table().rule))


def decide(
    paths: Iterable[str], level: Level, evidence: Evidence, *, spared: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return the code of the rule for each of *paths* that goes or is cut.

    *paths* are all the files of one root: an image, or a wheel as it is installed. *spared* are codes of rules that are
    not applied, or paths that stay whatever a rule says, of directories with all that is in them.

    >>> list(decide(["lib/python3.13/site-packages/p/tests/test_x.py"], "safe", Evidence()).values())
    ['TS101']
    """
    known = kinds(paths)
    applied = [_Applied(rule) for rule in rules(level) if rule.code not in spared]
    found = {}
    for path, kind in known.items():
        code = next((each.rule.code for each in applied if each.takes(path, kind, evidence)), None)
        if code is not None and not (spared and _is_spared(path, spared)):
            found[path] = code
    return _without_imported(found, evidence)


def _is_spared(path: str, spared: frozenset[str]) -> bool:
    while path and path not in spared:
        path = path.rpartition("/")[0]
    return bool(path)


_SITE: Final = re.compile(r"(?:^|/)(?:site|dist)-packages/")
_VENV: Final = re.compile(r"(?:^|/)(?:opt/venv|\.?venv)/")


def in_packages(path: str) -> bool:
    """Whether *path* lies where distributions are installed, or in the virtual environment around that."""
    return _SITE.search(path) is not None or _VENV.search(path) is not None


class _Applied:
    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._paths = pattern(rule.paths) if rule.paths else None
        kept = [each for each in table().exception if rule.code in each.rules]
        self._but = pattern((*rule.but, *(path for each in kept for path in each.paths)))

    def takes(self, path: str, kind: Kind, evidence: Evidence) -> bool:
        rule = self.rule
        return (
            (not rule.kinds or kind in rule.kinds)
            and (rule.place == "packages") == in_packages(path)
            and (self._paths is None or self._paths.fullmatch(path) is not None)
            and not self._in_use(path, evidence)
            and self._but.fullmatch(path) is None
        )

    def _in_use(self, path: str, evidence: Evidence) -> bool:
        known = {
            "iconv": evidence.iconv,
            "libdb": evidence.libdb,
            "stub reader": path.removesuffix("i") in evidence.stub_readers,
        }
        return any(known[name] for name in self.rule.unless)


def _without_imported(found: dict[str, str], evidence: Evidence) -> dict[str, str]:
    """Take back what something that stays imports, and what that imports."""
    going = {_module(path): path for path in found if path.endswith(".py")}
    waiting = [path for path in evidence.mentions if path not in found]
    kept: set[str] = set()
    while waiting:
        for name in evidence.mentions.get(waiting.pop(), ()):
            for module in _prefixes(name):
                path = going.get(module)
                if path is not None and path not in kept:
                    kept.add(path)
                    waiting.append(path)
    return {path: code for path, code in found.items() if path not in kept}


def _module(path: str) -> str:
    return inside(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


@cache
def _text() -> bytes:
    return pkgutil.get_data(__package__ or "", "slim.toml") or b""
