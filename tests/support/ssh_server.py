"""A real `sshd` on loopback, with keys of its own, that lets in whoever runs the tests."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

CONFIG = """\
HostKey {directory}/host
AuthorizedKeysFile {directory}/person.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PrintMotd no
LogLevel ERROR
"""


@contextlib.contextmanager
def ssh_server(directory: Path) -> Iterator[tuple[str, ...]]:
    """Start a server, and give the client's command that reaches it; skip the test where there is none."""
    program = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
        pytest.skip("there is no `sshd` here: Debian has it as openssh-server")
    directory.mkdir()
    for name in ("host", "person"):
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)), check=True)
    (directory / "config").write_text(CONFIG.format(directory=directory), encoding="utf-8")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    addresses = ("-o", f"ListenAddress=127.0.0.1:{port}", "-o", f"ListenAddress=[::1]:{port}")
    server = subprocess.Popen((program, "-D", "-e", "-f", str(directory / "config"), *addresses))
    try:
        _wait(server, int(port))
        yield (
            "ssh", "-F", "/dev/null", "-p", port, "-i", str(directory / "person"),
            "-o", f"UserKnownHostsFile={directory / 'known'}", "-o", "StrictHostKeyChecking=accept-new",
            "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR",
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait()


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    give_up = time.monotonic() + 20
    while True:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        if server.poll() is not None:
            pytest.skip("`sshd` does not start here")
        assert time.monotonic() < give_up
        time.sleep(0.05)


def python_there(python: str, directory: Path, *path: str) -> str:
    """Return a command that runs *python* in *directory*, as the home of whoever logs in would be."""
    return shlex.join(("env", f"--chdir={directory}", f"PYTHONPATH={os.pathsep.join(path)}", python))
