"""An index of distributions on loopback, with wheels and sdists that are made on the spot."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile

from loopback import Handler, Server

from make.wheels import make_wheel


class Index:
    """A simple index (PEP 503) with metadata (PEP 658), served by *server*, to *user* only when there is one."""

    def __init__(self, server: Server, *, user: str | None = None, password: str = "") -> None:
        self._server = server
        self._links: dict[str, list[str]] = {}
        self._credentials = base64.b64encode(f"{user}:{password}".encode()).decode() if user else None
        self.hashes: dict[str, str] = {}
        """SHA-256 of each file, by its name."""
        self.files: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        return f"{self._server.url}/simple/"

    def add(
        self,
        name: str,
        version: str,
        tags: tuple[str, ...] = ("py3-none-any",),
        *,
        needs: tuple[str, ...] = (),
        requires_python: str = ">=3.8",
        sdist: bool = True,
    ) -> None:
        """Offer a release of *name* with a wheel for each of *tags*."""
        metadata = "\n".join((
            "Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Requires-Python: {requires_python}",
            *(f"Requires-Dist: {need}" for need in needs), "",
        )).encode()  # fmt: skip
        stem = f"{name.replace('-', '_')}-{version}"
        for tag in tags:
            wheel = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
            data = make_wheel({f"{name}.py": b""}, dist_info=f"{stem}.dist-info", metadata=metadata, wheel=wheel)
            self._offer(name, f"{stem}-{tag}.whl", data, metadata, requires_python)
        if sdist:
            self._offer(name, f"{stem}.tar.gz", _sdist(stem, metadata), None, requires_python)

    def _offer(self, name: str, filename: str, data: bytes, metadata: bytes | None, requires_python: str) -> None:
        digest = hashlib.sha256(data).hexdigest()
        self.files[filename], self.hashes[filename] = data, digest
        self._serve(f"/files/{filename}", data)
        known = ""
        if metadata is not None:
            self._serve(f"/files/{filename}.metadata", metadata)
            known = f' data-core-metadata="sha256={hashlib.sha256(metadata).hexdigest()}"'
        needed = requires_python.replace(">", "&gt;").replace("<", "&lt;")
        links = self._links.setdefault(name, [])
        links.append(
            f'<a href="/files/{filename}#sha256={digest}" data-requires-python="{needed}"{known}>{filename}</a>'
        )
        self._serve(
            f"/simple/{name}/", f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode(), "text/html"
        )

    def _serve(self, path: str, body: bytes, kind: str = "application/octet-stream") -> None:
        def route(handler: Handler) -> None:
            if self._credentials and handler.headers.get("Authorization") != f"Basic {self._credentials}":
                handler.reply(b"", status=401, headers={"WWW-Authenticate": 'Basic realm="index"'})
            else:
                handler.reply(body, headers={"Content-Type": kind})

        self._server.routes[path] = route


def _sdist(stem: str, metadata: bytes) -> bytes:
    """Return an sdist that is never built: what it would be is in its metadata."""
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w:gz") as archive:
        entry = tarfile.TarInfo(f"{stem}/PKG-INFO")
        entry.size = len(metadata)
        archive.addfile(entry, io.BytesIO(metadata))
    return text.getvalue()
