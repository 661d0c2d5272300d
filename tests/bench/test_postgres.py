"""The database of a benchmark: who is to start it, and that it ends with the run, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tare.bench.postgres import database, missing, started
from tare.errors import MachineError, TareError

SOURCE = Path(__file__).parents[2] / "src"
INITDB = """
place = Path(sys.argv[sys.argv.index("--pgdata") + 1])
(place / "PG_VERSION").write_text("15")
"""
POSTGRES = """
place = Path(sys.argv[2])
port = next(int(word.removeprefix("port=")) for word in sys.argv if word.startswith("port="))

def end(*_):
    time.sleep(0.5)  # what is in memory is written first
    (place / "postmaster.pid").unlink()
    os._exit(0)

signal.signal(signal.SIGINT, end)
if (place / "postmaster.pid").exists():
    sys.exit("FATAL:  lock file postmaster.pid already exists")
(place / "postmaster.pid").write_text(f"{os.getpid()}\\n{place}\\n")
with socket.create_server(("127.0.0.1", port)):
    while True:
        signal.pause()
"""
RUN = """
import sys, time
from pathlib import Path
from tare.bench.postgres import started
with started(Path(sys.argv[1]), Path(sys.argv[2]), owner=None):
    print("started", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return where programs are that do as PostgreSQL does, as far as it is started and ended."""
    place = tmp_path / "bin"
    place.mkdir()
    for name, program in (("initdb", INITDB), ("postgres", POSTGRES)):
        imports = "import os, signal, socket, sys, time\nfrom pathlib import Path\n"
        (place / name).write_text(f"#!{sys.executable}\n{imports}{program}")
        (place / name).chmod(0o755)
    return place


def until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_a_server_ends_with_a_run_that_is_killed_and_the_next_one_waits_for_that(
    programs: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-c", RUN, str(programs), str(data)]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        server = int((data / "postmaster.pid").read_text().split()[0])
        process.send_signal(signal.SIGKILL)

    with started(programs, data, owner=None):
        assert int((data / "postmaster.pid").read_text().split()[0]) != server
    until(lambda: not (data / "postmaster.pid").exists())


def test_what_a_server_left_that_was_killed_itself_is_no_reason_to_wait(programs: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("15")
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")  # the number is somebody else's by now
    begun = time.monotonic()
    # The real one looks at the number, too, and starts.
    with pytest.raises(MachineError, match="does not start"), started(programs, data, owner=None):
        pass
    assert time.monotonic() - begun < 20


def refused(root: Path, url: str | None = None) -> TareError:
    with pytest.raises(TareError) as caught, database(url, root / "data", root=root):
        pass
    return caught.value


def test_without_a_postgresql_there_are_three_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    psql = tmp_path / "psql"
    psql.write_text("#!/bin/sh\nexit 2\n")
    psql.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refused(tmp_path)

    assert isinstance(error, MachineError)
    assert error.message == "there is no PostgreSQL on this machine"
    assert error.hints == ("Install it, name one with `--database`, or choose `--profile smoke`",)
    assert missing(tmp_path) == "there is no PostgreSQL on this machine; `io` needs one, or `--database`"


def test_a_database_that_was_named_is_asked_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    psql = tmp_path / "psql"
    psql.write_text(f"#!/bin/sh\necho \"$*\" >{tmp_path}/said\necho 'psql: error: connection refused' >&2\nexit 2\n")
    psql.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    error = refused(tmp_path, "postgresql://nowhere.example/x")

    assert (error.message, error.causes) == ("the database does not answer", ("connection refused",))
    said = (tmp_path / "said").read_text()
    assert "--dbname postgresql://nowhere.example/x?connect_timeout=10 -c SELECT 1" in said
