"""The one door to the network: files by HTTP or from `file://`, verified before anyone sees them.

    get(url, limit=...)                small documents, in memory
    download(url, path, digest=...)    files: resumed, hashed while they arrive, under their name only when they are right
    read_range(url, start, length)     a part of a file, where the server has ranges

Where it may go and what it says there (proxies, certificates, credentials) are arguments; the environment is not read.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from tare.errors import IntegrityError
from tare.net import files
from tare.net.answers import content_range, stated_length
from tare.net.download import Download
from tare.net.part import Part
from tare.net.retry import Retry, TransientError
from tare.net.session import Credentials, Session, cannot_fetch
from tare.net.urls import redacted

_WHOLE: Final = frozenset({200})
_RANGE: Final = frozenset({200, 206, 416})


class RangeRead(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a file."""

    data: bytes

    start: int
    """Where in the file it begins."""

    total: int
    """Bytes of the whole file."""


class Fetcher:
    """Fetches. One object serves a whole run, from any number of threads, and keeps its connections."""

    def __init__(
        self,
        *,
        ca_file: Path | None = None,
        proxies: Mapping[str, str] | None = None,
        credentials: Callable[[str], Credentials | None] | None = None,
        offline: bool = False,
        user_agent: str = "tare",
        connect_timeout: float = 15.0,
        read_timeout: float = 30.0,
        attempts: int = 4,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take all that decides how to reach a server.

        *ca_file* replaces the system's certificates. *proxies* has the keys `http`, `https`, `all` and `no`.
        *credentials* is asked, with a URL without user info, for what the URL does not say itself. *note* is told of a
        long wait.
        """
        self._session = Session(
            ca_file=ca_file,
            proxies=proxies or {},
            credentials=credentials,
            offline=offline,
            user_agent=user_agent,
            timeouts=(connect_timeout, read_timeout),
            monotonic=monotonic,
        )
        self._retry = Retry(attempts=attempts, sleep=sleep, jitter=jitter, note=note)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def get(self, url: str, *, limit: int) -> bytes:
        """Return the document at *url*, which has at most *limit* bytes."""
        if files.is_file(url):
            return files.read(url, limit=limit)
        return self._retry.run(lambda: self._get(url, limit))

    def download(
        self,
        url: str,
        path: Path,
        *,
        digest: str | None,
        size: int | None = None,
        partial: Path | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Path:
        """Fetch *url* to *path*, replacing what is there.

        *digest* is `ALGORITHM:HEX`, or None where nobody stated one. *partial* is the directory of unfinished files,
        on the same file system; by default that of *path*. *progress* is told how many bytes came, or less than 0
        when some of them have to be fetched again.
        """
        report = progress or _silent
        with Part(path, partial or path.parent, digest=digest) as part:
            download = Download(self._session, part, url, size=size, report=report)
            report(part.size)
            download.run(self._retry)
            if digest is not None and part.digest != digest and part.resumed:
                # Its beginning came from another version of the file, or was damaged on the disk.
                download.restart()
                download.run(self._retry)
            if digest is not None and part.digest != digest:
                cause = f"expected {digest}, got {part.digest} ({part.size:,} bytes)"
                download.restart()
                raise IntegrityError(f"`{redacted(url)}` is not what was promised", causes=(cause,))
            part.commit()
        return path

    def read_range(self, url: str, start: int | None, length: int) -> RangeRead | None:
        """Return *length* bytes from *start*, or the last *length* bytes; None if the server has no ranges.

        None says: download the file. Less is returned where the file ends before.
        """
        if files.is_file(url):
            data, first, total = files.read_range(url, start, length)
            return RangeRead(data=data, start=first, total=total)
        return self._retry.run(lambda: self._read_range(url, start, length))

    def _get(self, url: str, limit: int) -> bytes:
        answer = self._session.open(url, {}, accept=_WHOLE)
        length = stated_length(answer)
        encoding = answer.headers.get("Content-Encoding", "identity")
        cause = None
        if encoding != "identity":
            cause = f"it is sent with the encoding `{encoding[:40]}`, which was not asked for"
        elif length is not None and length > limit:
            cause = f"it has {length:,} bytes; the limit is {limit:,}"
        if cause:
            answer.close()
            raise cannot_fetch(url, cause)
        data = bytearray()
        for chunk in self._session.chunks(answer, url):
            data += chunk
            if len(data) > limit:
                answer.close()
                raise cannot_fetch(url, f"it has more than {limit:,} bytes, which is the limit")
        return bytes(data)

    def _read_range(self, url: str, start: int | None, length: int) -> RangeRead | None:
        wanted = f"bytes=-{length}" if start is None else f"bytes={start}-{start + length - 1}"
        answer = self._session.open(url, {"Range": wanted}, accept=_RANGE)
        if answer.status == 416:
            answer.close()
            raise cannot_fetch(url, "it is empty" if start is None else f"it has no bytes from {start:,}")
        found = content_range(answer) if answer.status == 206 else None
        if found is None:
            answer.close()
            return None
        first, end, total = found
        begins = max(total - length, 0) if start is None else start
        if first != begins or end != min(begins + length, total):
            answer.close()
            raise cannot_fetch(url, f"asked for `{wanted}`, the server sent bytes {first}-{end - 1} of {total}")
        data = bytearray()
        for chunk in self._session.chunks(answer, url):
            data += chunk
            if len(data) > end - first:
                answer.close()
                break
        if len(data) != end - first:
            raise TransientError(cannot_fetch(url, f"{len(data):,} bytes came of a range of {end - first:,}"))
        return RangeRead(data=bytes(data), start=first, total=total)


def _silent(_: int) -> None:
    pass
