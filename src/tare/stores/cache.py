"""The cache: blobs under their digests, and a memo from a step's inputs to what came out of it.

    blobs/sha256/<hex>       wheels, packages and layers; read-only, complete, and never changed
    memo/<kind>/<hex>        what a step gave, by the digest of all its inputs
    partial/                 downloads that can go on, and files that are being written

A name appears by renaming a complete file, so a kill at any moment leaves nothing half-written under a final name. The
file is on the disk before, so that a loss of power does not either; but for a small layer or index, and a memo of one page:
what became of those is seen when they are looked for, since a small blob is hashed each time, and a memo is parsed.
Builds hold a shared lock; `prune` needs the exclusive one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import msgspec

from tare.errors import MachineError
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest, algorithm, encoded, parse
from tare.oci.image import Blob, FileBlob
from tare.oci.structs import decoder

Outcome = TypeVar("Outcome")

SMALL: Final = 64 * 1024
"""Bytes up to which a blob is hashed whenever it is found: 0.05 ms, where waiting for a disk takes 2 to 20."""

_PAGE: Final = 4096
"""Bytes that a disk has all of, or nothing."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in the cache."""

    path: str
    blobs: int
    blob_bytes: int
    memos: int
    partial_bytes: int


class Pending:
    """A file that is being written and has no final name yet."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.file = file
        self.kept = False


class Cache:
    """Content that is found by its digest. Safe for many processes at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.partial = root / "partial"
        # In containers that share a cache, two processes can have one number.
        self._own = f"new-{os.getpid()}-{os.urandom(4).hex()}"
        """How the names begin of what this object is writing."""

    def prepare(self) -> None:
        """Make the directory of unfinished files, which others write to as well."""
        self._make(self.partial)

    def path(self, digest: Digest) -> Path:
        """Return where the blob of *digest* lies or would lie."""
        parse(digest)
        return self.root / "blobs" / algorithm(digest) / encoded(digest)

    def find(self, descriptor: Descriptor) -> Blob | None:
        """Return the blob, if a file of its size is there, which was hashed when it was written or is hashed now."""
        path = self.path(descriptor.digest)
        with contextlib.suppress(OSError):
            if path.stat().st_size == descriptor.size and (
                descriptor.size > SMALL or _digest(path.read_bytes(), descriptor.digest) == descriptor.digest
            ):
                with contextlib.suppress(OSError):  # a cache that is only read
                    os.utime(path)  # What is used stays: many disks do not keep the time of the last reading.
                return FileBlob(descriptor=descriptor, path=path)
        return None

    def is_sound(self, digest: Digest) -> bool:
        """Return whether the blob of *digest* is what its name says, which takes reading it."""
        with self.path(digest).open("rb") as file:
            return hashlib.file_digest(file, algorithm(digest)).hexdigest() == encoded(digest)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Pending]:
        """Give a file to write; it is removed at the end unless `keep` gave it a name."""
        path = self._fresh_name()
        try:
            file = path.open("x+b")
        except OSError as error:
            raise _cannot_write(self.root, error) from error
        pending = Pending(path, file)
        try:
            with pending.file:
                yield pending
        except OSError as error:
            raise _cannot_write(self.root, error) from error
        finally:
            if not pending.kept:
                pending.path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give an empty directory that is removed at the end of the block."""
        import shutil

        path = self._fresh_name()
        self._make(path)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _fresh_name(self) -> Path:
        """Return a name that nobody has, on the file system of the final names."""
        self._make(self.partial)
        return self.partial / f"{self._own}-{os.urandom(8).hex()}"

    def keep(self, pending: Pending, digest: Digest, *, found: bool = False) -> Path:
        """Give what was written its final name, which the caller knows to be its digest. Nothing is written after.

        *found* says that whoever wants it asks `find`, and makes it anew if that finds nothing.
        """
        target = self.path(digest)
        self._finish(pending, target, small=SMALL if found else 0)
        return target

    def _finish(self, pending: Pending, target: Path, *, small: int) -> None:
        """Move a complete file to its final name. One of more than *small* bytes is on the disk before."""
        pending.file.flush()
        handle = pending.file.fileno()
        if os.fstat(handle).st_size > small:
            os.fsync(handle)
        pending.file.close()  # Windows does not rename what is open.
        self._make(target.parent)
        if os.name == "posix":  # Elsewhere a read-only file can be neither replaced nor removed.
            pending.path.chmod(0o444)
        pending.path.replace(target)
        pending.kept = True

    def remembered(self, kind: str, key: Digest) -> bytes | None:
        """Return what the step *kind* gave for the inputs *key*, if it is known."""
        try:
            return self._memo(kind, key).read_bytes()
        except OSError:
            return None

    def recall(self, kind: str, key: Digest, outcome: type[Outcome]) -> Outcome | None:
        """Return what the step *kind* gave for the inputs *key*. What cannot be read as an *outcome* is not known."""
        known = self.remembered(kind, key)
        if known is None:
            return None
        try:
            return decoder(outcome).decode(known)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # A disk that forgot, or another version of tare: the step is done again, and the file written anew.
            return None

    def remember(self, kind: str, key: Digest, outcome: bytes) -> None:
        """Write down what the step *kind* gave for the inputs *key*.

        It is a document: what a loss of power leaves of one does not parse, and then it is not known.
        """
        with self.writing() as pending:
            pending.file.write(outcome)
            self._finish(pending, self._memo(kind, key), small=_PAGE)

    def share(self) -> int:
        """Hand on what this run remembered to whoever shares the cache, and return how many outcomes that were."""
        return 0

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep `prune` away while the block runs."""
        with _lock(self._lock_file(), shared=True):
            try:
                yield
            except KeyboardInterrupt:
                self._abandon()
                raise

    def _abandon(self) -> None:
        """Remove what this object was writing: its threads are not waited for, and do not get to do it."""
        import shutil

        for path in self.partial.glob(f"{self._own}-*"):
            with contextlib.suppress(OSError):
                path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)

    def usage(self) -> Usage:
        """Return what lies in the cache."""
        blobs = [size for _, size in _files(self.root / "blobs")]
        return Usage(
            path=str(self.root),
            blobs=len(blobs),
            blob_bytes=sum(blobs),
            memos=sum(1 for _ in _files(self.root / "memo")),
            partial_bytes=sum(size for _, size in _files(self.partial)),
        )

    def prune(self, *, unused_since: float, waiting: Callable[[], None] = lambda: None) -> int:
        """Remove what was last written or used before *unused_since* (seconds since 1970); return the bytes.

        *waiting* is called when a build that uses the cache has to be waited for.
        """
        freed = 0
        lock = self._lock_file()
        with _lock(lock, shared=False, waiting=waiting):
            # Only what this class puts there: the directory may be anybody's, and others keep whole trees beside it.
            ours = [found for name in ("blobs", "memo", "partial") for found in _files(self.root / name)]
            for path, size in ours:
                if _last_used(path) < unused_since:
                    try:
                        path.unlink(missing_ok=True)
                    except OSError as error:
                        raise _cannot_write(path, error) from error
                    freed += size
        return freed

    def _memo(self, kind: str, key: Digest) -> Path:
        parse(key)
        return self.root / "memo" / kind / encoded(key)

    def _lock_file(self) -> Path:
        self._make(self.root)
        return self.root / "lock"

    @staticmethod
    def _make(directory: Path) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_write(directory, error) from error


def hash_file(path: Path) -> Digest:
    """Return the SHA-256 digest of a file."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def _digest(data: bytes, like: Digest) -> Digest:
    """Return the digest of *data* by the algorithm of *like*."""
    name = algorithm(like)
    return f"{name}:{hashlib.new(name, data).hexdigest()}"


def key_of(inputs: msgspec.Struct) -> Digest:
    """Return the digest of all of a step's inputs, which is what its outcome is remembered under."""
    return "sha256:" + hashlib.sha256(msgspec.json.encode(inputs, order="sorted")).hexdigest()


def _files(directory: Path) -> Iterator[tuple[Path, int]]:
    for parent, _, names in os.walk(directory):
        for name in names:
            path = Path(parent, name)
            with contextlib.suppress(FileNotFoundError):
                yield path, path.lstat().st_size


def _last_used(path: Path) -> float:
    """Return when a file was last written or read, in seconds since 1970."""
    try:
        stat = path.lstat()
    except FileNotFoundError:
        return float("inf")
    return max(stat.st_mtime, stat.st_atime)


@contextlib.contextmanager
def _lock(path: Path, *, shared: bool, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold an advisory lock, which the system releases when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows has no shared lock of this kind; renames are atomic there too
        yield
        return
    try:
        # In a cache that is only read, a lock that is there can be taken all the same.
        file = path.open("rb" if shared and path.exists() else "ab")
    except OSError as error:
        raise _cannot_write(path, error) from error
    with file:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            if not _taken(partial(fcntl.flock, file), kind | fcntl.LOCK_NB):
                waiting()
                fcntl.flock(file, kind)
        except OSError as error:  # some network file systems have no locks
            raise MachineError(f"cannot lock the cache at `{path}`", causes=(error.strerror or str(error),)) from error
        yield


def _taken(flock: Callable[[int], None], kind: int) -> bool:
    try:
        flock(kind)
    except BlockingIOError:
        return False
    return True


def _cannot_write(path: Path, error: OSError) -> MachineError:
    return MachineError(
        f"cannot write to the cache at `{path}`",
        causes=(error.strerror or str(error),),
        hints=("Free some space, or name another directory with `--cache-dir`",),
    )
