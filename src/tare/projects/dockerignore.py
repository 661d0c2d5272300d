"""Patterns as `.dockerignore` has them, which are not those of git.

Every pattern starts at the root, `*` does not cross a `/`, `**` crosses any number of them, a pattern that matches a
directory matches all that is in it, and the last pattern that matches decides, `!` being the exception to those before.
https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from tare.errors import ProjectError

_WILD = "*?[\\"


class Patterns:
    """A list of patterns, compiled, for a walk that goes from the root down.

    A directory's answer is handed down to what is in it, so that each expression sees a path once. Patterns that
    follow each other and all exclude, or all except, are one *run*; an answer is the number of the last run that
    matched, or -1.
    """

    def __init__(self, patterns: Iterable[tuple[str, bool]]) -> None:
        self._runs: list[_Run] = []
        for pattern, excludes in patterns:
            if not self._runs or self._runs[-1].excludes != excludes:
                self._runs.append(_Run(excludes))
            self._runs[-1].add(pattern)
        self._last = len(self._runs) - 1

    def match(self, path: str, name: str, above: int = -1) -> int:
        """Return the answer for *path*, whose last part is *name* and whose directory's answer is *above*."""
        for index in range(self._last, above, -1):
            if self._runs[index].matches(path, name):
                return index
        return above

    def holds(self, answer: int) -> bool:
        """Return whether *answer* means that the path is left out."""
        return answer >= 0 and self._runs[answer].excludes

    def excludes(self, path: str) -> bool:
        """Return whether *path*, relative and with `/`, is left out.

        >>> patterns(["*.md", "!README.md"], ".dockerignore").excludes("NEWS.md")
        True
        """
        answer, above = -1, ""
        for name in path.split("/"):
            above = f"{above}/{name}" if above else name
            answer = self.match(above, name, answer)
        return self.holds(answer)

    def may_match_below(self, directory: str, *, excluding: bool) -> bool:
        """Return whether a pattern that excludes, or one that excepts, may match something below *directory*."""
        below = f"{directory}/"
        return any(
            start.startswith(below) or below.startswith(start)
            for run in self._runs
            if run.excludes == excluding
            for start in run.starts
        )


class _Run:
    """Patterns that follow each other and say the same, split by what of a path they need to see."""

    def __init__(self, excludes: bool) -> None:  # noqa: FBT001 - it is what a run is
        self.excludes = excludes
        self.starts: list[str] = []
        """What each pattern begins with before its first wildcard."""

        self._at_root: set[str] = set()
        self._anywhere: set[str] = set()
        self._endings: tuple[str, ...] = ()
        self._beginnings: tuple[str, ...] = ()
        self._expressions: tuple[list[str], list[str], list[str]] = ([], [], [])
        self._compiled: tuple[Callable[[str], object] | None, ...] | None = None

    def add(self, pattern: str) -> None:
        """Add a pattern. Expressions are for the few that need one: compiling all of them would take 5 ms."""
        self.starts.append(_literal(pattern))
        name = pattern.removeprefix("**/")
        anywhere = name != pattern
        if "/" in name or "**" in name:
            self._expressions[2].append(_expression(pattern))
        elif _is_literal(name):
            (self._anywhere if anywhere else self._at_root).add(name)
        elif anywhere and name[0] == "*" and _is_literal(name[1:]):
            self._endings += (name[1:],)
        elif anywhere and name[-1] == "*" and _is_literal(name[:-1]):
            self._beginnings += (name[:-1],)
        else:  # the name alone decides, at the root or anywhere
            self._expressions[1 if anywhere else 0].append(_expression(name))

    def matches(self, path: str, name: str) -> bool:
        if self._compiled is None:
            self._compiled = tuple(
                re.compile(f"(?s:{'|'.join(part)})").fullmatch if part else None for part in self._expressions
            )
        root, anywhere, whole = self._compiled
        is_at_root = len(path) == len(name)
        return bool(
            name in self._anywhere
            or name.endswith(self._endings)
            or name.startswith(self._beginnings)
            or (is_at_root and (name in self._at_root or (root is not None and root(name))))
            or (anywhere is not None and anywhere(name))
            or (whole is not None and whole(path))
        )


def parse(text: str, source: str) -> list[tuple[str, bool]]:
    r"""Return the patterns of *text*, each with whether it excludes, or raise `ProjectError` naming *source*.

    >>> parse("# comment\n/build/\n!build/keep.txt\n", ".dockerignore")
    [('build', True), ('build/keep.txt', False)]
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        cleaned = clean(line.strip())
        if cleaned is not None:
            found.append(cleaned)
        elif line.strip() in {"!", "!/"}:
            cause = f"line {number}: `!` excepts nothing"
            raise ProjectError(f"`{source}` cannot be read", causes=(cause,))
    for pattern, _ in found:
        if "[" in pattern:  # nothing else can be wrong
            _check(pattern, source)
    return found


def clean(pattern: str) -> tuple[str, bool] | None:
    """Return *pattern* from the root, without what says nothing, and whether it excludes; `None` for the root itself."""
    excludes = not pattern.startswith("!")
    parts: list[str] = []
    for part in pattern.removeprefix("!").strip().split("/"):
        if part == ".." and parts and parts[-1] != "**":
            parts.pop()
        elif part not in {"", ".", ".."}:
            parts.append(part)
    return ("/".join(parts), excludes) if parts else None


def patterns(lines: Iterable[str], source: str) -> Patterns:
    """Compile *lines*, each of which is one pattern."""
    return Patterns(parse("\n".join(lines), source))


def _check(pattern: str, source: str) -> None:
    try:
        re.compile(_expression(pattern))
    except re.error as error:
        raise ProjectError(f"`{source}` cannot be read", causes=(f"`{pattern}`: {error}",)) from error


def _literal(pattern: str) -> str:
    """Return the part of *pattern* before its first wildcard."""
    ends = [pattern.index(character) for character in _WILD if character in pattern]
    return pattern[: min(ends)] if ends else pattern


def _is_literal(pattern: str) -> bool:
    return not any(character in pattern for character in _WILD)


def _expression(pattern: str) -> str:
    """Return *pattern* as a regular expression."""
    found = []
    position = 0
    while position < len(pattern):
        token, position = _token(pattern, position)
        found.append(token)
    return "".join(found)


def _token(pattern: str, at: int) -> tuple[str, int]:
    """Return the expression for what stands at *at*, and where the next token is."""
    character = pattern[at]
    if pattern.startswith("**", at):
        after = at + 2 + pattern.startswith("/", at + 2)
        return (".*" if after == len(pattern) else "(?:.*/)?"), after
    if character == "*":
        return "[^/]*", at + 1
    if character == "?":
        return "[^/]", at + 1
    if character == "\\" and at + 1 < len(pattern):
        return re.escape(pattern[at + 1]), at + 2
    if character == "[":
        return _set(pattern, at)
    end = at + len(_literal(pattern[at:]))
    return re.escape(pattern[at:end] or character), max(end, at + 1)


def _set(pattern: str, at: int) -> tuple[str, int]:
    """Return the expression for a set of characters, such as `[a-z]` or `[^0-9]`; it matches no `/`."""
    end = pattern.find("]", at + 2 + pattern.startswith("^", at + 1))
    if end < 0:
        raise re.error("a set of characters does not end", pattern, at)
    negated = pattern.startswith("^", at + 1)
    body = pattern[at + 1 + negated : end].replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
    return (f"[^/{body}]" if negated else f"(?!/)[{body}]"), end + 1
