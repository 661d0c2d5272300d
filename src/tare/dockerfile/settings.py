"""Which rules are on, and how much each matters: from the command line and from `[tool.tare.lint]`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import msgspec

from tare.dockerfile.finding import Severity
from tare.errors import UsageError

_foreign = re.compile(r"(?:DL|SC)[0-9]*")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a person chose. A code may be shortened: `TP2` is every code that begins so."""

    select: tuple[str, ...] = ()
    """Empty: every rule that is on by itself."""

    ignore: tuple[str, ...] = ()
    severity: dict[str, Severity] = {}
    per_file: dict[str, tuple[str, ...]] = {}
    """Patterns of files, and what is ignored in them."""

    def wants(self, code: str, *, default: bool = True) -> bool:
        """Return whether a rule is on. One that is off by itself wants its whole code."""
        if any(code.startswith(each) for each in self.ignore):
            return False
        if not default:
            return code in self.select
        return not self.select or any(code.startswith(each) for each in self.select)

    def ignored_in(self, file: str) -> tuple[str, ...]:
        """Return what is ignored in *file*."""
        base = file.rpartition("/")[2]
        return tuple(
            code
            for pattern, codes in self.per_file.items()
            if fnmatchcase(file, pattern) or fnmatchcase(base, pattern)
            for code in codes
        )

    def severity_of(self, code: str, given: Severity) -> Severity:
        """Return how much a finding matters; the longest beginning that is named wins."""
        named = [each for each in self.severity if code.startswith(each)]
        return self.severity[max(named, key=len)] if named else given


def check_codes(codes: Iterable[str], where: str, known: Iterable[str]) -> None:
    """Raise `UsageError` for a code that begins none that is known; hadolint's are taken as they are."""
    every = tuple(known)
    for code in codes:
        if not is_known(code, every):
            near = nearest(code, every)
            hints = (f"Did you mean `{near}`?",) if near else ("`tare lint --explain all` lists them",)
            raise UsageError(f"{where}: there is no rule `{code}`", hints=hints)


def is_known(code: str, known: Iterable[str]) -> bool:
    """Return whether *code* is one of *known*, the beginning of one, or of hadolint."""
    return _foreign.fullmatch(code) is not None or any(each.startswith(code) for each in known)


def nearest(code: str, known: Iterable[str]) -> str | None:
    """Return the one of *known* that *code* may be meant for."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(code, tuple(known), n=1, cutoff=0.5)), None)


def combined(own: Settings, config: Settings) -> Settings:
    """Return the settings of the command line over those of the configuration."""
    return Settings(
        select=own.select or config.select,
        ignore=(*config.ignore, *own.ignore),
        severity={**config.severity, **own.severity},
        per_file={**config.per_file, **own.per_file},
    )


def by_code(values: Mapping[str, str]) -> dict[str, Severity]:
    """Return severities by code, checked."""
    return msgspec.convert(dict(values), dict[str, Severity])
