"""Wheels that are read by ranges say what the whole wheels say, for a part of the bytes."""

from __future__ import annotations

import itertools
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make.elves import make_elf
from make.errors import told
from make.wheels import make_wheel, open_bytes
from make.zips import Entry

from tare.errors import HostileInputError, IntegrityError
from tare.oci.digest import sha256
from tare.wheels.heads import inspect_heads, needed_names, version_hash
from tare.wheels.install import install
from tare.wheels.needs import inspect
from tare.wheels.remote import Pieces, RemoteBytes, open_remote, tail_guess
from tare.wheels.scheme import Provenance, Scheme
from tare.wheels.wheel import Wheel

NOISE = random.Random(3).randbytes(2_000_000)  # noqa: S311  # the same bytes on every run
SCHEME = Scheme(prefix="opt/venv", series=(3, 13))


def remote(data: bytes, tail: int = 8192) -> RemoteBytes:
    start = max(0, len(data) - tail)
    pieces = ((start, data[start:]),)
    return RemoteBytes(Pieces(size=len(data), pieces=pieces), lambda offset, length: data[offset : offset + length])


def opened(data: bytes, filename: str = "sample-1.0-py3-none-any.whl") -> tuple[Wheel, RemoteBytes]:
    source = remote(data)
    return open_remote(source, filename, sha256(data)), source


def test_what_would_be_installed_is_known_from_a_part_of_the_wheel() -> None:
    files = {
        "pkg/big.bin": NOISE,
        "pkg/__init__.py": b"x = 1\n",
        "sample-1.0.data/scripts/run": b"#!python\nprint(1)\n",
        "sample-1.0.data/scripts/tool": b"\x7fELF" + NOISE[:900_000],
        "sample-1.0.dist-info/entry_points.txt": b"[console_scripts]\nsample = pkg:main\n",
    }
    data = make_wheel(files)

    wheel, source = opened(data)

    whole = open_bytes(data)
    assert install(wheel, SCHEME, Provenance()) == install(whole, SCHEME, Provenance())
    assert source.fetched < 20_000


def test_what_was_fetched_is_all_that_is_needed_the_next_time() -> None:
    data = make_wheel({"pkg/big.bin": NOISE, "sample-1.0.data/scripts/run": b"#!python\n"})
    _, source = opened(data)
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(source.known()), type=Pieces)

    def never(_: int, __: int) -> bytes:
        raise AssertionError("nothing is fetched twice")

    again = open_remote(RemoteBytes(kept, never), "sample-1.0-py3-none-any.whl", sha256(data))

    assert install(again, SCHEME, Provenance()) == install(open_bytes(data), SCHEME, Provenance())


def test_a_directory_in_the_middle_of_a_long_dist_info_is_found() -> None:
    data = make_wheel(
        {"pkg/a.bin": NOISE, **{f"sample-1.0.dist-info/sboms/{n}.json": NOISE[n:20_000] for n in range(9)}}
    )

    wheel, source = opened(data)

    assert wheel.record == open_bytes(data).record
    assert source.fetched < 60_000


def test_a_hostile_archive_is_refused_as_any_other() -> None:
    data = make_wheel({"pkg/a.py": Entry(name="../a.py", data=b"x")})

    with pytest.raises(HostileInputError) as caught:
        opened(data)

    assert "leaves the installation directory" in told(caught.value)[2][0]


def test_a_short_answer_is_refused() -> None:
    data = make_wheel({"pkg/a.bin": NOISE})
    source = RemoteBytes(Pieces(size=len(data), pieces=()), lambda offset, length: data[offset : offset + length - 1])

    with pytest.raises(IntegrityError, match="a range of a wheel is short"):
        source.read_at(10, 10)


@given(
    st.lists(st.tuples(st.integers(0, 50_000), st.integers(0, 9_000), st.booleans()), max_size=30),
    st.integers(0, 20_000),
)
def test_any_order_of_reading_gives_the_bytes(reads: list[tuple[int, int, bool]], tail: int) -> None:
    data = NOISE[:50_000]
    source = remote(data, tail)

    for offset, length, ahead in reads:
        if ahead:
            source.prefetch(offset, length)
        assert bytes(source.read_at(offset, length)) == data[offset : offset + length]

    known = source.known().pieces
    assert all(data[offset : offset + len(piece)] == piece for offset, piece in known)
    assert all(one[0] + len(one[1]) <= two[0] for one, two in itertools.pairwise(known))
    assert source.fetched <= len(data)


def test_the_first_guess_has_bounds() -> None:
    assert [tail_guess(size) for size in (None, 100, 1_000_000, 10**9)] == [65536, 8192, 20_000, 262_144]


def _library(needed: list[str], *, size: int = 0, **options: object) -> bytes:
    return make_elf(needed=needed, **options) + NOISE[:size]  # type: ignore[arg-type]  # its keywords


def test_small_libraries_are_read_whole_as_a_build_reads_them() -> None:
    data = make_wheel({
        "pkg/core.abi3.so": _library(["libz.so.1", "libc.so.6"], symbols=["PyInit_core"], runpath="$ORIGIN/../p.libs"),
        "pkg/b.bin": NOISE,
    })  # fmt: skip
    wheel, _ = opened(data, "sample-1.0-cp313-cp313-linux_x86_64.whl")

    found = inspect_heads(wheel, len(data))

    assert found.complete
    assert found.needs == inspect(open_bytes(data, "sample-1.0-cp313-cp313-linux_x86_64.whl"))


def test_of_a_large_library_the_names_in_its_beginning_are_known() -> None:
    table = b"\0" + b"\0".join([b"PyInit_core", b"malloc", b"free", b"libGL.so.1", b"libc.so.6", b"memcpy"]) + b"\0"
    content = make_elf(needed=["libc.so.6"])[:64] + b"\x01" * 600 + table + bytes(64) + NOISE
    data = make_wheel({"pkg/core.cpython-313-x86_64-linux-gnu.so": content})
    wheel, source = opened(data, "sample-1.0-cp313-cp313-linux_x86_64.whl")
    before = source.fetched

    found = inspect_heads(wheel, len(data))

    (file,) = found.needs.files
    assert (file.info.needed, file.info.module, file.info.architecture) == (("libGL.so.1", "libc.so.6"), True, "amd64")
    assert (found.unread, found.complete) == ((), False)
    assert source.fetched - before < 20_000


def test_a_library_whose_names_were_moved_to_its_end_is_not_read_but_known_to_be_there() -> None:
    versions = b"".join(value.to_bytes(4, "little") for value in (version_hash("CXXABI_1.3"), 0x20000, 7, 0))
    content = make_elf(needed=["libc.so.6"])[:64] + b"X" * 5_000 + versions + NOISE
    data = make_wheel({"sample.libs/libfoo-1a2b.so.1": content})
    wheel, _ = opened(data, "sample-1.0-cp313-cp313-linux_x86_64.whl")

    found = inspect_heads(wheel, len(data))

    assert found.unread == ("sample.libs/libfoo-1a2b.so.1",)
    assert [(file.info.soname, file.info.needed) for file in found.needs.files] == [
        ("libfoo-1a2b.so.1", ("libstdc++.so.6",))
    ]


def test_a_table_that_goes_on_behind_what_was_read_gives_nothing() -> None:
    names = b"\0" + b"\0".join([b"a", b"b", b"libc.so.6", b"c", b"d"]) + b"\0"

    assert needed_names(b"\x7fELF" + names, own="x.so") is None
    assert needed_names(b"\x7fELF" + names + b"\x01", own="x.so") == ("libc.so.6",)
    assert needed_names(b"\x7fELF" + bytes(100), own="x.so") is None


def test_names_of_libraries_that_a_program_opens_later_are_no_table_of_its_own() -> None:
    later = b"\0" + b"\0".join([b"DISPLAY", b"WAYLAND_DISPLAY", b"libX11.so.6", b"XOpenDisplay", b"x"]) + b"\0\x01"

    assert needed_names(b"\x7fELF" + later, own="x.so") is None
