"""Documents and parts of files: what comes back, and what is said when nothing can."""

from __future__ import annotations

import base64
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Handler, MakeFetcher, Server, fetchers, running_server

from tare.errors import NetworkError, UsageError
from tare.net.fetch import Fetcher, RangeRead

BODY = bytes(range(256)) * 40


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def other() -> Iterator[Server]:
    """A second server: another port, so another origin."""
    with running_server() as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    """How long the fetchers would have slept."""
    return []


@pytest.fixture
def make_fetcher(waits: list[float]) -> Iterator[MakeFetcher]:
    with fetchers(waits) as make:
        yield make


@pytest.fixture
def fetcher(make_fetcher: MakeFetcher) -> Fetcher:
    return make_fetcher()


def authorizations(server: Server) -> list[str | None]:
    return [headers.get("Authorization") for _, headers in server.requests]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_document_comes_back_as_it_is(server: Server, fetcher: Fetcher) -> None:
    server.serve("/a", BODY)

    assert fetcher.get(server.url + "/a", limit=len(BODY)) == BODY
    assert server.requests[0][1]["Accept-Encoding"] == "identity"


def test_a_missing_document_says_so_once(server: Server, fetcher: Fetcher, waits: list[float]) -> None:
    url = server.url.replace("//", "//me:secret@") + "/gone?sig=secret"

    with pytest.raises(NetworkError) as caught:
        fetcher.get(url, limit=10)

    assert caught.value.message == f"cannot fetch `{server.url}/gone`"
    assert caught.value.causes == ("the server answered 404 Not Found",)
    assert (waits, len(server.requests)) == ([], 1)


@pytest.mark.parametrize("stated", [True, False])
def test_a_document_that_is_too_large_is_not_read(server: Server, fetcher: Fetcher, *, stated: bool) -> None:
    def route(handler: Handler) -> None:
        if stated:
            handler.reply(BODY)
            return
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(BODY)
        handler.hang_up()

    server.routes["/a"] = route

    with pytest.raises(NetworkError) as caught:
        fetcher.get(server.url + "/a", limit=100)
    assert "100" in caught.value.causes[0]


def test_an_encoding_that_was_not_asked_for_is_refused(server: Server, fetcher: Fetcher) -> None:
    server.routes["/a"] = lambda handler: handler.reply(BODY, headers={"Content-Encoding": "gzip"})

    with pytest.raises(NetworkError, match="cannot fetch"):
        fetcher.get(server.url + "/a", limit=100_000)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_status_that_may_not_last_is_tried_again(
    server: Server, fetcher: Fetcher, waits: list[float], status: int
) -> None:
    def route(handler: Handler) -> None:
        if len(server.requests) < 3:
            handler.reply(b"later", status=status)
        else:
            handler.reply(BODY)

    server.routes["/a"] = route

    assert fetcher.get(server.url + "/a", limit=100_000) == BODY
    assert waits == [0.5, 1.0]


def test_what_lasts_is_said_in_the_end(server: Server, make_fetcher: MakeFetcher) -> None:
    server.routes["/a"] = lambda handler: handler.reply(b"no", status=503)

    with pytest.raises(NetworkError) as caught:
        make_fetcher(attempts=3).get(server.url + "/a", limit=10)
    assert caught.value.causes == ("the server answered 503 Service Unavailable",)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.5),
        ({"Retry-After": "99999999999999999999"}, 60.0),
        ({"Retry-After": "-5"}, 0.5),
        ({"Retry-After": "soon"}, 0.5),
        ({"Date": "Tue, 24 Nov 2026 10:00:00 GMT", "Retry-After": "Tue, 24 Nov 2026 10:00:20 GMT"}, 20.0),
        ({"Date": "Tue, 24 Nov 2026 10:00:00 GMT", "Retry-After": "Mon, 23 Nov 2026 10:00:20 GMT"}, 0.5),
    ],
)
def test_retry_after_is_heard_within_limits(
    server: Server, fetcher: Fetcher, waits: list[float], headers: dict[str, str], waited: float
) -> None:
    def route(handler: Handler) -> None:
        if len(server.requests) > 1:
            handler.reply(b"now")
            return
        handler.send_response_only(429)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.routes["/a"] = route

    assert fetcher.get(server.url + "/a", limit=10) == b"now"
    assert waits == [waited]


def test_back_off_is_jittered(server: Server, make_fetcher: MakeFetcher, waits: list[float]) -> None:
    server.routes["/a"] = lambda handler: handler.reply(b"", status=503)

    with pytest.raises(NetworkError):
        make_fetcher(jitter=lambda: 0.5).get(server.url + "/a", limit=10)
    assert waits == [0.375, 0.75, 1.5]


def test_a_server_that_is_not_there_is_named(server: Server, fetcher: Fetcher, waits: list[float]) -> None:
    url = server.url
    server.server_close()

    with pytest.raises(NetworkError) as caught:
        fetcher.get(url.replace("//", "//me:secret@") + "/a", limit=10)
    assert caught.value.message == f"cannot fetch `{url}/a`"
    assert caught.value.causes == ("connection refused",)
    assert len(waits) == 3


def test_a_server_that_goes_silent_is_given_up(server: Server, make_fetcher: MakeFetcher) -> None:
    def route(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        handler.wfile.write(b"12345")
        handler.wfile.flush()
        handler.rfile.read(1)

    server.routes["/a"] = route

    with pytest.raises(NetworkError) as caught:
        make_fetcher(read_timeout=0.1, attempts=1).get(server.url + "/a", limit=10)
    assert caught.value.causes == ("the server went silent",)


def test_an_answer_that_is_no_http_is_one_error(server: Server, make_fetcher: MakeFetcher) -> None:
    def route(handler: Handler) -> None:
        handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        handler.hang_up()

    server.routes["/a"] = route

    with pytest.raises(NetworkError, match="cannot fetch"):
        make_fetcher(attempts=1).get(server.url + "/a", limit=10)


def test_credentials_come_from_the_url_before_the_callable(server: Server, make_fetcher: MakeFetcher) -> None:
    server.serve("/a", b"x")
    asked: list[str] = []

    def credentials(url: str) -> tuple[str, str]:
        asked.append(url)
        return "netrc", "pw"

    fetcher = make_fetcher(credentials=credentials)
    fetcher.get(server.url.replace("//", "//me:p%40ss@") + "/a", limit=10)
    fetcher.get(server.url + "/a", limit=10)

    assert authorizations(server) == [basic("me", "p@ss"), basic("netrc", "pw")]
    assert asked == [server.url + "/a"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_credentials_stay_with_their_origin(server: Server, other: Server, fetcher: Fetcher, status: int) -> None:
    server.routes["/a"] = lambda h: h.reply(b"", status=status, headers={"Location": "/b"})
    server.routes["/b"] = lambda h: h.reply(b"", status=status, headers={"Location": other.url + "/c"})
    other.routes["/c"] = lambda h: h.reply(b"", status=status, headers={"Location": server.url + "/d"})
    server.serve("/d", b"there")

    assert fetcher.get(server.url.replace("//", "//me:pw@") + "/a", limit=10) == b"there"
    assert authorizations(server) == [basic("me", "pw")] * 3
    assert authorizations(other) == [None]


def test_a_redirect_cannot_bring_credentials(server: Server, other: Server, fetcher: Fetcher) -> None:
    target = other.url.replace("//", "//evil:pw@") + "/b"
    server.routes["/a"] = lambda h: h.reply(b"", status=302, headers={"Location": target})
    other.serve("/b", b"x")

    fetcher.get(server.url + "/a", limit=10)

    assert authorizations(other) == [None]


def test_a_loop_of_redirects_ends(server: Server, fetcher: Fetcher) -> None:
    server.routes["/a"] = lambda h: h.reply(b"", status=302, headers={"Location": "/a"})

    with pytest.raises(NetworkError) as caught:
        fetcher.get(server.url + "/a", limit=10)
    assert caught.value.causes == ("it redirects more than 10 times",)
    assert len(server.requests) == 11


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://a.example/", "http://[bad/"])
def test_a_redirect_leads_to_http_only(server: Server, fetcher: Fetcher, target: str) -> None:
    server.routes["/a"] = lambda h: h.reply(b"", status=302, headers={"Location": target})

    with pytest.raises(NetworkError):
        fetcher.get(server.url + "/a", limit=10)


def test_refused_credentials_are_named_without_the_password(server: Server, fetcher: Fetcher) -> None:
    server.routes["/a"] = lambda h: h.reply(b"", status=401)

    with pytest.raises(NetworkError) as caught:
        fetcher.get(server.url.replace("//", "//me:secret@") + "/a", limit=10)
    assert caught.value.causes == (
        "the server answered 401 Unauthorized",
        "it does not take the credentials that were sent",
    )


def test_a_proxy_is_asked_instead_of_the_host(server: Server, make_fetcher: MakeFetcher) -> None:
    server.routes["http://index.example/a"] = lambda h: h.reply(b"by proxy")
    proxy = server.url.replace("//", "//user:pw@")

    assert make_fetcher(proxies={"http": proxy}).get("http://index.example/a", limit=10) == b"by proxy"
    assert server.requests[0][1]["Proxy-Authorization"] == basic("user", "pw")


def test_a_proxy_that_refuses_is_named_as_the_culprit(server: Server, make_fetcher: MakeFetcher) -> None:
    with pytest.raises(NetworkError) as caught:
        make_fetcher(proxies={"https": server.url}, attempts=1).get("https://index.example/a", limit=10)
    assert caught.value.causes[0].startswith("the proxy cannot be used: ")


def test_a_proxy_of_another_kind_is_a_usage_error(make_fetcher: MakeFetcher) -> None:
    with pytest.raises(UsageError, match=r"^the proxy `socks5://proxy\.example` cannot be used$"):
        make_fetcher(proxies={"http": "socks5://u:p@proxy.example"}).get("http://index.example/a", limit=10)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that signed itself, with its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the program `openssl` to make a certificate")
    path = tmp_path / "own.pem"
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path)
    name = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2")
    subprocess.run([openssl, "req", "-x509", *key, *name, "-out", tmp_path / "c"], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + (tmp_path / "c").read_bytes())
    return path


def encrypted(server: Server, certificate: Path) -> str:
    """Let *server* speak TLS, and return its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server.url.replace("http:", "https:")


def test_a_certificate_is_verified_with_the_file_that_is_named(
    server: Server, make_fetcher: MakeFetcher, certificate: Path
) -> None:
    server.serve("/a", b"secret")
    url = encrypted(server, certificate)

    assert make_fetcher(ca_file=certificate).get(url + "/a", limit=10) == b"secret"


def test_a_certificate_that_nobody_trusts_ends_the_matter(
    server: Server, make_fetcher: MakeFetcher, certificate: Path, waits: list[float]
) -> None:
    url = encrypted(server, certificate)

    with pytest.raises(NetworkError) as caught:
        make_fetcher().get(url + "/a", limit=10)
    assert caught.value.causes[0].startswith("the certificate is not trusted: ")
    assert caught.value.hints == ("Name the certificates to trust in a file with `SSL_CERT_FILE`",)
    assert (waits, server.requests) == ([], [])


def test_encryption_is_not_given_up_by_a_redirect(
    server: Server, other: Server, make_fetcher: MakeFetcher, certificate: Path
) -> None:
    server.routes["/a"] = lambda h: h.reply(b"", status=302, headers={"Location": other.url + "/b"})
    url = encrypted(server, certificate)

    with pytest.raises(NetworkError) as caught:
        make_fetcher(ca_file=certificate).get(url + "/a", limit=10)
    assert caught.value.causes == (f"it redirects to `{other.url}/b`, which is not encrypted",)
    assert other.requests == []


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_file_of_certificates_that_cannot_be_read_is_a_usage_error(
    tmp_path: Path, make_fetcher: MakeFetcher, content: bytes | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(UsageError, match=r"^the certificates in `.*/ca\.pem` cannot be read$"):
        make_fetcher(ca_file=path).get("https://index.example/a", limit=10)


def test_offline_asks_nobody(server: Server, make_fetcher: MakeFetcher) -> None:
    server.serve("/a", b"x")

    with pytest.raises(NetworkError) as caught:
        make_fetcher(offline=True).get(server.url + "/a", limit=10)
    assert caught.value.message == f"cannot fetch `{server.url}/a` while offline"
    assert caught.value.hints == ("Run the command again without `--offline`",)
    assert server.requests == []


def test_a_file_is_read_also_offline(tmp_path: Path, make_fetcher: MakeFetcher) -> None:
    (tmp_path / "a b").write_bytes(BODY)
    url = (tmp_path / "a b").as_uri()
    fetcher = make_fetcher(offline=True)

    assert fetcher.get(url, limit=len(BODY)) == BODY
    assert fetcher.read_range(url, 5, 7) == RangeRead(data=BODY[5:12], start=5, total=len(BODY))
    assert fetcher.read_range(url, None, 7) == RangeRead(data=BODY[-7:], start=len(BODY) - 7, total=len(BODY))
    with pytest.raises(NetworkError):
        fetcher.get(url, limit=len(BODY) - 1)


@pytest.mark.parametrize("url", ["file:///not/there", "file://host.example/etc/passwd", "file:///a%00b", "file:///"])
def test_a_file_that_cannot_be_read_is_one_error(fetcher: Fetcher, url: str) -> None:
    with pytest.raises(NetworkError, match="cannot read `file:"):
        fetcher.get(url, limit=10)


def test_a_range_is_what_was_asked_for(server: Server, fetcher: Fetcher) -> None:
    server.serve("/a", BODY)

    assert fetcher.read_range(server.url + "/a", 100, 50) == RangeRead(data=BODY[100:150], start=100, total=len(BODY))
    assert fetcher.read_range(server.url + "/a", None, 50) == RangeRead(
        data=BODY[-50:], start=len(BODY) - 50, total=len(BODY)
    )
    assert fetcher.read_range(server.url + "/a", len(BODY) - 10, 50) == RangeRead(
        data=BODY[-10:], start=len(BODY) - 10, total=len(BODY)
    )


def test_a_server_without_ranges_is_told_by_none(server: Server, fetcher: Fetcher) -> None:
    server.serve("/a", BODY, ranges=False)

    assert fetcher.read_range(server.url + "/a", 100, 50) is None


@pytest.mark.parametrize("stated", ["bytes 100-149/120", "bytes 149-100/10240", "bytes 100-149/*", "items 1-2/3", ""])
def test_a_range_that_makes_no_sense_is_none(server: Server, fetcher: Fetcher, stated: str) -> None:
    server.routes["/a"] = lambda h: h.reply(BODY[:50], status=206, headers={"Content-Range": stated})

    assert fetcher.read_range(server.url + "/a", 100, 50) is None


@pytest.mark.parametrize("stated", ["bytes 0-49/10240", "bytes 100-199/10240", "bytes 100-120/10240"])
def test_a_range_that_is_another_is_an_error(server: Server, fetcher: Fetcher, stated: str) -> None:
    server.routes["/a"] = lambda h: h.reply(BODY[:50], status=206, headers={"Content-Range": stated})

    with pytest.raises(NetworkError) as caught:
        fetcher.read_range(server.url + "/a", 100, 50)
    assert caught.value.causes == (f"asked for `bytes=100-149`, the server sent {stated.replace('/', ' of ')}",)


def test_a_range_beyond_the_end_is_an_error(server: Server, fetcher: Fetcher) -> None:
    server.serve("/a", BODY)

    with pytest.raises(NetworkError) as caught:
        fetcher.read_range(server.url + "/a", 1_000_000, 50)
    assert caught.value.causes == ("it has no bytes from 1,000,000",)


def test_a_range_that_breaks_off_is_asked_for_again(server: Server, fetcher: Fetcher, waits: list[float]) -> None:
    def route(handler: Handler) -> None:
        headers = {"Content-Range": "bytes 100-149/10240"}
        if len(server.requests) == 1:
            handler.reply(BODY[100:120], status=206, headers=headers, length=50)
            handler.hang_up()
        else:
            handler.reply(BODY[100:150], status=206, headers=headers)

    server.routes["/a"] = route

    read = fetcher.read_range(server.url + "/a", 100, 50)
    assert read is not None
    assert read.data == BODY[100:150]
    assert waits == [0.5]
