"""The machine's apt configuration: which mirror it uses for Debian, and which keys it trusts there.

The entries name the suite that the machine runs. The suite's name is all that changes for another one. Both formats of
sources.list(5) are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from tare.bases.debian.sources import Archive, Keyring, Sources, debian_keyrings, read_keyring
from tare.bases.debian.tables import tables
from tare.errors import UsageError

_LINE: Final = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>\S.*)")
_FINGERPRINT: Final = re.compile(r"[0-9A-Fa-f]{40,64}!?")
_HINT: Final = (
    "Name a mirror with `TARE_DEBIAN_MIRROR`, its security archive with `TARE_DEBIAN_SECURITY_MIRROR`, "
    "and the keys with `TARE_DEBIAN_KEYRING`"
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line, or one stanza, of the sources."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]

    options: dict[str, str]
    """By lower-case name, as in deb822 files."""


def from_machine(root: Path) -> Sources:
    """Return the sources that apt has below *root*, which is `/` but for tests."""
    known = tables()
    archives: dict[tuple[str, ...], Archive] = {}
    for entry in entries(root):
        mirrors = tuple(_mirrors(entry.uris, root))
        for suite in entry.suites:
            if mirrors and known.is_debian(suite) and "main" in entry.components:
                archives[mirrors] = _joined(archives.get(mirrors), mirrors, entry, suite, root)
    main = _best([archive for archive in archives.values() if "" in archive.suffixes])
    security = _best([archive for archive in archives.values() if "-security" in archive.suffixes])
    if main is None:
        raise UsageError(
            "this machine does not say where Debian's packages are", causes=(_what_is_missing(root),), hints=(_HINT,)
        )
    found = [main] if security is None or security is main else [main, security]
    return Sources(
        archives=tuple(found),
        origin=f"apt's configuration in `{root / 'etc/apt'}`",
    )


def _best(archives: list[Archive]) -> Archive | None:
    """Return the archive that is Debian's own: others use its suites' names too, but have no `-updates`."""
    return next((a for a in archives if "-updates" in a.suffixes), archives[0] if archives else None)


def entries(root: Path) -> Iterator[Entry]:
    """Yield the enabled entries for binary packages, in the order in which apt reads them."""
    directory = root / "etc/apt"
    listed = [directory / "sources.list", *sorted((directory / "sources.list.d").glob("*"))]
    for path in listed:
        if path.suffix in {".list", ".sources"} and path.is_file():
            text = path.read_text("utf-8", "replace")
            yield from _stanzas(text) if path.suffix == ".sources" else _lines(text)


def _lines(text: str) -> Iterator[Entry]:
    for line in text.splitlines():
        found = _LINE.fullmatch(line.partition("#")[0].strip())
        if found:
            pairs = (item.partition("=")[::2] for item in (found["options"] or "").split())
            yield Entry(
                uris=(found["uri"],),
                suites=(found["suite"],),
                components=tuple(found["components"].split()),
                options={name.lower().rstrip("+-"): value for name, value in pairs},
            )


def _stanzas(text: str) -> Iterator[Entry]:
    from debian.deb822 import Deb822

    for stanza in Deb822.iter_paragraphs(text, use_apt_pkg=False):
        fields = {name.lower(): value for name, value in stanza.items()}
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() not in {"no", "false"}:
            yield Entry(
                uris=tuple(fields.get("uris", "").split()),
                suites=tuple(fields.get("suites", "").split()),
                components=tuple(fields.get("components", "").split()),
                options=fields,
            )


def _joined(archive: Archive | None, mirrors: tuple[str, ...], entry: Entry, suite: str, root: Path) -> Archive:
    """Return *archive* with one more suite, or a new one."""
    # Up to buster, security updates were called `buster/updates`.
    security = suite.endswith(("-security", "/updates"))
    suffix = "-security" if security else "-updates" if suite.endswith("-updates") else ""
    if archive is not None:
        return msgspec.structs.replace(archive, suffixes=tuple(sorted({*archive.suffixes, suffix})))
    keyrings, fingerprints = _signed_by(entry.options.get("signed-by", ""), root)
    return Archive(
        mirrors=mirrors,
        suffixes=(suffix,),
        keyrings=keyrings,
        fingerprints=fingerprints,
        may_be_stale=entry.options.get("check-valid-until", "yes").lower() in {"no", "false"},
    )


def _mirrors(uris: tuple[str, ...], root: Path) -> Iterator[str]:
    """Yield the addresses that *uris* stand for; images of clouds keep theirs in a list (apt-transport-mirror(1))."""
    for uri in uris:
        if uri.startswith("mirror+file:"):
            path = root / uri.removeprefix("mirror+file:").lstrip("/")
            text = path.read_text("utf-8", "replace") if path.is_file() else ""
            yield from _mirrors(tuple(line.split()[0] for line in text.splitlines() if line.strip()), root)
        elif uri.startswith("copy:"):
            yield "file:" + uri.removeprefix("copy:").rstrip("/")
        elif uri.startswith(("http:", "https:", "file:")):
            yield uri.rstrip("/")


def _signed_by(value: str, root: Path) -> tuple[tuple[Keyring, ...], tuple[str, ...]]:
    """Return the keyrings and fingerprints that `Signed-By` names: paths, keys themselves, or fingerprints."""
    if "BEGIN PGP PUBLIC KEY" in value:
        lines = (line.strip() for line in value.splitlines())
        block = "\n".join("" if line == "." else line for line in lines).strip() + "\n"
        return (Keyring(name="`Signed-By` of apt's sources", data=block.encode()),), ()
    names = value.replace(",", " ").split()
    rings = tuple(read_keyring(root / name.lstrip("/")) for name in names if name.startswith("/"))
    fingerprints = tuple(name.rstrip("!").lower() for name in names if _FINGERPRINT.fullmatch(name))
    return rings or debian_keyrings(root), fingerprints


def _what_is_missing(root: Path) -> str:
    found = sorted({suite for entry in entries(root) for suite in entry.suites})
    if not found:
        return f"`{root / 'etc/apt'}` has no sources"
    shown = ", ".join(f"`{suite}`" for suite in found[:6])
    return f"its sources are for {shown}, and none of these is a release of Debian"
