"""The one place that writes a root file system: layers, applied in order, below one open directory.

https://github.com/opencontainers/image-spec/blob/main/layer.md

A layer is hostile until proved otherwise. `tree` keeps every path inside; here nothing that exists is ever opened for
writing, set-user-ID and its like are stripped, devices are not made, and what a layer's whiteouts may remove is what
lower layers brought. A name with `..` is refused, and an absolute one is taken from the root.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from tare.engines import tree
from tare.engines.tree import Names, Tree, TreeError
from tare.errors import HostileInputError, IntegrityError, MachineError
from tare.oci import media_types
from tare.oci.compression import open_decompressed
from tare.oci.digest import Digest
from tare.oci.image import Blob, Image
from tare.oci.tar import Entry, TarReader

_WHITEOUT: Final = b".wh."
_OPAQUE: Final = b".wh..wh..opq"
_METADATA: Final = b".wh..wh."
"""Names of AUFS's own, which are no whiteouts: https://github.com/opencontainers/image-spec/issues/24"""

_PERMISSIONS: Final = 0o777
_STICKY: Final = 0o1777
_MAX_ID: Final = 2**32 - 2

_HOSTILE: Final = {errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EINVAL, errno.EISDIR, errno.ENOENT}
"""What the system says of paths that no honest layer has."""

Note = Callable[[str], None]
"""Takes a sentence that the person who runs the command should read."""


def write_rootfs(image: Image, directory: Path, *, as_root: bool, note: Note) -> None:
    """Write the root file system of *image* into the empty *directory*.

    Files get their owners if *as_root*, and otherwise belong to whom this process belongs to.
    """
    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        writer = _Writer(root, as_root=as_root)
        for number, (layer, diff_id) in enumerate(zip(image.layers, image.config.rootfs.diff_ids, strict=True), 1):
            _apply(writer, layer, diff_id, f"layer {number} of the image")
        writer.finish()
    except OSError as error:
        raise MachineError(f"cannot write to `{directory}`", causes=(error.strerror or str(error),)) from None
    finally:
        os.close(root)
    if writer.skipped:
        names = ", ".join(f"`/{name}`" for name in writer.skipped[:3])
        note(f"{len(writer.skipped)} device nodes of the image were left out: {names}")


def _apply(writer: _Writer, layer: Blob, diff_id: Digest, what: str) -> None:
    compression = media_types.COMPRESSION.get(layer.descriptor.media_type)
    if compression is None:
        raise IntegrityError(f"{what} cannot be unpacked", causes=(f"it is a `{layer.descriptor.media_type}`",))
    with layer.open() as stored, open_decompressed(stored, compression, what=what) as plain:
        hashed = _Hashed(plain)
        reader = TarReader(io.BufferedReader(hashed, 1 << 20), what=what)
        writer.begin_layer()
        for entry in reader:
            _write_entry(writer, entry, reader, what)
    if hashed.digest != diff_id:
        raise IntegrityError(f"{what} is damaged", causes=(f"expected diff ID {diff_id}, got {hashed.digest}",))


def _write_entry(writer: _Writer, entry: Entry, reader: TarReader, what: str) -> None:
    try:
        writer.add(entry, reader.chunks())
    except TreeError as error:
        raise _refused(what, entry, str(error)) from None
    except OSError as error:
        if error.errno not in _HOSTILE:
            raise
        raise _refused(what, entry, error.strerror or str(error)) from None


def _refused(what: str, entry: Entry, cause: str) -> HostileInputError:
    return HostileInputError(f"{what} cannot be unpacked", causes=(f"`{entry.path[:200]}`: {cause}",))


class _Hashed(io.RawIOBase):
    """Hashes an uncompressed layer while it is read. It cannot seek, so all of it is."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> Digest:
        return "sha256:" + self._hash.hexdigest()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub says Buffer; io passes a memoryview
        data = self._stream.read(len(buffer))
        self._hash.update(data)
        buffer[: len(data)] = data
        return len(data)


class _Writer:
    """Applies entries to the tree below the open directory *root*."""

    def __init__(self, root: int, *, as_root: bool) -> None:
        self._root = root
        self._tree = Tree(root)
        self._as_root = as_root
        self._added: set[Names] = set()
        """What the current layer brought, with all directories above it."""
        self._directories: dict[Names, tuple[int, int]] = {(): (0o755, 0)}
        """Mode and time that a directory gets at the end: until then it must be writable."""
        self._last: tuple[tuple[bytes, ...], int, Names] | None = None
        self.skipped: list[str] = []
        """Device nodes that were not made."""

    def begin_layer(self) -> None:
        self._added = {()}

    def add(self, entry: Entry, chunks: Iterator[bytes]) -> None:
        """Apply one entry; *chunks* is its content."""
        path = _components(entry.path)
        if not path:
            if entry.kind != "directory":
                raise TreeError("the root is not a directory")
            self._directories[()] = (entry.mode & _STICKY, entry.mtime)
            return
        *parent, name = path
        if name.startswith(_WHITEOUT):
            self._whiteout(parent, name)
            return
        directory, names = self._parent(tuple(parent))
        self._remember((*names, name))
        getattr(self, f"_add_{entry.kind}")(directory, (*names, name), entry, chunks)

    def finish(self) -> None:
        """Give directories their modes and times, the deepest first."""
        self._forget_parent()
        for names in sorted(self._directories, key=len, reverse=True):
            mode, mtime = self._directories[names]
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, TreeError):
                directory, found = self._tree.directory(names)
                try:
                    if found == names:
                        _set_mode_and_time(directory, mode, mtime)
                finally:
                    os.close(directory)

    def _add_directory(self, parent: int, names: Names, entry: Entry, _chunks: Iterator[bytes]) -> None:
        name = names[-1]
        kind = tree.kind_of(parent, name)
        if kind != stat.S_IFDIR:
            if kind is not None:
                self._remove(parent, names)
            os.mkdir(name, 0o700, dir_fd=parent)
        self._own(parent, name, entry)
        self._directories[names] = (entry.mode & _STICKY, entry.mtime)

    def _add_file(self, parent: int, names: Names, entry: Entry, chunks: Iterator[bytes]) -> None:
        self._clear(parent, names)
        handle = os.open(names[-1], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=parent)
        try:
            for chunk in chunks:
                _write(handle, chunk)
            if self._as_root:
                os.fchown(handle, *_owner(entry))
            os.fchmod(handle, entry.mode & _PERMISSIONS)
            os.utime(handle, _times(entry.mtime))
        finally:
            os.close(handle)

    def _add_symlink(self, parent: int, names: Names, entry: Entry, _chunks: Iterator[bytes]) -> None:
        self._clear(parent, names)
        os.symlink(_encoded(entry.target), names[-1], dir_fd=parent)
        self._own(parent, names[-1], entry)

    def _add_hardlink(self, parent: int, names: Names, entry: Entry, _chunks: Iterator[bytes]) -> None:
        path = _components(entry.target)
        if not path:
            raise TreeError("it is a link to the root")
        source, found = self._tree.directory(path[:-1])
        try:
            kind = tree.kind_of(source, path[-1])
            if kind is None or kind == stat.S_IFDIR or (*found, path[-1]) == names:
                raise TreeError(f"it is a link to `{entry.target[:200]}`, which is not a file of the image")
            self._clear(parent, names)
            # Not followed: a link to a symbolic link is that symbolic link, wherever it points.
            os.link(path[-1], names[-1], src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(source)

    def _add_fifo(self, parent: int, names: Names, entry: Entry, _chunks: Iterator[bytes]) -> None:
        self._clear(parent, names)
        os.mkfifo(names[-1], entry.mode & _PERMISSIONS, dir_fd=parent)
        self._own(parent, names[-1], entry)

    def _add_character(self, parent: int, names: Names, _entry: Entry, _chunks: Iterator[bytes]) -> None:
        self._clear(parent, names)
        self.skipped.append(b"/".join(names).decode("utf-8", "replace"))

    _add_block = _add_character

    def _own(self, parent: int, name: bytes, entry: Entry) -> None:
        if self._as_root:
            os.chown(name, *_owner(entry), dir_fd=parent, follow_symlinks=False)

    def _whiteout(self, parent: list[bytes], name: bytes) -> None:
        """Remove what lower layers have under a name; with an opaque one, everything of theirs in the directory."""
        hidden = name[len(_WHITEOUT) :]
        if hidden in {b"", b".", b".."}:
            raise TreeError("it is a whiteout of nothing, or of a directory above")
        if name != _OPAQUE and name.startswith(_METADATA):
            return
        self._forget_parent()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            directory, names = self._tree.directory(parent)
            try:
                for victim in tree.names_in(directory) if name == _OPAQUE else [hidden]:
                    self._remove_lower(directory, (*names, victim))
            finally:
                os.close(directory)

    def _remove_lower(self, parent: int, names: Names) -> None:
        if names not in self._added:
            with contextlib.suppress(FileNotFoundError):
                self._remove(parent, names)
        elif tree.kind_of(parent, names[-1]) == stat.S_IFDIR:
            directory = tree.open_directory(parent, names[-1])
            try:
                for child in tree.names_in(directory):
                    self._remove_lower(directory, (*names, child))
            finally:
                os.close(directory)

    def _clear(self, parent: int, names: Names) -> None:
        """Make way for something that is no directory."""
        if tree.kind_of(parent, names[-1]) is not None:
            self._remove(parent, names)

    def _remove(self, parent: int, names: Names) -> None:
        if self._last and self._last[2] != names[:-1]:
            self._forget_parent()
        tree.remove(parent, names[-1])

    def _parent(self, path: tuple[bytes, ...]) -> tuple[int, Names]:
        """Open the directory for an entry. Its neighbours mostly lie in the same one, so it stays open."""
        if self._last is None or self._last[0] != path:
            self._forget_parent()
            directory, names = self._tree.directory(path, create=True)
            self._last = (path, directory, names)
        return self._last[1], self._last[2]

    def _forget_parent(self) -> None:
        if self._last is not None:
            os.close(self._last[1])
            self._last = None

    def _remember(self, names: Names) -> None:
        while names not in self._added:
            self._added.add(names)
            names = names[:-1]
            if names:
                self._directories.setdefault(names, (0o755, 0))


def _components(path: str) -> list[bytes]:
    parts = [part for part in _encoded(path).split(b"/") if part not in {b"", b"."}]
    if b".." in parts:
        raise TreeError("its path has `..`")
    return parts


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _owner(entry: Entry) -> tuple[int, int]:
    if entry.uid > _MAX_ID or entry.gid > _MAX_ID:
        raise TreeError(f"its owner {entry.uid}:{entry.gid} is no number of a user")
    return entry.uid, entry.gid


def _times(mtime: int) -> tuple[int, int]:
    seconds = max(0, min(mtime, 2**33))
    return seconds, seconds


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _set_mode_and_time(directory: int, mode: int, mtime: int) -> None:
    handle = tree.open_directory(directory, b".")
    try:
        os.fchmod(handle, mode)
        os.utime(handle, _times(mtime))
    finally:
        os.close(handle)
