"""Starts the processes of `inside` and understands what they report."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from tare.engines.interface import TIMED_OUT, RunOptions
from tare.errors import MachineError

ENGINES: Final = "Use Docker or podman: `--engine docker` or `--engine podman`"

_BOOT: Final = (
    "import sys; sys.path.append(sys.argv[1]); from tare.engines import inside; inside.main(*map(int, sys.argv[2:]))"
)
HOST_NAME: Final = "tare"
"""What a container finds itself called."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of `inside` need to know."""

    probe: bool = False
    """Whether to stop when the namespaces were made."""

    user_namespace: bool
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()

    network: bool = True
    rootfs: str = ""
    stage: str = ""
    read_only: bool = False
    tmpfs: tuple[str, ...] = ()
    mounts: tuple[tuple[str, str, bool], ...] = ()
    """Source, target, and whether it is read-only."""

    files: dict[str, str] = {}
    """Content that stands at a path of the container."""

    argv: tuple[str, ...] = ()
    env: dict[str, str] = {}
    workdir: str = "/"
    host_name: str = HOST_NAME
    emulator: str | None = None
    stdin: bool = False
    tty: bool = False


def launch(
    spec: Spec,
    options: RunOptions,
    *,
    environment: Mapping[str, str],
    note: Callable[[str], None],
    interpreter: str = sys.executable,
) -> int:
    """Make the container that *spec* describes and return its exit code.

    What goes wrong before its program starts is a `MachineError`, unless it is the program that is wrong: then it is
    noted, and the exit code is Docker's.
    """
    import subprocess

    from tare.engines.runner import held_signals, supervise

    spec_from, spec_to = os.pipe()
    report_from, report_to = os.pipe()
    with os.fdopen(spec_to, "wb") as pipe, os.fdopen(report_from, "rb") as report, held_signals() as release:
        try:
            process = subprocess.Popen(
                [*_command(interpreter), str(spec_from), str(report_to)],
                pass_fds=(spec_from, report_to),
                stdout=options.stdout,
                stderr=options.stderr,
                env=dict(environment),
                preexec_fn=release,  # noqa: PLW1509  # one system call and no lock
            )
        except OSError as error:
            raise MachineError(f"cannot run `{interpreter}`", causes=(error.strerror or str(error),)) from None
        finally:
            os.close(spec_from)
            os.close(report_to)
        with process:
            try:
                with contextlib.suppress(BrokenPipeError):
                    pipe.write(json.dumps(msgspec.to_builtins(spec)).encode())
                    pipe.close()
                said = report.read()
                if said.strip():
                    return _explain(json.loads(said), spec, process.wait(), note)
                code = supervise(process, timeout=options.timeout)
            except BaseException:
                process.kill()
                raise
    if not said and (code or not spec.probe):
        raise MachineError("cannot make the container", causes=(f"`{interpreter}` exits with {code}",))
    return TIMED_OUT if code is None else code


def _command(interpreter: str) -> list[str]:
    """Return the command for an interpreter that has nothing but the standard library and this package."""
    source = str(Path(__file__).resolve().parents[2])
    return [interpreter, "-I", "-S", "-X", "utf8", "-c", _BOOT, source]


def _explain(report: dict[str, object], spec: Spec, code: int, note: Callable[[str], None]) -> int:
    step, reason = report["step"], report["reason"]
    if step in {"start", "workdir"}:
        note(f"cannot start `{spec.argv[0]}` in `{spec.workdir}`: {reason}")
        return code
    if step == "namespaces":
        raise MachineError(
            "this machine does not let `tare` make namespaces",
            causes=(f"{report['what']}: {reason}",),
            hints=("Run as root, or let everybody make user namespaces (`sysctl user.max_user_namespaces`)", ENGINES),
        )
    what = f"{report['what']}: {reason}" if report["what"] else reason
    raise MachineError("cannot make the container", causes=(f"{step}: {what}",), hints=(ENGINES,))
