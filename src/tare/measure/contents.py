"""What an image contains: each layer streamed once, bottom to top, with whiteouts and links applied.

Compressed bytes are checked against the manifest while they are read. Whether a layer's diff ID is right is a question
for `tare verify`: here the time is used to hash each file.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

import msgspec

from tare.bases.tree import Tree
from tare.errors import HostileInputError
from tare.measure.ahead import ahead
from tare.measure.files import Attributes, Describe, File
from tare.measure.taking import Taker
from tare.oci.compression import open_decompressed, sniff
from tare.oci.image import Blob, Image
from tare.oci.tar import TarReader
from tare.stores.verified import name_of, open_verified

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_UNPACKED: Final = 512 * 1024**3
"""Bytes of all layers without compression; the same bound as `tare verify` has."""


class Live(NamedTuple):
    """A file that a container sees."""

    path: str
    """From the root, without a leading slash and with every link of its directories resolved."""

    file: File

    attributes: Attributes

    first: bool
    """Whether this is the first of the names of the file, to which its bytes are counted."""

    @property
    def size(self) -> int:
        """Bytes, which are counted once for all names."""
        return self.file.size if self.first else 0


class LayerRead(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer has."""

    unpacked: int
    """Bytes of its regular files."""

    entries: int
    compressed: bool


class Contents:
    """All files of an image, of all layers, and the tree that they make."""

    def __init__(
        self, tree: Tree, files: list[File], layers: tuple[LayerRead, ...], skipped: tuple[str, ...] = ()
    ) -> None:
        self.tree = tree
        self.files = files
        """Of all layers, bottom first: also those that a container does not see."""
        self.layers = layers
        self.skipped = skipped
        """Package databases that were too large to be read."""
        self.live = _live(tree)

    @property
    def rootfs(self) -> int:
        """Bytes of the regular files that a container sees."""
        return sum(item.size for item in self.live)

    @property
    def unpacked(self) -> int:
        """Bytes of the regular files of all layers."""
        return sum(layer.unpacked for layer in self.layers)


def read_image(image: Image, *, what: str, progress: Callable[[int], None] = lambda _: None) -> Contents:
    """Read the layers of *image*; *progress* is told the compressed bytes of each that was read."""
    taker = Taker(what)
    tree = Tree(Describe())
    layers = []
    unpacked = 0
    for number, blob in enumerate(image.layers):
        taker.layer = number
        layers.append(read_layer(tree, taker, blob))
        unpacked += layers[-1].unpacked
        if unpacked > MAX_UNPACKED:
            raise HostileInputError(f"{what} has more than {MAX_UNPACKED:,} bytes")
        progress(blob.descriptor.size)
    return Contents(tree, taker.files, tuple(layers), tuple(taker.skipped))


def read_layer(tree: Tree, taker: Taker, blob: Blob) -> LayerRead:
    """Apply one layer to *tree*."""
    what = name_of(blob)
    stored = cast("io.BufferedReader", open_verified(blob))  # which is what it is
    with stored:
        compression = sniff(stored.peek(4)[:4])
        plain = open_decompressed(stored, compression, what=what)
        before = len(taker.files)
        with ahead(_bounded(plain)) as stream:
            reader = TarReader(stream, what=what)
            tree.apply(reader, taker.take)
    return LayerRead(unpacked=reader.unpacked, entries=len(taker.files) - before, compressed=compression != "none")


class _Bounded(io.RawIOBase):
    """A stream that ends in an error where no honest one goes on."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = MAX_UNPACKED

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise HostileInputError(f"a layer has more than {MAX_UNPACKED:,} bytes")
        return data


def _bounded(stream: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", _Bounded(stream))


def _live(tree: Tree) -> list[Live]:
    """Return every file of the tree, sorted by path."""
    found: Iterable[tuple[str, File, Attributes]] = (
        (path[1:], node.clue, node.attributes) for path, node in tree.walk() if node.clue is not None
    )
    seen: set[int] = set()
    live = []
    for path, file, attributes in sorted(found, key=lambda each: each[0]):
        live.append(Live(path, file, attributes, first=id(file) not in seen))
        seen.add(id(file))
    return live
