"""podman, through its command line."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tare.engines.command_line import CommandLineEngine, last_line
from tare.engines.control_groups import HYBRID, is_hybrid
from tare.engines.runner import Runner
from tare.errors import MachineError

_IDS = 65_536
"""How many users a namespace needs for images: theirs have numbers below that, and podman keeps who owns a file."""

_INFO = "{{.Host.OCIRuntime.Name}}{{range .Host.IDMappings.UIDMap}} {{.Size}}{{end}}"


class Podman(CommandLineEngine):
    """Runs images with podman. *options* come before its command, for example `--root`."""

    name = "podman"

    def __init__(
        self,
        *,
        program: str = "podman",
        options: Sequence[str] = (),
        runner: Runner | None = None,
        hybrid: Path = HYBRID,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(program=program, options=options, runner=runner, monotonic=monotonic)
        self._hybrid = hybrid
        self._chosen: tuple[str, ...] | None = None

    def available(self) -> str | None:
        argv = [*self._argv, "info", f"--format={_INFO}"]
        try:
            finished = self._runner.capture(argv, timeout=20)
        except MachineError:
            return "there is no `podman` on PATH"
        if finished.code:
            return last_line(finished.stderr) or "`podman info` fails"
        self._chosen = ()
        runtime, *sizes = finished.stdout.split() or [""]
        if sizes and sum(map(int, sizes)) < _IDS:
            ids = sum(map(int, sizes))
            return f"it can use {ids:,} user ID{'' if ids == 1 else 's'} and needs {_IDS:,} (`/etc/subuid`)"
        if runtime == "crun" and is_hybrid(self._hybrid):
            self._chosen = ("--runtime=runc",)
            if not self._has_runc():
                return "its runtime `crun` does not work with control groups of both versions, and there is no `runc`"
        return None

    def _runtime(self) -> Sequence[str]:
        if self._chosen is None:
            self.available()
        return self._chosen or ()

    def _past(self) -> Sequence[str]:
        return ("--stream=false",)

    def _has_runc(self) -> bool:
        try:
            return self._runner.capture(["runc", "--version"]).code == 0
        except MachineError:
            return False

    def _limits(self) -> Sequence[str]:
        """Return options that keep this process's own limits.

        podman 4.3 raises them for a container to what the kernel allows, also with `--ulimit=host`, and fails where it
        may not (https://github.com/containers/podman/issues/17681). Its own limit of processes is at most `pid_max`.
        """
        if sys.platform != "linux":
            return ()
        import resource

        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        most = int(Path("/proc/sys/kernel/pid_max").read_text())
        processes = most if processes == resource.RLIM_INFINITY else min(processes, most)
        return (f"--ulimit=nofile={files}:{files}", f"--ulimit=nproc={processes}:{processes}")
