"""Real engines that run an image locked in: a read-only root, no capability, no network, the image's own user."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
from lab import Dockerd, PodmanStorage, output, program

import tare
from tare.engines.podman import Podman

PATIENCE = 60.0

_GET = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())"


class Ended(NamedTuple):
    """How a container ended, and all it said."""

    code: int
    out: str
    err: str


class Subject(NamedTuple):
    """An image to run."""

    name: str
    """Its tag."""

    layout: Path
    archive: Path


class Serving(Protocol):
    """A container that serves."""

    def get(self, url: str, *, patience: float = PATIENCE) -> str:
        """Return what it answers, asked from its own network, within *patience* seconds."""
        ...

    def stop(self) -> tuple[int, float]:
        """Send SIGTERM; return its exit code, and how many seconds it took."""
        ...


class Runtime(Protocol):
    """Something that runs containers."""

    def run(self, subject: Subject, *, tmp: Path) -> Ended:
        """Run the image's default command to its end, with *tmp* as the one place that can be written to."""
        ...

    def serving(self, subject: Subject) -> contextlib.AbstractContextManager[Serving]:
        """Run the image in the background."""
        ...


class CommandLine:
    """docker and podman, which take the same options."""

    def __init__(self, argv: Sequence[str], more: Sequence[str] = ()) -> None:
        self._argv = (program(argv[0]) or argv[0], *argv[1:])
        self._locked = ("--read-only", "--cap-drop=ALL", "--network=none", *more)
        self._loaded: set[str] = set()

    def _load(self, subject: Subject) -> None:
        if subject.name not in self._loaded:
            output(*self._argv, "load", "--input", str(subject.archive))
            self._loaded.add(subject.name)

    def run(self, subject: Subject, *, tmp: Path) -> Ended:
        self._load(subject)
        return ended([*self._argv, "run", "--rm", *self._locked, f"--volume={tmp}:/tmp", subject.name])

    @contextlib.contextmanager
    def serving(self, subject: Subject) -> Iterator[Serving]:
        self._load(subject)
        container = output(*self._argv, "run", "--detach", *self._locked, "--tmpfs=/tmp", subject.name).strip()
        try:
            yield _Detached(self._argv, container)
        finally:
            output(*self._argv, "rm", "--force", container)


class _Detached:
    def __init__(self, argv: Sequence[str], container: str) -> None:
        self._argv = argv
        self._container = container

    def get(self, url: str, *, patience: float = PATIENCE) -> str:
        return patiently([*self._argv, "exec", self._container, "python", "-c", _GET, url], patience)

    def stop(self) -> tuple[int, float]:
        started = time.monotonic()
        output(*self._argv, "kill", "--signal=TERM", self._container)
        code = int(output(*self._argv, "wait", self._container))
        return code, time.monotonic() - started


class Chroot:
    """`tare run` without any engine: as root, or as somebody else in a user namespace."""

    def __init__(self, place: Path, *, user: int | None = None, options: Sequence[str] = ()) -> None:
        self._place = place
        self._more = options
        self._user = user
        self._python = interpreter_for(user)

    def _command(self, subject: Subject, *options: str) -> list[str]:
        locked = ("--read-only", "--cap-drop=ALL", "--network=none", "--quiet", *self._more, *options)
        return [self._python, "-m", "tare", "run", "--engine=chroot", *locked, f"oci:{subject.layout}"]

    def _options(self) -> dict[str, object]:
        packages = Path(pytest.__file__).parents[1]
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": f"{Path(tare.__file__).parents[1]}:{packages}",
            "TARE_CACHE_DIR": str(self._place),
        }
        user = {} if self._user is None else {"user": self._user, "group": self._user, "extra_groups": []}
        return {"env": environment, "stdin": subprocess.DEVNULL, "cwd": "/", **user}

    def run(self, subject: Subject, *, tmp: Path) -> Ended:
        return ended(self._command(subject, f"--volume={tmp}:/tmp"), **self._options())

    @contextlib.contextmanager
    def serving(self, subject: Subject) -> Iterator[Serving]:
        process = subprocess.Popen(self._command(subject, "--tmpfs=/tmp"), **self._options())  # type: ignore[call-overload]  # Popen's own
        try:
            yield _Below(process)
        finally:
            process.kill()
            process.wait()


class _Below:
    """A container whose processes are below one of ours."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def get(self, url: str, *, patience: float = PATIENCE) -> str:
        own = Path("/proc/self/ns/net").readlink()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for pid in _descendants(self._process.pid):
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{pid}/ns/net").readlink() != own:
                        return patiently(
                            ["nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, "-c", _GET, url], patience
                        )
            time.sleep(0.05)
        raise AssertionError("the container has no network of its own")

    def stop(self) -> tuple[int, float]:
        started = time.monotonic()
        self._process.terminate()
        return self._process.wait(PATIENCE), time.monotonic() - started


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def ended(argv: Sequence[str], **options: object) -> Ended:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False, **options)  # type: ignore[call-overload]  # run's own
    return Ended(done.returncode, done.stdout, done.stderr)


def patiently(argv: Sequence[str], patience: float) -> str:
    """Run a program until it succeeds, and return what it says."""
    deadline = time.monotonic() + patience
    while True:
        done = ended(argv)
        if done.code == 0:
            return done.out.strip()
        assert time.monotonic() < deadline, done.err
        time.sleep(0.1)


def interpreter_for(user: int | None) -> str:
    """Return an interpreter that *user* may run and that can import what tare needs; otherwise skip."""
    if user is None:
        return sys.executable
    packages = Path(pytest.__file__).parents[1]
    path = f"{Path(tare.__file__).parents[1]}:{packages}"
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        argv = [python, "-c", "import msgspec, zlib_ng, tare.cli.run"]
        with contextlib.suppress(OSError):
            environment = {"PYTHONPATH": path, "PATH": os.defpath}
            if not ended(argv, env=environment, user=user, group=user, extra_groups=[], cwd="/").code:
                return python
    pytest.skip("there is no interpreter, with our dependencies, that somebody who is not root may run")


def docker(dockerd: Dockerd) -> CommandLine:
    return CommandLine(("docker", f"--host={dockerd.host}"))


def podman(storage: PodmanStorage) -> CommandLine:
    """Return podman with what this machine needs, as our own engine has found out."""
    engine = Podman(options=storage.options)
    reason = engine.available()
    if reason is not None:
        pytest.skip(f"podman: {reason}")
    return CommandLine(("podman", *engine._runtime(), *storage.options), engine._limits())
