"""What every engine does: run one image once."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

import msgspec

from tare.oci.image import Image

TIMED_OUT: Final = 124
"""The exit code of a run that was ended because it took too long, as `timeout` of the GNU core utilities has it."""

CANNOT_RUN: Final = 126
"""The exit code when the program is there and cannot be started."""

NOT_FOUND: Final = 127
"""The exit code when the program is not in the image."""


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A file or directory of this machine that the container sees."""

    source: Path

    target: str
    """An absolute path in the container."""

    read_only: bool = True


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How an image is run where it differs from what the image says. The defaults are Docker's."""

    args: tuple[str, ...] | None = None
    """Replaces the image's `Cmd`."""

    entrypoint: tuple[str, ...] | None = None
    """Replaces the image's `Entrypoint`, and with it its `Cmd`."""

    env: dict[str, str] = {}
    """Added to the image's environment."""

    user: str | None = None
    """`USER[:GROUP]`, by number or by name."""

    workdir: str | None = None

    read_only: bool = False
    """Whether the root file system cannot be written to."""

    tmpfs: tuple[str, ...] = ()
    """Directories that are empty, writable and in memory."""

    mounts: tuple[Mount, ...] = ()

    network: bool = True

    host_network: bool = False
    """Whether the container shares the machine's network, with all its ports."""

    publish: tuple[str, ...] = ()
    """Ports, spelled as Docker's `--publish`. An engine that shares the machine's network has nothing to do for them."""

    drop_capabilities: bool = False
    """Whether the container has no capability at all and cannot gain any."""

    memory: int | None = None
    """Bytes."""

    cgroup: str | None = None
    """The control group that a daemon makes the container's group in; other engines stay in this process's own."""

    timeout: float | None = None
    """Seconds after which the container is killed and `TIMED_OUT` is returned."""

    stdin: bool = False
    """Whether the container reads this process's standard input; otherwise it finds it empty."""

    tty: bool = False
    """Whether standard input and output are a terminal for the container."""

    stdout: int | None = None
    """A file descriptor for its standard output, in the place of this process's."""

    stderr: int | None = None

    def command(self, entrypoint: tuple[str, ...] | None, cmd: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return the argument list for an image with *entrypoint* and *cmd*."""
        if self.entrypoint is not None:
            return (*self.entrypoint, *(self.args or ()))
        return (*(entrypoint or ()), *((cmd or ()) if self.args is None else self.args))


class Engine(Protocol):
    """Something that runs containers.

    `available` is cheap and touches nothing. `run` makes a fresh container, hands it the standard streams, forwards
    SIGINT and SIGTERM to it, removes it when it ends, and leaves no image behind that was not there before. A container
    that ends is a result, whatever its exit code; an engine that cannot do its part raises `MachineError`.
    """

    @property
    def name(self) -> str:
        """The name that `--engine` takes."""
        ...

    def available(self) -> str | None:
        """Return why the engine cannot be used on this machine, or None if it can."""
        ...

    def held(self, image: Image) -> AbstractContextManager[object]:
        """Keep *image* ready for many runs: none of them loads it, and none removes it."""
        ...

    def run(self, image: Image, options: RunOptions) -> int:
        """Run *image* and return the exit code: the program's own, or 128 and the number of the signal that ended it."""
        ...
