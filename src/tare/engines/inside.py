"""The processes between tare and a program in a container.

    tare ── outer: makes namespaces, maps its user ── first: process 1, mounts, gives up its powers ── the program

They run in an interpreter of their own, started by `chroot`, that imports the standard library and three small modules
beside this one; what they need comes as one JSON document (`launcher.Spec`). What goes wrong before the program starts is
written to a pipe, which closes by itself when the program does start.

Process 1 passes signals on and reaps what the program leaves behind. When it ends, the kernel ends the rest.
"""

# No pathlib: it imports more when it is used, and nothing may be imported in the root of an image.
from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Final, NoReturn

from tare.engines import linux, program, view
from tare.engines.tree import TreeError

PASSED_ON: Final = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}


class StepError(Exception):
    """A step that failed before the program was started."""

    def __init__(self, step: str, error: OSError) -> None:
        super().__init__(step)
        self.step = step
        self.error = error


def main(spec_from: int, report_to: int) -> NoReturn:
    """Read the document from one descriptor, report a failure to the other, and exit as the program does."""
    with os.fdopen(spec_from, "rb") as file:
        spec = json.loads(file.read())
    os.set_inheritable(report_to, False)
    _guarded(report_to, lambda: outer(spec, report_to))


def outer(spec: dict[str, Any], report_to: int) -> int:
    """Make the namespaces and wait for what runs in them."""
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    with _step("namespaces"):
        _unshare(spec)
    if spec["probe"]:
        return 0
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*PASSED_ON, signal.SIGCHLD})
    child = os.fork()
    if child == 0:
        _guarded(report_to, lambda: first(spec, report_to, mask))
    os.close(report_to)
    # What a terminal sends reaches a program in its own session by itself, and one outside only through us.
    return _wait_for(child, from_terminal=not spec["tty"])


def first(spec: dict[str, Any], report_to: int, mask: set[int]) -> int:
    """Be process 1 of the container."""
    _stay_private()
    if not spec["tty"]:
        # A program in the terminal's session could type into it: https://lwn.net/Articles/967534/
        os.setsid()
    emulator = os.open(spec["emulator"], os.O_RDONLY) if spec["emulator"] else None
    _import_no_more()
    for step, action in view.steps(spec):
        with _step(step):
            action()
    with _step("identity"):
        _give_up_powers(spec)
    _stay_private()
    child = os.fork()
    if child == 0:
        _guarded(report_to, lambda: _start(spec, report_to, mask, emulator))
    os.close(report_to)
    return _wait_for(child, from_terminal=False)


def _unshare(spec: dict[str, Any]) -> None:
    flags = linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
    flags |= 0 if spec["network"] else linux.CLONE_NEWNET
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(flags | (linux.CLONE_NEWUSER if spec["user_namespace"] else 0))
    if spec["user_namespace"]:
        # One user and one group is what the kernel lets anybody map without the help of a program of root's.
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{spec['uid']} {uid} 1")
        _write("/proc/self/gid_map", f"{spec['gid']} {gid} 1")
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)


def _import_no_more() -> None:
    """From here on, an import would run what the image has under the module's name, with all the powers of this process."""
    sys.path.clear()
    sys.meta_path.clear()


def _stay_private() -> None:
    """End with the parent, and show nothing of this process's memory to the container; a change of user undoes both."""
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    linux.prctl(linux.PR_SET_DUMPABLE, 0)


def _give_up_powers(spec: dict[str, Any]) -> None:
    linux.drop_bounding_set()
    if not spec["user_namespace"]:
        os.setgroups(spec["groups"])
    os.setresgid(spec["gid"], spec["gid"], spec["gid"])
    os.setresuid(spec["uid"], spec["uid"], spec["uid"])
    linux.drop_capabilities()
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)


def _start(spec: dict[str, Any], report_to: int, mask: set[int], emulator: int | None) -> int:
    """Become the program."""
    with _step("workdir"):
        os.chdir(spec["workdir"])
        if not os.getcwd().startswith("/"):
            raise FileNotFoundError(2, "it is not in the container")
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and what is ignored stays ignored.
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if not spec["stdin"]:
        with _step("stdin"):
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    argv, env = spec["argv"], spec["env"]
    with _step("start"):
        path = env.get("PATH", os.defpath)
        os.write(report_to, b"\n")  # So far all is well. Nothing at all would mean that this interpreter died.
        if emulator is None:
            os.execve(program.find(argv[0], path), argv, env)  # noqa: S606  # the container's program
        os.execve(emulator, program.emulated(argv, path), env)  # noqa: S606  # the same


def _wait_for(child: int, *, from_terminal: bool) -> int:
    """Pass signals on to *child* until it ends, and return its exit code, or 128 and the number of its signal."""
    while True:
        info = signal.sigwaitinfo({*PASSED_ON, signal.SIGCHLD})
        if info.si_signo == signal.SIGCHLD:
            code = _reap(child)
            if code is not None:
                return code
        elif info.si_code <= 0 or from_terminal:  # 0 and below: sent by a process
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, info.si_signo)


def _reap(child: int) -> int | None:
    ended = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                ended = code if code >= 0 else 128 - code
    return ended


@contextlib.contextmanager
def _step(name: str) -> Any:  # noqa: ANN401  # a generator's type would be another import
    try:
        yield
    except TreeError as error:
        raise StepError(name, OSError(40, str(error))) from None
    except OSError as error:
        raise StepError(name, error) from None


def _guarded(report_to: int, action: Callable[[], int]) -> NoReturn:
    """Run *action*, exit with what it returns, and report it if it fails. Never return to the caller's caller."""
    code = 70
    try:
        code = action()
    except StepError as failure:
        code = 127 if failure.error.errno in {2, 20} else 126
        report = {"step": failure.step, "errno": failure.error.errno, "reason": failure.error.strerror}
        os.write(report_to, json.dumps({**report, "what": str(failure.error.filename or "")}).encode())
    except BaseException as error:  # noqa: BLE001  # this process has nobody above it
        os.write(report_to, json.dumps({"step": "bug", "errno": 0, "reason": repr(error), "what": ""}).encode())
    finally:
        os._exit(code)


def _write(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)
