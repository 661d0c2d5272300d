"""Real engines for tests, from what is installed on this machine, and plain reasons where they are not.

Each fixture starts what it needs under a directory of its own, on a socket of its own, and ends it by its own process.
`tools/lab-install.sh` installs the programs from Debian.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

PATIENCE = 60.0
"""Seconds that an engine may take to start, and again to end."""

_PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


class Dockerd(NamedTuple):
    """A Docker Engine that was started for this run of the tests. Its containers have no network, or the machine's."""

    host: str
    """As `DOCKER_HOST` has it."""

    def __call__(self, *arguments: str) -> str:
        """Run `docker` and return what it says."""
        return output("docker", "--host", self.host, *arguments)


class PodmanStorage(NamedTuple):
    """podman with storage of its own."""

    options: tuple[str, ...]

    def __call__(self, *arguments: str) -> str:
        return output("podman", *self.options, *arguments)


def program(name: str) -> str | None:
    """Return where a program is, also one of the system's administration."""
    return shutil.which(name, path=_PATH)


def needs(*names: str) -> None:
    """Skip the test, with the reason, unless all of these programs are installed."""
    missing = [name for name in names if program(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (`make engines` installs what tests use, as root on Debian)")


def needs_root(what: str) -> None:
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip(f"{what} needs root")


def output(*argv: str) -> str:
    """Run a program to its end and return its standard output; what it says when it fails is in the failure."""
    done = subprocess.run([program(argv[0]) or argv[0], *argv[1:]], check=False, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr.decode(errors='replace')[-2000:]}"
    return done.stdout.decode()


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Dockerd]:
    """A Docker Engine that ends with the tests."""
    needs_root("starting a Docker Engine")
    needs("dockerd", "docker")
    place = Path(tempfile.mkdtemp(prefix="tare-docker-"))  # short: a socket's address has at most 107 bytes
    try:
        with _started_somehow(place) as host:
            yield Dockerd(host=host)
    finally:
        _remove(place)


@contextlib.contextmanager
def _started_somehow(place: Path) -> Iterator[str]:
    """Start the engine with the storage that it likes best, or with the one that works everywhere."""
    for extra in ((), ("--storage-driver=vfs",)):
        process = _start(place, extra)
        if process is not None:
            break
    else:
        log = (place / "log").read_text(errors="replace")
        pytest.skip(f"`dockerd` does not start on this machine: {log.strip().splitlines()[-1][:300]}")
    try:
        yield f"unix://{place}/docker.sock"
    finally:
        _end(process)


def _start(place: Path, extra: Sequence[str]) -> subprocess.Popen[bytes] | None:
    """Start the engine and wait until it answers. No bridge and no firewall: the machine may have an engine already."""
    argv = [
        program("dockerd") or "",
        f"--host=unix://{place}/docker.sock",
        f"--data-root={place}/data",
        f"--exec-root={place}/exec",
        f"--pidfile={place}/pid",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        *extra,
    ]
    with (place / "log").open("ab") as log:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env={"PATH": _PATH}
        )
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(place / "docker.sock"):
            return process
        time.sleep(0.05)
    _end(process)
    return None


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return client.recv(1024).startswith(b"HTTP/1.0 200")
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _remove(place: Path) -> None:
    """Remove an engine's directory; what is still mounted below it is let go first."""
    with contextlib.suppress(OSError):
        mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for target in sorted((path for path in mounted if path.startswith(f"{place}/")), reverse=True):
            subprocess.run(["umount", "-l", target], check=False, capture_output=True)
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def podman() -> Iterator[PodmanStorage]:
    """podman, with storage that ends with the tests."""
    needs_root("podman with storage of its own")
    needs("podman", "runc")
    place = Path(tempfile.mkdtemp(prefix="tare-podman-"))
    storage = (f"--root={place}/root", f"--runroot={place}/run", "--storage-driver=vfs", "--cgroup-manager=cgroupfs")
    try:
        yield PodmanStorage(options=storage)
    finally:
        _remove(place)


@pytest.fixture(scope="session")
def busybox() -> bytes:
    """A program that needs no library and can do everything a little."""
    needs("busybox")
    path = Path(program("busybox") or "")
    data = path.read_bytes()
    if b"/ld-" in data[:4096]:
        pytest.skip("`busybox` is not static; Debian's package is `busybox-static`")
    return data
