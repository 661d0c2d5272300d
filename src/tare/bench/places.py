"""Where a candidate's programs run: in a fresh container of an image, or with an interpreter of this machine."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn, Protocol

import msgspec

from tare.bench.cgroups import PREFIX, Group, sweep
from tare.bench.result import Counters
from tare.engines.interface import TIMED_OUT, Engine, Mount, RunOptions
from tare.errors import MachineError, TareError
from tare.oci.image import Image

PROGRAMS: Final = Path(__file__).parent / "programs"
INSIDE: Final = "/tare-bench"
"""Where a container sees the programs."""
_MOST_OUTPUT: Final = 16 * 2**20
_GRACE: Final = 10.0
"""Seconds that a service has to end."""
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

    def serve(self, job: Job) -> Running:
        """Start *job* in a fresh container, which goes on until it is told to end."""
        ...


class Running(Protocol):
    """A container that runs while something else happens."""

    def alive(self) -> bool: ...

    def stop(self) -> Outcome:
        """End it, as Docker does: a signal to end, and after some seconds one that cannot be refused."""
        ...


Start = Callable[[int, int, str | None], int]
"""Runs with standard output and error at these descriptors, and a control group; returns the exit code."""


class ImagePlace:
    """Containers of *image*, made by *engine*."""

    def __init__(self, engine: Engine, image: Image, *, environment: Mapping[str, str] | None = None) -> None:
        self._engine = engine
        self._image = image
        self._environment = dict(environment or {})

    def run(self, job: Job) -> Outcome:
        return _Child(self._start(job), last_word=_last_word(self._engine)).wait()

    def serve(self, job: Job) -> Running:
        return _Child(self._start(job), last_word=_last_word(self._engine))

    def _start(self, job: Job) -> Start:
        command = job.command if job.whole else ("python3", *_at(job.command, INSIDE))
        options = RunOptions(
            entrypoint=command,
            env={**_EVEN, **self._environment, **job.environment},
            timeout=job.timeout,
            memory=job.memory if self._engine.name != "chroot" else None,
            mounts=(Mount(source=PROGRAMS, target=INSIDE), *job.mounts),
            tmpfs=("/tmp",),  # noqa: S108  # of the container
            network=job.network,
            host_network=job.network,
            user="0",
        )

        def start(stdout: int, stderr: int, group: str | None) -> int:
            told = msgspec.structs.replace(options, stdout=stdout, stderr=stderr, cgroup=group)
            return self._engine.run(self._image, told)

        return start


class HostPlace:
    """An interpreter of this machine. What it runs is not isolated; a sample is still a fresh process."""

    def __init__(self, python: str, *, environment: Mapping[str, str] | None = None) -> None:
        self._python = python
        self._environment = dict(environment or {})

    def run(self, job: Job) -> Outcome:
        return _Child(self._start(job)).wait()

    def serve(self, job: Job) -> Running:
        return _Child(self._start(job))

    def _start(self, job: Job) -> Start:
        command = job.command if job.whole else (self._python, *_at(job.command, str(PROGRAMS)))
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8", **_EVEN, **self._environment, **job.environment}

        def start(stdout: int, stderr: int, _: str | None) -> int:
            return _process(command, environment, job, stdout, stderr)

        return start


def serve(engine: Engine, image: Image, options: RunOptions) -> Running:
    """Start *image* as it is, in a fresh container that goes on until it is told to end."""

    def start(stdout: int, stderr: int, group: str | None) -> int:
        return engine.run(image, msgspec.structs.replace(options, stdout=stdout, stderr=stderr, cgroup=group))

    return _Child(start, last_word=_last_word(engine))


def _last_word(engine: Engine) -> signal.Signals:
    """Return what the process that runs a container gets when this one was killed.

    The program that talks to a daemon passes a signal on; killed itself, it would leave the container behind.
    """
    return signal.SIGKILL if engine.name == "chroot" else signal.SIGTERM


_EVEN: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
"""Libraries that would take as many threads as there are cores compare differently on every machine."""


def _at(command: Sequence[str], directory: str) -> tuple[str, ...]:
    return tuple(f"{directory}/{each}" if each.endswith(".py") and "/" not in each else each for each in command)


def _process(command: Sequence[str], environment: Mapping[str, str], job: Job, stdout: int, stderr: int) -> int:
    """Run *command*, as a process of this machine that this one's child becomes the parent of."""
    import resource
    import subprocess

    from tare.engines.linux import ends_with
    from tare.engines.runner import held_signals, supervise

    parent = os.getpid()

    def limit() -> None:
        if release is not None:
            release()
        ends_with(parent, signal.SIGKILL)
        if job.memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (job.memory, job.memory))

    with held_signals() as release:
        try:
            process = subprocess.Popen(
                list(command),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                preexec_fn=limit,  # noqa: PLW1509  # two system calls and no lock
            )
        except OSError as error:
            raise MachineError(f"cannot run `{command[0]}`", causes=(error.strerror or str(error),)) from None
        with process:
            code = supervise(process, timeout=job.timeout)
    return TIMED_OUT if code is None else code


class _Child:
    """A child of this process, in a control group of its own where there can be one, that runs *start*."""

    def __init__(self, start: Start, *, last_word: signal.Signals = signal.SIGKILL) -> None:
        sweep()
        self._last_word = last_word
        self._parent = os.getpid()
        self._group = Group(f"{PREFIX}{os.getpid()}-{os.urandom(4).hex()}")
        self._grouped = self._group.create()
        self._stdout, self._stderr = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  # closed in wait
        self._code: int | None = None
        self._begun = time.monotonic()
        self._pid = os.fork()
        if self._pid == 0:
            self._become(start)

    def _become(self, start: Start) -> NoReturn:
        code = _BROKEN
        stderr = self._stderr.fileno()
        from tare.engines.linux import ends_with

        try:
            # A run that is killed measures nothing any more, and its containers would disturb the one that goes on.
            ends_with(self._parent, self._last_word)
            if self._grouped:
                self._group.enter()
            code = start(self._stdout.fileno(), stderr, f"/{self._group.name}" if self._grouped else None)
        except TareError as error:
            os.write(stderr, f"{error.message}: {'; '.join(error.causes)}\n".encode())
        except BaseException as error:  # noqa: BLE001  # whatever it is, the child must not go on as its parent
            os.write(stderr, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)

    def alive(self) -> bool:
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code is None

    def stop(self) -> Outcome:
        give_up = time.monotonic() + _GRACE
        if self.alive():
            os.kill(self._pid, signal.SIGTERM)
        while self.alive() and time.monotonic() < give_up:
            time.sleep(0.02)
        if self.alive():
            os.kill(self._pid, signal.SIGKILL)
        return self.wait()

    def wait(self) -> Outcome:
        try:
            if self._code is None:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        except BaseException:
            os.kill(self._pid, signal.SIGTERM)
            os.waitpid(self._pid, 0)
            raise
        seconds = time.monotonic() - self._begun
        counters = self._group.read() if self._grouped else Counters()
        if self._grouped:
            self._group.remove()
        with self._stdout as stdout, self._stderr as stderr:
            stdout.seek(0)
            stderr.seek(0)
            output, said = stdout.read(_MOST_OUTPUT), stderr.read(2**20).decode("utf-8", "replace")
        if self._code == _BROKEN:
            raise MachineError("a container cannot be run", causes=tuple(said.strip().splitlines()[-2:]))
        return Outcome(code=self._code, stdout=output, stderr=said, seconds=seconds, counters=counters)
