"""Everything that is known of one base, as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tare.plan.choice.candidate import Candidate, Distribution, Sizes
from tare.report.text import counted, duration, known_size, megabytes, table

_UNKNOWN: Final = "unknown"


def explain_text(candidate: Candidate) -> str:
    """Return the whole story of one base."""
    facts = [
        ("base", f"{candidate.base} for {candidate.platform}"),
        ("known from", _known_from(candidate)),
        ("CPython", _or(candidate.python) + _until(candidate.python_eol)),
        ("interpreter", _or(candidate.interpreter and f"/{candidate.interpreter.lstrip('/')}")),
        ("C library", _or(str(candidate.libc) if candidate.libc else None)),
        ("optimised", f"PGO {_yes(candidate.pgo)}, LTO {_yes(candidate.lto)}"),
        ("packages", "none" if candidate.package_manager == "" else _or(candidate.package_manager)),
        ("shell", "none" if candidate.shell == "" else _or(candidate.shell)),
        ("user", _or(candidate.user)),
        ("libraries", _UNKNOWN if candidate.libraries is None else counted(len(candidate.libraries), "shared library")),
        ("platforms", _or(", ".join(candidate.platforms or ()))),
        ("supported", _or(candidate.os_eol and f"until {candidate.os_eol}")),
        ("suitable", "yes" if candidate.suitable else "no"),
    ]
    lines = [table(facts), "", *(f"  - {reason}" for reason in candidate.reasons), "", _weights(candidate)]
    if candidate.distributions:
        lines += ["", _distributions(candidate.distributions)]
    lines += ["", *_parts(candidate), _work(candidate)]
    lines += _gaps(candidate)
    lines += ["", *(f"source: {source}" for source in candidate.sources)]
    return "\n".join(lines) + "\n"


def _known_from(candidate: Candidate) -> str:
    how = ", read on" if candidate.origin == "image" else " of" if candidate.origin == "catalogue" else ""
    return (
        candidate.origin
        + (f"{how} {candidate.date}" if how and candidate.date else "")
        + (f" ({candidate.origin_why})" if candidate.origin_why else "")
    )


def _weights(candidate: Candidate) -> str:
    rows = [("layer", "pull", "unpacked"), ("base", *_pair(candidate.base_sizes))]
    rows += [(f"packages {number}", *_pair(sizes)) for number, sizes in enumerate(candidate.layers, 1)]
    rows += [
        ("project", *_pair(candidate.project)),
        ("image", known_size(candidate.pull), known_size(candidate.unpacked)),
    ]
    exact = "to the byte" if candidate.exact else "but for what nobody knows before the build"
    return table(rows, right=frozenset({1, 2})) + f"\n(the new layers are counted {exact})"


def _parts(candidate: Candidate) -> list[str]:
    """Return what the packages consist of, the largest part first."""
    total: dict[str, int] = {}
    for each in candidate.distributions:
        for kind, size in each.parts.items():
            total[kind] = total.get(kind, 0) + size
    largest = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:6]
    text = ", ".join(f"{kind} {megabytes(size)}" for kind, size in largest if size)
    return [f"the packages are {text}"] if text else []


def _work(candidate: Candidate) -> str:
    work = candidate.work
    parts = [f"{megabytes(work.fetch)} to fetch", f"{megabytes(work.hash)} to hash"]
    if work.sources:
        parts.append(f"{counted(len(work.sources), 'source')} to build")
    if work.native:
        return f"a build: {', '.join(parts)}; how long a compiler takes is unknown, and it is slow"
    if work.seconds is None:
        return f"a build: {', '.join(parts)}; how long that takes is unknown until something like it was built here"
    about, low, high = work.seconds
    return f"a build: {', '.join(parts)}; about {duration(about)} ({duration(low)} to {duration(high)})"


def _pair(sizes: Sizes) -> tuple[str, str]:
    return known_size(sizes.pull), known_size(sizes.unpacked)


def _distributions(distributions: Sequence[Distribution]) -> str:
    rows = [("distribution", "kind", "size", "unpacked", "tag or reason")]
    rows += [
        (
            f"{each.name} {each.version}",
            each.kind,
            known_size(each.size),
            known_size(each.unpacked),
            each.tag or "; ".join(text for text in (each.why, each.remedy) if text),
        )
        for each in distributions
    ]
    return table(rows, right=frozenset({2, 3}))


def _gaps(candidate: Candidate) -> list[str]:
    lines = []
    if candidate.missing_libraries:
        lines.append(f"missing libraries: {', '.join(candidate.missing_libraries)}")
    if candidate.unchecked:
        names = ", ".join(candidate.unchecked[:3]) + (" …" if len(candidate.unchecked) > 3 else "")
        why = "the base's libraries are unknown" if candidate.origin != "image" else "not every library was read"
        lines.append(f"libraries of {counted(len(candidate.unchecked), 'wheel')} not compared ({why}): {names}")
    return ["", *lines] if lines else []


def _or(text: str | None) -> str:
    return text or _UNKNOWN


def _until(day: str | None) -> str:
    return f", fixed until {day}" if day else ""


def _yes(value: bool | None) -> str:  # noqa: FBT001  # a value to be shown
    return _UNKNOWN if value is None else "yes" if value else "no"
