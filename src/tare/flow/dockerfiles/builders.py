"""The builders of this machine: which engine builds a Dockerfile here."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tare.engines.builders import BuildahBuilder, DockerBuilder, PodmanBuilder
from tare.engines.building import Builder
from tare.errors import MachineError, UsageError
from tare.measure.sizes import ImageSizes, image_sizes
from tare.stores.archive import ArchiveSource

NAMES = ("docker", "podman", "buildah")


def builders(env: Mapping[str, str]) -> Iterator[Builder]:
    """Yield what may build here, whether or not it works; every `docker` on PATH, since a newer client may lack buildx."""
    for program in _on_path("docker", env):
        yield DockerBuilder(program=program, env=env)
    for program in _on_path("podman", env)[:1]:
        yield PodmanBuilder(program=program, env=env)
    for program in _on_path("buildah", env)[:1]:
        yield BuildahBuilder(program=program, env=env)


def choose_builder(every: Sequence[Builder], name: str | None = None) -> Builder:
    """Return the builder called *name*, or the first of *every* that can build."""
    if name is not None and name not in NAMES:
        raise UsageError(f"there is no builder `{name}`", hints=(f"Choose one of {', '.join(NAMES)}",))
    reasons = []
    for builder in every:
        if name is not None and builder.name != name:
            continue
        reason = builder.available()
        if reason is None:
            return builder
        reasons.append(f"{builder.name}: {reason}")
    message = f"`{name}` cannot build here" if name else "there is nothing here that builds Dockerfiles"
    raise MachineError(
        message, causes=tuple(dict.fromkeys(reasons)), hints=("Start Docker, or install podman or buildah",)
    )


def built_sizes(builder: Builder, reference: str) -> ImageSizes:
    """Return the sizes of an image that *builder* holds: of the layers that it saves, counted as everybody's are."""
    with tempfile.TemporaryDirectory(prefix="tare-sizes-") as place:
        archive = Path(place, "image.tar")
        builder.save(reference, archive)
        image = ArchiveSource(archive, scratch=Path(place)).read()
        return image_sizes(image, what=f"`{reference}`", shown=builder.shown(reference))


def _on_path(name: str, env: Mapping[str, str]) -> list[str]:
    found = [os.path.join(directory, name) for directory in env.get("PATH", "").split(os.pathsep) if directory]
    return list(dict.fromkeys(path for path in found if os.access(path, os.X_OK) and os.path.isfile(path)))
