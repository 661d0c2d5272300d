"""`.deb` packages: their control files and the archive of their content, read once, front to back.

deb(5), deb-control(5), deb-md5sums(5) and deb-conffiles(5) describe the parts.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from tare.bases.debian import ar
from tare.bases.debian.inflate import inflated
from tare.errors import HostileInputError, IntegrityError
from tare.oci.tar import TarReader

_COMPRESSIONS: Final = {"": "none", ".gz": "gzip", ".xz": "xz", ".zst": "zstd"}
_CONTROL_LIMIT: Final = 64 * 1024 * 1024
_CONTENT_LIMIT: Final = 16 * 1024**3
"""Bytes that a package may unpack to."""

_READ: Final = frozenset({"control", "md5sums", "conffiles", "postinst"})


class Deb:
    """An open package."""

    def __init__(self, files: Mapping[str, bytes], content: TarReader) -> None:
        self.control = files["control"]
        """Its control file: what an index's stanza repeats."""

        self.md5sums = files.get("md5sums", b"")
        """MD5 sums and paths of its files."""

        self.conffiles = tuple(files.get("conffiles", b"").decode("utf-8", "replace").split())
        """Absolute paths of its configuration files."""

        self.postinst = files.get("postinst")
        """What runs when it is installed, which is not here."""

        self.content = content
        """The archive of its files, to be iterated over once."""

    def fields(self) -> dict[str, str]:
        """Return the control file's fields."""
        from debian.deb822 import Deb822

        return dict(Deb822(self.control.decode("utf-8", "replace").splitlines()))


@contextlib.contextmanager
def open_deb(path: Path, *, what: str) -> Iterator[Deb]:
    """Open the package at *path*, whose digest was verified. *what* names it in errors."""
    with path.open("rb") as file:
        members = ar.members(file, what=what)
        _format(next(members, None), what)
        files = _control(next(members, None), what)
        data = next(members, None)
        content = TarReader(_archive(data, "data.tar", _CONTENT_LIMIT, what), what=f"the content of {what}")
        yield Deb(files, content)
        surplus = next(members, None)
        if surplus is not None and not surplus.name.startswith("_"):
            raise HostileInputError(f"{what} is not a sound package", causes=(f"`{surplus.name}` follows its content",))


def _format(member: ar.Member | None, what: str) -> None:
    found = member.read(16) if member is not None and member.name == "debian-binary" else None
    if not found or not found.startswith(b"2."):
        raise IntegrityError(
            f"{what} is not a package of format 2", causes=(f"its first member has {(found or b'nothing')!r}",)
        )


def _control(member: ar.Member | None, what: str) -> dict[str, bytes]:
    """Return the control files that are of use."""
    reader = TarReader(_archive(member, "control.tar", _CONTROL_LIMIT, what), what=f"the control archive of {what}")
    files: dict[str, bytes] = {}
    for entry in reader:
        if entry.path in files:
            raise HostileInputError(f"{what} is not a sound package", causes=(f"it has two files `{entry.path}`",))
        if entry.kind == "file" and entry.path in _READ:
            files[entry.path] = reader.read()
    if "control" not in files:
        raise IntegrityError(f"{what} is not a sound package", causes=("it has no file `control`",))
    return files


def _archive(member: ar.Member | None, name: str, limit: int, what: str) -> BinaryIO:
    """Return the plain bytes of a tar archive that is a member called *name* with a compression's ending."""
    compression = _COMPRESSIONS.get(member.name.removeprefix(name)) if member is not None else None
    if member is None or compression is None or not member.name.startswith(name):
        found = f"`{member.name}`" if member is not None else "nothing"
        raise IntegrityError(f"{what} is not a sound package", causes=(f"expected `{name}`, got {found}",))
    return inflated(io.BufferedReader(member), compression, limit=limit, what=f"`{member.name}` of {what}")
