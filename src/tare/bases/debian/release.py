"""`InRelease`: the signed list of an archive's indexes, checked for who signed it, what it is of, and when."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn

import msgspec

from tare.bases.debian.signature import verified
from tare.bases.debian.sources import Archive
from tare.errors import IntegrityError, TargetError
from tare.oci.digest import Digest

LIMIT: Final = 8 * 1024 * 1024
"""Bytes of an `InRelease`; real ones have 150 kB."""

_AHEAD: Final = timedelta(hours=1)
"""How far an archive's clock may be ahead of ours."""

_FIELD: Final = re.compile(r"^(?P<name>[A-Za-z0-9-]+):[ \t]*(?P<value>.*(?:\n[ \t].*)*)", re.MULTILINE)
_TIME: Final = re.compile(r"\w{3}, +(\d{1,2}) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:UTC|GMT|\+0000)", re.ASCII)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class IndexFile(msgspec.Struct, frozen=True, kw_only=True):
    """An index that a release promises."""

    path: str
    """Below the suite's directory."""

    size: int
    """Bytes as it is stored, compressed if its name says so."""

    digest: Digest


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A verified `InRelease`."""

    name: str
    """The suite's directory, such as `trixie-security`."""

    date: datetime
    architectures: frozenset[str]

    by_hash: bool
    """Whether indexes can be asked for by their digest, which a mirror that is being updated does not mix up."""

    digest: Digest
    """Of the `InRelease` itself."""

    files: str
    """The lines of its field `SHA256`."""

    def find(self, path: str) -> IndexFile | None:
        """Return the index at *path*, if the release has it."""
        found = re.search(rf"^ ([0-9a-f]{{64}}) +([0-9]{{1,15}}) {re.escape(path)}$", self.files, re.MULTILINE)
        if found is None:
            return None
        return IndexFile(path=path, size=int(found[2]), digest=f"sha256:{found[1]}")


def read_release(document: bytes, *, name: str, codename: str, archive: Archive, url: str, now: datetime) -> Release:
    """Verify *document*, the `InRelease` at *url* of the suite directory *name*, and return what it says.

    *codename* is the release's, such as `trixie`; *now* is an aware time.
    """
    what = f"`{url}`"
    text = verified(document, archive.keyrings, archive.fingerprints, what=what).decode("utf-8", "replace")
    fields = {found["name"].lower(): found["value"] for found in _FIELD.finditer(text)}
    _check_name(fields, name, codename, what)
    date = _date(fields, "Date", what)
    if date is None:
        raise IntegrityError(f"{what} has no date")
    _check_dates(date, _date(fields, "Valid-Until", what), archive, what, now)
    return Release(
        name=name,
        date=date,
        architectures=frozenset(fields.get("architectures", "").split()),
        by_hash=fields.get("acquire-by-hash", "no").strip().lower() == "yes",
        digest="sha256:" + hashlib.sha256(document).hexdigest(),
        files=fields.get("sha256", ""),
    )


def require_architecture(release: Release, architecture: str) -> None:
    """Raise `TargetError` if the suite has no packages for *architecture*."""
    if architecture not in release.architectures:
        known = ", ".join(f"`{name}`" for name in sorted(release.architectures - {"all", "source"}))
        raise TargetError(f"`{release.name}` has no packages for `{architecture}`", causes=(f"it has {known}",))


def _check_name(fields: dict[str, str], name: str, codename: str, what: str) -> None:
    """A mirror must not answer with another suite, which has a valid signature too."""
    found = fields.get("codename", "").strip()
    if found not in {name, codename} or (found == codename and name != codename):
        raise IntegrityError(
            f"{what} is of another suite", causes=(f"expected the codename `{name}`, got `{found[:80]}`",)
        )


def _check_dates(date: datetime, until: datetime | None, archive: Archive, what: str, now: datetime) -> None:
    if date > now + _AHEAD:
        raise IntegrityError(
            f"{what} is from the future",
            causes=(f"it is dated {date:%Y-%m-%d %H:%M} UTC; this machine's clock says {now:%Y-%m-%d %H:%M} UTC",),
            hints=("Set the clock",),
        )
    if until is not None and until < now and not archive.may_be_stale:
        raise IntegrityError(
            f"{what} is stale",
            causes=(f"it was valid until {until:%Y-%m-%d %H:%M} UTC; it is {now:%Y-%m-%d %H:%M} UTC",),
            hints=("Use a mirror that is kept up to date: security updates are missing from this one",),
        )


def _date(fields: dict[str, str], name: str, what: str) -> datetime | None:
    """Read `Sat, 21 Nov 2026 09:15:44 UTC`, without asking the locale."""
    text = fields.get(name.lower(), "").strip()
    if not text:
        return None
    found = _TIME.fullmatch(text)
    try:
        return _time(found.groups()) if found is not None else _unreadable(name, text, what)
    except ValueError:
        return _unreadable(name, text, what)


def _time(parts: Sequence[str]) -> datetime:
    day, month, year, hour, minute, second = parts
    number = _MONTHS.index(month) + 1
    return datetime(int(year), number, int(day), int(hour), int(minute), int(second), tzinfo=UTC)


def _unreadable(name: str, text: str, what: str) -> NoReturn:
    raise IntegrityError(f"{what} has a date that cannot be read", causes=(f"{name}: `{text[:80]}`",))
