"""The two sides of every place that an image can be in."""

from __future__ import annotations

from typing import Protocol

from tare.oci.descriptor import Descriptor
from tare.oci.image import Image, ImageIndex
from tare.oci.platform import Platform


class ImageSource(Protocol):
    """A place that holds an image.

    What is returned is verified as far as it was read: manifests and configs against their digests, capped at 4 MiB.
    Layers are not read; their `open` gives a stream that raises `IntegrityError` at its end when the bytes are not the
    ones that the descriptor promises. A place on this machine that holds nothing under its name raises `UsageError`, a registry `NetworkError`.
    """

    def read(self, platform: Platform | None = None) -> Image:
        """Return the image for *platform*; by default the only one, or the one that this machine can run."""
        ...

    def read_all(self) -> Image | ImageIndex:
        """Return everything under the name: an index with all its images, or the one image."""
        ...


class ImageDestination(Protocol):
    """A place that an image can be written to.

    Writing is all or nothing: a reader sees what was there before or the whole new image, whenever the writer dies.
    Writing what is there already costs little and changes nothing. The descriptor that is returned is the one under
    which the place knows the image.
    """

    def write(self, image: Image | ImageIndex) -> Descriptor:
        """Write *image* with every blob that it names."""
        ...
