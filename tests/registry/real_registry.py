"""Debian's `docker-registry`, the reference implementation, on loopback."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from certificates import authority
from lab import needs
from samples import PASSWORD, USER

# bcrypt of `samples.PASSWORD`, which the registry's password file must have.
_HASHED = "$2y$05$abcdefghijklmnopqrstuuSnF5tLPqPFqc0z9CY0HcSLFbSRlL67u"
_PATIENCE = 20.0
_request = re.compile(r'^\S+ - \S+ \[[^\]]+\] "([A-Z]+ \S+) HTTP/1\.[01]" ', re.MULTILINE)


class RealRegistry(NamedTuple):
    """A registry that was started for a test."""

    name: str
    """`127.0.0.1:PORT`."""

    storage: Path
    log: Path
    secure: bool

    @property
    def lines(self) -> list[str]:
        """The requests so far: method and target."""
        return _request.findall(self.log.read_text(errors="replace"))

    @property
    def login(self) -> str:
        return f"{USER}:{PASSWORD}"


@contextlib.contextmanager
def docker_registry(*, secure: bool = False, clients: bool = False) -> Iterator[RealRegistry]:
    """Run a registry; a *secure* one has TLS from the tests' authority, and wants a password.

    With *clients* it wants to see a certificate of that authority, too.
    """
    needs("docker-registry")
    with tempfile.TemporaryDirectory(prefix="tare-registry-") as place:
        port = _free_port()
        path = Path(place)
        (path / "config.yml").write_text(_configuration(path, port, secure=secure, clients=clients), encoding="ascii")
        (path / "htpasswd").write_text(f"{USER}:{_HASHED}\n", encoding="ascii")
        with (path / "log").open("wb") as log:
            process = subprocess.Popen(
                ["docker-registry", "serve", str(path / "config.yml")], stdout=log, stderr=log, start_new_session=True
            )
        try:
            _wait(process, port, path / "log")
            yield RealRegistry(f"127.0.0.1:{port}", path / "data", path / "log", secure)
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _configuration(path: Path, port: int, *, secure: bool, clients: bool) -> str:
    lines = [
        "version: 0.1",
        "log: {level: error}",
        f"storage: {{filesystem: {{rootdirectory: {path / 'data'}}}, delete: {{enabled: true}}}}",
    ]
    if secure:
        certificate, key = authority().loopback
        wanted = f", clientcas: [{authority().ca}]" if clients else ""
        lines.append(f"http: {{addr: '127.0.0.1:{port}', tls: {{certificate: {certificate}, key: {key}{wanted}}}}}")
        lines.append(f"auth: {{htpasswd: {{realm: tests, path: {path / 'htpasswd'}}}}}")
    else:
        lines.append(f"http: {{addr: '127.0.0.1:{port}'}}")
    return "\n".join((*lines, ""))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.05)
    pytest.fail(f"docker-registry does not start: {log.read_text(errors='replace')[-500:]}")
