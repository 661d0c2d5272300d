"""Programs that engines are driven with: the seam to the outside world, and what is behind it on a real machine."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from tare.errors import MachineError

if TYPE_CHECKING:
    import subprocess

_GRACE: Final = 10.0
"""Seconds that a program has to end after it was told to, as Docker gives to containers."""


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """How a program ended whose output was of interest."""

    code: int
    stdout: str
    stderr: str


class Runner(Protocol):
    """Runs programs. Both methods raise `MachineError` when there is no such program."""

    def capture(self, argv: Sequence[str], *, stdin: Iterable[bytes] = (), timeout: float | None = None) -> Finished:
        """Run a program to its end, feed it *stdin*, and return what it said."""
        ...

    def attach(
        self,
        argv: Sequence[str],
        *,
        stdout: int | None = None,
        stderr: int | None = None,
        timeout: float | None = None,
        expired: Callable[[], None] = lambda: None,
    ) -> int | None:
        """Run a program on this process's standard streams and return its exit code; None when it took too long.

        Signals that are sent to this process alone are passed on; the terminal sends its own to both. *expired* is
        called before a program is ended that took too long.
        """
        ...


class ProcessRunner:
    """Runs programs as processes of this machine."""

    def capture(self, argv: Sequence[str], *, stdin: Iterable[bytes] = (), timeout: float | None = None) -> Finished:
        import subprocess

        with _started(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            if process.stdin is None:
                raise AssertionError
            # What a program writes while it reads is little: a line or two. It waits in the pipe.
            with contextlib.suppress(BrokenPipeError):
                for chunk in stdin:
                    process.stdin.write(chunk)
            try:
                stdout, stderr = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                stdout, stderr = process.communicate()
            return Finished(
                code=process.returncode,
                stdout=stdout.decode("utf-8", "replace"),
                stderr=stderr.decode("utf-8", "replace"),
            )

    def attach(
        self,
        argv: Sequence[str],
        *,
        stdout: int | None = None,
        stderr: int | None = None,
        timeout: float | None = None,
        expired: Callable[[], None] = lambda: None,
    ) -> int | None:
        with _started(argv, stdout=stdout, stderr=stderr) as process:
            return supervise(process, timeout=timeout, expired=expired)


@contextlib.contextmanager
def _started(
    argv: Sequence[str], *, stdin: int | None = None, stdout: int | None = None, stderr: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    import subprocess

    try:
        process = subprocess.Popen(list(argv), stdin=stdin, stdout=stdout, stderr=stderr)
    except OSError as error:
        raise MachineError(f"cannot run `{argv[0]}`", causes=(error.strerror or str(error),)) from None
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def supervise(
    process: subprocess.Popen[bytes], *, timeout: float | None = None, expired: Callable[[], None] = lambda: None
) -> int | None:
    """Wait for *process* and pass signals on to it; return its exit code, or None when it took too long.

    *timeout* counts anew after a signal.
    """
    wait = _wait_with_signals if sys.platform == "linux" else _wait
    code = wait(process, timeout)
    if code is None:
        expired()
        process.terminate()
        with contextlib.suppress(Exception):
            process.wait(_GRACE)
        process.kill()
        process.wait()
        return None
    return code if code >= 0 else 128 - code


def _wait(process: subprocess.Popen[bytes], timeout: float | None) -> int | None:
    """Where a signal's sender cannot be told, trust that an interrupt came from the terminal, and to both."""
    import subprocess

    while True:
        try:
            return process.wait(timeout)
        except KeyboardInterrupt:
            continue
        except subprocess.TimeoutExpired:
            return None


def _wait_with_signals(process: subprocess.Popen[bytes], timeout: float | None) -> int | None:
    passed_on = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*passed_on, signal.SIGCHLD})
    try:
        while process.poll() is None:
            # At most a second: the end of a process that came before the mask was set is noticed too.
            info = signal.sigtimedwait({*passed_on, signal.SIGCHLD}, min(timeout or 1.0, 1.0))
            if info is None and timeout is not None:
                timeout -= 1.0
                if timeout <= 0:
                    return process.poll()
            elif info and info.si_signo in passed_on and info.si_code <= 0:
                # Zero and below: sent by a process, to us. A terminal sends to every process in its foreground.
                process.send_signal(info.si_signo)
        return process.returncode
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
