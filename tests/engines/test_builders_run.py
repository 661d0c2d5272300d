"""Real engines build, tell what each step took, run, give files and sizes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab import Dockerd, PodmanStorage, needs, program

from tare.engines.builders import BuildahBuilder, DockerBuilder
from tare.engines.building import Builder, BuildOptions
from tare.engines.interface import RunOptions
from tare.errors import MachineError, ProjectError
from tare.flow.dockerfiles.builders import built_sizes

pytestmark = pytest.mark.e2e

DOCKERFILE = """\
FROM scratch AS build
COPY busybox /bin/sh
RUN echo built > /made
RUN echo more > /gone

FROM scratch
COPY busybox /bin/sh
COPY --from=build /made /files/made
CMD ["/bin/sh", "-c", "read line < /files/made; echo $line"]
"""


@pytest.fixture
def context(tmp_path: Path, busybox: bytes) -> Path:
    (tmp_path / "busybox").write_bytes(busybox)
    (tmp_path / "busybox").chmod(0o755)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "bad").write_text("FROM scratch\nCOPY busybox /bin/sh\nRUN exit 3\n")
    return tmp_path


def instructions(builder: Builder, context: Path, tag: str) -> list[str]:
    built = builder.build(context, BuildOptions(tag=tag, host_network=True, cache=False, timeout=300))
    assert all(step.seconds is not None for step in built.steps)
    return [step.instruction for step in built.steps if step.instruction and step.instruction.startswith("RUN")]


def test_docker_builds_runs_and_tells(dockerd: Dockerd, context: Path, tmp_path: Path, busybox: bytes) -> None:
    client = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else program("docker")
    docker = DockerBuilder(program=client or "docker", options=("--host", dockerd.host), env=dict(os.environ))
    reason = docker.available()
    if reason:
        pytest.skip(reason)
    tag = "localhost/tare-test:builder"

    assert instructions(docker, context, tag) == ["RUN echo built > /made", "RUN echo more > /gone"]
    assert docker.run(tag, RunOptions(network=False)).stdout == "built\n"
    sizes = built_sizes(docker, tag)
    assert (sizes.unpacked, sizes.rootfs, sizes.waste) == (len(busybox) + 6, len(busybox) + 6, 0)
    assert sizes.shown is not None
    assert sizes.shown >= sizes.unpacked > sizes.pull
    docker.copy_out(tag, "/files", tmp_path / "out")
    assert (tmp_path / "out/files/made").read_text() == "built\n"
    with pytest.raises(ProjectError, match="does not build"):
        docker.build(context, BuildOptions(tag="x", dockerfile=context / "bad", host_network=True))
    docker.remove(tag)
    with pytest.raises(MachineError):
        built_sizes(docker, tag)


def test_buildah_builds_and_tells(podman: PodmanStorage, context: Path, busybox: bytes) -> None:
    needs("buildah")
    storage = tuple(option for option in podman.options if not option.startswith("--cgroup-manager"))
    buildah = BuildahBuilder(options=storage, env=dict(os.environ), isolation="chroot")
    tag = "localhost/tare-test:builder"

    assert instructions(buildah, context, tag) == ["RUN echo built > /made", "RUN echo more > /gone"]
    assert built_sizes(buildah, tag).unpacked == len(busybox) + 6
    with pytest.raises(ProjectError, match="does not build"):
        buildah.build(context, BuildOptions(tag="x", dockerfile=context / "bad", host_network=True))
