"""The hostile registry's repertoire: what it does, and what is to come of it.

The verdict is `ok` (the honest result, whatever happened on the way) or an exit code; the words that go with it are in
`hostile_outcomes.txt`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from typing import Literal, NamedTuple

from fixture_registry import Action, Registry
from hostile import (
    answer_early,
    as_chunks,
    cut,
    drip,
    endless,
    flipped,
    framed,
    hang_up,
    honest_but,
    in_chunks,
    lost_answer,
    raw,
    reframed,
    refuse,
    reset,
    reset_within,
    say,
    silence,
    with_body,
    with_headers,
)
from loopback_server import Exchange, Reply, Server
from samples import noise

Operation = Literal["pull", "pin", "push", "tags", "referrers", "download", "delete", "copy"]
Verdict = Literal["ok", 4, 5]

ONCE = frozenset({1})
TWICE = frozenset({1, 2})
NOT_FIRST = frozenset(range(2, 1000))
ZEROS = "sha256:" + "0" * 64
MANIFEST = "manifests/"
BLOB = "blobs/sha256"
LAYER = "layer"
"""In patterns: the digest of the largest layer."""
UPLOAD = "uploads/[0-9a-f]"
START = r"uploads/(\?|$)"


class Stage(NamedTuple):
    """What a case may use."""

    registry: Registry
    thief: Server


class Needs:
    """Marks an action that has to know the stage."""

    def __init__(self, make: Callable[[Stage], Action]) -> None:
        self.make = make


class Case(NamedTuple):
    name: str
    operation: Operation
    verdict: Verdict
    method: str
    pattern: str
    action: Action | Needs
    times: Collection[int] | None = None
    also: Callable[[Stage], None] | None = None
    """What else is to be arranged."""
    auth: str = "basic"
    tag_moves: bool = False
    """The registry moves the tag although it answers with something else."""


def elsewhere(path: str = "/loot", status: int = 307) -> Needs:
    """Redirect to the thief."""
    return Needs(lambda stage: say(status, {"Location": f"{stage.thief.url}{path}"}))


def redirect(location: str, status: int = 307) -> Action:
    return say(status, {"Location": location})


def upload_at(location: str) -> Action:
    return honest_but(lambda reply: reply.headers.update({"Location": location}))


def realm(value: str, *, rest: str = ',service="fixture"') -> Action:
    return say(401, {"WWW-Authenticate": f'Bearer realm="{value}"{rest}'})


def token(body: bytes, headers: dict[str, str] | None = None) -> Action:
    return say(200, headers, body)


def unauthorized_at(size: int) -> Action:
    """Take a part of an upload, and then want to see another token."""

    def action(registry: Registry, exchange: Exchange) -> None:
        registry.revoke_tokens()
        reply = registry.honest(exchange.request)
        for read, piece in enumerate(exchange.request.pieces()):
            if read * len(piece) >= size:
                break
        exchange.sock.sendall(reply.head() + b"".join(reply.pieces()))
        exchange.closed = True

    return action


def revoked(registry: Registry, exchange: Exchange) -> None:
    """Forget all tokens, and then look at what came."""
    registry.revoke_tokens()
    exchange.send(registry.honest(exchange.request))


def narrow_tokens(registry: Registry, exchange: Exchange) -> None:
    """Issue a token that is good for nothing."""
    reply = registry.honest(exchange.request)
    value = json.loads(b"".join(reply.pieces()))["token"]
    until, _ = registry.tokens[value]
    registry.tokens[value] = (until, frozenset())
    exchange.send(reply)


def head(reply: Reply, *lines: str, length: bool = True) -> bytes:
    """Return an honest head with more lines in it."""
    own = [f"{name}: {value}" for name, value in reply.headers.items()]
    own += [f"Content-Length: {reply.length}"] if length else []
    return "\r\n".join((f"HTTP/1.1 {reply.status} OK", *own, *lines, "", "")).encode("latin-1")


def lines(*extra: str, length: bool = True) -> Action:
    """Answer honestly, with these lines in the head as well."""
    return reframed(lambda reply, body: head(reply, *extra, length=length) + body)


def without_length(version: str = "1.0") -> Action:
    """Answer honestly, and let the end of the connection be the end of the body."""

    def make(reply: Reply, body: bytes) -> bytes:
        reply.length = None
        return reply.head().replace(b"HTTP/1.1", f"HTTP/{version}".encode()) + body

    return reframed(make)


def without_header(change: Callable[[bytes], bytes]) -> Callable[[Reply], None]:
    """Change the body, and do not say which digest it should have."""

    def changed(reply: Reply) -> None:
        reply.body = change(b"".join(reply.pieces()))
        reply.length = len(reply.body)
        reply.headers["Docker-Content-Digest"] = ""

    return changed


def sha512_header(reply: Reply) -> None:
    reply.headers["Docker-Content-Digest"] = f"sha512:{hashlib.sha512(b''.join(reply.pieces())).hexdigest()}"


def schema_1(reply: Reply) -> None:
    reply.body = b'{"schemaVersion":1,"name":"team/app","tag":"1","fsLayers":[],"history":[]}'
    reply.length = len(reply.body)
    reply.headers["Docker-Content-Digest"] = ""


def changed_document(**members: object) -> Action:
    """Answer with the honest manifest and other members."""

    def change(reply: Reply) -> None:
        document = json.loads(b"".join(reply.pieces()))
        document.update(members)
        reply.body = json.dumps(document).encode()
        reply.length = len(reply.body)
        reply.headers["Docker-Content-Digest"] = ""

    return honest_but(change)


def link(value: str) -> Action:
    return with_headers(Link=value)


def storm(status: int, **headers: str) -> Action:
    return say(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"<h1>busy</h1>")


HTML = b"<!doctype html><title>Welcome to the Hotel</title><form action=/login>"
PORTAL = say(200, {"Content-Type": "text/html; charset=utf-8"}, HTML)
EMPTY_INDEX = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
ECHO = honest_but(lambda _: None)


def echo_secret(_: Registry, exchange: Exchange) -> None:
    """Refuse, and write what was sent into the message."""
    seen = exchange.request.headers.get("authorization", "")
    exchange.send(Reply(403, None, json.dumps({"errors": [{"code": "DENIED", "message": f"got {seen}"}]}).encode()))


def basic_token(_: Registry, exchange: Exchange) -> None:
    exchange.send(Reply(200, None, json.dumps({"token": "x" * 30, "expires_in": "300"}).encode()))


def case(  # noqa: PLR0917  # a row of a table
    name: str,
    operation: Operation,
    verdict: Verdict,
    method: str,
    pattern: str,
    action: Action | Needs,
    times: Collection[int] | None = None,
    *,
    also: Callable[[Stage], None] | None = None,
    auth: str = "basic",
    tag_moves: bool = False,
) -> Case:
    return Case(name, operation, verdict, method, pattern, action, times, also=also, auth=auth, tag_moves=tag_moves)


def and_rule(
    method: str, pattern: str, action: Action, times: Collection[int] | None = None
) -> Callable[[Stage], None]:
    return lambda stage: stage.registry.rule(method, pattern, action, times)


MANIFESTS = [
    case("digest header of something else", "pull", 5, "GET", MANIFEST, with_headers(Docker_Content_Digest=ZEROS)),
    case(
        "digest header that is none", "pull", 5, "GET", MANIFEST, with_headers(Docker_Content_Digest="sha256:../../x")
    ),
    case("no digest header", "pull", "ok", "GET", MANIFEST, with_headers(Docker_Content_Digest="")),
    case("manifest with one bit changed", "pull", 5, "GET", MANIFEST, with_body(flipped)),
    case("pinned manifest with one bit changed", "pin", 5, "GET", MANIFEST, honest_but(without_header(flipped))),
    case(
        "pinned manifest that is another",
        "pin",
        5,
        "GET",
        MANIFEST,
        honest_but(without_header(lambda body: body.replace(b"sample", b"simple"))),
    ),
    case("pinned manifest with a header of SHA-512", "pin", "ok", "GET", MANIFEST, honest_but(sha512_header)),
    case(
        "pinned manifest with a wrong header of SHA-512",
        "pin",
        5,
        "GET",
        MANIFEST,
        with_headers(Docker_Content_Digest="sha512:" + "0" * 128),
    ),
    case("captive portal", "pull", 4, "GET", MANIFEST, PORTAL),
    case("captive portal that says JSON", "pull", 5, "GET", MANIFEST, say(200, None, HTML)),
    case("empty manifest", "pull", 5, "GET", MANIFEST, say(200, {"Content-Length": "0"})),
    case("manifest cut once", "pull", "ok", "GET", MANIFEST, cut(100), ONCE),
    case("manifest cut always", "pull", 4, "GET", MANIFEST, cut(100)),
    case("manifest of 5 MB", "pull", 5, "GET", MANIFEST, with_body(lambda body: body + b" " * 5_000_000)),
    case(
        "manifest without an end",
        "pull",
        5,
        "GET",
        MANIFEST,
        endless(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\n\r\n", b" " * 65536),
    ),
    case(
        "schema 1 by its type",
        "pull",
        5,
        "GET",
        MANIFEST,
        with_headers(Content_Type="application/vnd.docker.distribution.manifest.v1+prettyjws"),
    ),
    case("schema 1 by its content", "pull", 5, "GET", MANIFEST, honest_but(schema_1)),
    case("manifest that is also an index", "pull", 5, "GET", MANIFEST, changed_document(manifests=[])),
    case(
        "manifest announced as an index",
        "pull",
        5,
        "GET",
        MANIFEST,
        with_headers(Content_Type="application/vnd.oci.image.index.v1+json"),
    ),
    case(
        "manifest that says it is an index",
        "pull",
        5,
        "GET",
        MANIFEST,
        changed_document(mediaType="application/vnd.oci.image.index.v1+json"),
    ),
    case("manifest without layers", "pull", 5, "GET", MANIFEST, changed_document(layers=[])),
    case(
        "manifest with a digest that is a path",
        "pull",
        5,
        "GET",
        MANIFEST,
        changed_document(
            config={
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": "sha256:../../../../etc/passwd",
                "size": 3,
            }
        ),
    ),
    case(
        "manifest with a negative size",
        "pull",
        5,
        "GET",
        MANIFEST,
        changed_document(config={"mediaType": "application/vnd.oci.image.config.v1+json", "digest": ZEROS, "size": -1}),
    ),
    case(
        "config of 5 MB announced",
        "pull",
        5,
        "GET",
        MANIFEST,
        changed_document(
            config={"mediaType": "application/vnd.oci.image.config.v1+json", "digest": ZEROS, "size": 5_000_000}
        ),
    ),
    case("manifest as plain JSON", "pull", "ok", "GET", MANIFEST, with_headers(Content_Type="application/json")),
    case("manifest without a type", "pull", "ok", "GET", MANIFEST, with_headers(Content_Type="")),
    case("manifest encoded", "pull", 4, "GET", MANIFEST, with_headers(Content_Encoding="gzip")),
    case("manifest encoded as it is", "pull", "ok", "GET", MANIFEST, with_headers(Content_Encoding="identity")),
    case("no such manifest", "pull", 4, "GET", MANIFEST, refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")),
    case("denied", "pull", 4, "GET", MANIFEST, refuse(403, "DENIED", "requested access to the resource is denied")),
    case("unauthorized without a challenge", "pull", 4, "GET", MANIFEST, refuse(401, "UNAUTHORIZED")),
    case("a teapot", "pull", 4, "GET", MANIFEST, say(418)),
    case("not implemented", "pull", 4, "GET", MANIFEST, storm(501)),
    case("a status that does not exist", "pull", 4, "GET", MANIFEST, say(799)),
]

STORMS = [
    *(
        case(f"{status} once", "pull", "ok", "GET", MANIFEST, storm(status), ONCE)
        for status in (408, 429, 500, 502, 503, 504)
    ),
    case("503 on every second request", "pull", "ok", "GET", "", storm(503), frozenset(range(1, 200, 2))),
    case("500 for ever", "pull", 4, "GET", MANIFEST, storm(500)),
    case("429 with seconds", "pull", "ok", "GET", MANIFEST, storm(429, Retry_After="7"), TWICE),
    case(
        "429 with a date",
        "pull",
        "ok",
        "GET",
        MANIFEST,
        storm(429, Retry_After="Wed, 21 Oct 2026 07:28:09 GMT", Date="Wed, 21 Oct 2026 07:28:00 GMT"),
        ONCE,
    ),
    case(
        "429 with a date of long ago",
        "pull",
        "ok",
        "GET",
        MANIFEST,
        storm(429, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT"),
        ONCE,
    ),
    case("429 with a year to wait", "pull", "ok", "GET", MANIFEST, storm(429, Retry_After="31536000"), ONCE),
    case("429 with rubbish", "pull", "ok", "GET", MANIFEST, storm(429, Retry_After="-1 soon"), ONCE),
    case(
        "429 for ever, with its state",
        "pull",
        4,
        "GET",
        MANIFEST,
        say(
            429,
            {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600", "Retry-After": "3600"},
            b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit"}]}',
        ),
    ),
]

BODIES_OF_ERRORS = [
    case(
        "error of 10 MB",
        "pull",
        4,
        "GET",
        MANIFEST,
        say(404, None, b'{"errors":[{"code":"X","message":"' + b"A" * 10_000_000),
    ),
    case("error with a long message", "pull", 4, "GET", MANIFEST, refuse(404, "MANIFEST_UNKNOWN", "A" * 5_000)),
    case(
        "error with control characters",
        "pull",
        4,
        "GET",
        MANIFEST,
        refuse(404, "MANIFEST_UNKNOWN", r"\u001b[31mred\u001b[0m\u0007 \u202e"),
    ),
    case("error as a page", "pull", 4, "GET", MANIFEST, say(404, {"Content-Type": "text/html"}, HTML)),
    case(
        "error as text", "pull", 4, "GET", MANIFEST, say(404, {"Content-Type": "text/plain"}, b"404 page not found\n")
    ),
    case("error that is not UTF-8", "pull", 4, "GET", MANIFEST, say(404, None, b'{"errors":[{"code":"\xff"}]}')),
    case("error without errors", "pull", 4, "GET", MANIFEST, say(404, None, b'{"errors":null}')),
    case("error with an empty list", "pull", 4, "GET", MANIFEST, say(404, None, b'{"errors":[]}')),
    case("error of another form", "pull", 4, "GET", MANIFEST, say(404, None, b'{"errors":{"code":7}}')),
    case("error that is deep", "pull", 4, "GET", MANIFEST, say(404, None, b"[" * 60_000)),
    case("error that repeats our password", "pull", 4, "GET", MANIFEST, echo_secret),
    case(
        "error that drips",
        "pull",
        4,
        "GET",
        MANIFEST,
        drip(head=False),
        also=lambda stage: stage.registry.repository("team/app").tags.clear(),
    ),
]

REDIRECTS = [
    case("manifest redirected to the thief", "pull", 4, "GET", MANIFEST, elsewhere()),
    case("layer redirected to the thief", "pull", 4, "GET", LAYER, elsewhere()),
    case("layer redirected to a thief who sends something", "pull", 5, "GET", LAYER, elsewhere("/noise")),
    case("layer redirected to a store that has it", "pull", "ok", "GET", LAYER, elsewhere("/layer?signature=secret")),
    case("layer redirected to a store and back", "pull", 4, "GET", LAYER, elsewhere("/back"), ONCE),
    case("circle of one", "pull", 4, "GET", MANIFEST, redirect("/v2/team/app/manifests/1")),
    case(
        "circle of two",
        "pull",
        4,
        "GET",
        "a=0|manifests/1$",
        redirect("/v2/team/app/manifests/1?a=1"),
        also=and_rule("GET", "a=1", redirect("/v2/team/app/manifests/1?a=0")),
    ),
    case(
        "spiral",
        "pull",
        4,
        "GET",
        MANIFEST,
        lambda _, exchange: exchange.send(Reply(302, {"Location": f"{exchange.request.seen.target}x"})),
    ),
    case("redirect without a place", "pull", 4, "GET", MANIFEST, say(302)),
    case("redirect to a file", "pull", 4, "GET", MANIFEST, redirect("file:///etc/passwd")),
    case("redirect to another protocol", "pull", 4, "GET", MANIFEST, redirect("gopher://127.0.0.1:11211/stats")),
    case("redirect with a user", "pull", 4, "GET", MANIFEST, redirect("http://user:pass@registry.example/")),
    case("redirect with a space", "pull", 4, "GET", MANIFEST, redirect("http://registry.example/a b")),
    case(
        "redirect to the cloud's metadata",
        "pull",
        4,
        "GET",
        LAYER,
        redirect("http://169.254.169.254/latest/meta-data/"),
    ),
    case(
        "redirect to the cloud's metadata in disguise",
        "pull",
        4,
        "GET",
        LAYER,
        redirect("http://[::ffff:169.254.169.254]/latest/"),
    ),
    case("redirect to a private network", "pull", 4, "GET", LAYER, redirect("http://10.1.2.3/")),
    case("redirect to nowhere", "pull", 4, "GET", LAYER, redirect("http://0.0.0.0:1/")),
    case("redirect to a number", "pull", 4, "GET", LAYER, redirect("http://2852039166/")),
    case(
        "redirect within the registry", "pull", "ok", "GET", "manifests/1$", redirect("/v2/team/app/manifests/1?again")
    ),
    case("manifest written elsewhere", "push", 4, "PUT", "manifests/1$", elsewhere()),
    case(
        "manifest written to another path",
        "push",
        "ok",
        "PUT",
        "manifests/1$",
        redirect("/v2/team/app/manifests/1?again"),
    ),
    case(
        "redirect that loses the request",
        "push",
        4,
        "PUT",
        "manifests/1$",
        redirect("/v2/team/app/manifests/1?again", 302),
    ),
    case("upload redirected to the thief", "push", 4, "PUT", UPLOAD, elsewhere()),
]

FRAMES = [
    case("not HTTP", "pull", 4, "GET", MANIFEST, raw(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n\r\n")),
    case("a TLS alert", "pull", 4, "GET", MANIFEST, raw(b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n")),
    case("HTTP/2", "pull", 4, "GET", MANIFEST, framed("HTTP/2 200 OK\nContent-Length: 0")),
    case("status of two digits", "pull", 4, "GET", MANIFEST, framed("HTTP/1.1 20 OK\nContent-Length: 0")),
    case("field without a colon", "pull", 4, "GET", MANIFEST, lines("nonsense")),
    case("space before the colon", "pull", 4, "GET", MANIFEST, lines("Content-Digest : x")),
    case("folded field", "pull", 4, "GET", MANIFEST, lines("X-Long: a", " b")),
    case("NUL in a field", "pull", 4, "GET", MANIFEST, lines("X-Zero: a\0b")),
    case("bare line feeds", "pull", 4, "GET", MANIFEST, lines("X-Smuggled: a\nContent-Length: 5")),
    case("two lengths", "pull", 4, "GET", MANIFEST, lines("Content-Length: 5")),
    case("two lengths in one field", "pull", 4, "GET", MANIFEST, lines("Content-Length: 5, 6", length=False)),
    case(
        "the same length twice",
        "pull",
        "ok",
        "GET",
        MANIFEST,
        reframed(lambda reply, body: head(reply, f"Content-Length: {reply.length}") + body),
    ),
    case("negative length", "pull", 4, "GET", MANIFEST, lines("Content-Length: -5", length=False)),
    case("length in words", "pull", 4, "GET", MANIFEST, lines("Content-Length: five", length=False)),
    case(
        "length of twenty digits",
        "pull",
        4,
        "GET",
        MANIFEST,
        lines("Content-Length: 99999999999999999999", length=False),
    ),
    case("length and chunks", "pull", 4, "GET", MANIFEST, lines("Transfer-Encoding: chunked")),
    case(
        "unknown transfer coding", "pull", 4, "GET", MANIFEST, lines("Transfer-Encoding: gzip, chunked", length=False)
    ),
    case(
        "chunks in HTTP/1.0",
        "pull",
        4,
        "GET",
        MANIFEST,
        reframed(
            lambda reply, body: (
                head(reply, "Transfer-Encoding: chunked", length=False).replace(b"1.1", b"1.0") + in_chunks(body, 100)
            )
        ),
    ),
    case("chunks", "pull", "ok", "GET", "", as_chunks()),
    case(
        "chunks with extensions and trailers",
        "pull",
        "ok",
        "GET",
        "",
        as_chunks(extension=';name="value"', trailers="X-Checksum: abc\r\n"),
    ),
    case("chunk without a size", "pull", 4, "GET", MANIFEST, as_chunks(lambda coded: b"zz\r\n" + coded)),
    case(
        "chunk of a size that wraps",
        "pull",
        4,
        "GET",
        MANIFEST,
        as_chunks(lambda coded: b"1" + b"0" * 16 + b"\r\n" + coded),
    ),
    case(
        "chunk that goes on",
        "pull",
        4,
        "GET",
        MANIFEST,
        as_chunks(lambda coded: coded.replace(b"\r\n0\r\n", b"XX\r\n0\r\n")),
    ),
    case(
        "chunks that do not end", "pull", 4, "GET", MANIFEST, as_chunks(lambda coded: coded.removesuffix(b"0\r\n\r\n"))
    ),
    case("chunk extension of 10 KB", "pull", 4, "GET", MANIFEST, as_chunks(extension=";a=" + "b" * 10_000)),
    case("300 trailers", "pull", 4, "GET", MANIFEST, as_chunks(trailers="X-T: 1\r\n" * 300)),
    case("300 fields", "pull", 4, "GET", MANIFEST, lines(*(f"X-{number}: 1" for number in range(300)))),
    case("head of 70 KB", "pull", 4, "GET", MANIFEST, lines("X-Long: " + "a" * 70_000)),
    case("head without an end", "pull", 4, "GET", MANIFEST, endless(b"HTTP/1.1 200 OK\r\n", b"X-Field: 1\r\n" * 100)),
    case("no length, HTTP/1.0", "pull", "ok", "GET", "", without_length()),
    case("no length, HTTP/1.1", "pull", "ok", "GET", "", without_length("1.1")),
    case(
        "connection closed each time", "pull", "ok", "GET", "", honest_but(lambda reply: setattr(reply, "close", True))
    ),
    case(
        "interim answers",
        "pull",
        "ok",
        "GET",
        MANIFEST,
        reframed(lambda reply, body: b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 3 + reply.head() + body),
    ),
    case("interim answers without an end", "pull", 4, "GET", MANIFEST, raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)),
    case("another protocol", "pull", 4, "GET", MANIFEST, framed("HTTP/1.1 101 Switching Protocols\nUpgrade: h2c")),
    case(
        "more than one answer",
        "pull",
        "ok",
        "GET",
        MANIFEST,
        reframed(lambda reply, body: reply.head() + body + b"HTTP/1.1 200 OK\r\n\r\n"),
    ),
    case("no answer once", "pull", "ok", "GET", MANIFEST, hang_up, ONCE),
    case("no answer ever", "pull", 4, "GET", MANIFEST, hang_up),
    case("reset once", "pull", "ok", "GET", MANIFEST, reset, ONCE),
    case("reset always", "pull", 4, "GET", MANIFEST, reset),
    case("silence once", "pull", "ok", "GET", MANIFEST, silence(5), ONCE),
    case("head that drips", "pull", "ok", "GET", MANIFEST, drip(head=True), ONCE),
    case("body that drips", "pull", "ok", "GET", LAYER, drip(head=False), ONCE),
    case("warnings", "pull", "ok", "GET", MANIFEST, with_headers(Warning='299 - "this tag goes away", 199 - "no"')),
    case("warning that is none", "pull", "ok", "GET", MANIFEST, with_headers(Warning='299 - "' + "a" * 5_000)),
]

BLOBS = [
    case("config with one bit changed", "pull", 5, "GET", BLOB, with_body(flipped), ONCE),
    case("config that is longer", "pull", 5, "GET", BLOB, with_body(lambda body: body + b" "), ONCE),
    case(
        "config that is not there",
        "pull",
        4,
        "GET",
        BLOB,
        refuse(404, "BLOB_UNKNOWN", "blob unknown to registry"),
        ONCE,
    ),
    case("config as a page", "pull", 5, "GET", BLOB, PORTAL, ONCE),
    case("layer with one bit changed", "pull", 5, "GET", LAYER, with_body(flipped)),
    case("layer of other bytes", "pull", 5, "GET", LAYER, with_body(lambda body: noise("other", len(body)))),
    case("layer that is longer", "pull", 5, "GET", LAYER, with_body(lambda body: body + b"x")),
    case("layer that is shorter", "pull", 5, "GET", LAYER, with_body(lambda body: body[:-1])),
    case(
        "layer that is longer than its length",
        "pull",
        "ok",
        "GET",
        LAYER,
        reframed(lambda reply, body: reply.head() + body + b"extra"),
    ),
    case(
        "layer that is longer, in chunks",
        "pull",
        5,
        "GET",
        LAYER,
        reframed(
            lambda reply, body: (
                head(reply, "Transfer-Encoding: chunked", length=False) + in_chunks(body + b"extra", 1000)
            )
        ),
    ),
    case(
        "layer that is shorter, in chunks, once",
        "pull",
        "ok",
        "GET",
        LAYER,
        reframed(
            lambda reply, body: head(reply, "Transfer-Encoding: chunked", length=False) + in_chunks(body[:9000], 1000)
        ),
        ONCE,
    ),
    case(
        "layer that is shorter, in chunks",
        "pull",
        4,
        "GET",
        LAYER,
        reframed(
            lambda reply, body: head(reply, "Transfer-Encoding: chunked", length=False) + in_chunks(body[:9000], 1000)
        ),
    ),
    case(
        "layer without a length, cut",
        "pull",
        "ok",
        "GET",
        LAYER,
        reframed(lambda reply, body: head(reply, length=False) + body[:9000]),
        ONCE,
    ),
    case("layer cut", "pull", "ok", "GET", LAYER, cut(10_000), ONCE),
    case("layer cut by a reset", "pull", "ok", "GET", LAYER, cut(10_000, hard=True), ONCE),
    case("layer cut three times", "pull", "ok", "GET", LAYER, cut(10_000), frozenset({1, 2, 3})),
    case("layer cut at its first byte", "pull", "ok", "GET", LAYER, cut(0), ONCE),
    case("layer cut always", "pull", 4, "GET", LAYER, cut(100)),
    case(
        "rest of a layer from its start",
        "pull",
        "ok",
        "GET",
        LAYER,
        ECHO,
        also=lambda stage: _cut_then(stage, without_ranges),
    ),
    case(
        "rest of a layer with another start",
        "pull",
        "ok",
        "GET",
        LAYER,
        ECHO,
        also=lambda stage: _cut_then(stage, with_headers(Content_Range="bytes 5-69999/70000"), once=True),
    ),
    case(
        "rest of a layer with another total",
        "pull",
        "ok",
        "GET",
        LAYER,
        ECHO,
        also=lambda stage: _cut_then(stage, with_headers(Content_Range="bytes 10000-69999/70001"), once=True),
    ),
    case(
        "rest of a layer without a range",
        "pull",
        "ok",
        "GET",
        LAYER,
        ECHO,
        also=lambda stage: _cut_then(stage, with_headers(Content_Range=""), once=True),
    ),
    case(
        "rest of a layer with other bytes",
        "pull",
        5,
        "GET",
        LAYER,
        ECHO,
        also=lambda stage: _cut_then(stage, with_body(flipped)),
    ),
    case(
        "no rest of a layer",
        "pull",
        "ok",
        "GET",
        LAYER,
        ECHO,
        also=lambda stage: _cut_then(stage, say(416, {"Content-Range": "bytes */70000"}), once=True),
    ),
    case(
        "rest of a layer in small parts",
        "pull",
        4,
        "GET",
        LAYER,
        ECHO,
        also=lambda stage: _cut_then(stage, short_ranges(100)),
    ),
    case(
        "a range that nobody asked for",
        "pull",
        4,
        "GET",
        LAYER,
        honest_but(lambda reply: setattr(reply, "status", 206)),
    ),
    case("layer encoded", "pull", 4, "GET", LAYER, with_headers(Content_Encoding="gzip")),
    case("layer not there", "pull", 4, "GET", LAYER, refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")),
    case("layer after three 503", "pull", "ok", "GET", LAYER, storm(503), frozenset({1, 2, 3})),
    case("layer denied in between", "pull", 4, "GET", LAYER, refuse(403, "DENIED")),
    case("download with one bit changed", "download", 5, "GET", LAYER, with_body(flipped)),
    case("download cut", "download", "ok", "GET", LAYER, cut(10_000), ONCE),
    case("download cut always", "download", 4, "GET", LAYER, cut(100)),
    case("download that is longer", "download", 5, "GET", LAYER, with_body(lambda body: body + b"x")),
    case(
        "download of other bytes after a cut",
        "download",
        5,
        "GET",
        LAYER,
        ECHO,
        also=lambda stage: _cut_then(stage, with_body(flipped)),
    ),
    case("download as a page", "download", 5, "GET", LAYER, PORTAL),
]

PUSHES = [
    case("HEAD of blobs not allowed", "push", "ok", "HEAD", BLOB, say(405)),
    case("HEAD of blobs fails once", "push", "ok", "HEAD", BLOB, say(500), ONCE),
    case("HEAD of a blob of another size", "push", "ok", "HEAD", BLOB, say(200, {"Content-Length": "7"})),
    case("HEAD of a blob of another digest", "push", "ok", "HEAD", BLOB, say(200, {"Docker-Content-Digest": ZEROS})),
    case("HEAD of a blob as a page", "push", "ok", "HEAD", BLOB, say(200, {"Content-Type": "text/html"})),
    case("HEAD of blobs that lies", "push", 4, "HEAD", BLOB, framed("HTTP/1.1 200 OK")),
    case("HEAD of blobs redirected to the thief", "push", 4, "HEAD", BLOB, elsewhere()),
    case("HEAD of the tag not allowed", "push", "ok", "HEAD", MANIFEST, say(405)),
    case(
        "HEAD of the tag with a digest that is none",
        "push",
        5,
        "HEAD",
        MANIFEST,
        say(
            200,
            {
                "Docker-Content-Digest": "md5:x",
                "Content-Type": "application/vnd.oci.image.manifest.v1+json",
                "Content-Length": "3",
            },
        ),
    ),
    case(
        "no such repository",
        "push",
        4,
        "POST",
        START,
        refuse(404, "NAME_UNKNOWN", "repository name not known to registry"),
    ),
    case("push denied", "push", 4, "POST", START, refuse(403, "DENIED", "you may not push")),
    case("upload without a place", "push", 4, "POST", START, say(202)),
    case(
        "upload at an absolute address",
        "push",
        "ok",
        "POST",
        START,
        Needs(
            lambda stage: honest_but(
                lambda reply: reply.headers.update({"Location": stage.registry.url + reply.headers["Location"]})
            )
        ),
    ),
    case(
        "upload at a relative address",
        "push",
        "ok",
        "POST",
        START,
        honest_but(lambda reply: reply.headers.update({"Location": reply.headers["Location"].rpartition("/")[2]})),
    ),
    case("upload at the thief", "push", 4, "POST", START, Needs(lambda stage: upload_at(f"{stage.thief.url}/upload"))),
    case("upload at the cloud's metadata", "push", 4, "POST", START, upload_at("http://169.254.169.254/upload")),
    case("upload at no address", "push", 4, "POST", START, upload_at("mailto:a@b.example")),
    case("upload started twice", "push", "ok", "POST", START, lost_answer, ONCE),
    case("upload reset in the middle", "push", "ok", "PUT", UPLOAD, reset_within(20_000), ONCE),
    case("upload reset in the middle of 3 MB", "push", "ok", "PUT", UPLOAD, reset_within(1_500_000), ONCE),
    case("upload reset always", "push", 4, "PUT", UPLOAD, reset_within(2_000)),
    case("upload fails once", "push", "ok", "PUT", UPLOAD, storm(500), ONCE),
    case("upload fails twice with 503", "push", "ok", "PUT", UPLOAD, storm(503, Retry_After="2"), TWICE),
    case("upload limited once", "push", "ok", "PUT", UPLOAD, storm(429, Retry_After="1"), ONCE),
    case("upload taken for other bytes once", "push", "ok", "PUT", UPLOAD, refuse(400, "DIGEST_INVALID"), ONCE),
    case(
        "upload taken for other bytes always",
        "push",
        4,
        "PUT",
        UPLOAD,
        refuse(400, "DIGEST_INVALID", "provided digest did not match"),
    ),
    case("upload forgotten once", "push", "ok", "PUT", UPLOAD, refuse(404, "BLOB_UPLOAD_UNKNOWN"), ONCE),
    case(
        "upload forgotten always",
        "push",
        4,
        "PUT",
        UPLOAD,
        refuse(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
    ),
    case("upload done, answer lost", "push", "ok", "PUT", UPLOAD, lost_answer, ONCE),
    case("upload done, answer cut", "push", "ok", "PUT", UPLOAD, reframed(lambda reply, _: reply.head()[:20]), ONCE),
    case("upload done, another digest", "push", 5, "PUT", UPLOAD, with_headers(Docker_Content_Digest=ZEROS)),
    case("upload done, no digest", "push", "ok", "PUT", UPLOAD, with_headers(Docker_Content_Digest="")),
    case("upload too large for one request", "push", "ok", "PUT", UPLOAD, refuse(413, "SIZE_INVALID"), ONCE),
    case(
        "upload refused before its end",
        "push",
        4,
        "PUT",
        UPLOAD,
        answer_early(Reply(403, None, b'{"errors":[{"code":"DENIED","message":"quota"}]}')),
    ),
    case("upload taken before its end", "push", 4, "PUT", UPLOAD, answer_early(Reply(201))),
    case("upload as a page", "push", 4, "PUT", UPLOAD, PORTAL),
    case("upload that stays silent once", "push", "ok", "PUT", UPLOAD, silence(12), ONCE),
    case("manifest refused", "push", 4, "PUT", MANIFEST, refuse(400, "MANIFEST_INVALID", "manifest invalid")),
    case("manifest fails once", "push", "ok", "PUT", MANIFEST, storm(500), ONCE),
    case("manifest limited once", "push", "ok", "PUT", MANIFEST, storm(429, Retry_After="3"), ONCE),
    case("manifest taken, answer lost", "push", "ok", "PUT", MANIFEST, lost_answer, ONCE),
    case(
        "manifest taken for another",
        "push",
        5,
        "PUT",
        MANIFEST,
        with_headers(Docker_Content_Digest=ZEROS),
        tag_moves=True,
    ),
    case(
        "manifest misses a blob",
        "push",
        4,
        "PUT",
        MANIFEST,
        refuse(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"),
    ),
    case("manifest as a page", "push", 4, "PUT", MANIFEST, PORTAL),
    case("manifest too large", "push", 4, "PUT", MANIFEST, refuse(413, "SIZE_INVALID", "too large")),
    case(
        "mount that starts an upload",
        "copy",
        "ok",
        "POST",
        "mount=",
        honest_but(lambda _: None),
        also=lambda stage: setattr(stage.registry, "mounts", False),
    ),
    case("mount not allowed", "copy", "ok", "POST", "mount=", refuse(405, "UNSUPPORTED")),
    case("mount denied", "copy", "ok", "POST", "mount=", refuse(403, "DENIED")),
    case("mount fails once", "copy", "ok", "POST", "mount=", storm(502), ONCE),
    case("mount of another digest", "copy", 5, "POST", "mount=", with_headers(Docker_Content_Digest=ZEROS)),
    case("mount that lies", "copy", 4, "POST", "mount=", say(201)),
    case(
        "delete not allowed",
        "delete",
        4,
        "DELETE",
        MANIFEST,
        refuse(405, "UNSUPPORTED", "the operation is unsupported"),
    ),
]

CHUNKS = [
    case("chunk reset", "push", "ok", "PATCH", UPLOAD, reset_within(1_000_100), ONCE),
    case("chunk refused for its range", "push", "ok", "PATCH", UPLOAD, say(416), NOT_FIRST & frozenset({2})),
    case("chunk taken, answer lost", "push", "ok", "PATCH", UPLOAD, lost_answer, ONCE),
    case("chunk forgotten", "push", "ok", "PATCH", UPLOAD, refuse(404, "BLOB_UPLOAD_UNKNOWN"), frozenset({2})),
    case("chunk fails", "push", "ok", "PATCH", UPLOAD, storm(503), frozenset({2})),
    case("more than was sent", "push", 4, "PATCH", UPLOAD, with_headers(Range="0-999999999")),
    case("less than was sent", "push", "ok", "PATCH", UPLOAD, with_headers(Range="0-0")),
    case(
        "chunk with another place each time",
        "push",
        "ok",
        "PATCH",
        UPLOAD,
        ECHO,
        also=lambda stage: setattr(stage.registry, "moving_locations", True),
    ),
]

TAGS = [
    case("pages in a circle", "tags", 4, "GET", "tags/list", link('</v2/team/app/tags/list?n=1000>; rel="next"')),
    case(
        "page that leads to itself",
        "tags",
        4,
        "GET",
        "tags/list",
        link('</v2/team/app/tags/list?n=1000&last=1>; rel="next"'),
    ),
    case(
        "pages at the thief",
        "tags",
        4,
        "GET",
        "tags/list",
        Needs(lambda stage: link(f'<{stage.thief.url}/tags>; rel="next"')),
    ),
    case("pages by another scheme", "tags", 4, "GET", "tags/list", link('<https://127.0.0.1/tags>; rel="next"')),
    case(
        "pages without anything new",
        "tags",
        4,
        "GET",
        "tags/list",
        lambda _, exchange: exchange.send(
            Reply(200, {"Link": f"<{exchange.request.seen.target}x>; rel=next"}, b'{"tags":["1"]}')
        ),
    ),
    case("link that is none", "tags", "ok", "GET", "tags/list", link("</v2/team; rel=next")),
    case("link to something else", "tags", "ok", "GET", "tags/list", link('</v2/first>; rel="prev first"')),
    case("tags that are cut once", "tags", "ok", "GET", "tags/list", cut(5), ONCE),
    case("tag with control characters", "tags", 4, "GET", "tags/list", say(200, None, rb'{"tags":["1","\u001b[2J"]}')),
    case("tag that is a path", "tags", 4, "GET", "tags/list", say(200, None, b'{"tags":["../../x"]}')),
    case("tags as a page", "tags", 4, "GET", "tags/list", PORTAL),
    case("tags of another type", "tags", 4, "GET", "tags/list", say(200, None, b'{"tags":{"1":true}}')),
    case("5 MB of tags", "tags", 4, "GET", "tags/list", say(200, None, b'{"tags":["' + b"a" * 5_000_000 + b'"]}')),
    case("referrers as a page", "referrers", 4, "GET", "referrers/", PORTAL),
    case(
        "referrers that are none",
        "referrers",
        4,
        "GET",
        "referrers/",
        say(200, None, b'{"schemaVersion":2,"manifests":[{"digest":"x"}]}'),
    ),
    case(
        "referrers not supported",
        "referrers",
        "ok",
        "GET",
        "referrers/",
        say(404, {"Content-Type": "text/plain"}, b"404 page not found"),
    ),
    case("referrers that fail once", "referrers", "ok", "GET", "referrers/", storm(500), ONCE),
    case(
        "referrers without an end",
        "referrers",
        4,
        "GET",
        "referrers/",
        say(200, {"Link": '</v2/team/app/referrers/x>; rel="next"'}, EMPTY_INDEX),
    ),
]


def bearer(  # noqa: PLR0917  # a row of a table
    name: str,
    verdict: Verdict,
    method: str,
    pattern: str,
    action: Action | Needs,
    times: Collection[int] | None = None,
    operation: Operation = "pull",
    also: Callable[[Stage], None] | None = None,
) -> Case:
    return case(name, operation, verdict, method, pattern, action, times, auth="token", also=also)


TOKENS = [
    bearer("token once refused", "ok", "GET", "/token", storm(500), ONCE),
    bearer("token limited", "ok", "GET", "/token", storm(429, Retry_After="2"), ONCE),
    bearer("token service gone", 4, "GET", "/token", hang_up),
    bearer("token denied", 4, "GET", "/token", say(401, None, b'{"details":"incorrect username or password"}')),
    bearer("token as a page", 4, "GET", "/token", PORTAL),
    bearer("answer without a token", 4, "GET", "/token", token(b"{}")),
    bearer("token with a line end", 4, "GET", "/token", token(b'{"token":"a\\r\\nX-Evil: 1"}')),
    bearer("token of 2 MB", 4, "GET", "/token", token(b'{"token":"' + b"a" * 2_000_000 + b'"}')),
    bearer("token of 70 KB", 4, "GET", "/token", token(b'{"token":"' + b"a" * 70_000 + b'"}')),
    bearer("token that is a number", 4, "GET", "/token", token(b'{"token":7}')),
    bearer("token redirected to the thief", 4, "GET", "/token", elsewhere()),
    bearer(
        "token redirected in a circle",
        4,
        "GET",
        "/token",
        lambda _, exchange: exchange.send(Reply(302, {"Location": exchange.request.seen.target})),
    ),
    bearer("token that is no good", 4, "GET", "/token", token(b'{"token":"worthless"}')),
    bearer("token that drips", "ok", "GET", "/token", drip(head=False), ONCE),
    bearer("token that is too narrow", 4, "GET", "/token", narrow_tokens),
    bearer("token that is too narrow once", "ok", "GET", "/token", narrow_tokens, ONCE),
    bearer("lifetime in words", 4, "GET", "/token", token(b'{"token":"abc","expires_in":"soon"}')),
    bearer(
        "token revoked in the middle",
        "ok",
        "GET",
        LAYER,
        revoked,
        ONCE,
    ),
    bearer("token revoked in the middle of an upload", "ok", "PUT", UPLOAD, unauthorized_at(1), ONCE, "push"),
    bearer(
        "401 for ever",
        4,
        "GET",
        LAYER,
        say(401, {"WWW-Authenticate": 'Bearer realm="/token",service="x",scope="repository:team/app:pull"'}, b"{}"),
    ),
]


def realm_case(name: str, verdict: Verdict, action: Action | Needs) -> Case:
    def also(stage: Stage) -> None:
        made = action.make(stage) if isinstance(action, Needs) else action
        stage.registry.rule("GET", MANIFEST, made, early=True)

    return Case(name, "pull", verdict, "GET", "never", ECHO, None, also, "token")


REALMS = [
    realm_case("realm at the thief", 4, Needs(lambda stage: realm(f"{stage.thief.url}/token"))),
    realm_case("realm at the cloud's metadata", 4, realm("http://169.254.169.254/latest/api/token")),
    realm_case("realm at the cloud's metadata, encrypted", 4, realm("https://169.254.169.254/latest/api/token")),
    realm_case("realm in a private network", 4, realm("https://192.168.1.1/token")),
    realm_case("realm without encryption", 4, realm("http://auth.example/token")),
    realm_case("realm that is a file", 4, realm("file:///etc/passwd")),
    realm_case("realm that is nothing", 4, realm("")),
    realm_case("realm with a user", 4, realm("https://a:b@auth.example/")),
    realm_case("realm twice", 4, say(401, {"WWW-Authenticate": 'Bearer realm="/token",realm="/thief"'})),
    realm_case("challenge that nobody knows", 4, say(401, {"WWW-Authenticate": "Negotiate"})),
    realm_case("challenge that is cut", 4, say(401, {"WWW-Authenticate": 'Bearer realm="https://auth.exa'})),
    realm_case("challenge of 60 KB", 4, say(401, {"WWW-Authenticate": 'Bearer realm="' + "a" * 60_000 + '"'})),
    realm_case("password wanted over and over", 4, say(401, {"WWW-Authenticate": 'Basic realm="once more"'})),
    realm_case("scope of 10 KB", 4, realm("/token", rest=',scope="' + "repository:a:pull " * 600 + '"')),
]


def without_ranges(registry: Registry, exchange: Exchange) -> None:
    """Answer to a range with all of it."""
    exchange.request.headers.pop("range", None)
    exchange.send(registry.honest(exchange.request))


def short_ranges(size: int) -> Action:
    """Answer to a range with a part of it."""

    def action(registry: Registry, exchange: Exchange) -> None:
        start = int(exchange.request.headers["range"].removeprefix("bytes=").removesuffix("-"))
        exchange.request.headers["range"] = f"bytes={start}-{start + size - 1}"
        exchange.send(registry.honest(exchange.request))

    return action


def _cut_then(stage: Stage, then: Action, *, once: bool = False) -> None:
    """Cut the layer once, and answer to the question for the rest with *then*."""
    stage.registry.rules.clear()

    def ranged(registry: Registry, exchange: Exchange) -> None:
        (then if "range" in exchange.request.headers else ECHO)(registry, exchange)

    digest = max(stage.registry.repository("team/app").blobs, key=lambda digest: len(stage.registry.blobs[digest]))
    stage.registry.rule("GET", digest, cut(10_000), ONCE)
    stage.registry.rule("GET", digest, ranged, ONCE if once else None)


CASES = [
    *MANIFESTS,
    *STORMS,
    *BODIES_OF_ERRORS,
    *REDIRECTS,
    *FRAMES,
    *BLOBS,
    *PUSHES,
    *CHUNKS,
    *TAGS,
    *TOKENS,
    *REALMS,
]
