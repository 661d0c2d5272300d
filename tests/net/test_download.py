"""Downloads: right and complete under their final name, or not there."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Handler, MakeFetcher, Server, fetchers, running_server

from tare.errors import IntegrityError, MachineError, NetworkError
from tare.net.fetch import Fetcher
from tare.net.part import Part

BODY = bytes(range(256)) * 8000  # 2 MB, several reads
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()
HALF = len(BODY) // 2


@pytest.fixture
def server() -> Iterator[Server]:
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


def left(directory: Path) -> dict[str, int]:
    """Return what lies in *directory*: names and sizes."""
    return {path.name: path.stat().st_size for path in directory.iterdir() if path.is_file()}


PART = DIGEST[7:] + ".part"


def test_a_file_arrives_under_its_name(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    server.serve("/f", BODY)
    seen: list[int] = []

    path = fetcher.download(
        server.url + "/f", tmp_path / "new" / "f", digest=DIGEST, size=len(BODY), progress=seen.append
    )

    assert path.read_bytes() == BODY
    assert left(path.parent) == {"f": len(BODY)}
    assert sum(seen) == len(BODY)


def test_sha512_is_a_digest_too(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    server.serve("/f", BODY)
    digest = "sha512:" + hashlib.sha512(BODY).hexdigest()

    assert fetcher.download(server.url + "/f", tmp_path / "f", digest=digest).read_bytes() == BODY


def test_a_wrong_digest_leaves_nothing(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    server.serve("/f", b"<html>please log in</html>")

    with pytest.raises(IntegrityError) as caught:
        fetcher.download(server.url + "/f?sig=secret", tmp_path / "f", digest=DIGEST)

    found = "sha256:" + hashlib.sha256(b"<html>please log in</html>").hexdigest()
    assert caught.value.message == f"`{server.url}/f` is not what was promised"
    assert caught.value.causes == (f"expected {DIGEST}, got {found} (26 bytes)",)
    assert left(tmp_path) == {}
    assert len(server.requests) == 1


def test_a_wrong_size_is_found_before_the_first_byte(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    server.serve("/f", BODY)

    with pytest.raises(IntegrityError) as caught:
        fetcher.download(server.url + "/f", tmp_path / "f", digest=DIGEST, size=100)
    assert caught.value.causes == ("expected 100 bytes, got 2,048,000",)
    assert left(tmp_path) == {}


def test_a_file_that_does_not_end_is_cut_off(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    def route(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while True:
            handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    server.routes["/f"] = route

    with pytest.raises(IntegrityError) as caught:
        fetcher.download(server.url + "/f", tmp_path / "f", digest=DIGEST, size=100_000)
    assert caught.value.causes == ("expected 100,000 bytes, got more",)


def test_an_interrupted_run_is_continued_by_the_next(server: Server, make_fetcher: MakeFetcher, tmp_path: Path) -> None:
    def broken(handler: Handler) -> None:
        handler.reply(BODY[:HALF], length=len(BODY))
        handler.hang_up()

    server.routes["/f"] = broken
    with pytest.raises(NetworkError):
        make_fetcher(attempts=1).download(server.url + "/f", tmp_path / "f", digest=DIGEST, size=len(BODY))
    assert left(tmp_path) == {PART: HALF}

    server.serve("/f", BODY)
    seen: list[int] = []
    make_fetcher().download(server.url + "/f", tmp_path / "f", digest=DIGEST, size=len(BODY), progress=seen.append)

    assert (tmp_path / "f").read_bytes() == BODY
    assert left(tmp_path) == {"f": len(BODY)}
    assert [headers.get("Range") for _, headers in server.requests] == [None, f"bytes={HALF}-"]
    assert (seen[0], sum(seen)) == (HALF, len(BODY))


def test_an_attempt_goes_on_where_the_last_one_broke_off_in_the_same_version(
    server: Server, fetcher: Fetcher, tmp_path: Path, waits: list[float]
) -> None:
    server.serve("/f", BODY, etag='"v1"')
    honest = server.routes["/f"]

    def route(handler: Handler) -> None:
        if len(server.requests) == 1:
            handler.reply(BODY[:HALF], length=len(BODY), headers={"ETag": '"v1"'})
            handler.hang_up()
        else:
            honest(handler)

    server.routes["/f"] = route

    fetcher.download(server.url + "/f", tmp_path / "f", digest=DIGEST)

    assert (tmp_path / "f").read_bytes() == BODY
    assert server.requests[1][1]["Range"] == f"bytes={HALF}-"
    assert server.requests[1][1]["If-Range"] == '"v1"'
    assert waits == [0.5]


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(
    server: Server, fetcher: Fetcher, tmp_path: Path
) -> None:
    server.serve("/f", BODY, etag='"v2"')
    honest = server.routes["/f"]

    def route(handler: Handler) -> None:
        if len(server.requests) == 1:
            handler.reply(bytes(HALF), length=len(BODY), headers={"ETag": '"v1"'})
            handler.hang_up()
        else:
            honest(handler)

    server.routes["/f"] = route

    fetcher.download(server.url + "/f", tmp_path / "f", digest=DIGEST)
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_damaged_beginning_is_thrown_away_once(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / PART).write_bytes(bytes(HALF))
    server.serve("/f", BODY)
    seen: list[int] = []

    fetcher.download(server.url + "/f", tmp_path / "f", digest=DIGEST, progress=seen.append)

    assert (tmp_path / "f").read_bytes() == BODY
    assert [headers.get("Range") for _, headers in server.requests] == [f"bytes={HALF}-", None]
    assert sum(seen) == len(BODY)


def test_a_complete_beginning_needs_no_request(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / PART).write_bytes(BODY)

    fetcher.download(server.url + "/f", tmp_path / "f", digest=DIGEST, size=len(BODY))

    assert left(tmp_path) == {"f": len(BODY)}
    assert server.requests == []


@pytest.mark.parametrize("known", [True, False])
def test_a_beginning_that_is_too_long_is_thrown_away(
    server: Server,
    fetcher: Fetcher,
    tmp_path: Path,
    known: bool,  # noqa: FBT001
) -> None:
    (tmp_path / PART).write_bytes(BODY + b"more")
    server.serve("/f", BODY)

    fetcher.download(server.url + "/f", tmp_path / "f", digest=DIGEST, size=len(BODY) if known else None)

    assert (tmp_path / "f").read_bytes() == BODY


LIES = {
    "200 for a range": (200, {}, BODY),
    "a range from the start": (206, {"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"}, BODY),
    "a range without a place": (206, {}, BODY[HALF:]),
    "a range of a longer file": (206, {"Content-Range": f"bytes {HALF}-{len(BODY) - 1}/{len(BODY) + 1}"}, BODY[HALF:]),
    "416": (416, {"Content-Range": f"bytes */{HALF}"}, b""),
}


@pytest.mark.parametrize("lie", LIES)
def test_whatever_a_server_makes_of_a_range_the_file_is_right(
    server: Server, fetcher: Fetcher, tmp_path: Path, lie: str
) -> None:
    (tmp_path / PART).write_bytes(BODY[:HALF])
    status, headers, body = LIES[lie]

    def route(handler: Handler) -> None:
        if "Range" in handler.headers:
            handler.reply(body, status=status, headers=headers)
        else:
            handler.reply(BODY)

    server.routes["/f"] = route

    fetcher.download(server.url + "/f", tmp_path / "f", digest=DIGEST, size=len(BODY))
    assert (tmp_path / "f").read_bytes() == BODY


def test_progress_makes_attempts_count_anew(
    server: Server, make_fetcher: MakeFetcher, tmp_path: Path, waits: list[float]
) -> None:
    body = bytes(5_000_000)
    server.serve("/f", body)

    def route(handler: Handler) -> None:
        wanted = handler.wanted(len(body))
        start = wanted[0] if wanted else 0
        end = min(start + 1_200_000, len(body))
        headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if wanted else {}
        handler.reply(body[start:end], status=206 if wanted else 200, headers=headers, length=len(body) - start)
        handler.hang_up()

    server.routes["/f"] = route
    digest = "sha256:" + hashlib.sha256(body).hexdigest()

    make_fetcher(attempts=2).download(server.url + "/f", tmp_path / "f", digest=digest, size=len(body))

    assert (tmp_path / "f").read_bytes() == body
    assert waits == [0.5] * 4


def test_the_same_beginning_again_and_again_is_no_progress(
    server: Server, make_fetcher: MakeFetcher, tmp_path: Path
) -> None:
    body = bytes(5_000_000)

    def route(handler: Handler) -> None:
        handler.reply(body[:2_000_000], length=len(body))
        handler.hang_up()

    server.routes["/f"] = route
    digest = "sha256:" + hashlib.sha256(body).hexdigest()

    with pytest.raises(NetworkError):
        make_fetcher(attempts=3).download(server.url + "/f", tmp_path / "f", digest=digest, size=len(body))
    assert len(server.requests) == 3


def test_without_progress_it_ends(server: Server, make_fetcher: MakeFetcher, tmp_path: Path) -> None:
    def route(handler: Handler) -> None:
        handler.reply(b"", length=len(BODY))
        handler.hang_up()

    server.routes["/f"] = route

    with pytest.raises(NetworkError) as caught:
        make_fetcher(attempts=3).download(server.url + "/f", tmp_path / "f", digest=DIGEST, size=len(BODY))
    assert caught.value.causes == ("the connection ended before the answer did",)
    assert len(server.requests) == 3
    assert left(tmp_path) == {}


def test_a_close_without_length_is_measured_by_the_promised_size(
    server: Server, make_fetcher: MakeFetcher, tmp_path: Path
) -> None:
    def route(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(BODY[:HALF])
        handler.hang_up()

    server.routes["/f"] = route

    with pytest.raises(NetworkError) as caught:
        make_fetcher(attempts=1).download(server.url + "/f", tmp_path / "f", digest=DIGEST, size=len(BODY))
    assert caught.value.causes == ("the connection ended after 1,024,000 of 2,048,000 bytes",)


def test_a_trickle_is_given_up(server: Server, make_fetcher: MakeFetcher, tmp_path: Path) -> None:
    server.serve("/f", BODY[:1000])
    clock = iter(range(0, 1_000_000, 40))

    with pytest.raises(NetworkError) as caught:
        make_fetcher(attempts=1, monotonic=lambda: float(next(clock))).download(
            server.url + "/f", tmp_path / "f", digest=DIGEST
        )
    assert caught.value.causes == ("the server sends less than 1024 bytes a second",)


def test_a_file_without_a_digest_does_not_outlive_its_run(
    server: Server, make_fetcher: MakeFetcher, tmp_path: Path
) -> None:
    def route(handler: Handler) -> None:
        handler.reply(BODY[:HALF], length=len(BODY))
        handler.hang_up()

    server.routes["/f"] = route

    with pytest.raises(NetworkError):
        make_fetcher(attempts=1).download(server.url + "/f", tmp_path / "f", digest=None)
    assert left(tmp_path) == {}


def test_unfinished_files_lie_where_they_should(server: Server, make_fetcher: MakeFetcher, tmp_path: Path) -> None:
    def route(handler: Handler) -> None:
        handler.reply(BODY[:HALF], length=len(BODY))
        handler.hang_up()

    server.routes["/f"] = route

    with pytest.raises(NetworkError):
        make_fetcher(attempts=1).download(
            server.url + "/f", tmp_path / "blobs" / "f", digest=DIGEST, partial=tmp_path / "partial"
        )
    assert left(tmp_path / "blobs") == {}
    assert left(tmp_path / "partial") == {PART: HALF}


def test_a_file_from_a_disk_is_verified_too(fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(BODY)
    url = (tmp_path / "source").as_uri()

    assert fetcher.download(url, tmp_path / "f", digest=DIGEST, size=len(BODY)).read_bytes() == BODY
    with pytest.raises(IntegrityError):
        fetcher.download(url, tmp_path / "g", digest=DIGEST, size=1)
    with pytest.raises(IntegrityError):
        fetcher.download(url, tmp_path / "g", digest="sha256:" + "0" * 64)
    assert not (tmp_path / "g").exists()


def test_many_threads_that_want_one_file_all_get_it(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    server.serve("/f", BODY)
    failures: list[BaseException] = []

    def fetch() -> None:
        try:
            for _ in range(5):
                fetcher.download(server.url + "/f", tmp_path / "f", digest=DIGEST, size=len(BODY))
                assert (tmp_path / "f").read_bytes() == BODY
        except BaseException as error:  # noqa: BLE001  # reported by the test itself
            failures.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert left(tmp_path) == {"f": len(BODY)}


def test_a_link_that_waits_where_the_part_will_be_is_not_followed(
    server: Server, fetcher: Fetcher, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / PART).symlink_to("precious")
    server.serve("/f", BODY)

    with pytest.raises(MachineError):
        fetcher.download(server.url + "/f", tmp_path / "f", digest=DIGEST)
    assert (tmp_path / "precious").read_bytes() == b"mine"


def test_a_directory_that_cannot_be_made_is_an_error_of_the_machine(
    server: Server, fetcher: Fetcher, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(MachineError) as caught:
        fetcher.download(server.url + "/f", tmp_path / "file" / "f", digest=DIGEST)
    assert caught.value.causes == (os.strerror(errno.EEXIST),)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with Part(tmp_path / "f", tmp_path, digest=None) as part:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, part._handle)
        os.close(full)

        with pytest.raises(MachineError) as caught:
            part.write(b"x")
    assert caught.value.causes == (os.strerror(errno.ENOSPC),)
    assert caught.value.hints == ("Free some space, and run the command again",)


def test_a_part_does_not_take_a_name_that_is_not_its_digest(tmp_path: Path) -> None:
    with Part(tmp_path / "f", tmp_path, digest=DIGEST) as part:
        part.write(b"something else")
        with pytest.raises(IntegrityError):
            part.commit()
    assert not (tmp_path / "f").exists()
