"""Blobs of a repository: whether they are there, and their bytes, resumed where a connection broke.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs
"""

from __future__ import annotations

import contextlib
import io
import re
from typing import BinaryIO, Final

from tare.net.http import Answer
from tare.net.retry import TransientError
from tare.net.wire import Fault
from tare.oci import digest as digests
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.stores.registry import problems
from tare.stores.registry.attempts import Attempts
from tare.stores.registry.repository import Repository
from tare.stores.verified import damaged

_BUFFER: Final = 256 * 1024
_RANGE: Final = r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)"


def has(repository: Repository, descriptor: Descriptor) -> bool:
    """Return whether the repository has the blob. An answer that does not fit it counts as no."""
    digests.parse(descriptor.digest)
    path = f"blobs/{descriptor.digest}"
    try:
        answer = repository.request("HEAD", path, accept={200, 404})
        answer.discard()
    except problems.RefusalError as refusal:
        # Some servers do not know HEAD, and the signed address of a download is often good for GET only.
        if refusal.problem.status not in {403, 405} or (refusal.problem.status == 403 and not refusal.elsewhere):
            raise
        answer = repository.request("GET", path, accept={200, 404})
        answer.close()
    return answer.status == 200 and _fits(answer, descriptor)


def _fits(answer: Answer, descriptor: Descriptor) -> bool:
    stated = answer.fields.get("docker-content-digest")
    if stated and digests.algorithm(stated) == digests.algorithm(descriptor.digest) and stated != descriptor.digest:
        return False
    return answer.length in {None, descriptor.size} and not answer.fields.get("content-type").startswith("text/html")


def delete(repository: Repository, digest: Digest) -> bool:
    """Remove a blob. Returns whether there was one."""
    digests.parse(digest)
    answer = repository.request("DELETE", f"blobs/{digest}", accept={202, 200, 204, 404})
    answer.discard()
    return answer.status != 404


def open_blob(repository: Repository, descriptor: Descriptor, *, what: str, offset: int = 0) -> BinaryIO:
    """Return the bytes from *offset* on, unchecked but exactly as many as there should be. *what* names them in errors.

    The request is made here, so that a blob that is not there is found out at once.
    """
    return io.BufferedReader(BlobStream(repository, descriptor, what=what, offset=offset), _BUFFER)


class BlobStream(io.RawIOBase):
    """Reads a blob, and goes on where it was when a connection breaks."""

    def __init__(self, repository: Repository, descriptor: Descriptor, *, what: str, offset: int) -> None:
        self._repository = repository
        self._descriptor = descriptor
        self._what = what
        self._attempts: Attempts = repository.attempts()
        self._offset = offset
        self._ranges = True
        self._skip = 0
        """Bytes that come again because the server does not do ranges."""
        self._brought = 0
        self._answer: Answer | None = None
        digests.parse(descriptor.digest)
        if offset < descriptor.size or not descriptor.size:
            self._connect()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub says Buffer; io passes a memoryview
        while self._offset < self._descriptor.size:
            data = self._next(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
        return 0

    def close(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None
        super().close()

    def _next(self, size: int) -> bytes:
        """Return the next bytes that are wanted; nothing when the connection had to be made anew."""
        answer = self._answer
        if answer is None:
            self._connect()
            return b""
        try:
            data = answer.read1(self._skip or size)
        except Fault as fault:
            self._lost(answer, fault)
            return b""
        if not data:
            self._ended_early(answer)
        elif self._skip:
            self._skip -= len(data)
        else:
            self._offset += len(data)
            self._brought += len(data)
            self._check_end(answer)
            return data
        return b""

    def _check_end(self, answer: Answer) -> None:
        """Refuse more bytes than there should be, whether they come with the last ones or after them."""
        excess = self._offset > self._descriptor.size
        if self._offset == self._descriptor.size:
            with contextlib.suppress(Fault):
                excess = bool(answer.read1(1))
        if excess:
            answer.close()
            raise damaged(self._what, self._descriptor, size=self._descriptor.size + 1, more=True)

    def _ended_early(self, answer: Answer) -> None:
        """Go on after an answer that was shorter than asked for, as ranges may be."""
        if answer.status == 206 and self._brought >= _BUFFER:
            self._answer, self._brought = None, 0
            return
        reason = f"the answer ended after {self._offset:,} of {self._descriptor.size:,} bytes"
        self._lost(answer, Fault(reason, transient=True))

    def _lost(self, answer: Answer, fault: Fault) -> None:
        answer.close()
        self._answer = None
        error = problems.failed(self._repository.task, "GET", answer.address, fault.reason)
        if not fault.transient:
            raise error
        self._attempts.pause(TransientError(error, progress=self._brought))
        self._brought = 0

    def _connect(self) -> None:
        """Ask for the bytes from here on."""
        while self._answer is None:
            fields = {"Range": f"bytes={self._offset}-"} if self._offset and self._ranges else {}
            try:
                answer = self._repository.once(
                    "GET",
                    f"blobs/{self._descriptor.digest}",
                    accept={200, 206, 416} if fields else {200},
                    fields=fields,
                )
                self._begin(answer)
            except TransientError as transient:
                self._attempts.pause(transient)

    def _begin(self, answer: Answer) -> None:
        if answer.status == 200:
            if answer.length not in {None, self._descriptor.size}:
                answer.close()
                raise damaged(self._what, self._descriptor, size=answer.length or 0)
            self._skip = self._offset
            self._answer = answer
            return
        if answer.status == 206 and self._is_rest(answer):
            self._skip = 0
            self._answer = answer
            return
        answer.close()
        # It does not know what a range is. All of it will do as well, if more slowly.
        self._ranges = False
        problem = (
            f"the server answered {answer.status} `{answer.fields.get('content-range')[:80]}` to bytes {self._offset}-"
        )
        raise TransientError(problems.failed(self._repository.task, "GET", answer.address, problem))

    def _is_rest(self, answer: Answer) -> bool:
        found = re.fullmatch(_RANGE, answer.fields.get("content-range").strip())
        if found is None:
            return False
        first, last = int(found[1]), int(found[2])
        total = self._descriptor.size if found[3] == "*" else int(found[3])
        length = answer.length
        return (
            first == self._offset
            and first <= last < total == self._descriptor.size
            and (length is None or length == last - first + 1)
        )
