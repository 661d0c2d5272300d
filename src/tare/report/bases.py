"""The bases that are known, as people read them, and as a document (`docs/json.md`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tare.bases.catalogue.catalogue import catalogue
from tare.flow.bases.known import Listed
from tare.report.text import age, known_size, megabytes, table

SCHEMA: Final = "tare.bases/1"

_UNKNOWN: Final = "unknown"


def bases_text(bases: Sequence[Listed]) -> str:
    """Return one line for each base."""
    rows = [("base", "python", "libc", "PGO", "shell", "support ends", "pull", "unpacked")]
    for each in bases:
        standing = each.standing
        rows.append(
            (
                standing.name,
                each.version or "–",
                str(standing.target.libc) if standing.target else "",
                _yes(standing.pgo),
                _none(standing.shell),
                _support(each),
                known_size(standing.pull),
                known_size(standing.unpacked),
            )
        )
    unread = sum(each.read is None for each in bases)
    note = f"\n? is unknown: {unread} of {len(bases)} images were never read here. `tare bases --refresh` reads those that can be reached.\n"
    return table(rows, right=frozenset({6, 7})) + "\n" + (note if unread else "")


def base_text(listed: Listed, *, now: float) -> str:
    """Return everything that is known of one base."""
    standing = listed.standing
    target = standing.target
    libraries = standing.libraries.names if standing.libraries is not None else None
    rows = [
        ("base", standing.name),
        ("kind", standing.kind),
        (
            "CPython",
            (listed.version or "none") + (f", fixed until {standing.python_eol}" if standing.python_eol else ""),
        ),
        ("interpreter", standing.interpreter or _UNKNOWN),
        ("optimised", f"PGO {_word(standing.pgo)}, LTO {_word(standing.lto)}"),
        ("C library", str(target.libc) if target else _UNKNOWN),
        ("platforms", ", ".join(standing.platforms or ()) or _UNKNOWN),
        ("wheels", next(target.platforms()) if target else standing.unfit),
        ("packages", _none(standing.package_manager)),
        ("shell", _none(standing.shell)),
        ("user", standing.user or _UNKNOWN),
        ("supported", f"until {standing.os_eol}" if standing.os_eol else _UNKNOWN),
        ("libraries", f"{len(libraries)}: {', '.join(libraries[:8])} …" if libraries else _UNKNOWN),
        ("pull", megabytes(standing.pull) if standing.pull is not None else _UNKNOWN),
        ("unpacked", megabytes(standing.unpacked) if standing.unpacked is not None else _UNKNOWN),
        ("read", age(now - listed.read) if listed.read is not None else "never: this is what the catalogue has"),
        *(("source", source) for source in standing.sources),
    ]
    if listed.failed:
        rows.append(("not read", listed.failed))
    return table(rows) + "\n"


def _support(each: Listed) -> str:
    """Return the day on which the first of them ends: at the latest, where the other is unknown."""
    days = [day for day in (each.standing.python_eol, each.standing.os_eol) if day]
    return _UNKNOWN if not days else min(days) if len(days) == 2 else f"≤ {days[0]}"


def _yes(value: bool | None) -> str:  # noqa: FBT001  # a value to be shown
    return "?" if value is None else "yes" if value else "no"


def _word(value: bool | None) -> str:  # noqa: FBT001  # the same
    return _UNKNOWN if value is None else _yes(value)


def _none(text: str | None) -> str:
    return "none" if text == "" else text or "?"


def bases_json(bases: Sequence[Listed], platform: str) -> str:
    """Return the document."""
    document = {
        "schema": SCHEMA,
        "platform": platform,
        "recorded": catalogue().date,
        "bases": [_base(each) for each in bases],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _base(each: Listed) -> dict[str, object]:
    standing = each.standing
    libc = standing.target.libc if standing.target else None
    return {
        "base": standing.name,
        "kind": standing.kind,
        "python": each.version,
        "interpreter": standing.interpreter or None,
        "libc": {"family": libc.family, "version": f"{libc.major}.{libc.minor}"} if libc else None,
        "unfit": standing.unfit,
        "platforms": None if standing.platforms is None else list(standing.platforms),
        "pgo": standing.pgo,
        "lto": standing.lto,
        "package_manager": standing.package_manager,
        "shell": standing.shell,
        "user": standing.user,
        "python_eol": standing.python_eol,
        "os_eol": standing.os_eol,
        "libraries": list(standing.libraries.names) if standing.libraries is not None else None,
        "pull": standing.pull,
        "unpacked": standing.unpacked,
        "digest": standing.digest,
        "read": each.read,
        "failed": each.failed,
        "sources": list(standing.sources),
        "date": standing.date or None,
    }
