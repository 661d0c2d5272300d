"""Docker, through its command line."""

from __future__ import annotations

import time
from collections.abc import Callable

from tare.engines.command_line import CommandLineEngine, last_line
from tare.engines.runner import Runner
from tare.errors import MachineError


class Docker(CommandLineEngine):
    """Runs images with the Docker Engine at *host* (as in `DOCKER_HOST`), by default the one that `docker` finds."""

    name = "docker"

    def __init__(
        self,
        *,
        host: str | None = None,
        program: str = "docker",
        runner: Runner | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        options = ("--host", host) if host else ()
        super().__init__(program=program, options=options, runner=runner, monotonic=monotonic)

    def available(self) -> str | None:
        try:
            finished = self._runner.capture([*self._argv, "version", "--format={{.Server.Version}}"], timeout=10)
        except MachineError:
            return "there is no `docker` on PATH"
        return (last_line(finished.stderr) or "`docker version` fails") if finished.code else None
