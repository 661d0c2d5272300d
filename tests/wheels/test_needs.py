"""What is remembered of a wheel: its ELF files, whatever their size and place."""

from __future__ import annotations

import io
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make.elves import make_elf
from make.wheels import make_wheel, open_bytes

from tare.errors import IntegrityError
from tare.wheels import needs
from tare.wheels.needs import WheelElf, inspect, may_be_elf
from tare.wheels.seekable import Seekable


def test_every_elf_file_of_a_wheel_is_found_and_nothing_else() -> None:
    wheel = open_bytes(
        make_wheel(
            {
                "pkg/core.abi3.so": make_elf(needed=["libc.so.6"], symbols=["PyInit_core"]),
                "pkg/bin/tool": make_elf(kind=2),
                "pkg.libs/libz-1a2b.so.1": make_elf(soname="libz-1a2b.so.1"),
                "sample-1.0.data/scripts/run": make_elf(interpreter="/lib64/ld-linux-x86-64.so.2"),
                "pkg/__init__.py": b"\x7fELF",
                "pkg/linker-script.so": b"GROUP ( libz.so.1 )",
                "pkg/README": b"no program",
                "pkg/empty": b"",
            }
        )
    )

    found = inspect(wheel)

    assert (found.distribution, found.wheel, found.unreadable) == ("sample", "sample-1.0-py3-none-any.whl", ())
    assert [(file.path, file.info.module, file.info.executable) for file in found.files] == [
        ("pkg.libs/libz-1a2b.so.1", False, False),
        ("pkg/bin/tool", False, True),
        ("pkg/core.abi3.so", True, False),
        ("sample-1.0.data/scripts/run", False, True),
    ]
    assert msgspec.json.decode(msgspec.json.encode(found), type=WheelElf) == found


def test_a_library_that_is_broken_is_refused() -> None:
    wheel = open_bytes(make_wheel({"pkg/core.abi3.so": make_elf(needed=["libc.so.6"])[:90]}))

    with pytest.raises(IntegrityError) as caught:
        inspect(wheel)

    assert (caught.value.message, caught.value.causes) == (
        "refusing `sample-1.0-py3-none-any.whl`",
        (
            "`pkg/core.abi3.so` is not a sound ELF file",
            "it has 90 bytes, and refers to 64 to 176",
        ),
    )


def test_test_data_that_is_broken_on_purpose_is_set_aside() -> None:
    wheel = open_bytes(make_wheel({"pkg/tests/broken.elf": make_elf()[:90], "pkg/core.so": make_elf()}))

    found = inspect(wheel)

    assert [file.path for file in found.files] == ["pkg/core.so"]
    assert found.unreadable == ("pkg/tests/broken.elf",)


@pytest.mark.parametrize("size", [needs._HELD - 1000, needs._HELD + 4 * 1024 * 1024])
def test_a_large_file_is_read_as_a_small_one_is(size: int) -> None:
    data = make_elf(needed=["libc.so.6"], symbols=["PyInit_core"])
    wheel = open_bytes(make_wheel({"pkg/core.so": data + bytes(size - len(data))}))

    assert [file.info for file in inspect(wheel).files] == [
        file.info for file in inspect(open_bytes(make_wheel({"pkg/core.so": data}))).files
    ]


@pytest.mark.parametrize(
    ("path", "worth"),
    [
        ("a/b.so", True),
        ("a.libs/b-1a2b.so.1.2", True),
        ("a/tool", True),
        ("a/tool.bin", True),
        ("a/b.py", False),
        ("a/b.PYI", False),
        ("a/data.json", False),
        ("a-1.0.dist-info/RECORD", False),
    ],
)
def test_files_whose_name_says_text_are_not_opened(path: str, *, worth: bool) -> None:
    assert may_be_elf(path) is worth


@given(
    st.lists(st.binary(min_size=1, max_size=20), max_size=8),
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 60)), max_size=12),
)
def test_a_seekable_stream_over_pieces_is_like_a_file(pieces: list[bytes], reads: list[tuple[int, int]]) -> None:
    data = b"".join(pieces)
    starts = []

    def restart() -> Iterator[bytes]:
        starts.append(0)
        return iter(pieces)

    stream = io.BufferedReader(Seekable(restart, len(data)), 8)
    file = io.BytesIO(data)

    for position, length in reads:
        assert stream.seek(position) == file.seek(position)
        assert stream.read(length) == file.read(length)
    assert stream.seek(0, io.SEEK_END) == len(data)
    assert len(starts) <= 1 + 2 * len(reads)
