"""What builders are told, and what comes of what they say."""

from __future__ import annotations

import io
import os
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from make.errors import told

from tare.engines.builders import BuildahBuilder, DockerBuilder, PodmanBuilder
from tare.engines.building import BuildOptions
from tare.engines.copying import write_out
from tare.engines.following import Followed, follow
from tare.errors import HostileInputError, MachineError, ProjectError
from tare.flow.dockerfiles.builders import choose_builder


class Start:
    """Starts nothing: it remembers what it was told, and answers what it was given."""

    def __init__(self, answers: Mapping[str, tuple[int | None, str]] | None = None) -> None:
        self.answers = answers or {}
        self.told: list[str] = []
        self.env: Mapping[str, str] = {}

    def __call__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float) -> Followed:
        id_file = next((word for word in argv if word.startswith("--iidfile=")), None)
        line = " ".join(word for word in argv if word != id_file)
        self.told.append(line)
        self.env = env
        code, text = next((answer for start, answer in self.answers.items() if line.startswith(start)), (0, ""))
        if id_file and code == 0:
            Path(id_file.removeprefix("--iidfile=")).write_text("sha256:1\n")
        return Followed(code=code, lines=tuple((0.5, each) for each in text.splitlines()), seconds=1.0)


OPTIONS = BuildOptions(
    tag="x",
    target="run",
    dockerfile=Path("/p/D"),
    build_args={"B": "2", "A": "1"},
    secrets={"s": Path("/s")},
    host_network=True,
    cache=False,
)
FLAGS = (
    "--tag=x --file=/p/D --target=run --network=host --no-cache --build-arg=A=1 --build-arg=B=2 --secret=id=s,src=/s /p"
)


def test_an_old_docker_builds_by_itself() -> None:
    start = Start({"docker version": (0, "20.10.24 20.10.24"), "docker buildx": (1, "not a command")})
    docker = DockerBuilder(env={"A": "b"}, start=start)

    assert docker.available() is None
    assert docker.build(Path("/p"), OPTIONS).image_id == "sha256:1"
    assert start.told[-1] == f"docker build --progress=plain {FLAGS}"
    assert start.env == {"A": "b", "DOCKER_BUILDKIT": "1"}


def test_buildx_is_asked_for_times_in_nanoseconds() -> None:
    start = Start({"docker buildx version": (0, "github.com/docker/buildx v0.17.1 abc")})

    DockerBuilder(env={}, start=start).build(Path("/p"), OPTIONS)

    assert start.told[-1] == f"docker buildx build --load --progress=rawjson {FLAGS}"


def test_a_docker_that_cannot_build_is_passed_over() -> None:
    alone = Start({"docker version": (0, "28.2.2 28.2.2"), "docker buildx": (1, "unknown command")})
    none = Start({"podman info": (125, "Error: no")})
    last = BuildahBuilder(env={}, start=Start())

    assert (
        DockerBuilder(env={}, start=alone).available()
        == "`docker` 28.2.2 has no buildx, without which it builds nothing"
    )
    assert choose_builder([DockerBuilder(env={}, start=alone), PodmanBuilder(env={}, start=none), last]) is last


def test_that_nothing_builds_is_told_with_every_reason() -> None:
    none = Start({"podman info": (125, "Error: no")})

    with pytest.raises(MachineError) as caught:
        choose_builder([PodmanBuilder(env={}, start=none)])

    assert told(caught.value) == (
        MachineError,
        "there is nothing here that builds Dockerfiles",
        ("podman: Error: no",),
        ("Start Docker, or install podman or buildah",),
    )


def test_podman_builds_as_it_must_here() -> None:
    start = Start()
    PodmanBuilder(env={}, isolation="chroot", runtime="runc", start=start).build(Path("/p"), BuildOptions(tag="x"))

    assert start.told == ["podman --runtime=runc build --layers --isolation=chroot --tag=x /p"]


def test_a_registry_without_encryption_is_for_who_pulls_to_be_told_of() -> None:
    starts = [Start(), Start(), Start({"docker buildx": (1, "")})]
    builders = (PodmanBuilder, BuildahBuilder, DockerBuilder)
    for start, make in zip(starts, builders, strict=True):
        make(env={"BUILDAH_ISOLATION": "chroot"}, start=start).build(Path("/p"), BuildOptions(tag="x", insecure=True))

    assert [start.told[-1] for start in starts] == [
        "podman build --layers --tls-verify=false --tag=x /p",
        "buildah build --layers --tls-verify=false --tag=x /p",
        "docker build --progress=plain --tag=x /p",
    ]


@pytest.mark.parametrize(("runtime", "controllers", "options"), [
    ("crun", "hugetlb", " --runtime=runc"), ("runc", "hugetlb", ""), ("crun", "", ""),
])  # fmt: skip
def test_podman_builds_with_a_runtime_that_bears_both_versions_of_control_groups(
    tmp_path: Path, runtime: str, controllers: str, options: str
) -> None:
    (tmp_path / "controllers").write_text(controllers)
    start = Start({"podman info --format": (0, f"{runtime}\n")})
    podman = PodmanBuilder(env={}, start=start, hybrid=tmp_path / "controllers")

    assert podman.available() is None
    podman.build(Path("/p"), BuildOptions(tag="x"))
    assert start.told[-1] == f"podman{options} build --layers --tag=x /p"


@pytest.mark.parametrize(("controllers", "options"), [("hugetlb", " --runtime=runc"), ("", "")])
def test_buildah_builds_with_a_runtime_that_bears_both_versions_of_control_groups(
    tmp_path: Path, controllers: str, options: str
) -> None:
    (tmp_path / "controllers").write_text(controllers)
    start = Start()
    BuildahBuilder(env={}, start=start, hybrid=tmp_path / "controllers").build(Path("/p"), BuildOptions(tag="x"))

    assert start.told == [f"buildah build --layers{options} --tag=x /p"]


def test_a_dockerfile_that_does_not_build_is_told_with_its_step() -> None:
    said = "#5 [2/2] RUN false\n#5 ERROR: exit code: 1\n"
    start = Start({"docker buildx": (1, ""), "docker build": (1, said)})

    with pytest.raises(ProjectError) as caught:
        DockerBuilder(env={}, start=start).build(Path("/p"), BuildOptions(tag="x"))

    assert told(caught.value) == (
        ProjectError,
        "`/p/Dockerfile` does not build",
        ("`[2/2] RUN false`: exit code: 1",),
        (),
    )


def test_a_build_that_takes_too_long_is_told_so() -> None:
    start = Start({"docker buildx": (1, ""), "docker build": (None, "")})

    with pytest.raises(MachineError, match=r"`/p/Dockerfile` took longer than 5 s to build"):
        DockerBuilder(env={}, start=start).build(Path("/p"), BuildOptions(tag="x", timeout=5))


def test_what_is_copied_out_stays_below_its_directory(tmp_path: Path) -> None:
    def archive(*members: tuple[str, bytes | str]) -> io.BytesIO:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name, data in members:
                info = tarfile.TarInfo(name)
                if isinstance(data, str):
                    info.type, info.linkname = tarfile.SYMTYPE, data
                    tar.addfile(info)
                else:
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        stream.seek(0)
        return stream

    place = tmp_path / "place"
    link = archive(("d", "/etc"), ("d/x", b"in"), ("y/z", b"deep"))

    assert write_out(link, place, what="`/d`") == 2
    assert (place / "d/x").read_bytes() == b"in"
    assert (place / "y/z").read_bytes() == b"deep"
    with pytest.raises(HostileInputError, match=r"`/d` has the file `../x`"):
        write_out(archive(("../x", b"out")), place, what="`/d`")
    assert not (tmp_path / "x").exists()


def test_a_program_is_heard_line_by_line_and_ended_in_time(tmp_path: Path) -> None:
    code = "import sys, time; print('a', flush=True); time.sleep(.3); print('b', file=sys.stderr); sys.exit(3)"
    ended = follow([sys.executable, "-c", code], env=dict(os.environ), cwd=tmp_path, timeout=30)

    assert (ended.code, [line for _, line in ended.lines]) == (3, ["a", "b"])
    assert ended.lines[1][0] - ended.lines[0][0] > 0.2
    slow = [sys.executable, "-c", "import time; print('x', flush=True); time.sleep(60)"]
    late = follow(slow, env=dict(os.environ), cwd=tmp_path, timeout=0.5)
    assert late.code is None
    assert late.seconds < 15


def test_a_program_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="cannot run `/no/such`"):
        follow(["/no/such"], env={}, cwd=tmp_path, timeout=1)
