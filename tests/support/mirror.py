"""A tiny Debian archive: packages made from scratch, indexes, and releases that are signed with a key of its own."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec
import pysequoia
import zstandard

from tare.bases.debian.blobs import Blobs
from tare.bases.debian.sources import Archive, Keyring, Sources
from tare.oci.digest import Digest

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"


class Symlink(msgspec.Struct, frozen=True):
    target: str


class HardLink(msgspec.Struct, frozen=True):
    target: str


class Special(msgspec.Struct, frozen=True):
    """A member of any type of tar."""

    type: bytes


Content = bytes | Symlink | HardLink | Special | None
"""None is a directory."""


class Folder(Blobs):
    """Blobs in a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def partial(self) -> Path:
        return self.root / "partial"

    def path(self, digest: Digest) -> Path:
        return self.root / "blobs" / digest.replace(":", "/")


@cache
def make_key(name: str) -> pysequoia.Tsk:
    """Return an OpenPGP key, the same for the same *name* within a run."""
    return pysequoia.Tsk.generate(f"{name} <{name}@debian.example>")


def public(key: pysequoia.Tsk) -> bytes:
    return bytes(key.extract_certificate())


def tar(files: Mapping[str, Content], modes: Mapping[str, int] | None = None) -> bytes:
    """Return a tar archive as dpkg-deb writes it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(f"./{path}")
            info.mtime = 1_700_000_000
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, Symlink):
                info.type, info.linkname = tarfile.SYMTYPE, content.target
            elif isinstance(content, HardLink):
                info.type, info.linkname = tarfile.LNKTYPE, f"./{content.target}"
            elif isinstance(content, Special):
                info.type = content.type
            else:
                info.size = len(content)
            info.mode = (modes or {}).get(path, info.mode)
            archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return stream.getvalue()


def compress(data: bytes, ending: str) -> bytes:
    if ending == ".xz":
        return lzma.compress(data)
    if ending == ".gz":
        return gzip.compress(data, mtime=0)
    return zstandard.ZstdCompressor().compress(data) if ending == ".zst" else data


def ar(members: Mapping[str, bytes]) -> bytes:
    pieces = [b"!<arch>\n"]
    for name, data in members.items():
        pieces.append(b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (name.encode(), 0, 0, 0, 0o100644, len(data)))
        pieces.append(data + b"\n" * (len(data) % 2))
    return b"".join(pieces)


def parents(files: Mapping[str, Content]) -> dict[str, Content]:
    """Return *files* with the directories that they need before them."""
    found: dict[str, Content] = {}
    for path, content in files.items():
        parts = path.split("/")
        for depth in range(1, len(parts)):
            found.setdefault("/".join(parts[:depth]), None)
        found[path] = content
    return found


class Package(msgspec.Struct, kw_only=True):
    """A package that can be published."""

    name: str
    version: str = "1.0-1"
    architecture: str = "amd64"
    files: dict[str, Content] = {}
    modes: dict[str, int] = {}
    postinst: str | None = None
    fields: dict[str, str] = {}
    """Further fields, such as `Depends`."""
    ending: str = ".xz"

    def control(self) -> dict[str, str]:
        return {
            "Package": self.name,
            "Version": self.version,
            "Architecture": self.architecture,
            "Maintainer": "Nobody <nobody@debian.example>",
            "Installed-Size": "1",
            "Priority": "optional",
            **self.fields,
            "Description": f"the package {self.name}\n with a longer text",
        }

    def deb(self) -> bytes:
        sums = "".join(
            f"{hashlib.md5(data).hexdigest()}  {path}\n"  # noqa: S324  # what dpkg uses
            for path, data in self.files.items()
            if isinstance(data, bytes)
        )
        control: dict[str, Content] = {"control": stanza(self.control()).encode(), "md5sums": sums.encode()}
        if self.postinst is not None:
            control["postinst"] = self.postinst.encode()
        data = tar(parents(self.files), self.modes)
        return ar(
            {
                "debian-binary": b"2.0\n",
                "control.tar.gz": compress(tar(control), ".gz"),
                f"data.tar{self.ending}": compress(data, self.ending),
            }
        )


def stanza(fields: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


class Mirror:
    """An archive and its security archive, below one directory."""

    def __init__(self, root: Path, *, codename: str = "trixie", key: str = "archive") -> None:
        self.root = root
        self.codename = codename
        self.key = key
        self.packages: dict[str, list[Package]] = {"": [], "-updates": [], "-security": []}
        self.release: dict[str, dict[str, str | None]] = {}
        """Fields to change, by suffix; None takes one away."""
        self.by_hash = True
        self.contents = ""

    def add(self, *packages: Package, suffix: str = "") -> None:
        self.packages[suffix] += packages

    def archive(self, suffix: str) -> Path:
        return self.root / ("security" if suffix == "-security" else "archive")

    def directory(self, suffix: str) -> Path:
        return self.archive(suffix) / "dists" / f"{self.codename}{suffix}"

    def publish(self) -> None:
        """Write packages, indexes and signed releases."""
        for suffix, packages in self.packages.items():
            self._publish(suffix, packages)

    def _publish(self, suffix: str, packages: list[Package]) -> None:
        directory = self.directory(suffix)
        indexes: dict[str, bytes] = {}
        for architecture in ("amd64", "arm64"):
            text = "\n".join(self._listed(suffix, package) for package in packages if self._fits(package, architecture))
            path = f"main/binary-{architecture}/Packages"
            indexes |= {path: text.encode(), f"{path}.xz": lzma.compress(text.encode())}
            contents = self.contents if suffix == "" else ""
            indexes[f"main/Contents-{architecture}.gz"] = gzip.compress(contents.encode(), mtime=0)
        for path, data in indexes.items():
            names = [path]
            if self.by_hash:
                names.append(f"{path.rpartition('/')[0]}/by-hash/SHA256/{hashlib.sha256(data).hexdigest()}")
            for name in names:
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                (directory / name).write_bytes(data)
        (directory / "InRelease").write_bytes(self.signed(self.text(suffix, indexes)))

    def text(self, suffix: str, indexes: Mapping[str, bytes]) -> str:
        """Return the text of the release."""
        sums = "".join(f"\n {hashlib.sha256(data).hexdigest()} {len(data):8} {path}" for path, data in indexes.items())
        fields: dict[str, str | None] = {
            "Origin": "Debian",
            "Suite": f"stable{suffix}",
            "Codename": f"{self.codename}{suffix}",
            "Date": date(NOW - timedelta(days=1)),
            "Valid-Until": date(NOW + timedelta(days=6)),
            "Acquire-By-Hash": "yes" if self.by_hash else None,
            "Architectures": "all amd64 arm64",
            "Components": "main contrib",
            "SHA256": sums,
            **self.release.get(suffix, {}),
        }
        return stanza({name: value for name, value in fields.items() if value is not None})

    def signed(self, text: str) -> bytes:
        key = make_key(self.key)
        return bytes(pysequoia.sign(key.signer(), text.encode(), mode=pysequoia.SignatureMode.CLEAR))

    def sources(
        self,
        *,
        base: str | None = None,
        key: str | None = None,
        fingerprints: tuple[str, ...] = (),
        may_be_stale: bool = False,
    ) -> Sources:
        """Return the sources that name this mirror, by `file:` or below the URL *base*."""
        ring = Keyring(name="test.gpg", data=public(make_key(key or self.key)))
        at = base or self.root.as_uri()
        parts = (("archive", ("", "-updates")), ("security", ("-security",)))
        archives = tuple(
            Archive(
                mirrors=(f"{at}/{part}",),
                suffixes=suffixes,
                keyrings=(ring,),
                fingerprints=fingerprints,
                may_be_stale=may_be_stale,
            )
            for part, suffixes in parts
        )
        return Sources(archives=archives, origin="the test")

    def _fits(self, package: Package, architecture: str) -> bool:
        return package.architecture in {architecture, "all"}

    def _listed(self, suffix: str, package: Package) -> str:
        deb = package.deb()
        filename = f"pool/main/{package.name}_{package.version.rpartition(':')[2]}_{package.architecture}.deb"
        path = self.archive(suffix) / filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(deb)
        fields = package.control() | {
            "Filename": filename,
            "Size": str(len(deb)),
            "SHA256": hashlib.sha256(deb).hexdigest(),
        }
        return stanza(fields)


def date(when: datetime) -> str:
    """Return *when* as a release has it, in any locale."""
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{days[when.weekday()]}, {when:%d} {months[when.month - 1]} {when:%Y %H:%M:%S} UTC"


def base_packages() -> list[Package]:
    """Return the smallest packages that a base of trixie can be assembled from."""
    return [
        Package(
            name="base-files",
            version="13.8",
            files={
                "etc": None,
                "home": None,
                "root": None,
                "tmp": None,
                "usr/bin": None,
                "usr/sbin": None,
                "var/run": None,
                "var/tmp": None,
                "bin": Symlink("usr/bin"),
                "lib": Symlink("usr/lib"),
                "usr/lib/os-release": b"ID=debian\n",
                "etc/os-release": Symlink("../usr/lib/os-release"),
                "etc/issue": b"Debian\n",
                "usr/share/doc/base-files/copyright": b"free\n",
                "usr/share/doc/base-files/README": b"read me\n",
            },
            modes={"root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777},
            fields={"Pre-Depends": "awk"},
        ),
        Package(
            name="python3.13-minimal",
            version="3.13.5-2+deb13u5",
            files={"usr/bin/python3.13": b"\x7fELF python"},
            modes={"usr/bin/python3.13": 0o755},
            fields={"Depends": "libpython3.13-minimal (= 3.13.5-2+deb13u5)", "Pre-Depends": "libc6 (>= 2.38)"},
            ending=".zst",
        ),
        Package(
            name="libpython3.13-minimal",
            version="3.13.5-2+deb13u5",
            files={"usr/lib/python3.13/os.py": b"# os\n"},
            ending=".gz",
        ),
        Package(
            name="libpython3.13-stdlib",
            version="3.13.5-2+deb13u5",
            files={
                "usr/lib/python3.13/ssl.py": b"# ssl\n",
                "usr/share/doc/libpython3.13-stdlib": Symlink("libpython3.13-minimal"),
            },
            fields={"Depends": "media-types | mime-support, libc6"},
        ),
        Package(
            name="libc6",
            version="2.41-12+deb13u5",
            files={
                "usr/lib/x86_64-linux-gnu/libc.so.6": b"\x7fELF libc",
                "usr/lib64/ld-linux-x86-64.so.2": Symlink("../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
                "usr/share/man/man7/libc.7.gz": b"manual",
            },
            fields={"Depends": "libgcc-s1"},
        ),
        Package(name="libgcc-s1", version="14.2.0-19", files={"lib/x86_64-linux-gnu/libgcc_s.so.1": b"\x7fELF gcc"}),
        Package(name="media-types", architecture="all", files={"etc/mime.types": b"text/plain txt\n"}),
        Package(
            name="ca-certificates",
            architecture="all",
            files={
                "usr/share/ca-certificates/mozilla/B.crt": CERTIFICATE % b"QkI=",
                "usr/share/ca-certificates/mozilla/A.crt": (CERTIFICATE % b"QUE=").rstrip(b"\n"),
                "usr/sbin/update-ca-certificates": b"#!/bin/sh\n",
            },
            fields={"Depends": "openssl (>= 1.1.1), debconf (>= 0.5) | debconf-2.0"},
            postinst="#!/bin/sh\nupdate-ca-certificates\n",
        ),
        Package(name="tzdata", architecture="all", files={"usr/share/zoneinfo/Etc/UTC": b"TZif2"}),
        Package(name="netbase", architecture="all", files={"etc/services": b"https 443/tcp\n"}),
        Package(
            name="libc-bin",
            version="2.41-12+deb13u5",
            files={
                "usr/lib/locale/C.utf8/LC_CTYPE": b"ctype",
                "usr/sbin/ldconfig": b"\x7fELF",
                "usr/share/libc-bin/nsswitch.conf": b"hosts: files dns\n",
            },
        ),
        Package(name="ncurses-base", architecture="all", files={"usr/share/terminfo/x/xterm": b"xterm"}),
    ]
