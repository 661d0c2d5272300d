"""A PostgreSQL of the lab's own, on loopback, from Debian's package."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

OWNER = "postgres"
"""The server refuses to be root; Debian's package makes this user."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_preload_libraries": "pg_stat_statements",
    "shared_buffers": "1GB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "8GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "synchronous_commit": "off",
}


def programs() -> Path:
    """Return the directory of the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    if not found:
        raise FileNotFoundError("there is no PostgreSQL; as root, `sh tools/lab-install.sh` installs it from Debian")
    return found[-1].parent


def owner() -> str | None:
    """Return whom the server runs as."""
    return OWNER if os.geteuid() == 0 else None


def initialise(data: Path) -> None:
    """Make the cluster at *data*, unless there is one."""
    if (data / "PG_VERSION").exists():
        return
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        entry = pwd.getpwnam(OWNER)
        os.chown(data, entry.pw_uid, entry.pw_gid)
    words = [str(programs() / "initdb"), "--pgdata", str(data), "--username=postgres", "--auth=trust"]
    words += ["--locale=C.UTF-8", "--encoding=UTF8"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd="/", user=owner(), group=owner())


def command(data: Path, port: int) -> list[str]:
    """Return what starts the server."""
    settings = {**SETTINGS, "unix_socket_directories": "", "port": str(port)}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(programs() / "postgres"), "-D", str(data), *options]
