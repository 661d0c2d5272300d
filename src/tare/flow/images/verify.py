"""Is an image sound? The same check for every place that an image can be in."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from tare.errors import TareError, UsageError
from tare.flow.world import World
from tare.oci import validate
from tare.oci.digest import Digest
from tare.oci.image import Image, ImageIndex, parts
from tare.oci.validate import Verdict, Wanted
from tare.stores.names import LayoutName, RegistryName, SuiteName, parse
from tare.stores.open import open_source


def verify(world: World, text: str) -> Verdict:
    """Return the verdict on the image that *text* names.

    One that cannot be opened is not sound, and that is the finding; so is a name that no image can have.
    """
    try:
        name = parse(text)
    except UsageError as error:
        return validate.unopened(text, ": ".join((error.message, *error.causes)))
    if isinstance(name, SuiteName):
        return validate.unopened(text, "it is a base that is assembled when it is needed; verify what was built on it")
    if isinstance(name, LayoutName):
        return validate.layout(Path(name.directory), tag=name.tag, workers=world.threads)
    if isinstance(name, RegistryName):
        return _in_registry(world, name)
    try:
        image = open_source(name, world.surroundings).read_all()
    except TareError as error:
        return validate.unopened(str(name), ": ".join((error.message, *error.causes)))
    media_type = image.descriptor.media_type
    return validate.image(_Blobs(image), image.raw, media_type=media_type, where=str(name), workers=world.threads)


def _in_registry(world: World, name: RegistryName) -> Verdict:
    from tare.stores.registry.unchecked import Unchecked

    try:
        source = Unchecked(world.registries, name.reference)
    except TareError as error:
        return validate.unopened(str(name), ": ".join((error.message, *error.causes)))
    return validate.image(
        source,
        source.raw,
        media_type=source.media_type,
        digest=name.reference.digest,
        where=str(name),
        workers=world.threads,
    )


class _Blobs:
    """What an image names, for the validator, which trusts none of it."""

    def __init__(self, image: Image | ImageIndex) -> None:
        members = [each for each in parts(image) if not isinstance(each, ImageIndex)]
        self._documents: dict[Digest, bytes] = {each.digest: each.raw for each in parts(image)}
        self._blobs = {blob.descriptor.digest: blob for each in members for blob in each.blobs}

    def open(self, wanted: Wanted) -> BinaryIO:
        if wanted.digest in self._documents:
            return io.BytesIO(self._documents[wanted.digest])
        if wanted.digest not in self._blobs:
            raise FileNotFoundError(wanted.digest)
        return self._blobs[wanted.digest].open()
