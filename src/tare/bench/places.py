"""Where a candidate's programs run: in a fresh container of an image, or with an interpreter of this machine."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from tare.bench.cgroups import Group
from tare.bench.result import Counters
from tare.engines.interface import TIMED_OUT, Engine, Mount, RunOptions
from tare.errors import MachineError, TareError
from tare.oci.image import Image

PROGRAMS: Final = Path(__file__).parent / "programs"
INSIDE: Final = "/tare-bench"
"""Where a container sees the programs."""
_MOST_OUTPUT: Final = 16 * 2**20
_BROKEN: Final = 125
"""The exit code of the process between us and an engine that could not do its part."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one program ended."""

    code: int
    stdout: bytes
    stderr: str
    seconds: float
    """From before the container was made until it was gone."""
    counters: Counters

    @property
    def timed_out(self) -> bool:
        return self.code == TIMED_OUT

    @property
    def killed(self) -> bool:
        """Whether it got a SIGKILL, as the kernel sends when memory is used up."""
        return self.code == 137


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A program and how it is run."""

    command: tuple[str, ...]
    """The interpreter's arguments, or a whole command if `shell`; a program of ours is named by its file."""
    environment: dict[str, str] = {}
    timeout: float
    memory: int | None = None
    """Bytes it may use."""
    whole: bool = False
    """Whether `command` names its own program instead of the interpreter's arguments."""
    mounts: tuple[Mount, ...] = ()
    network: bool = True


class Place(Protocol):
    """Runs one candidate's programs."""

    def run(self, job: Job) -> Outcome:
        """Run *job* in a fresh container to its end."""
        ...


Start = Callable[[int, int], int]
"""Runs with standard output and error at these descriptors, and returns the exit code."""


class ImagePlace:
    """Containers of *image*, made by *engine*."""

    def __init__(self, engine: Engine, image: Image, *, environment: Mapping[str, str] | None = None) -> None:
        self._engine = engine
        self._image = image
        self._environment = dict(environment or {})

    def run(self, job: Job) -> Outcome:
        command = job.command if job.whole else ("python3", *_at(job.command, INSIDE))
        options = RunOptions(
            entrypoint=command,
            env={**_EVEN, **self._environment, **job.environment},
            timeout=job.timeout,
            memory=job.memory if self._engine.name != "chroot" else None,
            mounts=(Mount(source=PROGRAMS, target=INSIDE), *job.mounts),
            tmpfs=("/tmp",),  # noqa: S108  # of the container
            network=job.network,
            user="0",
        )

        def start(stdout: int, stderr: int, group: str | None) -> int:
            told = msgspec.structs.replace(options, stdout=stdout, stderr=stderr, cgroup=group)
            return self._engine.run(self._image, told)

        return _counted(start)


class HostPlace:
    """An interpreter of this machine. What it runs is not isolated; a sample is still a fresh process."""

    def __init__(self, python: str, *, environment: Mapping[str, str] | None = None) -> None:
        self._python = python
        self._environment = dict(environment or {})

    def run(self, job: Job) -> Outcome:
        command = job.command if job.whole else (self._python, *_at(job.command, str(PROGRAMS)))
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8", **_EVEN, **self._environment, **job.environment}

        def start(stdout: int, stderr: int, _: str | None) -> int:
            return _process(command, environment, job, stdout, stderr)

        return _counted(start)


_EVEN: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
"""Libraries that would take as many threads as there are cores compare differently on every machine."""


def _at(command: Sequence[str], directory: str) -> tuple[str, ...]:
    return tuple(f"{directory}/{each}" if each.endswith(".py") and "/" not in each else each for each in command)


def _process(command: Sequence[str], environment: Mapping[str, str], job: Job, stdout: int, stderr: int) -> int:
    import resource
    import subprocess

    def limit() -> None:
        if job.memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (job.memory, job.memory))

    try:
        finished = subprocess.run(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            timeout=job.timeout,
            check=False,
            preexec_fn=limit if job.memory is not None else None,  # one system call and no lock
        )
    except subprocess.TimeoutExpired:
        return TIMED_OUT
    except OSError as error:
        raise MachineError(f"cannot run `{command[0]}`", causes=(error.strerror or str(error),)) from None
    return finished.returncode if finished.returncode >= 0 else 128 - finished.returncode


def _counted(start: Callable[[int, int, str | None], int]) -> Outcome:
    """Call *start* in a child of this process, in a control group of its own where there can be one."""
    group = Group(f"tare-bench-{os.getpid()}-{os.urandom(4).hex()}")
    grouped = group.create()
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        begun = time.monotonic()
        try:
            code = _forked(
                lambda: start(stdout.fileno(), stderr.fileno(), f"/{group.name}" if grouped else None),
                group if grouped else None,
                stderr.fileno(),
            )
            seconds = time.monotonic() - begun
            counters = group.read() if grouped else Counters()
        finally:
            if grouped:
                group.remove()
        stdout.seek(0)
        stderr.seek(0)
        said = stderr.read(2**20).decode("utf-8", "replace")
        if code == _BROKEN:
            raise MachineError("a container cannot be run", causes=tuple(said.strip().splitlines()[-2:]))
        return Outcome(code=code, stdout=stdout.read(_MOST_OUTPUT), stderr=said, seconds=seconds, counters=counters)


def _forked(start: Callable[[], int], group: Group | None, stderr: int) -> int:
    pid = os.fork()
    if pid == 0:
        code = _BROKEN
        try:
            if group is not None:
                group.enter()
            code = start()
        except TareError as error:
            os.write(stderr, f"{error.message}: {'; '.join(error.causes)}\n".encode())
        except BaseException as error:  # noqa: BLE001  # whatever it is, the child must not go on as its parent
            os.write(stderr, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except BaseException:
        import signal

        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        raise
