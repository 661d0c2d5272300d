"""What Docker and podman are told, word for word."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from make.errors import told
from make.images import image, layer

from tare.engines.docker import Docker
from tare.engines.interface import TIMED_OUT, Mount, RunOptions
from tare.engines.podman import Podman
from tare.engines.runner import Finished
from tare.errors import MachineError, TareError, UsageError
from tare.oci.image import Image
from tare.stores import platforms

HOST = platforms.host()


class Recorder:
    """A runner that runs nothing: it remembers what it was told and answers what it was given."""

    def __init__(self, answers: Mapping[str, Finished | None] | None = None, code: int | None = 0) -> None:
        self.answers = answers or {}
        self.code = code
        self.told: list[str] = []
        self.received = b""

    def capture(self, argv: Sequence[str], *, stdin: Iterable[bytes] = (), timeout: float | None = None) -> Finished:
        line = " ".join(argv)
        self.told.append(line)
        self.received += b"".join(stdin)
        for start, answer in self.answers.items():
            if line.startswith(start):
                if answer is None:
                    raise MachineError(f"cannot run `{argv[0]}`")
                return answer
        return Finished(code=0, stdout="", stderr="")

    def attach(
        self,
        argv: Sequence[str],
        *,
        stdout: int | None = None,
        stderr: int | None = None,
        timeout: float | None = None,
        expired: Callable[[], None] | None = None,
    ) -> int | None:
        name = next((word for word in argv if word.startswith("--name=")), "")
        self.told.append(" ".join(argv).replace(name, "--name=NAME"))
        if self.code is None and expired:
            expired()
            self.told[-1] = self.told[-1].replace(name.partition("=")[2], "NAME")
        return self.code


UNKNOWN = Finished(code=1, stdout="", stderr="Error: No such image")


def run(options: RunOptions, *, known: bool = True) -> list[str]:
    recorder = Recorder({} if known else {"docker image inspect": UNKNOWN})
    Docker(runner=recorder).run(native(), options)
    return recorder.told


def native() -> Image:
    return image(layer([]), architecture=HOST.architecture)


CONFIG = native().manifest.config.digest


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (RunOptions(), f"{CONFIG}"),
        (RunOptions(args=("-x", "y z")), f"{CONFIG} -x y z"),
        (RunOptions(entrypoint=("sh", "-c"), args=("id",)), f"--entrypoint=sh {CONFIG} -c id"),
        (RunOptions(entrypoint=()), f"--entrypoint= {CONFIG}"),
        (RunOptions(stdin=True, tty=True), f"--interactive --tty {CONFIG}"),
        (
            RunOptions(read_only=True, tmpfs=("/tmp", "/run"), network=False, drop_capabilities=True),  # noqa: S108  # the container's
            f"--read-only --network=none --cap-drop=ALL --security-opt=no-new-privileges --tmpfs=/tmp --tmpfs=/run {CONFIG}",
        ),
        (RunOptions(user="1:2", workdir="/w", memory=64), f"--user=1:2 --workdir=/w --memory=64b {CONFIG}"),
        (RunOptions(env={"A": "b c", "D": ""}), f"--env=A=b c --env=D= {CONFIG}"),
        (RunOptions(publish=("8000:80",)), f"--publish=8000:80 {CONFIG}"),
        (
            RunOptions(mounts=(Mount(source=Path("/a b"), target="/x"), Mount(source=Path("/c"), target="/y", read_only=False))),
            f"--mount=type=bind,source=/a b,target=/x,readonly --mount=type=bind,source=/c,target=/y {CONFIG}",
        ),
    ],
)  # fmt: skip
def test_options_are_said_in_the_engine_s_words(options: RunOptions, words: str) -> None:
    assert run(options) == [
        f"docker image inspect --format={{{{.Id}}}} {CONFIG}",
        f"docker run --name=NAME --rm {words}",
    ]


def test_an_image_that_is_not_there_is_loaded_and_removed_again() -> None:
    name = f"localhost/tare-run:{native().digest.partition(':')[2][:16]}"

    assert run(RunOptions(), known=False) == [
        f"docker image inspect --format={{{{.Id}}}} {CONFIG}",
        f"docker image inspect --format={{{{.Id}}}} {native().digest}",
        "docker load --quiet",
        f"docker run --name=NAME --rm {name}",
        f"docker rmi {name}",
    ]


def test_an_engine_that_does_not_take_the_image_is_quoted() -> None:
    answers = {
        "docker image inspect": UNKNOWN,
        "docker load": Finished(code=1, stdout="", stderr="first\nno space left on device\n\n"),
    }
    with pytest.raises(TareError) as caught:
        Docker(runner=Recorder(answers)).run(native(), RunOptions())
    assert told(caught.value) == (MachineError, "`docker` does not load the image", ("no space left on device",), ())


def test_a_container_that_takes_too_long_is_killed_by_its_name() -> None:
    recorder = Recorder(code=None)

    assert Docker(runner=recorder).run(native(), RunOptions(timeout=1)) == TIMED_OUT
    assert recorder.told[2] == "docker kill NAME"


STARTED = Finished(code=0, stdout="2026-11-24 container start 12ab (image=x)\n", stderr="")
NOT_STARTED = Finished(code=0, stdout="", stderr="")
NO_LOG = Finished(code=125, stdout="", stderr="Error: no events")


@pytest.mark.parametrize(
    ("code", "log", "outcome"),
    [
        (125, NOT_STARTED, "`podman` cannot start the container"),
        (126, NOT_STARTED, "`podman` cannot start the container"),
        (126, STARTED, 126),
        (125, NO_LOG, 125),
        (127, NOT_STARTED, 127),
        (1, NOT_STARTED, 1),
    ],
)
def test_an_engine_that_fails_is_told_from_a_program_that_does(code: int, log: Finished, outcome: int | str) -> None:
    recorder = Recorder({"podman events": log, "podman info": Finished(code=0, stdout="crun", stderr="")}, code)
    podman = Podman(runner=recorder, hybrid=Path("/nowhere"), monotonic=lambda: 0.0)

    try:
        found: int | str = podman.run(native(), RunOptions())
    except MachineError as error:
        found = error.message
    assert found == outcome
    asked = [line.partition("=tare-")[0] for line in recorder.told if line.startswith("podman events")]
    assert asked == (["podman events --stream=false --filter=container"] if code in {125, 126} else [])


def test_a_program_that_cannot_be_executed_is_not_the_engine_s_fault() -> None:
    said = Finished(code=126, stdout="", stderr='docker: runc create failed: exec: "/etc/passwd": permission denied\n')
    recorder = Recorder({"docker events": NOT_STARTED, "docker run": said}, 126)

    assert Docker(runner=recorder, monotonic=lambda: 0.0).run(native(), RunOptions()) == 126


def test_a_program_that_ran_for_long_was_started() -> None:
    times = iter((0.0, 301.0))
    recorder = Recorder({"docker events": NOT_STARTED}, 125)

    assert Docker(runner=recorder, monotonic=lambda: next(times)).run(native(), RunOptions()) == 125


def test_an_image_for_another_machine_is_said_to_be_one() -> None:
    other = "arm64" if HOST.architecture != "arm64" else "s390x"
    recorder = Recorder()
    Docker(runner=recorder).run(image(layer([]), architecture=other), RunOptions())

    assert f"--rm --platform=linux/{other} sha256:" in recorder.told[1]


def test_a_path_that_docker_s_syntax_cannot_say_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        run(RunOptions(mounts=(Mount(source=Path("/a,b"), target="/x"),)))
    assert told(caught.value) == (
        UsageError,
        "`/a,b` cannot be mounted",
        ("a quote, comma or line break is in a path",),
        (),
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Finished(code=0, stdout="20.10.24\n", stderr=""), None),
        (None, "there is no `docker` on PATH"),
        (Finished(code=1, stdout="\n", stderr="Cannot connect to the Docker daemon\n"), "Cannot connect to the Docker daemon"),
        (Finished(code=1, stdout="", stderr=""), "`docker version` fails"),
    ],
)  # fmt: skip
def test_docker_is_asked_whether_it_works(answer: Finished | None, reason: str | None) -> None:
    recorder = Recorder({"docker": answer})

    assert Docker(host="unix:///d.sock", runner=recorder).available() == reason
    assert recorder.told == ["docker --host unix:///d.sock version --format={{.Server.Version}}"]


# podman


def podman(tmp_path: Path, runtime: str, *, hybrid: str, runc: Finished | None) -> tuple[Podman, Recorder]:
    (tmp_path / "controllers").write_text(hybrid)
    recorder = Recorder({"podman info": Finished(code=0, stdout=f"{runtime}\n", stderr=""), "runc": runc})
    return Podman(runner=recorder, hybrid=tmp_path / "controllers"), recorder


FINE = Finished(code=0, stdout="", stderr="")
NO_RUNC = "its runtime `crun` does not work with control groups of both versions, and there is no `runc`"


@pytest.mark.parametrize(
    ("runtime", "hybrid", "runc", "reason"),
    [
        ("crun", "", None, None),
        ("runc", "hugetlb", None, None),
        ("crun", "hugetlb", FINE, None),
        ("crun", "hugetlb", None, NO_RUNC),
        ("crun 1 65536", "", None, None),
        ("crun 1", "", None, "it can use 1 user ID and needs 65,536 (`/etc/subuid`)"),
        ("runc 1 1000", "", None, "it can use 1,001 user IDs and needs 65,536 (`/etc/subuid`)"),
    ],
)
def test_podman_s_runtime_and_user_ids_must_fit(
    tmp_path: Path, runtime: str, hybrid: str, runc: Finished | None, reason: str | None
) -> None:
    assert podman(tmp_path, runtime, hybrid=hybrid, runc=runc)[0].available() == reason


@pytest.mark.skipif(sys.platform != "linux", reason="limits are passed on where containers share them")
def test_podman_keeps_the_limits_of_this_process(tmp_path: Path) -> None:
    import resource  # not on every system

    engine, recorder = podman(tmp_path, "crun", hybrid="hugetlb", runc=FINE)
    engine.run(native(), RunOptions())

    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert recorder.told[-1].startswith(f"podman --runtime=runc run --name=NAME --ulimit=nofile={files}:{files} ")
    assert recorder.told[-1].endswith(f" --rm {CONFIG}")


def test_podman_says_what_is_wrong() -> None:
    missing = Podman(runner=Recorder({"podman": None}))
    broken = Podman(runner=Recorder({"podman": Finished(code=125, stdout="", stderr="Error: no storage\n")}))

    assert missing.available() == "there is no `podman` on PATH"
    assert broken.available() == "Error: no storage"
