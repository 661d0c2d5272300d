"""A gate for choices: what a pull request must not bring."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from tare.bases.catalogue.support import ended
from tare.errors import UsageError
from tare.plan.choice.candidate import Candidate

RULES: Final = {
    "no-sdist": "nothing is built from source",
    "no-native": "nothing is compiled",
    "wheels": "every distribution has a wheel",
    "libraries": "no shared library is missing",
    "supported": "Python and operating system get security fixes",
    "suitable": "the base can be built on",
}
_UNITS: Final = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is demanded."""

    rules: tuple[str, ...] = ()
    max_pull: int | None = None
    max_unpacked: int | None = None


def limits(require: Sequence[str], *, max_pull: str | None = None, max_unpacked: str | None = None) -> Limits:
    """Read what a person demands."""
    rules = tuple(dict.fromkeys(word.strip() for text in require for word in text.split(",") if word.strip()))
    for rule in rules:
        if rule not in RULES:
            from difflib import get_close_matches

            near = get_close_matches(rule, RULES, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else "They are " + ", ".join(f"`{name}`" for name in RULES)
            raise UsageError(f"`--require` has no rule `{rule}`", hints=(hint,))
    return Limits(
        rules=rules,
        max_pull=_size("--max-pull", max_pull) if max_pull else None,
        max_unpacked=_size("--max-unpacked", max_unpacked) if max_unpacked else None,
    )


def _size(option: str, text: str) -> int:
    """Return the bytes of a size such as `80MB`."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *([A-Za-z]*)", text.strip())
    unit = found[2].upper() if found else ""
    if found is None or unit not in _UNITS:
        raise UsageError(f"`{option} {text}` is not a size", hints=("Write it like `80MB` or `250MiB`",))
    return int(float(found[1]) * _UNITS[unit])


def failures(candidates: Sequence[Candidate], limits: Limits, *, now: float) -> tuple[str, ...]:
    """Return a sentence for each demand that one of *candidates* does not meet.

    A size or a library that nobody knows of does not meet it; an end of support that nobody has named has not come.
    """
    found = []
    for each in candidates:
        found += [
            f"{rule}: `{each.base}` ({each.platform}): {why}"
            for rule in limits.rules
            for why in _broken(each, rule, now)
        ]
        found += _over("max-pull", each, each.pull, limits.max_pull)
        found += _over("max-unpacked", each, each.unpacked, limits.max_unpacked)
    return tuple(found)


def _over(name: str, candidate: Candidate, size: int | None, limit: int | None) -> list[str]:
    if limit is None or (size is not None and size <= limit):
        return []
    found = f"{size:,} bytes" if size is not None else "unknown"
    return [f"{name}: `{candidate.base}` ({candidate.platform}): {found}; the limit is {limit:,}"]


def _broken(candidate: Candidate, rule: str, now: float) -> list[str]:
    today = datetime.fromtimestamp(now, UTC).date()
    built = [each.name for each in candidate.distributions if each.kind == "sdist"]
    match rule:
        case "no-sdist":
            names = built
        case "no-native":
            names = [each.name for each in candidate.distributions if each.kind == "sdist" and each.native is not False]
        case "wheels":
            names = [each.name for each in candidate.distributions if each.kind != "wheel"]
        case "libraries":
            names = list(candidate.missing_libraries)
            if candidate.libraries is None and candidate.unchecked:
                names.append("nobody knows which it has, since its image was not read")
        case "supported":
            names = [day for day in (candidate.python_eol, candidate.os_eol) if day and ended(day, today)]
        case _:
            return list(candidate.obstacles)
    if not candidate.suitable and not candidate.distributions:
        return list(candidate.obstacles)
    return [", ".join(names)] if names else []
