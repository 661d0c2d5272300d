"""A source that is a part of an archive: build front-ends take whole archives only, so this one is unpacked for them.

What is unpacked is built, by a program of whoever made the archive; the bounds are there for this disk, and for what
lies beside the scratch directory.
"""

from __future__ import annotations

import lzma
import os
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Final

from tare.errors import HostileInputError, IntegrityError, MachineError

MAX_UNPACKED: Final = 4 * 1024**3
"""Bytes of all files of an archive."""
MAX_FILES: Final = 200_000

UNSOUND: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # zipfile's for a method of compression that it does not have
)
"""What the readers of the standard library raise for an archive that is cut short, damaged or hostile.

For a member that is encrypted zipfile raises a bare RuntimeError, as defects do: `check_plain` is asked before.
"""


def unpacked(file: Path, filename: str, place: Path, below: str) -> Path:
    """Unpack the archive *file*, known as *filename*, into *place*, and return the directory *below* its root.

    The root is the one directory that everything is in, where there is one: the rule of pip, to which a lock's
    `subdirectory` refers.
    """
    place.mkdir()
    try:
        if zipfile.is_zipfile(file):
            _unpack_zip(file, filename, place)
        else:
            _unpack_tar(file, filename, place)
    except UNSOUND as error:
        raise _unsound(filename, error) from None
    except OSError as error:
        if error.errno is None:  # gzip and bz2 say so of their data
            raise _unsound(filename, error) from None
        raise MachineError(f"cannot unpack `{filename}`", causes=(error.strerror or str(error),)) from error
    names = os.listdir(place)
    root = place / names[0] if len(names) == 1 and (place / names[0]).is_dir() else place
    found = os.path.realpath(root / below)
    if not found.startswith(os.path.join(os.path.realpath(place), "")):
        raise HostileInputError(f"`{filename}` leads out of itself", causes=(f"to `{below}`",))
    if not os.path.isdir(found):
        raise IntegrityError(f"`{filename}` has no directory `{below}`")
    return Path(found)


def _unsound(filename: str, error: Exception) -> IntegrityError:
    return IntegrityError(f"`{filename}` cannot be unpacked", causes=(str(error) or type(error).__name__,))


def _unpack_tar(file: Path, filename: str, place: Path) -> None:
    if not hasattr(tarfile, "data_filter"):  # Python 3.11.4 has it, and every later one
        raise MachineError(
            f"`{filename}` cannot be unpacked safely by this Python", hints=("Run tare with CPython 3.11.4 or newer",)
        )
    with tarfile.open(file) as archive:
        size = 0
        for number, member in enumerate(archive):
            size += member.size
            _check(filename, number, size)
            archive.extract(member, place, filter="data")


def _unpack_zip(file: Path, filename: str, place: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        size = 0
        for number, member in enumerate(archive.infolist()):
            size += member.file_size
            _check(filename, number, size)
            check_plain(member)
            archive.extract(member, place)  # which leaves out what would lead elsewhere, and makes no links


def check_plain(member: zipfile.ZipInfo) -> None:
    """Raise `BadZipFile` for a member that is encrypted: flag 0 of APPNOTE.TXT 4.4.4."""
    if member.flag_bits & 1:
        raise zipfile.BadZipFile(f"{member.filename!r} is encrypted")


def _check(filename: str, number: int, size: int) -> None:
    if number >= MAX_FILES or size > MAX_UNPACKED:
        raise HostileInputError(
            f"refusing `{filename}`", causes=(f"it has more than {MAX_FILES} files, or than {MAX_UNPACKED} bytes",)
        )
