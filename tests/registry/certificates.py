"""A certificate authority for the length of a test run, made by `openssl`."""

from __future__ import annotations

import functools
import ssl
import subprocess
import tempfile
from pathlib import Path


class Authority:
    """A CA, a certificate for loopback, an expired one, one for another host, and one for a client."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ca = directory / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self.loopback = self._issue("loopback", "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1")
        self.other_host = self._issue("other", "DNS:registry.example")
        self.expired = self._issue("expired", "IP:127.0.0.1", days=-1)
        self.client = self._issue("client", "DNS:client.example")

    def server(self, pair: tuple[Path, Path] | None = None, *, clients: bool = False) -> ssl.SSLContext:
        """Return a server's context. With *clients*, it wants to see a certificate of this authority."""
        certificate, key = pair or self.loopback
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        return context

    def _openssl(self, *arguments: str) -> None:
        options = ["-keyout", str(self.directory / "ca.key"), "-out", str(self.ca), "-days", "2", "-subj", "/CN=test"]
        self._run(*arguments, *options)

    def _issue(self, name: str, names: str, *, days: int = 2) -> tuple[Path, Path]:
        key, request = self.directory / f"{name}.key", self.directory / f"{name}.csr"
        certificate, extensions = self.directory / f"{name}.pem", self.directory / f"{name}.ext"
        self._run(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key),
            "-out", str(request), "-subj", f"/CN={name}",
        )  # fmt: skip
        extensions.write_text(f"subjectAltName={names}\n", encoding="ascii")
        self._run(
            "x509", "-req", "-in", str(request), "-CA", str(self.ca), "-CAkey", str(self.directory / "ca.key"),
            "-set_serial", str(abs(hash(name)) % 10**8 + 1), "-out", str(certificate), "-days", str(days),
            "-extfile", str(extensions),
        )  # fmt: skip
        return certificate, key

    @staticmethod
    def _run(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@functools.cache
def authority() -> Authority:
    """Return the authority, which is made when it is first needed, in 0.1 s."""
    return Authority(Path(tempfile.mkdtemp(prefix="tare-test-ca-")))
