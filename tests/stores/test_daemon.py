"""Images in an engine, with an engine that is made up: what it is asked, and what is made of its answers."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import socketserver
import tarfile
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from make.errors import told
from make.images import content, directory, image, layer, small

from tare.errors import MachineError, NetworkError, TareError, UsageError
from tare.oci import reference
from tare.oci.image import Image, make_index
from tare.stores.archive_writer import ArchiveWriter
from tare.stores.daemon import DaemonDestination, DaemonSource
from tare.stores.names import DaemonName

APP = reference.parse("app:1")


class Engine(BaseHTTPRequestHandler):
    """As much of Docker's API as is asked for. It knows the images in `server.images`, by name."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urllib.parse.unquote(self.path)
        self.server.asked.append(f"GET {path}")  # type: ignore[attr-defined]  # ours
        name = path.removeprefix("/images/").rpartition("/")[0]
        known = self.server.images.get(name)  # type: ignore[attr-defined]  # ours
        if known is None:
            self._answer(404, json.dumps({"message": f"No such image: {name}"}).encode())
        elif path.endswith("/json"):
            self._answer(200, json.dumps(known["inspect"]).encode())
        else:
            self._answer(200, known["archive"])

    def do_POST(self) -> None:
        archive = self.rfile.read(int(self.headers["Content-Length"]))
        with tarfile.open(fileobj=io.BytesIO(archive)) as file:
            names = [name.rpartition("/")[2][:8] for name in file.getnames() if name.count("/") == 2]
        self.server.asked.append(f"POST {self.path} {sorted(names)}")  # type: ignore[attr-defined]  # ours
        status, body = self.server.loads.pop(0)  # type: ignore[attr-defined]  # ours
        self._answer(status, body)

    def address_string(self) -> str:
        return "engine"

    def log_message(self, *_: object) -> None:
        """Be silent."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + self.server.cut))  # type: ignore[attr-defined]  # ours
        self.end_headers()
        self.wfile.write(body)


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    images: dict[str, dict[str, Any]]
    asked: list[str]
    loads: list[tuple[int, bytes]]
    cut = False
    """Whether answers end before the length that they announce."""

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some tests are about."""

    @property
    def host(self) -> str:
        return f"unix://{self.server_address!s}"


@pytest.fixture
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("e") / "s"  # short: the name of a socket has at most 108 bytes
    with Server(str(place), Engine) as server:
        server.images, server.asked, server.loads = {}, [], []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


LOADED = (200, b'{"stream":"Loaded image: app:1\\n"}\r\n')


def short(*digests: str) -> list[str]:
    return sorted(digest.partition(":")[2][:8] for digest in digests)


def everything(value: Image) -> list[str]:
    return short(value.digest, *(blob.descriptor.digest for blob in value.blobs))


def test_an_image_is_loaded_with_all_that_it_has(engine: Server) -> None:
    engine.loads = [LOADED]
    DaemonDestination((APP,), host=engine.host).write(small())

    assert engine.asked == ["GET /images/app:1/json", f"POST /images/load?quiet=1 {everything(small())}"]


@pytest.mark.parametrize("store", ["graph driver", "containerd"])
def test_an_image_that_is_there_is_not_loaded_again(engine: Server, store: str) -> None:
    identity = small().digest if store == "containerd" else small().manifest.config.digest
    engine.images["app:1"] = {"inspect": {"Id": identity}}

    assert DaemonDestination((APP,), host=engine.host).write(small()) == small().descriptor
    assert engine.asked == ["GET /images/app:1/json"]


def previous(value: Image) -> dict[str, Any]:
    return {"inspect": {"Id": "sha256:0", "RootFS": {"Layers": list(value.config.rootfs.diff_ids)}}}


def test_layers_that_the_name_had_before_are_not_sent_again(engine: Server) -> None:
    engine.images["app:1"] = previous(small("before"))
    engine.loads = [LOADED]
    DaemonDestination((APP,), host=engine.host).write(small("after"))

    value = small("after")
    sent = short(value.digest, value.manifest.config.digest, value.layers[1].descriptor.digest)
    assert engine.asked[1:] == [f"POST /images/load?quiet=1 {sent}"]


def test_an_engine_that_wants_all_layers_gets_them(engine: Server) -> None:
    engine.images["app:1"] = previous(small("before"))
    engine.loads = [(200, b'{"errorDetail":{"message":"content missing"},"error":"content missing"}'), LOADED]
    DaemonDestination((APP,), host=engine.host).write(small("after"))

    assert engine.asked[2:] == [f"POST /images/load?quiet=1 {everything(small('after'))}"]


def test_an_index_is_loaded_whole(engine: Server) -> None:
    engine.images["app:1"] = previous(small())
    engine.loads = [LOADED]
    arm = image(layer([directory("arm")]), architecture="arm64")
    DaemonDestination((APP,), host=engine.host).write(make_index((small(), arm), {}))

    index = make_index((small(), arm), {}).digest
    assert engine.asked[1:] == [
        f"POST /images/load?quiet=1 {sorted([*everything(small()), *everything(arm), *short(index)])}"
    ]


def test_an_image_is_fetched(engine: Server, tmp_path: Path) -> None:
    value = small()
    engine.images["app:1"] = {"archive": b"".join(ArchiveWriter(value, (APP,), mtime=0).chunks())}
    back = DaemonSource(DaemonName(reference=APP), host=engine.host, scratch=tmp_path).read()

    assert back.raw == value.raw
    assert [content(blob) for blob in back.layers] == [content(blob) for blob in value.layers]
    assert engine.asked == ["GET /images/app:1/get"]
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_the_engine_does_not_know_is_said(engine: Server) -> None:
    with pytest.raises(TareError) as caught:
        DaemonSource(DaemonName(reference=APP), host=engine.host).read()
    assert told(caught.value) == (
        UsageError,
        "`docker-daemon:app:1` does not exist",
        (f"{engine.host} has no such image",),
        (),
    )


def test_what_the_engine_says_against_an_image_is_passed_on(engine: Server) -> None:
    engine.loads = [
        (200, b'{"errorDetail":{"message":"no space left on device"},"error":"no space left on device"}'),
        (500, b'{"message":"server is shutting down"}'),
    ]
    heard = []
    for _ in range(2):
        with pytest.raises(TareError) as caught:
            DaemonDestination((APP,), host=engine.host).write(small())
        heard.append(told(caught.value))
    assert heard == [
        (NetworkError, f"{engine.host} refuses the image", ("no space left on device",), ()),
        (
            NetworkError,
            f"cannot load the image into {engine.host}",
            ("500 Internal Server Error: server is shutting down",),
            (),
        ),
    ]


ARCHIVE = "Or write an archive, `docker-archive:image.tar`, and load it where the engine runs"


def test_an_engine_that_does_not_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(TareError) as caught:
        DaemonDestination((APP,), host=f"unix://{tmp_path}/none.sock").write(small())
    assert told(caught.value) == (
        NetworkError,
        f"no Docker Engine answers at unix://{tmp_path}/none.sock",
        ("No such file or directory",),
        ("Start the engine, or name its address in `DOCKER_HOST`", ARCHIVE),
    )


def test_an_engine_may_hang_up(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = str(tmp_path_factory.mktemp("e") / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen()
        thread = threading.Thread(target=_hang_up, args=(listener,))
        thread.start()
        with pytest.raises(TareError) as caught:
            DaemonDestination((APP,), host=f"unix://{place}").write(small())
        thread.join()
    assert told(caught.value)[:2] == (NetworkError, f"the connection to unix://{place} broke")


def _hang_up(listener: socket.socket) -> None:
    listener.accept()[0].close()


@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ("ssh://me@server", "tare opens no SSH connections"),
        ("npipe:////./pipe/docker_engine", "tare does not speak through named pipes"),
        ("https://server", "tare has no client certificate for it"),
        ("unix://", "it is not `unix://PATH` or `tcp://HOST:PORT`"),
        ("server", "it is not `unix://PATH` or `tcp://HOST:PORT`"),
    ],
)
def test_addresses_that_cannot_be_used_are_said(host: str, cause: str) -> None:
    with pytest.raises(UsageError) as caught:
        DaemonDestination((APP,), host=host)
    assert told(caught.value) == (
        UsageError,
        f"`{host}` is not an address of an engine that tare can use",
        (cause,),
        (ARCHIVE,),
    )


def test_an_engine_is_reached_over_tcp(engine: Server) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as gate:
        thread = threading.Thread(target=_join, args=(gate, str(engine.server_address)))
        thread.start()
        engine.images["app:1"] = {"inspect": {"Id": small().digest}}
        DaemonDestination((APP,), host=f"tcp://127.0.0.1:{gate.getsockname()[1]}").write(small())
        thread.join()
    assert engine.asked == ["GET /images/app:1/json"]


def _join(gate: socket.socket, path: str) -> None:
    """Pass one request and its answer between TCP and the engine."""
    outer, _ = gate.accept()
    with outer, socket.socket(socket.AF_UNIX) as inner:
        inner.connect(path)
        inner.sendall(outer.recv(65536))
        while data := inner.recv(65536):
            outer.sendall(data)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "{} does not answer as an engine does"),
        (None, "the connection to {} broke"),
    ],
)
def test_an_answer_that_makes_no_sense_is_said(engine: Server, body: bytes | None, message: str) -> None:
    engine.cut = body is None
    engine.loads = [(200, body or b"{}")]
    with pytest.raises(NetworkError) as caught:
        DaemonDestination((APP,), host=engine.host).write(small())
    assert caught.value.message == message.format(engine.host)


def test_an_image_that_ends_early_is_not_taken(engine: Server, tmp_path: Path) -> None:
    engine.cut = True
    engine.images["app:1"] = {"archive": b"".join(ArchiveWriter(small(), (APP,), mtime=0).chunks())}
    with pytest.raises(NetworkError, match="broke"):
        DaemonSource(DaemonName(reference=APP), host=engine.host, scratch=tmp_path).read()


def test_a_digest_is_no_name_to_load_under() -> None:
    with pytest.raises(UsageError) as caught:
        DaemonDestination((reference.parse("app@sha256:" + "0" * 64),))
    assert told(caught.value) == (
        UsageError,
        "an engine cannot load an image under a digest",
        (),
        ("Name it as `docker-daemon:NAME:TAG`",),
    )


def test_a_socket_of_others_is_said(tmp_path: Path) -> None:
    import os  # only here

    if os.name == "nt" or os.geteuid() == 0:
        pytest.skip("root may use every socket")
    place = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        place.chmod(0)
        with pytest.raises(MachineError, match="does not let this user in"):
            DaemonDestination((APP,), host=f"unix://{place}").write(small())
