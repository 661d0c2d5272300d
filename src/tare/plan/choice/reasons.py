"""Why a base is where it is among the others: few sentences in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from tare.bases.catalogue.support import ended, ends_soon
from tare.plan.choice.candidate import Candidate

MAX_REASONS: Final = 5


def reasons(candidate: Candidate, all_of_them: Sequence[Candidate], *, today: date) -> tuple[str, ...]:
    """Return at most five sentences about *candidate* among those of its platform, the most important first."""
    if not candidate.suitable:
        return candidate.obstacles[:MAX_REASONS]
    found = [*_support(candidate, today), *_sources(candidate), *_speed(candidate), *_size(candidate, all_of_them)]
    if candidate.package_manager == "" and candidate.shell == "":
        found.append("There is no shell and no package manager in it: less to attack, and nothing to look around with.")
    elif candidate.shell == "":
        found.append("There is no shell in it.")
    if candidate.origin == "catalogue":
        why = candidate.origin_why or "the image was not read"
        found.append(f"It was judged from the catalogue, since the image cannot be read: {why}.")
    if candidate.unchecked and candidate.origin != "catalogue":
        count = len(candidate.unchecked)
        which = "one wheel" if count == 1 else f"{count} wheels"
        found.append(f"Not every library of {which} was read; the build does that.")
    return tuple(dict.fromkeys(found))[:MAX_REASONS]


def _support(candidate: Candidate, today: date) -> list[str]:
    found = []
    for what, day in (
        (f"CPython {candidate.series}", candidate.python_eol),
        ("Its operating system", candidate.os_eol),
    ):
        if ended(day, today):
            found.append(f"{what} has had no security fixes since {day}.")
        elif ends_soon(day, today):
            found.append(f"{what} gets security fixes until {day} only.")
    return found


def _sources(candidate: Candidate) -> list[str]:
    sources = candidate.work.sources
    if not sources:
        count = len(candidate.distributions)
        every = "Its one distribution" if count == 1 else f"Every one of {count} distributions"
        return [f"{every} has a wheel."] if count else []
    return [f"{_listed(sources)} {'is' if len(sources) == 1 else 'are'} built from source."]


def _speed(candidate: Candidate) -> list[str]:
    found = []
    if candidate.pgo is False:
        found.append("Its interpreter is built without profile-guided optimisation, so pure Python runs slower.")
    elif candidate.pgo and candidate.lto:
        found.append("Its interpreter is built with profile-guided and link-time optimisation.")
    if candidate.is_musl:
        found.append("musl gives threads small stacks (1 MiB in the official image, where glibc has 8).")
    return found


def _size(candidate: Candidate, all_of_them: Sequence[Candidate]) -> list[str]:
    found = []
    own = candidate.site_packages.unpacked
    others = [
        each.site_packages.unpacked
        for each in all_of_them
        if each.suitable and each.libc is not None and not each.is_musl and each.series == candidate.series
    ]
    other = next((each for each in others if each), None)
    if candidate.is_musl and own and other and abs(own - other) * 100 >= other:
        word = "larger" if own > other else "smaller"
        found.append(f"Its wheels are {abs(own - other) / other:.0%} {word} unpacked than those for glibc.")
    rest = [each.pull for each in all_of_them if each.suitable and each.pull is not None]
    if candidate.pull is not None and rest and candidate.pull == min(rest) and len(rest) > 1:
        found.append("It is the smallest to pull of those whose size is known.")
    return found


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
