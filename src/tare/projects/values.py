"""Typed readers of a decoded document that know where each value stands, and collect what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from tare.errors import ProjectError

T = TypeVar("T")


class Mistakes:
    """What is wrong with a document, all of it, to be said once."""

    def __init__(self) -> None:
        self.causes: list[str] = []
        self.hints: list[str] = []

    def expected(self, where: str, wanted: str, value: object) -> None:
        """Note that *value* at *where* is not what was *wanted*."""
        self.causes.append(f"`{where}`: expected {wanted}, got {shown(value)}")

    def unknown(self, where: str, key: str, known: Iterable[str]) -> None:
        """Note a key that nothing reads, with the nearest that something does."""
        near = nearest(key, known)
        self.causes.append(f"`{where}`: unknown key")
        if near:
            self.hints.append(f"Did you mean `{near}`?")

    def check(self, message: str) -> None:
        """Raise `ProjectError` with everything noted, if there is anything."""
        if self.causes:
            raise ProjectError(message, causes=tuple(self.causes), hints=tuple(dict.fromkeys(self.hints))[:2])


class Table:
    """A table of a document, read key by key; what is wrong goes to *mistakes* and reads as absent."""

    def __init__(self, values: Mapping[str, Any], mistakes: Mistakes, prefix: str = "") -> None:
        self._values = values
        self.mistakes = mistakes
        self._prefix = prefix

    def allow(self, keys: Iterable[str]) -> None:
        """Note every key that is not one of *keys*."""
        known = tuple(keys)
        for key in self._values:
            if key not in known:
                self.mistakes.unknown(self.where(key), key, known)

    def where(self, key: str) -> str:
        """Return the path of *key* from the document's root."""
        return f"{self._prefix}.{key}" if self._prefix else key

    def raw(self, key: str) -> Any:  # noqa: ANN401 - it is whatever the document has
        """Return the value of *key* as it stands, `None` when it is absent."""
        return self._values.get(key)

    def one(self, key: str, read: Callable[[Any], T | None], wanted: str) -> T | None:
        """Return what *read* makes of the value of *key*; *read* answers `None` to what it does not accept."""
        value = self._values.get(key)
        if value is None:
            return None
        result = read(value)
        if result is None:
            self.mistakes.expected(self.where(key), wanted, value)
        return result

    def many(self, key: str, read: Callable[[Any], T | None], wanted: str) -> tuple[T, ...]:
        """Return what *read* makes of each item of the array at *key*."""
        value = self._values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.mistakes.expected(self.where(key), "an array", value)
            return ()
        found = []
        for index, item in enumerate(value):
            result = read(item)
            if result is None:
                self.mistakes.expected(f"{self.where(key)}[{index}]", wanted, item)
            else:
                found.append(result)
        return tuple(found)

    def mapping(self, key: str, read: Callable[[Any], T | None], wanted: str) -> dict[str, T]:
        """Return what *read* makes of each value of the table at *key*, in the order of its keys."""
        value = self._values.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.mistakes.expected(self.where(key), "a table", value)
            return {}
        found = {}
        for name in sorted(value):
            result = read(value[name])
            if result is None:
                self.mistakes.expected(f"{self.where(key)}.{name}", wanted, value[name])
            else:
                found[name] = result
        return found

    def table(self, key: str) -> Table | None:
        """Return the table at *key*."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.mistakes.expected(self.where(key), "a table", value)
            return None
        return Table(value, self.mistakes, self.where(key))


def string(value: object) -> str | None:
    """Accept a string that is not empty."""
    return value if isinstance(value, str) and value else None


def any_string(value: object) -> str | None:
    """Accept a string."""
    return value if isinstance(value, str) else None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of *known* that *name* may be a misspelling of."""
    import difflib

    found = difflib.get_close_matches(name, tuple(known), n=1, cutoff=0.6)
    return found[0] if found else None


def shown(value: object) -> str:
    """Return *value* as TOML would write it, shortened."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value[:60]}"`' + ("…" if len(value) > 60 else "")
    if isinstance(value, (list, dict)):
        return "an array" if isinstance(value, list) else "a table"
    return f"`{value}`"
