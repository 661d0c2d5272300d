"""Load by Locust: a master of this machine, with workers here or on other machines.

One process of ours makes some ten thousand requests a second at most. Where that is too few, or where the load has to come
from somewhere else than the service, Locust's master and workers do the same in several processes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from tare.bench.load import Loaded, Spec
from tare.engines.linux import ends_with
from tare.errors import MachineError, UsageError

FILE: Final = Path(__file__).parent / "locusts" / "locustfile.py"
_SOURCE: Final = str(Path(__file__).resolve().parents[2])
_AFTER: Final = 2
"""Seconds that users have after the last request that is due, before they are stopped."""
_GRACE: Final = 5
"""Seconds that a request may be under way then."""
_PAUSE: Final = 0.2
"""Seconds until a worker looks for the next master."""
_CONNECT: Final = 60.0
"""Seconds that workers have to connect."""


class Locusts(msgspec.Struct, frozen=True, kw_only=True):
    """What `--load` says."""

    workers: int
    """That the master waits for."""
    address: str | None = None
    """Where workers of other machines find the master and the service; None: all are processes of this machine."""
    port: int = 0


def locusts(text: str) -> Locusts:
    """Read `locust:WORKERS`, or `locust:WORKERS@ADDRESS:PORT`.

    >>> locusts("locust:4@10.0.0.1:5557").address
    '10.0.0.1'
    """
    match = re.fullmatch(r"locust:(\d{1,4})(?:@([\w.-]+):(\d{1,5}))?", text)
    if match is None or int(match[1]) < 1 or int(match[3] or 1) > 65535:
        raise UsageError(
            f"`--load {text}` is not understood",
            hints=("Write `tare`, `locust:WORKERS`, or `locust:WORKERS@ADDRESS:PORT`",),
        )
    return Locusts(workers=int(match[1]), address=match[2], port=int(match[3] or 0))


def missing() -> MachineError | None:
    """Return the error of a machine without Locust, or None."""
    if importlib.util.find_spec("locust") is not None:
        return None
    return MachineError("load by Locust needs `locust`", hints=("Install the extra: `pip install 'pytare[load]'`",))


class LocustGenerator(msgspec.Struct, frozen=True, kw_only=True):
    """Makes load with a master and several workers, anew for each load."""

    python: str
    wanted: Locusts
    free_port: Callable[[], int]

    def run(self, spec: Spec) -> Loaded:
        """Let all workers make their shares of *spec* at once, and return what came of it together."""
        port = self.wanted.port or self.free_port()
        with tempfile.TemporaryDirectory(prefix="tare-locust-") as scratch, contextlib.ExitStack() as stack:
            result = Path(scratch) / "result.json"
            if self.wanted.address is None:
                for number in range(self.wanted.workers):
                    stack.enter_context(_process(worker(self.python, "127.0.0.1", port), Path(scratch) / f"{number}"))
            log = Path(scratch) / "master"
            with _process(self._master(spec, port, result), log) as master:
                try:
                    master.wait(timeout=_CONNECT + spec.seconds + _AFTER + _GRACE + 70)
                except subprocess.TimeoutExpired:
                    raise MachineError("Locust does not end", causes=_said(log)) from None
            if not result.exists():
                raise MachineError("the load generator failed", causes=_said(log))
            return msgspec.json.decode(result.read_bytes(), type=Loaded)

    def _master(self, spec: Spec, port: int, result: Path) -> list[str]:
        bind = self.wanted.address or "127.0.0.1"
        length = math.ceil(spec.seconds) + _AFTER
        return [
            *_locust(self.python), "--master", "--master-bind-host", bind, "--master-bind-port", str(port),
            "--headless", "--only-summary", "--host", f"http://{spec.host}:{spec.port}",
            "--expect-workers", str(self.wanted.workers), "--expect-workers-max-wait", str(round(_CONNECT)),
            "--users", str(spec.connections), "--spawn-rate", str(spec.connections),
            "--run-time", f"{length}s", "--stop-timeout", str(_GRACE),
            "--spec", msgspec.json.encode(spec).decode(), "--result", str(result),
        ]  # fmt: skip


def worker(python: str, host: str, port: int) -> list[str]:
    """Return the command of one worker of the master at *host*."""
    return [*_locust(python), "--worker", "--master-host", host, "--master-port", str(port)]


def address_of(text: str) -> tuple[str, int]:
    """Read `ADDRESS:PORT`."""
    match = re.fullmatch(r"([\w.-]+):(\d{1,5})", text)
    if match is None or not 0 < int(match[2]) <= 65535:
        raise UsageError(f"`{text}` is no address", hints=("Write `tare bench worker ADDRESS:PORT`",))
    return match[1], int(match[2])


def work(python: str, host: str, port: int) -> None:
    """Be a worker of the master at *host*, and of the next one there: each load has a master of its own."""
    while True:
        subprocess.run(
            worker(python, host, port), stdin=subprocess.DEVNULL, check=False, env=environment(),
            preexec_fn=partial(ends_with, os.getpid(), signal.SIGKILL),  # two system calls and no lock
        )  # fmt: skip
        time.sleep(_PAUSE)


def _locust(python: str) -> list[str]:
    return [python, "-X", "utf8", "-m", "locust", "--locustfile", str(FILE), "--loglevel", "WARNING"]


@contextlib.contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command*, which ends with the context at the latest, and with this process."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(), cwd=log.parent,
            preexec_fn=partial(ends_with, os.getpid(), signal.SIGKILL),  # noqa: PLW1509  # two system calls and no lock
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment() -> dict[str, str]:
    """Return the environment of Locust's processes: they find tare, and no configuration of somebody's own."""
    return {"PATH": "", "PYTHONPATH": _SOURCE, "HOME": tempfile.gettempdir()}


def _said(log: Path) -> tuple[str, ...]:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return tuple(lines[-2:]) or ("it said nothing",)
