"""The image: layers that exist, a configuration, and the documents that name them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from tare.flow.build.prepared import Prepared, ReadyLayer
from tare.flow.world import World, held
from tare.oci.config import History, ImageConfig, RootFS, RunConfig
from tare.oci.image import Blob, Image, make_image
from tare.projects.project import Project

_TITLE = "org.opencontainers.image.title"
_VERSION = "org.opencontainers.image.version"
_BASE_NAME = "org.opencontainers.image.base.name"
_BASE_DIGEST = "org.opencontainers.image.base.digest"
_CREATED = "org.opencontainers.image.created"


def finish(
    prepared: Prepared,
    base: Sequence[Blob],
    own: ReadyLayer,
    run: RunConfig,
    *,
    project: Project,
    world: World,
) -> Image:
    """Return the image of *prepared* and the project's *own* layer, which starts as *run* says."""
    new = (*prepared.layers, own)
    created = datetime.fromtimestamp(world.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = image_annotations(prepared, project, created)
    of_image = {name: value for name, value in known.items() if name != _CREATED}
    labels = {**(prepared.config.config.labels or {}), **of_image, **(run.labels or {})}
    config = ImageConfig(
        architecture=prepared.platform.architecture,
        os=prepared.platform.os,
        variant=prepared.platform.variant,
        created=created,
        config=msgspec.structs.replace(run, labels=labels),
        rootfs=RootFS(type="layers", diff_ids=(*prepared.config.rootfs.diff_ids, *(layer.diff_id for layer in new))),
        history=(*_base_history(prepared), *(_history(layer, created) for layer in new)),
    )
    blobs = (held(world, layer.descriptor) for layer in new)
    return make_image(config, (*base, *blobs), known)


def image_annotations(prepared: Prepared, project: Project, created: str) -> dict[str, str]:
    """Return what the specification has keys for.

    https://github.com/opencontainers/image-spec/blob/main/annotations.md
    """
    found = {
        _BASE_DIGEST: prepared.base.digest,
        _BASE_NAME: _base_name(prepared),
        _CREATED: created,
        _TITLE: project.name,
        _VERSION: project.version,
    }
    return {name: value for name, value in found.items() if value}


def _base_name(prepared: Prepared) -> str:
    """Return the base's name if it means something elsewhere.

    The path of a layout or an archive would differ between machines; its tag is often the reference that it was copied
    from, and is the name then.
    """
    reference = prepared.base.reference
    if reference.startswith(("oci:", "docker-archive:")):
        from tare.stores.names import ArchiveName, LayoutName, parse

        name = parse(reference)
        if isinstance(name, ArchiveName):
            return name.reference.familiar if name.reference else ""
        tag = name.tag if isinstance(name, LayoutName) and name.tag else ""
        return tag if ":" in tag or "/" in tag else ""
    return reference.removeprefix("docker://").removeprefix("docker-daemon:")


def _base_history(prepared: Prepared) -> tuple[History, ...]:
    """Return the base's history, made up where it has none: entries and layers have to agree in number."""
    history = prepared.config.history or ()
    layers = len(prepared.config.rootfs.diff_ids)
    if sum(not entry.empty_layer for entry in history) == layers:
        return history
    name = _base_name(prepared) or prepared.base.digest
    return tuple(History(created_by=f"base {name}") for _ in range(layers))


def _history(layer: ReadyLayer, created: str) -> History:
    distributions = ", ".join(layer.distributions[:8]) + (" …" if len(layer.distributions) > 8 else "")
    return History(created=created, created_by=f"tare: {distributions or layer.why}", comment=layer.why)
