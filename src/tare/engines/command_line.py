"""What Docker's and podman's command lines have in common, which is nearly everything."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tare.engines.interface import TIMED_OUT, Mount, RunOptions
from tare.engines.runner import ProcessRunner, Runner
from tare.errors import MachineError, UsageError
from tare.oci import reference as references
from tare.oci.digest import encoded
from tare.oci.image import Image
from tare.stores import platforms
from tare.stores.archive_writer import ArchiveWriter

_REPOSITORY: Final = "localhost/tare-run"
"""What an image is called that was loaded for one run. The host is reserved: nothing would ever be pulled from it."""


_OWN_CODES: Final = frozenset({125, 126})
"""With what `run` ends when the engine fails, or its runtime: https://docs.podman.io/en/latest/markdown/podman-run.1.html"""

_CANNOT_RUN: Final = 126

_START: Final = 300.0
"""Seconds within which a container has started, or never will."""


class CommandLineEngine:
    """An engine behind a program.

    *options* are the program's own, before its command. An image that the engine has already is run as it is; another
    one is loaded under a name of its own, and that name is removed afterwards.
    """

    name = ""

    def __init__(
        self,
        *,
        program: str,
        options: Sequence[str] = (),
        runner: Runner | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._argv = (program, *options)
        self._runner = runner or ProcessRunner()
        self._monotonic = monotonic

    def run(self, image: Image, options: RunOptions) -> int:
        with self._loaded(image) as reference:
            container = f"tare-{os.urandom(6).hex()}"
            argv = [
                *self._argv,
                *self._runtime(),
                "run",
                f"--name={container}",
                *self._limits(),
                *_flags(image, options),
            ]
            argv += [reference, *run_arguments(options)]
            started = self._monotonic()
            code = self._runner.attach(
                argv,
                stdout=options.stdout,
                stderr=options.stderr,
                timeout=options.timeout,
                expired=lambda: self._kill(container),
            )
            early = code in _OWN_CODES and self._monotonic() - started < _START and self._never_started(container)
            if early and (code != _CANNOT_RUN or not self._blames_program(argv)):
                raise MachineError(f"`{self._argv[0]}` cannot start the container", causes=("it has said why",))
        return TIMED_OUT if code is None else code

    def held(self, image: Image) -> contextlib.AbstractContextManager[str]:
        """Load *image* once for many runs; each finds it, and none removes it."""
        return self._loaded(image)

    def _runtime(self) -> Sequence[str]:
        """Return options that the program needs on this machine before `run`."""
        return ()

    def _limits(self) -> Sequence[str]:
        """Return options that it needs after `run`."""
        return ()

    def _never_started(self, container: str) -> bool:
        """Return whether the engine itself failed, as far as its log tells: a program may end with the same codes."""
        wanted = (f"--filter=container={container}", "--filter=event=start", "--since=10m")
        finished = self._runner.capture([*self._argv, "events", *self._past(), *wanted], timeout=10)
        return finished.code == 0 and not finished.stdout.strip()

    def _blames_program(self, argv: Sequence[str]) -> bool:
        """Return whether a container that never started fails for its program, which the runtime could not execute.

        A runtime that fails for its own reasons has the same code, so it is asked once more for what it says.
        """
        said = self._runner.capture(argv, timeout=60).stderr
        return re.search(r"\bexec|open executable", said) is not None

    def _past(self) -> Sequence[str]:
        """Return the options with which `events` shows what has been, and ends."""
        return ("--until=0s",)

    def _kill(self, container: str) -> None:
        self._runner.capture([*self._argv, "kill", container])

    @contextlib.contextmanager
    def _loaded(self, image: Image) -> Iterator[str]:
        """Give a name under which the engine has *image*."""
        name = references.parse(f"{_REPOSITORY}:{encoded(image.digest)[:16]}")
        there = self._find(image)
        if there:
            yield there
            return
        self._load(image, name)
        try:
            yield str(name)
        finally:
            # Another run may be using it at this moment; then the name stays, and that run removes it.
            self._runner.capture([*self._argv, "rmi", str(name)])

    def _find(self, image: Image) -> str | None:
        """Return the engine's ID of *image*: its config's digest, or its own in Docker's containerd store."""
        for digest in (image.manifest.config.digest, image.digest):
            argv = [*self._argv, "image", "inspect", "--format={{.Id}}", digest]
            if self._runner.capture(argv).code == 0:
                return digest
        return None

    def _load(self, image: Image, name: references.Reference) -> None:
        archive = ArchiveWriter(image, (name,), mtime=0, platform=image.platform.normalized())
        finished = self._runner.capture([*self._argv, "load", "--quiet"], stdin=archive.chunks())
        if finished.code:
            raise MachineError(
                f"`{self._argv[0]}` does not load the image", causes=(last_line(finished.stderr) or "it says nothing",)
            )


def _flags(image: Image, options: RunOptions) -> Iterator[str]:
    """Yield what `run` is told, in the words that Docker and podman share."""
    platform = image.platform.normalized()
    yield "--rm"
    if platform != platforms.host():
        yield f"--platform={platform}"
    yield from run_flags(options)


def run_flags(options: RunOptions) -> Iterator[str]:
    """Yield what `run` is told about *options*."""
    entrypoint = options.entrypoint
    said = {
        "--interactive": options.stdin,
        "--tty": options.tty,
        "--read-only": options.read_only,
        "--network=none": not options.network,
        "--network=host": options.network and options.host_network,
        "--cap-drop=ALL": options.drop_capabilities,
        "--security-opt=no-new-privileges": options.drop_capabilities,
        f"--user={options.user}": options.user is not None,
        f"--workdir={options.workdir}": options.workdir is not None,
        f"--memory={options.memory}b": options.memory is not None,
        f"--cgroup-parent={options.cgroup}": options.cgroup is not None,
        f"--entrypoint={entrypoint[0] if entrypoint else ''}": entrypoint is not None,
    }
    yield from (flag for flag, wanted in said.items() if wanted)
    yield from (f"--tmpfs={path}" for path in options.tmpfs)
    yield from (f"--publish={port}" for port in options.publish)
    yield from (f"--mount={_mount(mount)}" for mount in options.mounts)
    yield from (f"--env={key}={value}" for key, value in options.env.items())


def run_arguments(options: RunOptions) -> tuple[str, ...]:
    """Return what stands after the image's name."""
    return (*(options.entrypoint or ())[1:], *(options.args or ()))


def _mount(mount: Mount) -> str:
    """Return the value of `--mount`, which is one line of CSV."""
    source = str(mount.source.absolute())
    if any(character in source + mount.target for character in '",\n'):
        raise UsageError(f"`{source}` cannot be mounted", causes=("a quote, comma or line break is in a path",))
    return f"type=bind,source={source},target={mount.target}" + (",readonly" if mount.read_only else "")


def last_line(text: str) -> str:
    """Return the last line that says something, bounded: programs put their reason there."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:500] if lines else ""
