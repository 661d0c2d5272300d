"""The Docker Engine's HTTP API, as little of it as is needed, over a Unix socket or TCP.

https://docs.docker.com/reference/api/engine/ ; podman's service speaks it too.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from tare.errors import MachineError, NetworkError, UsageError
from tare.stores import files

DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
_TIMEOUT: Final = 600.0
"""Seconds without a byte. Loading gives no sign of life while an engine unpacks a large layer."""
_MAX_ANSWER: Final = 8 * 1024 * 1024


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT)
        self.sock.connect(self._path)


class EngineApi:
    """Talks to the engine at *host*, spelled as in `DOCKER_HOST`. Each call is a connection of its own."""

    def __init__(self, host: str = DEFAULT_HOST) -> None:
        self._host = host
        self._scheme, self._address = _parse(host)

    def inspect(self, name: str) -> dict[str, object] | None:
        """Return what the engine knows of the image *name*, or None if it does not know it."""
        with self._request("GET", f"/images/{_quoted(name)}/json") as response:
            if response.status == 404:
                return None
            answer = self._json(self._body(response, f"look for `{name}` in"))
            return answer if isinstance(answer, dict) else None

    def save(self, name: str, out: BinaryIO) -> None:
        """Write the archive of the image *name* to *out*."""
        with self._request("GET", f"/images/{_quoted(name)}/get") as response:
            if response.status == 404:
                raise UsageError(f"`docker-daemon:{name}` does not exist", causes=(f"{self._host} has no such image",))
            if response.status != 200:
                self._body(response, f"save `{name}` from")
            while data := response.read(files.CHUNK):
                _write(out, data, name)
            _check_whole(response)

    def load(self, chunks: Iterable[bytes], size: int) -> None:
        """Send an archive of *size* bytes, from which the engine takes the image and its names."""
        headers = {"Content-Type": "application/x-tar", "Content-Length": str(size)}
        with self._request("POST", "/images/load?quiet=1", chunks, headers) as response:
            text = self._body(response, "load the image into")
        lines = [self._json(line) for line in text.splitlines() if line.strip()]
        for line in lines:
            if isinstance(line, dict) and (problem := line.get("error")):
                raise NetworkError(f"{self._host} refuses the image", causes=(str(problem).strip()[:500],))

    @contextlib.contextmanager
    def _request(
        self, method: str, path: str, body: Iterable[bytes] | None = None, headers: dict[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        connection = self._connection()
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise self._unreachable(error) from None
        try:
            # An engine that refuses early answers before it has read everything: its answer says more than EPIPE.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body, {"Connection": "close", **(headers or {})})
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise NetworkError(
                f"the connection to {self._host} broke", causes=(str(error) or type(error).__name__,)
            ) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._scheme == "unix":
            return _UnixConnection(self._address)
        return http.client.HTTPConnection(self._address, timeout=_TIMEOUT)

    def _body(self, response: http.client.HTTPResponse, doing: str) -> bytes:
        body = response.read(_MAX_ANSWER)
        _check_whole(response)
        if response.status < 400:
            return body
        with contextlib.suppress(ValueError, AttributeError):
            body = json.loads(body).get("message", "").encode() or body
        reason = body[:500].decode("utf-8", "replace").strip()
        raise NetworkError(f"cannot {doing} {self._host}", causes=(f"{response.status} {response.reason}: {reason}",))

    def _json(self, text: bytes) -> object:
        try:
            return json.loads(text)
        except ValueError as error:
            raise NetworkError(f"{self._host} does not answer as an engine does", causes=(str(error),)) from None

    def _unreachable(self, error: OSError) -> MachineError | NetworkError:
        reason = (error.strerror or str(error),)
        if isinstance(error, PermissionError):
            return MachineError(
                f"{self._host} does not let this user in",
                causes=reason,
                hints=("Run as a member of the group that owns the socket, usually `docker`", _ARCHIVE_HINT),
            )
        return NetworkError(
            f"no Docker Engine answers at {self._host}",
            causes=reason,
            hints=("Start the engine, or name its address in `DOCKER_HOST`", _ARCHIVE_HINT),
        )


_ARCHIVE_HINT: Final = "Or write an archive, `docker-archive:image.tar`, and load it where the engine runs"


def _check_whole(response: http.client.HTTPResponse) -> None:
    """`read` with a limit does not say when an answer ends before its length."""
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="/:@")


def _write(out: BinaryIO, data: bytes, name: str) -> None:
    try:
        out.write(data)
    except OSError as error:
        raise files.cannot_write(f"a temporary file for `docker-daemon:{name}`", error) from None


def _parse(host: str) -> tuple[str, str]:
    scheme, _, address = host.partition("://")
    if scheme == "unix" and address:
        if not hasattr(socket, "AF_UNIX"):
            raise UsageError(f"`{host}` cannot be used here", causes=("this system has no Unix sockets",), hints=_HINTS)
        return scheme, address
    if scheme in {"tcp", "http"} and address:
        address = address.rstrip("/")
        return "tcp", address if ":" in address.rpartition("]")[2] else f"{address}:2375"
    why = {
        "ssh": "tare opens no SSH connections",
        "npipe": "tare does not speak through named pipes",
        "https": "tare has no client certificate for it",
    }
    cause = why.get(scheme, "it is not `unix://PATH` or `tcp://HOST:PORT`")
    raise UsageError(f"`{host}` is not an address of an engine that tare can use", causes=(cause,), hints=_HINTS)


_HINTS: Final = (_ARCHIVE_HINT,)
