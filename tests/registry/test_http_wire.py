"""Answers on the wire: what is read, what is refused, and that another reader sees the same."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tare.net.wire import MAX_FIELDS, MAX_HEAD, Body, Fault, Reader, body_length, read_head, stated_length


def reader_of(data: bytes, piece: int = 7) -> Reader:
    """Return a reader of *data* that gets it in small pieces."""
    stream = io.BytesIO(data)
    return Reader(lambda size: stream.read(min(size, piece)))


def read(data: bytes, method: str = "GET", piece: int = 7) -> tuple[int, bytes]:
    """Return the status and the body of an answer, or raise what the client would."""
    reader = reader_of(data, piece)
    head = read_head(reader)
    assert head is not None
    body = Body(reader, body_length(head, method))
    content = b""
    while part := body.read1(5):
        content += part
    return head.status, content


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def test_an_answer_is_read_whatever_pieces_it_comes_in() -> None:
    for piece in range(1, len(ANSWER) + 1):
        assert read(ANSWER, piece=piece) == (200, b"hello")


def test_names_are_compared_without_case_and_values_are_joined() -> None:
    head = read_head(reader_of(b"HTTP/1.1 204 \r\nLINK: a\r\nlink:\t b \t\r\nX-Empty:\r\n\r\n"))
    assert head is not None
    assert head.fields.get("Link") == "a, b"
    assert head.fields.all("link") == ["a", "b"]
    assert head.fields.get("x-empty", "none") == ""
    assert head.fields.get("x-missing", "none") == "none"
    assert "X-EMPTY" in head.fields
    assert list(head.fields) == [("link", "a"), ("link", "b"), ("x-empty", "")]


def test_nothing_is_no_answer() -> None:
    assert read_head(reader_of(b"")) is None


@pytest.mark.parametrize(
    ("head", "persistent"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: Upgrade, CLOSE\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
def test_whether_a_connection_stays(head: bytes, persistent: bool) -> None:  # noqa: FBT001
    found = read_head(reader_of(head))
    assert found is not None
    assert found.persistent is persistent


REFUSED = {
    "no version": (b"200 OK\r\n\r\n", "the answer is not HTTP"),
    "version 2": (b"HTTP/2 200 OK\r\n\r\n", "the answer is not HTTP"),
    "version 1.2": (b"HTTP/1.2 200 OK\r\n\r\n", "the answer is not HTTP"),
    "status of two digits": (b"HTTP/1.1 20 OK\r\n\r\n", "the answer is not HTTP"),
    "status of four digits": (b"HTTP/1.1 2000 OK\r\n\r\n", "the answer is not HTTP"),
    "status 000": (b"HTTP/1.1 000 OK\r\n\r\n", "the answer is not HTTP"),
    "two spaces": (b"HTTP/1.1  200 OK\r\n\r\n", "the answer is not HTTP"),
    "control character in the reason": (b"HTTP/1.1 200 O\x07K\r\n\r\n", "the answer is not HTTP"),
    "folded": (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "the answer has a folded field, which RFC 9112 forbids"),
    "fold first": (b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "the answer has a folded field, which RFC 9112 forbids"),
    "no colon": (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "the answer has a field that is not sound"),
    "no name": (b"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "the answer has a field that is not sound"),
    "space before the colon": (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "the answer has a field that is not sound"),
    "NUL": (b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", "the answer has a field that is not sound"),
    "bare CR": (b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "the answer has a field that is not sound"),
    "bare LF": (b"HTTP/1.1 200 OK\r\nA: b\nContent-Length: 1\r\n\r\n", "the answer has a field that is not sound"),
    "cut": (b"HTTP/1.1 200 OK\r\nA: b\r\n", "the connection ended within the head of the answer"),
    "large": (
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * MAX_HEAD + b"\r\n\r\n",
        "the head of the answer has more than 65536 bytes",
    ),
    "many fields": (
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (MAX_FIELDS + 1) + b"\r\n",
        "the answer has more than 256 fields",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_head_that_is_not_sound_is_refused(name: str) -> None:
    data, reason = REFUSED[name]
    with pytest.raises(Fault) as caught:
        read_head(reader_of(data, 4096))
    assert caught.value.reason == reason


def test_a_head_may_be_as_large_as_the_limit() -> None:
    start = b"HTTP/1.1 200 OK\r\nA: "
    head = read_head(reader_of(start + b"b" * (MAX_HEAD - len(start)) + b"\r\n\r\n", 4096))
    assert head is not None
    assert read_head(reader_of(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * MAX_FIELDS + b"\r\n", 4096)) is not None


def framed(*fields: bytes, body: bytes = b"", version: bytes = b"1.1", status: bytes = b"200") -> bytes:
    return b"HTTP/" + version + b" " + status + b" OK\r\n" + b"".join(f + b"\r\n" for f in fields) + b"\r\n" + body


@pytest.mark.parametrize(
    ("data", "method", "body"),
    [
        (framed(b"Content-Length: 3", body=b"abcdef"), "GET", b"abc"),
        (framed(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"), "GET", b"abc"),
        (framed(b"Content-Length: 3"), "HEAD", b""),
        (framed(b"Transfer-Encoding: chunked"), "HEAD", b""),
        (framed(b"Content-Length: 3", status=b"204"), "GET", b""),
        (framed(b"Content-Length: 3", status=b"304"), "GET", b""),
        (framed(b"Content-Length: 0"), "GET", b""),
        (framed(body=b"to the end"), "GET", b"to the end"),
        (framed(body=b"to the end", version=b"1.0"), "GET", b"to the end"),
        (
            framed(b"Transfer-Encoding: Chunked", body=b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"),
            "GET",
            b"abc0123456789",
        ),
        (framed(b"Transfer-Encoding: chunked", body=b"1\r\na\r\n000\r\nX-Trailer: 1\r\n\r\n"), "GET", b"a"),
    ],
)
def test_bodies_are_read_to_their_end(data: bytes, method: str, body: bytes) -> None:
    assert read(data, method)[1] == body


@pytest.mark.parametrize(
    ("data", "reason", "transient"),
    [
        (framed(b"Content-Length: 5", body=b"abc"), "the connection ended after 3 of 5 bytes", True),
        (framed(b"Content-Length: 5, 6"), "the answer has no single length", False),
        (framed(b"Content-Length: 5", b"Content-Length: 6"), "the answer has no single length", False),
        (framed(b"Content-Length: +5"), "the answer has no single length", False),
        (framed(b"Content-Length: 0x5"), "the answer has no single length", False),
        (framed(b"Content-Length: \xb2"), "the answer has no single length", False),
        (framed(b"Content-Length:"), "the answer has no single length", False),
        (framed(b"Content-Length: 5", b"Transfer-Encoding: chunked"), "the answer has both a length and a transfer coding", False),
        (framed(b"Transfer-Encoding: gzip, chunked"), "the answer has a transfer coding that was not asked for", False),
        (framed(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), "the answer has a transfer coding that was not asked for", False),
        (framed(b"Transfer-Encoding: identity"), "the answer has a transfer coding that was not asked for", False),
        (framed(b"Transfer-Encoding: chunked", version=b"1.0"), "the answer has a transfer coding that was not asked for", False),
        (framed(b"Transfer-Encoding: chunked", body=b"-1\r\n"), "the answer has a chunk without a size", False),
        (framed(b"Transfer-Encoding: chunked", body=b"0x3\r\nabc\r\n"), "the answer has a chunk without a size", False),
        (framed(b"Transfer-Encoding: chunked", body=b"3\nabc\r\n0\r\n\r\n"), "the answer has a chunk without a size", False),
        (framed(b"Transfer-Encoding: chunked", body=b"10000000000000000\r\n"), "the answer has a chunk without a size", False),
        (framed(b"Transfer-Encoding: chunked", body=b"3\r\nabcd\r\n"), "the end of a chunk has more than 0 bytes", False),
        (framed(b"Transfer-Encoding: chunked", body=b"3\r\nab"), "the connection ended within a chunk", True),
        (framed(b"Transfer-Encoding: chunked", body=b"3\r\nabc"), "the connection ended after a chunk", True),
        (framed(b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n"), "the connection ended between two chunks", True),
        (framed(b"Transfer-Encoding: chunked", body=b"0\r\n"), "the connection ended within the trailers", True),
        (framed(b"Transfer-Encoding: chunked", body=b"0\r\nA b\r\n\r\n"), "the answer has a field that is not sound", False),
    ],
)  # fmt: skip
def test_a_body_that_is_not_sound_is_refused(data: bytes, reason: str, transient: bool) -> None:  # noqa: FBT001
    with pytest.raises(Fault) as caught:
        read(data, piece=4096)
    assert (caught.value.reason, caught.value.transient) == (reason, transient)


def test_the_length_of_a_head_is_known_without_a_body() -> None:
    head = read_head(reader_of(framed(b"Content-Length: 12")))
    assert head is not None
    assert stated_length(head) == 12


HEADS = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 4",
            b"Content-Length: 4, 4",
            b"content-length: 5",
            b"Content-Length: -1",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: CHUNKED",
            b"Transfer-Encoding: gzip",
            b"Connection: close",
            b"X: y",
            b" folded",
            b"no colon",
            b"Spaced : a",
            b"Nul: \0",
            b"Lf: a\nb",
            b"High: \xff",
        ]
    ),
    max_size=4,
)
BODIES = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [
            b"data",
            b"4\r\ndata\r\n0\r\n\r\n",
            b"4;x\r\ndata\r\n0\r\nA: b\r\n\r\n",
            b"4\r\ndat",
            b"g\r\n",
            b"4\ndata\n0\n\n",
        ]
    ),
)


@given(
    version=st.sampled_from([b"1.1", b"1.0"]),
    status=st.sampled_from([b"200", b"204", b"404"]),
    fields=HEADS,
    body=BODIES,
)
def test_whatever_we_accept_h11_reads_the_same_way(
    version: bytes, status: bytes, fields: list[bytes], body: bytes
) -> None:
    """Two readers that disagree about where an answer ends are how answers get smuggled (RFC 9112 §11.2)."""
    h11 = pytest.importorskip("h11")
    data = framed(*fields, body=body, version=version, status=status)
    try:
        ours = read(data, piece=4096)
    except Fault:
        return
    connection = h11.Connection(our_role=h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    connection.receive_data(b"")
    content = b""
    response = connection.next_event()
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        content += bytes(event.data)
    assert ours == (response.status_code, content)


@given(st.binary(max_size=200))
def test_rubbish_never_raises_anything_but_a_fault(data: bytes) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
        reader = reader_of(start + data, 4096)
        try:
            head = read_head(reader)
            if head is not None:
                body = Body(reader, body_length(head, "GET"))
                while body.read1(100):
                    pass
        except Fault:
            pass
