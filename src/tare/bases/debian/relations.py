"""Relations between packages: `libc6 (>= 2.38), debconf | debconf-2.0`, as `Depends` and its like have them.

Debian Policy §7.1 has the syntax, §5.6.12 the order of versions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from tare.errors import IntegrityError

if TYPE_CHECKING:
    from debian.debian_support import Version

_RELATION: Final = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::(?P<architecture>[a-z0-9-]+))?"
    r"(?:\s*\(\s*(?P<operator><<|<=|=|>=|>>)\s*(?P<version>[^\s()]+)\s*\))?"
)


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """A package, and which versions of it."""

    name: str

    operator: str = ""
    """`<<`, `<=`, `=`, `>=`, `>>`, or nothing for any version."""

    version: str = ""

    architecture: str = ""
    """What follows the name after a colon: `any`, `native` or an architecture."""

    def __str__(self) -> str:
        return self.name + (f" ({self.operator} {self.version})" if self.operator else "")


def relations(field: str) -> tuple[tuple[Relation, ...], ...]:
    """Read a field: groups, of each of which one alternative is meant.

    >>> [[str(item) for item in group] for group in relations("libc6 (>= 2.38), debconf | debconf-2.0")]
    [['libc6 (>= 2.38)'], ['debconf', 'debconf-2.0']]
    """
    return tuple(
        tuple(_relation(item.strip()) for item in group.split("|")) for group in field.split(",") if group.strip()
    )


def satisfies(version: str, relation: Relation) -> bool:
    """Tell whether *version* is one that *relation* means."""
    if not relation.operator:
        return True
    have, want = version_key(version), version_key(relation.version)
    return {
        "<<": have < want,
        "<=": have <= want,
        "=": have == want,
        ">=": have >= want,
        ">>": have > want,
    }[relation.operator]


def version_key(version: str) -> Version:
    """Return *version* in a form that compares as Debian's versions do."""
    from debian.debian_support import Version

    try:
        return Version(version)
    except ValueError:
        raise IntegrityError(f"`{version[:80]}` is not a version of a Debian package") from None


def _relation(text: str) -> Relation:
    found = _RELATION.fullmatch(text)
    if found is None:
        raise IntegrityError(f"`{text[:80]}` is not a relation between Debian packages")
    return Relation(**{name: value or "" for name, value in found.groupdict().items()})
