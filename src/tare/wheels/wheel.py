"""Wheels, read strictly: what the file name, METADATA, WHEEL and RECORD say, and that they say the same.

https://packaging.python.org/en/latest/specifications/binary-distribution-format/ (PEP 427) and
recording-installed-packages/ (PEP 376, 627)
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from tare.errors import HostileInputError, IntegrityError, TargetError
from tare.oci.digest import Digest
from tare.wheels import archive as archives
from tare.wheels.archive import Archive
from tare.wheels.directory import Member
from tare.wheels.random_access import MappedFile
from tare.wheels.record import Recorded, check_record, parse_record

MAX_METADATA: Final = 16 * 1024 * 1024
"""Bytes of a file of `.dist-info` that is read whole. The largest known RECORD has 3 MB."""

_HASHES: Final = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
"""Looked up once: `hashlib.new` costs as much as hashing a small file."""

_line_end = re.compile(r"\r\n|\r|\n")


class Wheel(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel whose parts agree with each other. Its files' hashes are checked by `content`, when they are read."""

    filename: str
    digest: Digest
    """Of the whole file."""

    name: str
    """The distribution's name, normalized."""

    version: str
    """As METADATA spells it."""

    archive: Archive
    dist_info: str
    """The directory's name."""

    data_dir: str
    """The directory of files for other schemes; it need not exist."""

    purelib: bool
    """Whether the root goes to `purelib`; else to `platlib`."""

    record: dict[str, Recorded]
    """By path, for every file."""

    entry_points: str
    """The text of `entry_points.txt`, empty if there is none."""

    @property
    def what(self) -> str:
        return self.archive.what

    def read(self, name: str) -> bytes:
        """Return a small file's content, checked."""
        for member in self.archive.members:
            if member.name == name:
                return b"".join(self.content(member))
        raise _refuse(self.archive, f"it has no `{name}`")

    def content(self, member: Member) -> Iterator[bytes]:
        """Yield a file's content in pieces, and raise at its end if it is not what RECORD says."""
        recorded = self.record[member.name]
        if not recorded.algorithm:
            yield from self.archive.inflate(member)
            return
        hasher = _HASHES[recorded.algorithm]()
        for piece in self.archive.inflate(member):
            hasher.update(piece)
            yield piece
        self._agree(member, recorded, hasher.digest())

    def whole(self, member: Member) -> tuple[memoryview | bytes, bytes]:
        """Return a small deflated file as it lies and its content, and raise if it is not what RECORD says."""
        raw, data = self.archive.whole(member)
        recorded = self.record[member.name]
        if recorded.algorithm:
            self._agree(member, recorded, _HASHES[recorded.algorithm](data).digest())
        return raw, data

    def _agree(self, member: Member, recorded: Recorded, digest: bytes) -> None:
        found = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if found != recorded.hash:
            raise HostileInputError(
                f"refusing {self.what}",
                causes=(f"`{member.name}` has the {recorded.algorithm} {found}; RECORD says {recorded.hash}",),
            )


def open_wheel(path: Path, filename: str, digest: Digest) -> Wheel:
    """Read the wheel at *path*, which is known as *filename* and was verified against *digest*."""
    what = f"`{filename}`"
    return read(archives.read(MappedFile(path), what=what), filename=filename, digest=digest)


def read(archive: Archive, *, filename: str, digest: Digest) -> Wheel:
    """Read a wheel's own description of itself."""
    name, version = _parse_filename(filename)
    dist_info = _dist_info(archive, name, version)
    members = {member.name: member for member in archive.members}

    def text(file: str, *, required: bool = True) -> str:
        return _text(archive, members.get(f"{dist_info}/{file}"), f"{dist_info}/{file}", required=required)

    wheel_fields = _headers(text("WHEEL"))
    _check_wheel_version(archive, wheel_fields)
    metadata = _headers(text("METADATA"))
    _check_metadata(archive, metadata, name, version)
    record = parse_record(archive, text("RECORD"), dist_info)
    check_record(archive, members, record, dist_info)
    return Wheel(
        filename=filename,
        digest=digest,
        name=name,
        version=metadata["version"][0],
        archive=archive,
        dist_info=dist_info,
        data_dir=dist_info.removesuffix(".dist-info") + ".data",
        purelib=wheel_fields.get("root-is-purelib", ["false"])[0].strip().lower() == "true",
        record={path: Recorded(algorithm, value) for path, (algorithm, value, _) in record.items()},
        entry_points=text("entry_points.txt", required=False),
    )


def _parse_filename(filename: str) -> tuple[str, str]:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        name, version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise IntegrityError(f"`{filename}` is not the name of a wheel", causes=(str(error),)) from None
    return name, str(version)


def _dist_info(archive: Archive, name: str, version: str) -> str:
    """Return the one `.dist-info` directory, which must be named as the file is, and so must a `.data` directory."""
    tops = {member.name.partition("/")[0] for member in archive.members}
    found = sorted(top for top in tops if top.endswith(".dist-info"))
    if len(found) != 1:
        raise _refuse(
            archive, f"it has {len(found)} .dist-info directories" + (": " + ", ".join(found[:3]) if found else "")
        )
    stated_name, _, stated_version = found[0].removesuffix(".dist-info").rpartition("-")
    if _normalize(stated_name) != name or not _same_version(stated_version, version):
        raise _refuse(archive, f"its `{found[0]}` is of another distribution or version than its file name")
    data = found[0].removesuffix(".dist-info") + ".data"
    for top in sorted(tops):
        if top.endswith(".data") and top != data:  # Some installers would take its files apart, and some would not.
            raise _refuse(archive, f"its `{top}` is not named as its `{found[0]}`")
    return found[0]


def _text(archive: Archive, member: Member | None, path: str, *, required: bool) -> str:
    if member is None:
        if required:
            raise _refuse(archive, f"it has no `{path}`")
        return ""
    if member.size > MAX_METADATA:
        raise _refuse(archive, f"`{path}` has {member.size} bytes; the limit is {MAX_METADATA}")
    try:
        return archive.read(member).decode()
    except UnicodeDecodeError:
        raise _refuse(archive, f"`{path}` is not UTF-8") from None


def _headers(text: str) -> dict[str, list[str]]:
    """Read `Key: value` lines up to the first blank one; lines that go on begin with a space.

    The standard library's e-mail parser would do, for 20 ms of start-up.
    """
    fields: dict[str, list[str]] = {}
    last = None
    for line in _line_end.split(text):
        if not line.strip():
            break
        if line[0] in " \t":
            if last is not None:
                last[-1] += "\n" + line.strip()
            continue
        key, colon, value = line.partition(":")
        if colon:
            last = fields.setdefault(key.strip().lower(), [])
            last.append(value.strip())
    return fields


def _check_wheel_version(archive: Archive, wheel: dict[str, list[str]]) -> None:
    stated = wheel.get("wheel-version", [])
    if len(stated) != 1:
        raise _refuse(archive, f"WHEEL has {len(stated)} fields `Wheel-Version`")
    if re.fullmatch(r"1\.[0-9]+", stated[0]) is None:
        raise TargetError(
            f"{archive.what} is of a wheel version that tare does not know",
            causes=(f"its WHEEL says `Wheel-Version: {stated[0][:40]}`; expected 1.x",),
        )


def _check_metadata(archive: Archive, metadata: dict[str, list[str]], name: str, version: str) -> None:
    for key in ("name", "version"):
        if len(metadata.get(key, [])) != 1:
            raise _refuse(archive, f"METADATA has {len(metadata.get(key, []))} fields `{key.title()}`")
    stated_name, stated_version = metadata["name"][0], metadata["version"][0]
    if _normalize(stated_name) != name or not _same_version(stated_version, version):
        raise _refuse(
            archive,
            f"METADATA says `{stated_name[:80]} {stated_version[:80]}`; the file name says `{name} {version}`",
        )


def _normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _same_version(stated: str, version: str) -> bool:
    """Compare as PEP 440 does: `1.0` and `1.0.0` are one version, and `_` stands for what a file name cannot have."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(stated.replace("_", "-")) == Version(version)
    except InvalidVersion:
        return False


def _refuse(archive: Archive, problem: str) -> HostileInputError:
    return HostileInputError(f"refusing {archive.what}", causes=(problem,))
