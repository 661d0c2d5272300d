"""A server on loopback that does what a test tells it, and fetchers that do not wait."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tare.net.fetch import Fetcher

Route = Callable[["Handler"], None]
MakeFetcher = Callable[..., Fetcher]


class Handler(BaseHTTPRequestHandler):
    """One request. `server.routes` says what to do, `server.requests` remembers what was asked."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append((self.path, {name.title(): value for name, value in self.headers.items()}))
        self.server.routes.get(self.path.partition("?")[0], not_found)(self)

    def do_CONNECT(self) -> None:
        self.server.requests.append((self.path, {name.title(): value for name, value in self.headers.items()}))
        self.reply(b"", status=502)

    def log_message(self, *_: object) -> None:
        """Be silent."""

    def reply(
        self, body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None, length: int | None = None
    ) -> None:
        """Send a whole answer. *length* is what `Content-Length` says, if that is a lie."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        """End the connection after this answer."""
        self.wfile.flush()
        self.close_connection = True

    def wanted(self, size: int) -> tuple[int, int] | None:
        """Return first byte and end of the range that is asked for."""
        text = self.headers.get("Range", "").removeprefix("bytes=")
        if not text:
            return None
        first, _, last = text.partition("-")
        if not first:
            return max(size - int(last), 0), size
        return int(first), min(int(last) + 1, size) if last else size


def not_found(handler: Handler) -> None:
    handler.reply(b"<html>not here</html>", status=404)


class Server(ThreadingHTTPServer):
    """Serves `routes` until the test ends."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes: dict[str, Route] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are part of the tests."""

    def serve(self, path: str, body: bytes, *, ranges: bool = True, etag: str | None = None) -> None:
        """Serve *body* as an honest file server does."""

        def route(handler: Handler) -> None:
            headers = {"ETag": etag} if etag else {}
            wanted = handler.wanted(len(body)) if ranges else None
            if wanted is None or handler.headers.get("If-Range", etag) != etag:
                handler.reply(body, headers=headers)
            elif wanted[0] >= len(body):
                handler.reply(b"", status=416, headers={"Content-Range": f"bytes */{len(body)}"})
            else:
                first, end = wanted
                headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(body)}"
                handler.reply(body[first:end], status=206, headers=headers)

        self.routes[path] = route


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def fetchers(waits: list[float]) -> Iterator[MakeFetcher]:
    """Give a maker of fetchers that only write down in *waits* how long they would have slept."""
    made: list[Fetcher] = []

    def make(**options: object) -> Fetcher:
        defaults: dict[str, Any] = {"sleep": waits.append, "jitter": lambda: 0.0, "read_timeout": 5.0}
        made.append(Fetcher(**{**defaults, **options}))
        return made[-1]

    yield make
    for fetcher in made:
        fetcher.close()
