"""Programs that engines are driven with: the seam to the outside world, and what is behind it on a real machine."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from tare.errors import MachineError

if TYPE_CHECKING:
    import subprocess

_PASSED_ON: Final = tuple(
    number for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if (number := getattr(signal, name, None))
)

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
        expired: Callable[[], None] | None = None,
    ) -> int | None:
        """Run a program on this process's standard streams and return its exit code; None when it took too long.

        Signals that are sent to this process alone are passed on; the terminal sends its own to both. *expired* ends a
        program that took too long, which otherwise gets a SIGTERM.
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
        heard = [data.decode("utf-8", "replace") for data in (stdout, stderr)]
        return Finished(code=process.returncode, stdout=heard[0], stderr=heard[1])

    def attach(
        self,
        argv: Sequence[str],
        *,
        stdout: int | None = None,
        stderr: int | None = None,
        timeout: float | None = None,
        expired: Callable[[], None] | None = None,
    ) -> int | None:
        with held_signals() as release, _started(argv, stdout=stdout, stderr=stderr, preexec_fn=release) as process:
            return supervise(process, timeout=timeout, expired=expired)


@contextlib.contextmanager
def _started(argv: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:  # noqa: ANN401  # Popen's own
    import subprocess

    try:
        process = subprocess.Popen(list(argv), **options)
    except OSError as error:
        raise MachineError(f"cannot run `{argv[0]}`", causes=(error.strerror or str(error),)) from None
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


@contextlib.contextmanager
def held_signals() -> Iterator[Callable[[], object] | None]:
    """Keep signals waiting for `supervise` from before a program is started, and give what the program does about it.

    Without this, one that comes in between would end this process and forget the program. Elsewhere than on Linux
    signals come as they do, since their sender cannot be told there.
    """
    if sys.platform != "linux":
        yield None
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_PASSED_ON, signal.SIGCHLD})
    try:
        yield partial(signal.pthread_sigmask, signal.SIG_SETMASK, before)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def supervise(
    process: subprocess.Popen[bytes], *, timeout: float | None = None, expired: Callable[[], None] | None = None
) -> int | None:
    """Wait for *process*, within `held_signals`, and pass signals on; return its exit code, or None if it took too long.

    *timeout* counts anew after a signal.
    """
    code = _wait_with_signals(process, timeout) if sys.platform == "linux" else _wait(process, timeout)
    if code is not None:
        return code if code >= 0 else 128 - code
    (expired or process.terminate)()
    with contextlib.suppress(Exception):
        process.wait(_GRACE)
    process.kill()
    process.wait()
    return None


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
    while process.poll() is None:
        # At most a second at once: another thread may have taken the signal that the program has ended.
        info = signal.sigtimedwait({*_PASSED_ON, signal.SIGCHLD}, min(timeout or 1.0, 1.0))
        if info is None and timeout is not None:
            timeout -= 1.0
            if timeout <= 0:
                return process.poll()
        elif info and info.si_signo in _PASSED_ON and info.si_code <= 0:
            # Zero and below: sent by a process, to us. A terminal sends to every process in its foreground.
            process.send_signal(info.si_signo)
    return process.returncode
