"""`file://` URLs, for mirrors and indexes that lie on a disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from tare.errors import IntegrityError, NetworkError
from tare.net.urls import redacted

_CHUNK: Final = 1024 * 1024


def is_file(url: str) -> bool:
    """Tell whether *url* names a file."""
    return url[:5].lower() == "file:"


def read(url: str, *, limit: int) -> bytes:
    """Return the file's bytes."""
    with _open(url) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise _cannot(url, f"it has more than {limit:,} bytes, which is the limit")
    return data


def read_range(url: str, start: int | None, length: int) -> tuple[bytes, int, int]:
    """Return a part of the file, where it begins, and the size of the whole."""
    with _open(url) as file:
        total = file.seek(0, 2)
        first = max(total - length, 0) if start is None else start
        if first >= total:
            raise _cannot(url, f"it has no bytes from {first:,}" if start is not None else "it is empty")
        file.seek(first)
        return file.read(length), first, total


def chunks(url: str, *, size: int | None) -> Iterator[bytes]:
    """Yield the file's bytes, which are *size* in number."""
    with _open(url) as file:
        total = file.seek(0, 2)
        if size is not None and total != size:
            raise IntegrityError(
                f"`{redacted(url)}` is not what was promised", causes=(f"expected {size:,} bytes, got {total:,}",)
            )
        file.seek(0)
        while data := file.read(_CHUNK):
            yield data


def _open(url: str) -> BinaryIO:
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise NetworkError(f"`{redacted(url)}` is not a URL", causes=(str(error),)) from None
    if parts.netloc not in {"", "localhost"}:
        raise _cannot(url, f"it names the host `{parts.netloc}`; a file is on this machine")
    path = url2pathname(parts.path)
    try:
        return Path(path).open("rb")
    except (OSError, ValueError) as error:
        raise _cannot(url, getattr(error, "strerror", None) or str(error)) from error


def _cannot(url: str, cause: str) -> NetworkError:
    return NetworkError(f"cannot read `{redacted(url)}`", causes=(cause,))
