"""A choice of base as people read it, as Markdown, and as a document (`docs/json.md`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tare.plan.choice.candidate import Candidate, Distribution, Sizes
from tare.plan.choice.choice import Choice
from tare.report.text import duration, megabytes, shortened, table

SCHEMA: Final = "tare.choose/1"

_NAME: Final = 34
_UNKNOWN: Final = "unknown"


def choose_text(choice: Choice, *, width: int = 100) -> str:
    """Return the table, the one to take, and what keeps the project from others."""
    return "\n".join([_heading(choice), "", _table(choice.candidates, width), "", *_verdict(choice)]) + "\n"


def _heading(choice: Choice) -> str:
    platforms = ", ".join(dict.fromkeys(str(each.platform) for each in choice.candidates))
    count = max((len(each.distributions) for each in choice.candidates), default=0)
    bases = len({each.base for each in choice.candidates})
    what = f"{_count(count, 'distribution')} on " if count else ""
    return f"{choice.project or 'the project'}: {what}{_count(bases, 'base')} for {platforms}"


def _count(number: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def _table(candidates: Sequence[Candidate], width: int) -> str:
    several = len({each.platform for each in candidates}) > 1
    head = ("", "base", *(("platform",) if several else ()), "python", "libc", "pull", "unpacked", "packages", "")
    rows = [head, *(_row(each, several=several) for each in candidates)]
    first = len(head) - 4  # the sizes, and what follows them
    lines = table(rows, right=frozenset({0, *range(first, first + 3)})).splitlines()
    start = sum(max(len(row[column]) for row in rows) + 2 for column in range(first))
    for number, each in enumerate(candidates, 1):
        if not each.suitable:  # What has no sizes has all their room for the reason.
            lines[number] = lines[number].ljust(start)[:start] + _short(each)
    return "\n".join(shortened(line, width) for line in lines)


def _row(candidate: Candidate, *, several: bool) -> tuple[str, ...]:
    platform = (str(candidate.platform),) if several else ()
    python, libc = candidate.python or "", str(candidate.libc or "")
    if not candidate.suitable:
        return ("–", _name(candidate.base), *platform, python, libc, "", "", "", "")
    return (
        str(candidate.rank),
        _name(candidate.base),
        *platform,
        python,
        libc,
        _size(candidate.pull),
        _size(candidate.unpacked),
        _size(candidate.site_packages.pull),
        _short(candidate),
    )


def _name(base: str) -> str:
    """Return a base's name, without the beginning of one that would take the room of everything else."""
    return base if len(base) <= _NAME else f"…{base[-_NAME + 1 :]}"


def _size(size: int | None) -> str:
    return "?" if size is None else megabytes(size)


def _short(candidate: Candidate) -> str:
    """Return the one thing that is worth a word in the table."""
    bad = [each for each in candidate.distributions if each.kind == "impossible"]
    native = [each for each in candidate.distributions if each.kind == "sdist" and each.native]
    if bad or native:
        names = ", ".join(each.name for each in (*bad, *native)[:2])
        more = len(bad) + len(native) - 2
        return f"no wheel of {names}" + (f" and {more} more" if more > 0 else "")
    if candidate.missing_libraries:
        return f"lacks {', '.join(candidate.missing_libraries[:2])}"
    if not candidate.suitable:
        return candidate.obstacles[0].rstrip(".") if candidate.obstacles else ""
    words = []
    if candidate.work.sources:
        words.append(f"{len(candidate.work.sources)} built")
    if candidate.pgo is False:
        words.append("no PGO")
    return ", ".join(words)


def _verdict(choice: Choice) -> list[str]:
    best = next((each for each in choice.candidates if each.base == choice.recommended and each.suitable), None)
    lines = []
    if best is None:
        lines += ["No base suits the project:", *_refusals(choice.candidates)]
    else:
        lines += [f"Take {best.base}:", *(f"  - {reason}" for reason in best.reasons)]
    others = list(dict.fromkeys(each.base for each in choice.candidates if each.pareto and each is not best))
    if best is not None and others:
        shown = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        lines += ["", f"Unbeaten, too, in size, speed and trouble together: {shown}."]
    if choice.obstacles:
        lines += ["", *(f"{text}." for text in choice.obstacles)]
    if any(each.suitable and each.pull is None for each in choice.candidates):
        lines += ["", "? is unknown: the image could not be read."]
    return lines


def _refusals(candidates: Sequence[Candidate]) -> list[str]:
    """Return why no base suits, each reason once, with the bases that it is about."""
    bases: dict[str, list[str]] = {}
    for each in candidates:
        if not each.suitable:
            bases.setdefault(each.reasons[0] if each.reasons else "", []).append(each.base)
    lines = []
    for reason, names in bases.items():
        listed = ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
        lines.append(f"  - {listed}: {reason}")
    return lines


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
        ("libraries", _UNKNOWN if candidate.libraries is None else _count(len(candidate.libraries), "shared library")),
        ("platforms", _or(", ".join(candidate.platforms or ()))),
        ("supported", _or(candidate.os_eol and f"until {candidate.os_eol}")),
        ("suitable", "yes" if candidate.suitable else "no"),
    ]
    lines = [table(facts), "", *(f"  - {reason}" for reason in candidate.reasons), "", _weights(candidate)]
    if candidate.distributions:
        lines += ["", _distributions(candidate.distributions)]
    lines += ["", *_parts(candidate), _work(candidate)]
    lines += _gaps(candidate)
    lines += [f"note: {note}" for note in candidate.notes]
    lines += ["", *(f"source: {source}" for source in candidate.sources)]
    return "\n".join(lines) + "\n"


def _known_from(candidate: Candidate) -> str:
    of = f" of {candidate.date}" if candidate.date and candidate.origin == "catalogue" else ""
    return f"{candidate.origin}{of}" + (f" ({candidate.origin_why})" if candidate.origin_why else "")


def _weights(candidate: Candidate) -> str:
    rows = [("layer", "pull", "unpacked"), ("base", *_pair(candidate.base_sizes))]
    rows += [(f"packages {number}", *_pair(sizes)) for number, sizes in enumerate(candidate.layers, 1)]
    rows += [("project", *_pair(candidate.project)), ("image", _size(candidate.pull), _size(candidate.unpacked))]
    exact = "to the byte" if candidate.exact else "but for what is built from source"
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
        parts.append(f"{_count(len(work.sources), 'source')} to build")
    if work.native:
        return f"a build: {', '.join(parts)}; how long a compiler takes is unknown, and it is slow"
    if work.seconds is None:
        return f"a build: {', '.join(parts)}; how long that takes is unknown until something like it was built here"
    about, low, high = work.seconds
    return f"a build: {', '.join(parts)}; about {duration(about)} ({duration(low)} to {duration(high)})"


def _pair(sizes: Sizes) -> tuple[str, str]:
    return _size(sizes.pull), _size(sizes.unpacked)


def _distributions(distributions: Sequence[Distribution]) -> str:
    rows = [("distribution", "kind", "size", "unpacked", "tag or reason")]
    rows += [
        (
            f"{each.name} {each.version}",
            each.kind,
            _size(each.size),
            _size(each.unpacked),
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
        lines.append(f"libraries of {_count(len(candidate.unchecked), 'wheel')} not compared ({why}): {names}")
    return ["", *lines] if lines else []


def _or(text: str | None) -> str:
    return text or _UNKNOWN


def _until(day: str | None) -> str:
    return f", fixed until {day}" if day else ""


def _yes(value: bool | None) -> str:  # noqa: FBT001  # a value to be shown
    return _UNKNOWN if value is None else "yes" if value else "no"


def choose_markdown(choice: Choice) -> str:
    """Return a table for a pull request."""
    lines = [
        f"### Base image: {f'`{choice.recommended}`' if choice.recommended else 'none suits'}",
        "",
        "| | base | platform | python | libc | pull | unpacked | packages | |",
        "|--:|---|---|---|---|--:|--:|--:|---|",
    ]
    for each in choice.candidates:
        row = (*_row(each, several=True)[:-1], _short(each))
        lines.append(
            "| " + " | ".join((row[0], f"`{each.base}`", *(cell.replace("|", "\\|") for cell in row[2:]))) + " |"
        )
    best = next((each for each in choice.candidates if each.base == choice.recommended), None)
    if best is not None:
        lines += ["", *(f"- {reason}" for reason in best.reasons)]
    lines += ["", *(f"{text}." for text in choice.obstacles)] if choice.obstacles else []
    return "\n".join(lines) + "\n"


def choose_json(choice: Choice, failed: Sequence[str] = ()) -> str:
    """Return the document."""
    document = {
        "schema": SCHEMA,
        "project": choice.project,
        "prefer": choice.prefer,
        "recommended": choice.recommended,
        "candidates": [_candidate(each) for each in choice.candidates],
        "obstacles": list(choice.obstacles),
        "fetched": choice.fetched,
        "wheels": choice.wheels,
        "downloaded": list(choice.downloaded),
        "failed": list(failed),
        "notes": list(choice.notes),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _candidate(candidate: Candidate) -> dict[str, object]:
    libc = candidate.libc
    return {
        "base": candidate.base,
        "kind": candidate.kind,
        "platform": str(candidate.platform),
        "python": candidate.python,
        "libc": {"family": libc.family, "version": f"{libc.major}.{libc.minor}"} if libc else None,
        "suitable": candidate.suitable,
        "rank": candidate.rank,
        "pareto": candidate.pareto,
        "pull": candidate.pull,
        "unpacked": candidate.unpacked,
        "exact": candidate.exact,
        "base_sizes": msgspec.to_builtins(candidate.base_sizes),
        "site_packages": msgspec.to_builtins(candidate.site_packages),
        "layers": msgspec.to_builtins(candidate.layers),
        "project": msgspec.to_builtins(candidate.project),
        "distributions": [_distribution(each) for each in candidate.distributions],
        "missing_libraries": list(candidate.missing_libraries),
        "unchecked": list(candidate.unchecked),
        "facts": {
            "origin": candidate.origin,
            "why": candidate.origin_why,
            "date": candidate.date,
            "digest": candidate.digest,
            "interpreter": candidate.interpreter,
            "platforms": None if candidate.platforms is None else list(candidate.platforms),
            "libraries": None if candidate.libraries is None else list(candidate.libraries),
            "pgo": candidate.pgo,
            "lto": candidate.lto,
            "package_manager": candidate.package_manager,
            "shell": candidate.shell,
            "user": candidate.user,
            "python_eol": candidate.python_eol,
            "os_eol": candidate.os_eol,
            "sources": list(candidate.sources),
        },
        "work": {
            "fetch": candidate.work.fetch,
            "hash": candidate.work.hash,
            "sources": list(candidate.work.sources),
            "native": list(candidate.work.native),
            "seconds": list(candidate.work.seconds) if candidate.work.seconds else None,
        },
        "reasons": list(candidate.reasons),
        "notes": list(candidate.notes),
    }


def _distribution(each: Distribution) -> dict[str, object]:
    return {
        "name": each.name,
        "version": each.version,
        "kind": each.kind,
        "file": each.file,
        "tag": each.tag,
        "size": each.size,
        "unpacked": each.unpacked,
        "native": each.native,
        "why": each.why,
        "remedy": each.remedy,
        "parts": dict(each.parts),
    }
