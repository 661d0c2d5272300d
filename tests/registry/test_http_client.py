"""The HTTP client: connections that stay, bodies that stream, proxies, TLS, and what it says when things fail."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import authority
from hostile import answer_early
from loopback_server import Exchange, Reply, Server, serving

from tare.errors import IntegrityError, UsageError
from tare.net import address as addresses
from tare.net.address import Address
from tare.net.connection import Content, Limits
from tare.net.dial import Dialer, Tls, is_loopback
from tare.net.http import Answer, Client
from tare.net.wire import Fault

FAST = Limits(connect=2.0, answer=1.0, silence=1.0, rate=1000, window=0.3)


def echo(exchange: Exchange) -> None:
    """Answer with what was asked."""
    body = exchange.request.body()
    exchange.send(Reply(200, {"X-Line": exchange.request.seen.line}, body or exchange.request.seen.line.encode()))


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(echo) as server:
        yield server


@contextlib.contextmanager
def clients(**options: Any) -> Iterator[Client]:
    client = Client(**{"monotonic": time.monotonic, "limits": FAST, **options})
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def client() -> Iterator[Client]:
    with clients() as client:
        yield client


def at(server: Server, target: str = "/") -> Address:
    found = addresses.parse(server.url)
    assert found is not None
    return found.at(target)


def whole(answer: Answer) -> bytes:
    body = answer.read(10_000_000)
    assert body is not None
    return body


def content_of(data: bytes, **options: Any) -> Content:
    return Content(**{"size": len(data), "open": lambda: io.BytesIO(data), **options})


def test_a_connection_is_used_again(client: Client, server: Server) -> None:
    for number in range(5):
        assert whole(client.send("GET", at(server, f"/{number}"), {})) == f"GET /{number}".encode()
    client.send("HEAD", at(server), {})
    client.send("DELETE", at(server), {}).discard()
    assert server.connections == 1


def test_what_is_sent(client: Client, server: Server) -> None:
    client.send("POST", at(server, "/a?b=c"), {"X-Own": "1"}).discard()
    seen = server.requests[0]
    assert seen.line == "POST /a?b=c"
    assert seen.headers == {
        "host": server.name,
        "user-agent": "tare",
        "accept-encoding": "identity",
        "x-own": "1",
        "content-length": "0",
    }


def test_a_body_that_was_not_read_ends_its_connection(client: Client, server: Server) -> None:
    client.send("GET", at(server), {}).close()
    client.send("GET", at(server), {}).discard()
    assert server.connections == 2


def test_each_thread_gets_a_connection_of_its_own(client: Client, server: Server) -> None:
    answers: list[bytes] = []

    def ask(number: int) -> None:
        for each in range(20):
            body = f"{number}-{each}".encode() * 1000
            answers.append(body)
            assert whole(client.send("PUT", at(server), {}, content_of(body))) == body

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 80
    assert server.connections <= 4


def test_a_connection_that_the_server_closed_is_not_used(client: Client) -> None:
    def polite_then_gone(exchange: Exchange) -> None:
        echo(exchange)
        exchange.closed = True

    with serving(polite_then_gone) as server:
        for _ in range(3):
            client.send("GET", at(server), {}).discard()
            time.sleep(0.05)
        assert server.connections == 3


def test_a_request_that_meets_a_closing_connection_is_sent_again(client: Client) -> None:
    gone: list[str] = []

    def gone_once(exchange: Exchange) -> None:
        if exchange.request.path == "/gone" and not gone:
            gone.append(exchange.request.path)
            exchange.closed = True
            return
        echo(exchange)

    with serving(gone_once) as server:
        client.send("GET", at(server), {}).discard()
        assert whole(client.send("GET", at(server, "/gone"), {})) == b"GET /gone"
        assert server.lines == ["GET /", "GET /gone", "GET /gone"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_request_that_may_not_be_repeated_is_not(client: Client, method: str) -> None:
    def gone(exchange: Exchange) -> None:
        if exchange.request.method == method:
            exchange.closed = True
            return
        echo(exchange)

    with serving(gone) as server:
        client.send("GET", at(server), {}).discard()
        with pytest.raises(Fault, match="the connection ended before the answer"):
            client.send(method, at(server), {})
        assert server.lines == ["GET /", f"{method} /"]


def test_a_body_streams_and_its_length_is_known(client: Client, server: Server) -> None:
    data = os.urandom(3_000_000)
    assert whole(client.send("PUT", at(server), {}, content_of(data))) == data
    assert server.requests[0].headers["content-length"] == "3000000"


@pytest.mark.parametrize("size", [0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 512 * 1024])
def test_bodies_of_every_size_arrive(client: Client, server: Server, size: int) -> None:
    client.send("PUT", at(server), {}, content_of(b"x" * size)).discard()
    assert server.requests[0].received == size


@pytest.mark.parametrize("difference", [-1, 1, -300_000, 300_000])
def test_a_body_of_another_length_is_not_completed(client: Client, server: Server, difference: int) -> None:
    data = b"x" * 700_000
    with pytest.raises(IntegrityError, match="what should be sent has changed"):
        client.send("PUT", at(server), {}, content_of(data, size=700_000 - difference))
    time.sleep(0.05)
    assert server.requests[0].received < 700_000 - difference


def test_an_error_of_the_disk_is_not_taken_for_one_of_the_network(client: Client, server: Server) -> None:
    def missing() -> io.BufferedReader:
        return Path("/no/such/file").open("rb")

    with pytest.raises(FileNotFoundError):
        client.send("PUT", at(server), {}, Content(size=3, open=missing))


def test_an_answer_before_the_end_of_the_request_is_heard(client: Client) -> None:
    def refuse(exchange: Exchange) -> None:
        answer_early(Reply(413, None, b"too much"))(None, exchange)  # type: ignore[arg-type]  # it needs no registry

    with serving(refuse) as server:
        answer = client.send("PUT", at(server), {}, content_of(b"x" * 30_000_000))
        assert (answer.status, whole(answer)) == (413, b"too much")
        assert server.requests[0].received < 30_000_000


def test_interim_answers_during_a_request_are_passed_over(client: Client) -> None:
    def patient(exchange: Exchange) -> None:
        exchange.sock.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" * 3)
        time.sleep(0.05)
        echo(exchange)

    with serving(patient) as server:
        data = b"x" * 2_000_000
        assert whole(client.send("PUT", at(server), {}, content_of(data))) == data


def test_a_body_is_bounded(client: Client, server: Server) -> None:
    data = b"x" * 10_000
    assert client.send("PUT", at(server), {}, data).read(9_999) is None
    assert client.send("PUT", at(server), {}, data).read(10_000) == data


def test_a_server_that_trickles_is_given_up(client: Client) -> None:
    def trickle(exchange: Exchange) -> None:
        exchange.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(100):
            time.sleep(0.02)
            exchange.sock.sendall(b"x")

    with serving(trickle) as server:
        answer = client.send("GET", at(server), {})
        with pytest.raises(Fault, match="the server sends less than 1000 bytes a second"):
            answer.read(100_000)


def test_a_reader_that_takes_its_time_is_not_the_servers_fault(server: Server) -> None:
    with clients() as client:
        answer = client.send("PUT", at(server), {}, b"x" * 2_000_000)
        assert answer.read1(1000)
        time.sleep(0.4)
        assert answer.read1(1000)
        assert len(whole(answer)) + 2000 == 2_000_000


def test_silence_has_an_end(client: Client) -> None:
    stopping = threading.Event()

    def silent(_: Exchange) -> None:
        stopping.wait(5)

    with serving(silent) as server:
        started = time.monotonic()
        with pytest.raises(Fault, match="the server did not answer") as caught:
            client.send("GET", at(server), {})
        assert caught.value.transient
        assert time.monotonic() - started < 3
        stopping.set()


def test_patience_is_a_multiple() -> None:
    def slow(exchange: Exchange) -> None:
        time.sleep(0.4)
        echo(exchange)

    with serving(slow) as server, clients(limits=Limits(answer=0.2)) as client:
        with pytest.raises(Fault):
            client.send("GET", at(server), {})
        client.send("GET", at(server), {}, patience=10.0).discard()


def test_nobody_listens(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Fault, match="the connection was refused") as caught:
        client.send("GET", Address(scheme="http", host="127.0.0.1", port=port), {})
    assert caught.value.transient


def test_a_name_that_nobody_knows(client: Client) -> None:
    with pytest.raises(Fault, match="the host's name is not known"):
        client.send("GET", Address(scheme="http", host="registry.invalid", port=80), {})


def test_a_field_cannot_bring_another_one(client: Client, server: Server) -> None:
    for value in ("a\r\nX-Evil: 1", "a\nb", "a\0b", "ä"):
        with pytest.raises(Fault, match="has characters that HTTP cannot carry"):
            client.send("GET", at(server), {"X-Own": value})
    assert server.requests == []


def test_a_permit_is_asked_before_a_connection_is_made_or_used_again(client: Client, server: Server) -> None:
    asked: list[str] = []

    def permit(address: str) -> bool:
        asked.append(address)
        return False

    with pytest.raises(Fault, match=r"it leads to 127\.0\.0\.1, where a registry must not send anyone"):
        client.send("GET", at(server), {}, permit=permit)
    client.send("GET", at(server), {}).discard()
    with pytest.raises(Fault):
        client.send("GET", at(server), {}, permit=permit)
    assert set(asked) == {"127.0.0.1"}
    assert len(server.requests) == 1


def test_ipv6(client: Client) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    with serving(echo, host="::1") as server:
        assert whole(client.send("GET", at(server), {})) == b"GET /"
        assert server.requests[0].headers["host"] == f"[::1]:{server.port}"


# TLS


def trusting(**options: Any) -> Callable[[Address], Tls]:
    return lambda _: Tls(**{"ca_file": authority().ca, **options})


def test_tls_with_an_authority_of_ones_own() -> None:
    with serving(echo, context=authority().server()) as server, clients(tls=trusting()) as client:
        data = os.urandom(1_000_000)
        assert whole(client.send("PUT", at(server), {}, content_of(data))) == data
        assert whole(client.send("GET", at(server), {})) == b"GET /"
        assert server.connections == 1


def test_an_authority_besides_those_of_the_system() -> None:
    with (
        serving(echo, context=authority().server()) as server,
        clients(tls=trusting(ca_file=None, extra=(authority().ca,))) as client,
    ):
        client.send("GET", at(server), {}).discard()


@pytest.mark.parametrize(
    ("pair", "options", "reason"),
    [
        ("loopback", {"ca_file": None}, "unable to get local issuer certificate"),
        ("other_host", {}, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("expired", {}, "certificate has expired"),
    ],
)
def test_a_certificate_that_is_not_trusted(pair: str, options: dict[str, Any], reason: str) -> None:
    context = authority().server(getattr(authority(), pair))
    with serving(echo, context=context) as server, clients(tls=trusting(**options)) as client:
        with pytest.raises(Fault) as caught:
            client.send("GET", at(server), {})
        assert caught.value.reason.startswith(f"the server's certificate is not trusted: {reason}")
        assert not caught.value.transient
        assert caught.value.hints
        assert server.requests == []


def test_a_server_that_was_named_as_insecure_need_not_be_trusted() -> None:
    context = authority().server(authority().expired)
    with serving(echo, context=context) as server, clients(tls=lambda _: Tls(verify=False)) as client:
        client.send("GET", at(server), {}).discard()


def test_old_tls_is_not_spoken() -> None:
    import ssl
    import warnings

    context = authority().server()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(echo, context=context) as server, clients(tls=trusting()) as client:
        with pytest.raises(Fault, match="the encrypted connection failed"):
            client.send("GET", at(server), {})
        assert server.requests == []


def test_a_client_certificate_is_shown() -> None:
    certificate, key = authority().client
    context = authority().server(clients=True)
    with serving(echo, context=context) as server:
        with clients(tls=trusting(certificate=certificate, key=key)) as client:
            client.send("GET", at(server), {}).discard()
        with clients(tls=trusting()) as client, pytest.raises(Fault):
            client.send("GET", at(server), {}).discard()


def test_certificates_that_cannot_be_read(tmp_path: Path, server: Server) -> None:
    (tmp_path / "empty").write_bytes(b"")
    for options in (
        {"ca_file": tmp_path / "missing"},
        {"ca_file": tmp_path / "empty"},
        {"certificate": tmp_path / "no"},
    ):
        with clients(tls=trusting(**options)) as client, pytest.raises(UsageError, match="cannot be read"):
            client.send("GET", Address(scheme="https", host="127.0.0.1", port=server.port), {})


def test_tls_is_not_given_up_for_plain_text(client: Client, server: Server) -> None:
    with pytest.raises(Fault, match=r"the encrypted connection failed|the connection was reset|the server went silent"):
        client.send("GET", Address(scheme="https", host="127.0.0.1", port=server.port), {})
    assert not [seen for seen in server.requests if seen.method == "GET"]


# Proxies


class TestProxies:
    """The client asks a proxy for hosts that do not exist, so that nothing else could have answered."""

    @pytest.fixture
    def through(self) -> Iterator[Callable[[str], Client]]:
        with contextlib.ExitStack() as stack:
            yield lambda url: stack.enter_context(
                clients(proxies={"http": url, "https": url, "no": "direct.example"}, tls=trusting())
            )

    def test_plain_requests_are_made_in_absolute_form(self, server: Server, through: Callable[[str], Client]) -> None:
        client = through(f"http://user:p%40ss@{server.name}")
        client.send("GET", Address(scheme="http", host="registry.example", port=5000, target="/v2/"), {}).discard()
        seen = server.requests[0]
        assert seen.line == "GET http://registry.example:5000/v2/"
        assert seen.headers["host"] == "registry.example:5000"
        assert base64.b64decode(seen.headers["proxy-authorization"].removeprefix("Basic ")) == b"user:p@ss"

    def test_tls_goes_through_a_tunnel(self, through: Callable[[str], Client]) -> None:
        context = authority().server(authority().other_host)
        with serving(echo, context=context) as target, serving(tunnel_to(lambda: target.port)) as proxy:
            client = through(f"http://user:pass@{proxy.name}")
            there = Address(scheme="https", host="registry.example", port=443, target="/v2/")
            assert whole(client.send("GET", there, {})) == b"GET /v2/"
            assert proxy.lines == ["CONNECT registry.example:443"]
            assert "proxy-authorization" in proxy.requests[0].headers
            assert "proxy-authorization" not in target.requests[0].headers

    @pytest.mark.parametrize(("status", "transient"), [(407, False), (403, False), (502, True)])
    def test_a_proxy_says_no(self, through: Callable[[str], Client], status: int, transient: bool) -> None:  # noqa: FBT001
        with serving(lambda exchange: exchange.send(Reply(status))) as proxy:
            client = through(proxy.url)
            with pytest.raises(Fault, match=f"the proxy answered {status} to CONNECT") as caught:
                client.send("GET", Address(scheme="https", host="registry.example", port=443), {})
            assert caught.value.transient is transient

    def test_a_proxy_that_is_not_there(self, through: Callable[[str], Client]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        client = through(f"http://127.0.0.1:{port}")
        with pytest.raises(Fault, match=f"the proxy `127.0.0.1:{port}`: the connection was refused"):
            client.send("GET", Address(scheme="http", host="registry.example", port=80), {})

    def test_loopback_is_not_asked_of_a_proxy(self, server: Server, through: Callable[[str], Client]) -> None:
        client = through("http://proxy.invalid:3128")
        assert whole(client.send("GET", at(server), {})) == b"GET /"

    def test_exempt_hosts_are_not_asked_of_a_proxy(self, server: Server, through: Callable[[str], Client]) -> None:
        client = through(server.url)
        with pytest.raises(Fault, match="the host's name is not known"):
            client.send("GET", Address(scheme="http", host="direct.example", port=80), {})
        assert server.requests == []

    def test_an_exempt_network(self) -> None:
        dialer = Dialer(
            tls=trusting(),
            proxies={"all": "http://proxy.example:3128", "no": "10.0.0.0/8, .example.org, 192.0.2.7:81"},
            timeout=1.0,
        )
        hosts = ["10.1.2.3", "11.1.2.3", "a.example.org", "a.example", "192.0.2.7", "::1"]
        proxied = [host for host in hosts if dialer.proxy_for(Address(scheme="http", host=host, port=81))]
        assert proxied == ["11.1.2.3", "a.example"]


def tunnel_to(port: Callable[[], int]) -> Callable[[Exchange], None]:
    """Be a proxy whose tunnels all end at the same place."""

    def handle(exchange: Exchange) -> None:
        exchange.closed = True
        with socket.create_connection(("127.0.0.1", port())) as target:
            exchange.sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(target, exchange.sock), daemon=True)
            back.start()
            pump(exchange.sock, target)
            back.join()

    return handle


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


# Addresses


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("http://a.example", "http://a.example/"),
        ("HTTPS://A.Example:443/x?y#z", "https://a.example/x?y"),
        ("https://a.example:80/", "https://a.example:80/"),
        ("http://[::1]:5000/v2/", "http://[::1]:5000/v2/"),
        ("http://a.example?x=1", "http://a.example/?x=1"),
        ("http://a_b.example/", "http://a_b.example/"),
    ],
)
def test_addresses_are_read(text: str, parsed: str) -> None:
    assert str(addresses.parse(text)) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example",
        "ftp://a.example/",
        "http:///x",
        "http://u@a.example/",
        "http://u:p@a.example/",
        "http://a.example:0/",
        "http://a.example:65536/",
        "http://a.example:x/",
        "http://a.example/a b",
        "http://a.example/\r\nX: y",
        "http://ä.example/",
        "http://a.example\\@b.example/",
        "http://[::1/",
        "javascript://a.example/",
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert addresses.parse(text) is None


@pytest.mark.parametrize(
    ("location", "joined"),
    [
        ("/x", "http://a.example:5000/x"),
        ("y?z", "http://a.example:5000/v2/y?z"),
        ("?z", "http://a.example:5000/v2/b?z"),
        ("../y", "http://a.example:5000/y"),
        ("//b.example/x", "http://b.example/x"),
        ("https://b.example/x#y", "https://b.example/x"),
        ("/x y", None),
        ("mailto:a@b.example", None),
        ("http://a.example:5000@b.example/", None),
        ("http://[", None),
    ],
)
def test_locations_are_joined(location: str, joined: str | None) -> None:
    base = addresses.parse("http://a.example:5000/v2/b")
    assert base is not None
    found = addresses.join(base, location)
    assert (None if found is None else str(found)) == joined


def test_what_is_shown_has_no_query_and_an_end() -> None:
    found = addresses.parse("https://a.example/b?X-Signature=secret")
    assert found is not None
    assert found.shown == "https://a.example/b?…"
    assert len(found.at("/" + "x" * 5000).shown) == 300


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.0.3", "::1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["127.0.0.1.example", "127.1", "localhost.example", "10.0.0.1", "128.0.0.1", "::2"])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)
