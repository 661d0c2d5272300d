"""Programs are run, heard, interrupted and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from make.errors import told

from tare.engines.runner import ProcessRunner
from tare.errors import MachineError, TareError

PYTHON = [sys.executable, "-c"]
RUNNER = ProcessRunner()


def test_a_program_is_heard() -> None:
    code = "import sys; print(sys.stdin.read().upper()); print('no', file=sys.stderr); sys.exit(3)"
    finished = RUNNER.capture([*PYTHON, code], stdin=[b"a", b"b"])

    assert (finished.code, finished.stdout.split(), finished.stderr.split()) == (3, ["AB"], ["no"])


def test_a_program_that_does_not_listen_is_heard_too() -> None:
    assert RUNNER.capture([*PYTHON, "print(1)"], stdin=[bytes(1_000_000)] * 3).code == 0


def test_a_program_that_does_not_end_is_ended() -> None:
    assert RUNNER.capture([*PYTHON, "import time; time.sleep(60)"], timeout=0.2).code < 0


@pytest.mark.parametrize(("code", "expected"), [("import sys; sys.exit(7)", 7), ("pass", 0)])
def test_an_exit_code_is_returned(code: str, expected: int) -> None:
    assert RUNNER.attach([*PYTHON, code]) == expected


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_signal_becomes_an_exit_code() -> None:
    assert RUNNER.attach([*PYTHON, "import os; os.kill(os.getpid(), 9)"]) == 137


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    code = "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)"
    stop = tmp_path / "stop"

    assert RUNNER.attach([*PYTHON, "import time; time.sleep(60)"], timeout=0.2) is None
    assert RUNNER.attach([*PYTHON, code, str(stop)], timeout=0.2, expired=stop.touch) is None


def test_output_goes_where_it_is_sent(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        RUNNER.attach([*PYTHON, "print('out')"], stdout=out.fileno())
    assert (tmp_path / "out").read_text().split() == ["out"]


def test_a_program_that_is_not_there_is_said() -> None:
    for action in (RUNNER.capture, RUNNER.attach):
        with pytest.raises(TareError) as caught:
            action(["/nowhere/docker"])
        assert told(caught.value) == (
            MachineError,
            "cannot run `/nowhere/docker`",
            ("No such file or directory",),
            (),
        )


CHILD = """
import signal, sys, time
def heard(number, frame):
    print(signal.Signals(number).name, flush=True)
    sys.exit(42)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, heard)
print("ready", flush=True)
time.sleep(60)
"""
PARENT = f"""
import sys
sys.path[:0] = sys.argv[1:]
from tare.engines.runner import ProcessRunner
sys.exit(ProcessRunner().attach([sys.executable, "-c", {CHILD!r}]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a signal's sender cannot be told")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_us_alone_is_passed_on(number: signal.Signals) -> None:
    source = str(Path(__file__).parents[2] / "src")
    process = subprocess.Popen([*PYTHON, PARENT, source], stdout=subprocess.PIPE, start_new_session=True)
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.stdout.read() == f"{number.name}\n".encode()
        assert process.wait() == 42
    watchdog.cancel()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a terminal of Linux")
def test_a_signal_of_the_terminal_is_heard_once(tmp_path: Path) -> None:
    import pty  # not on every system

    counting = CHILD.replace("sys.exit(42)", "time.sleep(0.3); sys.exit(42)")
    # Two signals that come at once may be heard as one: what is passed on is watched where it is sent.
    watched = """
import fcntl, subprocess, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
subprocess.Popen.send_signal = lambda self, number: print("passed on", flush=True)
"""
    (tmp_path / "parent.py").write_text(watched + PARENT.replace(repr(CHILD), repr(counting)))
    ours, theirs = pty.openpty()
    argv = [sys.executable, str(tmp_path / "parent.py"), str(Path(__file__).parents[2] / "src")]
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        heard = b""
        while b"ready" not in heard:
            heard += os.read(ours, 1024)
        os.write(ours, b"\x03")
        code = process.wait()
    os.close(theirs)
    heard += os.read(ours, 1024)
    os.close(ours)

    assert code == 42
    assert heard.count(b"SIGINT") == 1
    assert b"passed on" not in heard
