"""What packages an image has, read from its layers: names and versions, and of which distribution.

Layers are streamed, with whiteouts and links applied, and of all files only the databases of package managers are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final

import msgspec

from tare.bases.tree import Tree
from tare.errors import HostileInputError
from tare.oci.tar import TarReader

FORMAT: Final = 1
"""Raised whenever the same image would give other packages."""

MAX_KEPT: Final = 64 * 1024 * 1024
"""Bytes of all databases together. A full image of a distribution has 2 MB of them."""

_STATUS: Final = "var/lib/dpkg/status"
_STATUS_D: Final = "var/lib/dpkg/status.d"
"""One file for each package: what distroless images and tare's own have."""

_APK: Final = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
_RPM: Final = tuple(
    f"{directory}/{name}"
    for directory in ("var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm")
    for name in ("rpmdb.sqlite", "Packages.db", "Packages")
)
_kept = re.compile(rf"(usr/lib|etc)/os-release|{_STATUS}(\.d/[^/]+)?|{'|'.join(_APK)}")
_line = re.compile(r"^([A-Z_]+)=[\"']?([^\"'\n]*)", re.MULTILINE)


class Package(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A package of Debian or a relative of it."""

    name: str
    version: str
    architecture: str
    """As Debian calls it, or `all`."""


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """All of an image's packages."""

    os: str
    """`ID` of os-release, such as `debian`; empty if there is none."""

    release: str
    """`VERSION_ID`."""

    codename: str
    pretty: str
    """The name for people."""

    debian: tuple[Package, ...]
    """Sorted."""

    apk: int
    """Packages of Alpine and its kin."""

    rpm: bool
    """Whether there is a database of RPM."""


def read(layers: Iterable[Callable[[], BinaryIO]], *, what: str) -> Installed:
    """Return the packages of the image whose *layers*, bottom first, each open an uncompressed tar."""
    tree = Tree()
    keeper = _Keeper(what)
    for number, open_layer in enumerate(layers, 1):
        with open_layer() as stream:
            tree.apply(TarReader(stream, what=f"layer {number} of {what}"), keeper.take)
    release = dict(_line.findall(_text(tree, "etc/os-release") or _text(tree, "usr/lib/os-release")))
    apk = "\n".join(_text(tree, path) for path in _APK)
    return Installed(
        os=release.get("ID", ""),
        release=release.get("VERSION_ID", ""),
        codename=release.get("VERSION_CODENAME", ""),
        pretty=release.get("PRETTY_NAME", "") or release.get("NAME", ""),
        debian=tuple(sorted(set(_packages(tree)))),
        apk=len(re.findall(r"^P:", apk, re.MULTILINE)),
        rpm=any(tree.is_file(path) for path in _RPM),
    )


class _Keeper:
    """Keeps what is read afterwards, and no more than `MAX_KEPT` of it."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._kept = 0

    def take(self, path: str, reader: TarReader, size: int) -> bytes | None:
        if _kept.fullmatch(path) is None:
            return None
        self._kept += size
        if self._kept > MAX_KEPT:
            raise HostileInputError(
                f"the package databases of {self._what} are too large",
                causes=(f"they have more than {MAX_KEPT:,} bytes",),
            )
        return reader.read()


def _text(tree: Tree, path: str) -> str:
    data = tree.clue(path)
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else ""


def _packages(tree: Tree) -> Iterator[Package]:
    from debian.deb822 import Deb822

    names = (name for name in tree.names(_STATUS_D) if not name.endswith(".md5sums"))
    texts = [(_text(tree, _STATUS), True), *((_text(tree, f"{_STATUS_D}/{name}"), False) for name in names)]
    for text, is_status in texts:
        for stanza in Deb822.iter_paragraphs(text, use_apt_pkg=False):
            installed = not is_status or stanza.get("Status", "").split()[-1:] == ["installed"]
            if installed and stanza.get("Package") and stanza.get("Version"):
                yield Package(
                    name=stanza["Package"], version=stanza["Version"], architecture=stanza.get("Architecture", "all")
                )
