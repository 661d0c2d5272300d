"""Blobs into a repository: mounted from another one, in one request, or in chunks.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs

A small upload is one POST and one PUT. A large one has a PATCH between them, as Docker's own pushes have: where it
breaks, the registry is asked how far it got, and the rest follows in chunks. One that has forgotten it all, as
Distribution 2.8 does whenever an upload breaks, gets it from the start.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

from tare.errors import NetworkError
from tare.net.address import Address, join
from tare.net.connection import Content
from tare.net.http import Answer
from tare.net.retry import TransientError
from tare.oci import digest as digests
from tare.oci.image import Blob
from tare.stores.registry import blobs, problems
from tare.stores.registry.attempts import Attempts
from tare.stores.registry.chunks import Slice
from tare.stores.registry.mounts import check_digest, mount
from tare.stores.registry.repository import Repository
from tare.stores.registry.settings import MIB

Outcome = Literal["uploaded", "mounted"]

_PATIENCE: Final = 5.0
"""Registries move a blob to its place before they say that they have it."""

_WORTH_RESUMING: Final = 1 * MIB
_WHOLE: Final = 1 << 62
_stored = re.compile(r"(?:bytes=)?0-([0-9]{1,19})")


def upload(
    repository: Repository,
    blob: Blob,
    *,
    mount_from: tuple[str, ...] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Bring *blob* into *repository*, which was found not to have it.

    *mount_from* are repositories of the same registry that should have it; if one does, the blob is not opened.
    *progress* is told how many bytes went out, or less than 0 when some have to go again.
    """
    digests.parse(blob.descriptor.digest)
    for name in mount_from:
        if mount(repository, blob.descriptor, name):
            return "mounted"
    return _Upload(repository, blob, progress).run()


class _Upload:
    """One blob on its way."""

    def __init__(self, repository: Repository, blob: Blob, progress: Callable[[int], None]) -> None:
        self._repository = repository
        self._blob = blob
        self._size = blob.descriptor.size
        self._progress = progress
        self._reported = 0
        self._began = 0
        """What was reported when this attempt began."""
        self._place: Address | None = None
        self._minimum = 0
        """Bytes that a chunk must have at least, as the registry says."""
        settings = repository.session.settings
        self._limit = settings.chunk
        self._chunk = settings.chunk if settings.always_chunk else _WHOLE
        self._offset = 0
        self._furthest = 0
        """Bytes that the registry had when something failed. What it forgot and got again is no progress."""
        self._checked = False
        self._plain = False
        """The registry does not take to being asked whether it knows the blob from elsewhere."""

    def run(self) -> Outcome:
        attempts = self._repository.attempts()
        while True:
            self._began = self._reported
            try:
                if self._place is None and self._start():
                    return "mounted"
                self._report(self._offset)
                self._began = self._offset
                self._send_all()
            except TransientError as transient:
                self._count_time(attempts)
                attempts.pause(transient)
                if self._recover() >= _WORTH_RESUMING:
                    attempts.progressed()
            except problems.RefusalError as refusal:
                self._count_time(attempts)
                if self._settle(refusal, attempts):
                    return "uploaded"
            else:
                return "uploaded"

    def _count_time(self, attempts: Attempts) -> None:
        """Have the deadline count from now when bytes went: a large blob takes longer on a slow line."""
        if self._reported - self._began >= _WORTH_RESUMING:
            attempts.moved()

    def _start(self) -> bool:
        """Open an upload. Returns whether that was not needed: the registry may know the blob from elsewhere."""
        query = f"?mount={self._blob.descriptor.digest}" if self._size >= _WORTH_RESUMING and not self._plain else ""
        try:
            answer = self._repository.once("POST", f"blobs/uploads/{query}", accept={201, 202} if query else {202})
        except problems.RefusalError as refusal:
            if not query or refusal.problem.status in {401, 403, 404}:
                raise
            self._plain = True
            return self._start()
        answer.discard()
        if answer.status == 201:
            check_digest(self._repository, self._blob.descriptor, answer)
            return True
        minimum = answer.fields.get("oci-chunk-min-length")
        self._minimum = int(minimum) if minimum.isascii() and minimum.isdigit() and len(minimum) < 16 else 0
        self._offset = 0
        self._place = self._next_place(answer)
        if self._place is None:
            raise problems.failed(self._repository.task, "POST", answer.address, "the answer has no place to upload to")
        return False

    def _next_place(self, answer: Answer) -> Address | None:
        location = answer.fields.get("location")
        return join(answer.address, location) if location else self._place

    def _send_all(self) -> None:
        """Send what is left: a small blob with the PUT, a large one before it, so that it can be resumed."""
        chunk = max(self._chunk, self._minimum)
        if self._offset == 0 and self._size <= min(chunk, max(self._limit, self._minimum)):
            self._finish(self._content(0, self._size))
            return
        while self._offset < self._size:
            self._patch(min(chunk, self._size - self._offset))
        self._finish(None)

    def _patch(self, size: int) -> None:
        end = self._offset + size
        fields = {"Content-Type": "application/octet-stream"}
        if size < self._size:
            fields["Content-Range"] = f"{self._offset}-{end - 1}"
        answer = self._repository.once(
            "PATCH",
            self._required(),
            accept={202, 204},
            fields=fields,
            content=self._content(self._offset, size),
        )
        answer.discard()
        self._place = self._next_place(answer)
        stored = _stored.fullmatch(answer.fields.get("range").strip())
        has = int(stored[1]) + 1 if stored else end
        if has != end:
            if has > end:  # It goes on storing what came on a connection that is dead for us.
                self._place = None
            problem = f"it says that it has {has:,} of {end:,} bytes"
            raise TransientError(problems.failed(self._repository.task, "PATCH", answer.address, problem))
        self._offset = end

    def _finish(self, content: Content | None) -> None:
        place = self._required()
        separator = "&" if "?" in place.target else "?"
        answer = self._repository.once(
            "PUT",
            place.at(f"{place.target}{separator}digest={self._blob.descriptor.digest}"),
            accept={201, 204},
            fields={"Content-Type": "application/octet-stream"},
            content=content,
            patience=_PATIENCE,
        )
        answer.discard()
        check_digest(self._repository, self._blob.descriptor, answer)
        self._report(self._size)

    def _required(self) -> Address:
        if self._place is None:
            raise AssertionError("an upload was started")
        return self._place

    def _content(self, offset: int, size: int) -> Content:
        def opened() -> Slice:
            return Slice(self._blob, offset, size, report=self._report)

        return Content(size=size, open=opened)

    def _report(self, sent: int) -> None:
        self._progress(sent - self._reported)
        self._reported = sent

    def _recover(self) -> int:
        """Find out how far the upload got, and go on from there; or forget it. Returns how many bytes it had never had."""
        if self._place is None:
            return 0
        before = self._offset
        try:
            answer = self._repository.once("GET", self._place, accept={204, 200, 202})
        except (NetworkError, TransientError):
            self._place = None
            return 0
        answer.discard()
        stored = _stored.fullmatch(answer.fields.get("range").strip())
        # Distribution says `0-0` of an upload that has nothing, too.
        offset = int(stored[1]) + 1 if stored and stored[1] != "0" else 0
        if offset != before and not _WORTH_RESUMING <= offset <= self._size:
            self._place = None
            return 0
        self._place = self._next_place(answer)
        self._offset = offset
        if offset:
            self._chunk = min(self._chunk, self._limit)
        self._report(offset)
        won = max(offset - self._furthest, 0)
        self._furthest += won
        return won

    def _settle(self, refusal: problems.RefusalError, attempts: Attempts) -> bool:
        """Deal with a refusal. Returns whether the blob is there all the same; raises when nothing can be done."""
        status, code = refusal.problem.status, refusal.problem.code
        started = self._place is not None
        if code in {"DIGEST_INVALID", "SIZE_INVALID"}:
            self._check_ours(refusal)
        elif started and (status == 404 or code in {"BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"}):
            if blobs.has(self._repository, self._blob.descriptor):
                self._report(self._size)
                return True  # An earlier request had gone through, and its answer was lost.
        elif status == 413 and self._chunk > self._limit:
            self._chunk = self._limit
        elif status != 416 or not started:
            raise refusal
        attempts.pause(TransientError(refusal))
        if status == 416:
            self._recover()
        else:
            self._place = None
        return False

    def _check_ours(self, refusal: problems.RefusalError) -> None:
        """The registry got bytes of another digest: raise `IntegrityError` if ours have it; or it happened on the way."""
        from tare.stores.verified import open_verified

        if self._checked:
            raise refusal
        self._checked = True
        with open_verified(self._blob) as stream:
            while stream.read(MIB):
                pass
