"""The PostgreSQL of the I/O-bound work: one that was named, or one that is started for it from what is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from tare.engines.linux import ends_with
from tare.errors import MachineError, UsageError

OWNER: Final = "postgres"
"""Whom the server runs as if we are root, which it refuses to be. Debian's package makes that user."""
_PATIENCE: Final = 60.0
"""Seconds that a server has to start, or to end."""
_PAUSE: Final = 0.05
_SOON: Final = "connect_timeout=10"
"""An address where nobody answers, not even to refuse, is given up in ten seconds instead of minutes."""

SETTINGS: Final = {
    "shared_preload_libraries": "pg_stat_statements",
    "shared_buffers": "1GB",
    # Indexes of 10⁸ rows are sorted: each of the processes that do so has a share of this.
    "maintenance_work_mem": "2GB",
    "max_parallel_maintenance_workers": "2",
    # A table that is filled in the transaction that made it is not logged at all, so nothing need be unlogged.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "synchronous_commit": "off",
    # Nothing happens by itself while something is measured: the loader analyses its tables, and freezes their rows.
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}
"""Those of a server that is loaded and then read; `docs/bench.md` says what they are worth."""


class Database:
    """A server that is there, asked through `psql`, which comes with it."""

    def __init__(self, url: str, psql: str) -> None:
        self.url = url
        self._psql = psql

    def ask(self, sql: str) -> str:
        """Return the only value of the answer to *sql*, or nothing."""
        where = self.url if "connect_timeout=" in self.url else f"{self.url}{'&' if '?' in self.url else '?'}{_SOON}"
        command = [self._psql, "--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--dbname", where, "-c", sql]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode:
            said = finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"]
            raise MachineError("the database does not answer", causes=(said[0].removeprefix("psql: error: "),))
        return finished.stdout.strip()

    @property
    def version(self) -> str:
        return "PostgreSQL " + self.ask("SHOW server_version").split()[0]

    def check(self) -> None:
        """Raise `MachineError` if it cannot be measured with: before anything is built."""
        self.ask("SELECT 1")
        try:
            self.reset_statements()
        except MachineError as error:
            raise MachineError(
                "the database does not count statements",
                causes=error.causes,
                hints=("It needs `shared_preload_libraries = 'pg_stat_statements'`, and a user who may read it",),
            ) from None

    def reset_statements(self) -> None:
        """Forget what was counted. Raises `MachineError` if the server does not count."""
        self.ask("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        self.ask("SELECT pg_stat_statements_reset()")

    def statements(self, table: str) -> int:
        """Return how many statements about *table* were executed since then."""
        about = f"query LIKE 'SELECT%{table}%' OR query LIKE 'UPDATE {table}%'"
        sql = f"SELECT coalesce(sum(calls), 0)::int8 FROM pg_stat_statements WHERE {about}"  # noqa: S608  # a name of ours
        return int(self.ask(sql))

    def remembered(self, table: str) -> bool:
        """Tell whether *table* was loaded to its end."""
        sql = f"SELECT coalesce(obj_description(to_regclass('{table}'), 'pg_class'), '')"
        return self.ask(sql) == "loaded"

    def remember(self, table: str) -> None:
        self.ask(f"COMMENT ON TABLE {table} IS 'loaded'")

    def drop(self, table: str) -> None:
        self.ask(f"DROP TABLE IF EXISTS {table}")


@contextlib.contextmanager
def database(url: str | None, directory: Path, *, root: Path = Path("/")) -> Iterator[Database]:
    """Give the database at *url*, or one that is started with its data in *directory* and ended afterwards.

    Its programs are looked for below *root*, where Debian has them, and on PATH.
    """
    if url is not None and not url.startswith(("postgresql://", "postgres://")):
        raise UsageError(
            f"`{url}` is not the address of a PostgreSQL", hints=("Write `--database postgresql://USER@HOST/NAME`",)
        )
    programs = _programs(root)
    psql = shutil.which("psql") or (str(programs / "psql") if programs else None)
    if psql is None:
        raise MachineError("there is no `psql`", hints=("Install PostgreSQL, or choose `--profile smoke`",))
    if url is not None:
        named = Database(url, psql)
        named.check()
        yield named
        return
    if programs is None:
        raise MachineError(
            "there is no PostgreSQL on this machine",
            hints=("Install it, name one with `--database`, or choose `--profile smoke`",),
        )
    with started(programs, directory, owner=OWNER if os.geteuid() == 0 else None) as port:
        yield Database(f"postgresql://{OWNER}@127.0.0.1:{port}/postgres", psql)


def missing(root: Path = Path("/")) -> str | None:
    """Return why no database can be started here, or None."""
    if _programs(root) is None:
        return "there is no PostgreSQL on this machine; `io` needs one, or `--database`"
    return None


def _programs(root: Path) -> Path | None:
    found = sorted(
        (root / "usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: each.parent.parent.name.zfill(4)
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(os.path.realpath(on_path)).parent if on_path else None


@contextlib.contextmanager
def started(programs: Path, data: Path, *, owner: str | None) -> Iterator[int]:
    """Start the server of *programs* with its files in *data*, as the user *owner*, and give its port.

    It ends with this process, however that ends: a run that goes on after a kill finds the files free.
    """
    _await_end(data)
    if not (data / "PG_VERSION").exists():
        _initialise(programs, data, owner)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    settings = [word for name, value in {**SETTINGS, "port": str(port)}.items() for word in ("-c", f"{name}={value}")]
    log = data.with_name(f"{data.name}.log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data), *settings],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", user=owner, group=owner,
            preexec_fn=partial(ends_with, os.getpid(), signal.SIGINT),  # noqa: PLW1509  # two system calls and no lock
        )  # fmt: skip
    try:
        _wait(process, port, log)
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _await_end(data: Path) -> None:
    """Wait until no server has *data* open: that of a run that was killed ends by itself, that of another one does not."""
    give_up = time.monotonic() + _PATIENCE
    while (server := _server(data)) is not None:
        if time.monotonic() > give_up:
            raise MachineError(
                f"the database in `{data}` is in use",
                causes=(f"the server with process ID {server} has it open",),
                hints=("Wait until the other `tare bench run` has ended, or name a database with `--database`",),
            )
        time.sleep(_PAUSE)


def _server(data: Path) -> int | None:
    """Return the process that has *data* open, or None. What a server left behind that was killed itself names nobody."""
    try:
        number = int((data / "postmaster.pid").read_text("utf-8").partition("\n")[0])
        told = Path("/proc", str(number), "stat").read_text("utf-8", "replace")
    except (OSError, ValueError):
        return None
    ended = told.rpartition(") ")[2].startswith("Z")
    return number if "(postgres" in told and not ended else None


def _initialise(programs: Path, data: Path, owner: str | None) -> None:
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700, parents=True)
    if owner is not None:
        shutil.chown(data, owner, owner)
    command = [str(programs / "initdb"), "--pgdata", str(data), f"--username={OWNER}", "--auth=trust"]
    finished = subprocess.run(
        [*command, "--locale=C.UTF-8", "--encoding=UTF8"],
        capture_output=True, text=True, check=False, cwd="/", user=owner, group=owner,
    )  # fmt: skip
    if finished.returncode:
        raise MachineError("cannot make a database", causes=tuple(finished.stderr.strip().splitlines()[-2:]))


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up = time.monotonic() + _PATIENCE
    while True:
        with socket.socket() as client:
            client.settimeout(1)
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None or time.monotonic() > give_up:
            raise MachineError("PostgreSQL does not start", causes=(f"see `{log}`",))
        time.sleep(_PAUSE)
