"""Layers of wheels, and what independent programs read in them."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable

from tare.build.transmux import begin_layer
from tare.oci.digest import Digest
from tare.oci.layer import WrittenLayer
from tare.plan.plan import PlannedFile, PlannedLayer, Segment
from tare.wheels.install import install
from tare.wheels.scheme import Provenance, Scheme
from tare.wheels.wheel import Wheel

SCHEME = Scheme(prefix="opt/venv", series=(3, 13))
SITE = "opt/venv/lib/python3.13/site-packages"
MTIME = 315532800
"""1980-01-01."""

Tree = dict[str, tuple[str, int, bytes | str]]
"""By path: kind, mode, and content or target."""


def segment_of(wheel: Wheel, scheme: Scheme = SCHEME, provenance: Provenance | None = None) -> Segment:
    provenance = provenance or Provenance()
    return Segment(
        name=wheel.name,
        version=wheel.version,
        filename=wheel.filename,
        wheel=wheel.digest,
        scheme=scheme,
        provenance=provenance,
        files=install(wheel, scheme, provenance),
    )


def layer_of(wheels: Iterable[Wheel], files: tuple[PlannedFile, ...] = ()) -> PlannedLayer:
    return PlannedLayer(kind="wheels", why="a test", segments=tuple(segment_of(wheel) for wheel in wheels), files=files)


def transmuxed(
    *wheels: Wheel,
    files: tuple[PlannedFile, ...] = (),
    single_member: bool = False,
    recoded: frozenset[Digest] = frozenset(),
) -> tuple[bytes, WrittenLayer]:
    """Return the layer's bytes and what is known of it."""
    out = io.BytesIO()
    held = {wheel.digest: wheel for wheel in wheels}
    layer = layer_of(wheels, files)
    written = begin_layer(layer, held, out, mtime=MTIME, single_member=single_member, recoded=recoded)()
    return out.getvalue(), written


def read_tree(layer: bytes) -> Tree:
    """Return a layer's entries as Python's gzip and tarfile see them."""
    tree: Tree = {}
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as archive:
        for entry in archive:
            assert entry.name not in tree
            assert (entry.uid, entry.gid, entry.mtime) == (0, 0, MTIME)
            if entry.isfile():
                stream = archive.extractfile(entry)
                assert stream is not None
                tree[entry.name] = ("file", entry.mode, stream.read())
            elif entry.issym():
                tree[entry.name] = ("symlink", entry.mode, entry.linkname)
            else:
                assert entry.isdir()
                tree[entry.name] = ("directory", entry.mode, "")
    return tree


def files_of(tree: Tree) -> dict[str, bytes]:
    return {path: data for path, (_, _, data) in tree.items() if isinstance(data, bytes)}
