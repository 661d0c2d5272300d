"""Where Debian's packages come from: a mirror, its security archive, and the keys that sign them.

No mirror's address is written here. It comes from the machine's own apt configuration (`apt.py`), or from a person.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from tare.errors import UsageError


class Keyring(msgspec.Struct, frozen=True, kw_only=True):
    """OpenPGP certificates, armoured or not."""

    name: str
    """Where they were found, for errors."""

    data: bytes


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """A root of an archive: below it lie `dists` and `pool`."""

    mirrors: tuple[str, ...]
    """URLs without a trailing slash. The first that answers is taken."""

    suffixes: tuple[str, ...]
    """What the suite's name is followed by here: `""` and `-updates`, or `-security`."""

    keyrings: tuple[Keyring, ...]

    fingerprints: tuple[str, ...] = ()
    """The keys that may sign, as lower-case hexadecimal; any of the keyrings' if empty."""

    may_be_stale: bool = False
    """Whether the machine's entry has `Check-Valid-Until: no`, as entries for snapshots do."""


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """All the archives of a suite."""

    archives: tuple[Archive, ...]

    origin: str
    """Who named them, for output."""

    @property
    def has_security(self) -> bool:
        """Whether security updates are among them."""
        return any("-security" in archive.suffixes for archive in self.archives)


def from_options(
    *, mirror: str, security_mirror: str | None, keyrings: tuple[Path, ...], root: Path = Path("/")
) -> Sources:
    """Return the sources that a person named. Without keyrings, those that the machine has for Debian are taken."""
    rings = tuple(read_keyring(path) for path in keyrings) or debian_keyrings(root)
    if not rings:
        raise UsageError(
            "there are no keys to verify Debian's signatures with",
            causes=(f"no keyring was named, and `{root / 'usr/share/keyrings'}` has none of Debian",),
            hints=("Name one with `TARE_DEBIAN_KEYRING`; the package `debian-archive-keyring` has them",),
        )
    archives = [Archive(mirrors=(mirror.rstrip("/"),), suffixes=("", "-updates"), keyrings=rings)]
    if security_mirror is not None:
        archives.append(Archive(mirrors=(security_mirror.rstrip("/"),), suffixes=("-security",), keyrings=rings))
    return Sources(archives=tuple(archives), origin="the options")


def debian_keyrings(root: Path) -> tuple[Keyring, ...]:
    """Return the keyrings that are Debian's, and those that apt trusts for everything.

    Other files in `usr/share/keyrings` belong to other archives, and sign nothing here.
    """
    shipped = sorted((root / "usr/share/keyrings").glob("debian-archive-*"))
    trusted = sorted((root / "etc/apt/trusted.gpg.d").glob("*"))
    return tuple(
        read_keyring(path)
        for path in [*shipped, *trusted]
        if path.suffix in {".gpg", ".pgp", ".asc"} and "removed" not in path.name and path.is_file()
    )


def read_keyring(path: Path) -> Keyring:
    """Read the keyring at *path*."""
    try:
        return Keyring(name=str(path), data=path.read_bytes())
    except OSError as error:
        raise UsageError(f"the keyring `{path}` cannot be read", causes=(error.strerror or str(error),)) from error
