"""ELF files: what is read of sound ones, and that no file makes the reader run long, grow or break."""

from __future__ import annotations

import contextlib
import io
import struct
import sys
import sysconfig
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make.elves import AMD64, ARM64, I386, S390X, make_elf

from tare.errors import HostileInputError, IntegrityError
from tare.wheels import elf
from tare.wheels.elf import ElfInfo
from tare.wheels.elf_bytes import CHUNK


def read(data: bytes, path: str = "pkg/module.so") -> ElfInfo:
    info = elf.read(io.BytesIO(data), path=path)
    assert info is not None
    return info


def test_everything_that_the_loader_looks_at_is_read() -> None:
    data = make_elf(
        needed=["libz.so.1", "libc.so.6"],
        soname="module.so",
        rpath="$ORIGIN/../old:/opt",
        runpath="$ORIGIN/../pkg.libs",
        interpreter="/lib64/ld-linux-x86-64.so.2",
        requires={"libc.so.6": ["GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_2.36"], "libz.so.1": ["ZLIB_1.2.9"]},
        weak=["GLIBC_2.36"],
        provides=["PKG_2", "PKG_1"],
        symbols=["PyInit_module"],
    )

    assert read(data) == ElfInfo(
        architecture="amd64",
        bits=64,
        executable=True,
        needed=("libz.so.1", "libc.so.6"),
        soname="module.so",
        rpath=("$ORIGIN/../old", "/opt"),
        runpath=("$ORIGIN/../pkg.libs",),
        interpreter="/lib64/ld-linux-x86-64.so.2",
        requires={"libc.so.6": ("GLIBC_2.2.5", "GLIBC_2.34"), "libz.so.1": ("ZLIB_1.2.9",)},
        provides=("PKG_1", "PKG_2"),
        module=True,
    )


@pytest.mark.parametrize(
    ("machine", "bits", "order", "architecture"),
    [
        (AMD64, 64, "<", "amd64"),
        (AMD64, 32, "<", "amd64p32"),
        (ARM64, 64, "<", "arm64"),
        (I386, 32, "<", "386"),
        (40, 32, "<", "arm"),
        (21, 64, "<", "ppc64le"),
        (21, 64, ">", "ppc64"),
        (S390X, 64, ">", "s390x"),
        (243, 64, "<", "riscv64"),
        (258, 64, "<", "loong64"),
        (4711, 64, "<", "e_machine 4711"),
    ],
)
def test_every_class_and_byte_order_is_read(machine: int, bits: int, order: str, architecture: str) -> None:
    data = make_elf(machine=machine, bits=bits, order=order, needed=["a"], requires={"a": ["A_1"]}, provides=["B_1"])

    info = read(data)

    assert (info.architecture, info.bits, info.needed) == (architecture, bits, ("a",))
    assert (info.requires, info.provides) == ({"a": ("A_1",)}, ("B_1",))
    assert elf.architecture(data[:20]) == architecture


@pytest.mark.parametrize("data", [b"", b"\x7fEL", b"#!/bin/sh\n", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_elf_file_is_none(data: bytes) -> None:
    assert elf.read(io.BytesIO(data), path="x") is None
    assert not elf.architecture(data)


@pytest.mark.parametrize(
    ("needed", "interpreter", "libc"),
    [
        (["libm.so.6", "libc.so.6"], None, "glibc"),
        (["libc.musl-x86_64.so.1"], None, "musl"),
        (["libc.so"], None, "musl"),
        ([], "/lib/ld-musl-aarch64.so.1", "musl"),
        ([], "/lib/ld-linux-aarch64.so.1", "glibc"),
        ([], "/lib/ld64.so.1", "glibc"),
        (["libz.so.1"], None, None),
        ([], None, None),
    ],
)
def test_the_c_library_follows_from_what_is_needed(
    needed: list[str], interpreter: str | None, libc: str | None
) -> None:
    assert read(make_elf(needed=needed, interpreter=interpreter)).libc == libc


@pytest.mark.parametrize(
    ("path", "symbol", "module"),
    [
        ("a/fast.so", "PyInit_fast", True),
        ("a/fast.cpython-313-x86_64-linux-gnu.so", "PyInit_fast", True),
        ("a/fast.abi3.so", "PyInit_fast", True),
        ("a/fast.so", "PyInit_faster", False),
        ("a/fast.so", "xPyInit_fast", False),
        ("a/fast.so.1", "PyInit_fast", False),
        ("a/fast", "PyInit_fast", False),
    ],
)
def test_a_module_has_an_init_function_under_its_own_name(path: str, symbol: str, *, module: bool) -> None:
    assert read(make_elf(symbols=[symbol]), path).module is module


@pytest.mark.parametrize("before", [0, CHUNK - 12, CHUNK - 1, CHUNK])
def test_an_init_function_is_found_across_the_pieces_that_are_searched(before: int) -> None:
    data = make_elf(symbols=["x" * before, "PyInit_module", "y" * CHUNK])

    assert read(data).module


def test_a_file_without_a_dynamic_section_asks_for_nothing() -> None:
    data = bytearray(make_elf(needed=["a"], kind=2))
    struct.pack_into("<I", data, 64 + 56, 4)  # PT_DYNAMIC becomes PT_NOTE.

    assert read(bytes(data)) == ElfInfo(architecture="amd64", executable=True)


def test_a_file_of_split_debug_symbols_asks_for_nothing() -> None:
    data = bytearray(make_elf(needed=["a"]))
    struct.pack_into("<Q", data, 64 + 56 + 32, 0)  # The section has no bytes in the file.

    assert read(bytes(data)).needed == ()


def test_what_is_read_survives_json() -> None:
    info = read(make_elf(needed=["a"], requires={"a": ["A_1"]}, symbols=["PyInit_module"]))

    assert msgspec.json.decode(msgspec.json.encode(info), type=ElfInfo) == info


def _patched(offset: int, form: str, value: int) -> bytes:
    data = bytearray(make_elf(needed=["a"], requires={"a": ["A_1", "A_2"], "b": ["B_1"]}))
    struct.pack_into(form, data, offset, value)
    return bytes(data)


HOSTILE: dict[str, tuple[bytes, type[IntegrityError], str]] = {
    "cut within its header": (make_elf()[:40], IntegrityError, "it has 40 bytes, and refers to 16 to 64"),
    "an unknown class": (b"\x7fELF\x07\x01" + bytes(80), IntegrityError, "its class or byte order is unknown"),
    "an unknown byte order": (b"\x7fELF\x02\x07" + bytes(80), IntegrityError, "its class or byte order is unknown"),
    "program headers outside of the file": (
        _patched(32, "<Q", 2**63),
        IntegrityError,
        f"it has 424 bytes, and refers to {2**63} to {2**63 + 112}",
    ),
    "65,535 program headers": (
        _patched(56, "<H", 0xFFFF),
        HostileInputError,
        "it has 65535 program headers; the limit is 1024",
    ),
    "program headers of no known size": (
        _patched(54, "<H", 1),
        IntegrityError,
        "its program headers have 1 bytes; expected 56",
    ),
    "a dynamic section of an exabyte": (
        _patched(64 + 56 + 32, "<Q", 2**60),
        HostileInputError,
        f"its dynamic section has {2**60} bytes; the limit is 1048576",
    ),
    "a dynamic section outside of the file": (
        _patched(64 + 56 + 8, "<Q", 2**62),
        IntegrityError,
        f"it has 424 bytes, and refers to {2**62} to {2**62 + 96}",
    ),
    "two dynamic sections": (_patched(64, "<I", 2), HostileInputError, "it has two dynamic sections"),
    "two string tables": (
        make_elf(tags=[(5, 1)]),
        HostileInputError,
        "its dynamic section has two values of tag 0x5",
    ),
    "a string table that no segment holds": (
        make_elf(needed=["a"], replace={5: 2**40}),
        IntegrityError,
        "no segment holds the address 0x10000000000",
    ),
    "a name outside of the string table": (
        make_elf(needed=["a"], replace={1: 2**40}),
        IntegrityError,
        f"a name lies at {2**40} of a string table of 10 bytes",
    ),
    "a name without a string table": (
        make_elf(needed=["a"], replace={10: 0}),
        IntegrityError,
        "a name lies at 1 of a string table of 0 bytes",
    ),
    "a name that does not end": (
        make_elf(needed=["abc"], replace={10: 3}),
        HostileInputError,
        "a name is longer than 4,096 bytes, or does not end, or there are too many",
    ),
    "a name of 5,000 bytes": (
        make_elf(needed=["a" * 5000]),
        HostileInputError,
        "a name is longer than 4,096 bytes, or does not end, or there are too many",
    ),
    "names of 5 MB": (
        make_elf(needed=[f"{number:04}" + "a" * 4000 for number in range(1200)]),
        HostileInputError,
        "a name is longer than 4,096 bytes, or does not end, or there are too many",
    ),
    "four billion records of versions": (
        make_elf(requires={"a": ["A_1"]}, replace={0x6FFFFFFF: 2**32 - 1}),
        HostileInputError,
        "it has 4294967295 records of symbol versions; the limit is 16384",
    ),
    "records of versions in a circle": (
        make_elf(requires={"a": ["A_1"]}, replace={0x6FFFFFFF: 16_384}),
        HostileInputError,
        "a chain of symbol versions ends before its count, or runs in a circle",
    ),
    "definitions of versions in a circle": (
        make_elf(provides=["A_1"], replace={0x6FFFFFFD: 16_384}),
        HostileInputError,
        "a chain of symbol versions ends before its count, or runs in a circle",
    ),
    "more versions than anyone needs": (
        make_elf(requires={"a": ["A_1"] * 9000, "b": ["B_1"] * 9000}),
        HostileInputError,
        "it needs more than 16384 symbol versions",
    ),
    "a loader's path of a megabyte": (
        make_elf(interpreter="/" * 2**20),
        HostileInputError,
        "its loader's path has 1048577 bytes; the limit is 4096",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_no_linker_writes_is_refused(case: str) -> None:
    data, error, cause = HOSTILE[case]

    with pytest.raises(error) as caught:
        elf.read(io.BytesIO(data), path="pkg/x.so")

    assert (type(caught.value), caught.value.message) == (error, "`pkg/x.so` is not a sound ELF file")
    assert caught.value.causes == (cause,)


def test_a_stream_that_ends_before_its_stated_size_is_refused() -> None:
    data = make_elf(needed=["a"])

    with pytest.raises(IntegrityError) as caught:
        elf.read(io.BytesIO(data[:100]), path="x.so", size=len(data))

    assert caught.value.causes == ("it ends 76 bytes early",)


def real_file() -> bytes:
    """Return an extension module of the interpreter that runs the tests."""
    directory = Path(sysconfig.get_path("stdlib")) / "lib-dynload"
    return min(directory.glob("*.so"), key=lambda path: path.stat().st_size).read_bytes()


linux = pytest.mark.skipif(sys.platform != "linux", reason="the interpreter's own modules are ELF files on Linux only")


@linux
@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**16),
            st.sampled_from([b"\0", b"\xff", b"\x7f", b"\x01", bytes(4), b"\xff" * 8, b"\xff" * 4, b"\x01\0\0\0"]),
        ),
        min_size=1,
        max_size=40,
    ),
    st.one_of(st.none(), st.integers(0, 2**16)),
)
def test_a_damaged_real_file_is_read_or_refused_and_nothing_else(
    damage: list[tuple[int, bytes]], cut: int | None
) -> None:
    data = bytearray(real_file())
    for position, piece in damage:
        position %= len(data)  # noqa: PLW2901  # anywhere in the file, whatever its size
        data[position : position + len(piece)] = piece
    if cut is not None:
        del data[cut % len(data) :]

    try:
        info = elf.read(io.BytesIO(bytes(data)), path="x.so")
    except IntegrityError:
        return
    assert info is None or msgspec.json.decode(msgspec.json.encode(info), type=ElfInfo) == info


@linux
@settings(max_examples=300, deadline=2000)
@given(st.integers(0, 400), st.integers(0, 255), st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_header_is_read_or_refused_and_nothing_else(first: int, one: int, second: int, other: int) -> None:
    data = bytearray(make_elf(needed=["a"], requires={"a": ["A_1", "A_2"]}, provides=["B"], interpreter="/l"))
    for position, value in ((first, one), (second, other)):
        data[position % len(data)] = value

    with contextlib.suppress(IntegrityError):
        elf.read(io.BytesIO(bytes(data)), path="x.so")


class _Endless(io.RawIOBase):
    """A file of four gigabytes whose every byte after its header is the same."""

    def __init__(self, head: bytes, fill: bytes) -> None:
        super().__init__()
        self._head = head
        self._fill = fill
        self._at = 0
        self.asked = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset if whence == 0 else 2**32 + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub says Buffer; io passes a memoryview
        size = min(len(buffer), 2**20)
        self.asked += size
        data = (self._head[self._at : self._at + size] + self._fill * size)[:size]
        buffer[:size] = data
        self._at += size
        return size


@pytest.mark.parametrize("fill", [b"\0", b"\xff", b"a"])
def test_a_file_of_four_gigabytes_costs_little_time_and_memory(fill: bytes) -> None:
    head = bytearray(make_elf(needed=["a"], replace={10: 2**33}))
    struct.pack_into("<QQ", head, 64 + 32, 2**32, 2**32)
    endless = _Endless(bytes(head), fill)
    stream = io.BufferedReader(endless)
    tracemalloc.start()
    started = time.perf_counter()

    elf.read(stream, path="x.so")

    assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
    tracemalloc.stop()
    assert endless.asked < 300 * 1024 * 1024, "the string table's limit, and some"
    assert time.perf_counter() - started < 20


def general_reader(data: bytes) -> ElfInfo:
    """Return what pyelftools reads, which goes by section headers."""
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile
    from elftools.elf.gnuversions import GNUVerDefSection, GNUVerNeedSection
    from elftools.elf.sections import SymbolTableSection

    file = ELFFile(io.BytesIO(data))
    found: dict[str, list[str]] = {}
    requires: dict[str, set[str]] = {}
    provides: set[str] = set()
    for segment in file.iter_segments():
        for tag in segment.iter_tags() if isinstance(segment, DynamicSegment) else ():
            for name in ("needed", "soname", "rpath", "runpath"):
                if tag.entry.d_tag == f"DT_{name.upper()}":
                    found.setdefault(name, []).append(getattr(tag, name))
    for section in file.iter_sections():
        if isinstance(section, GNUVerNeedSection):
            for library, versions in section.iter_versions():
                names = {version.name for version in versions if not version["vna_flags"] & 2}
                requires.setdefault(str(library.name), set()).update(names)
        if isinstance(section, GNUVerDefSection):
            provides |= {next(names).name for record, names in section.iter_versions() if not record["vd_flags"] & 1}
    symbols = {
        symbol.name
        for section in file.iter_sections()
        if isinstance(section, SymbolTableSection)
        for symbol in section.iter_symbols()
    }
    return ElfInfo(
        architecture={"EM_X86_64": "amd64", "EM_AARCH64": "arm64"}[file["e_machine"]],
        needed=tuple(found.get("needed", ())),
        soname=next(iter(found.get("soname", ())), None),
        rpath=tuple(part for part in next(iter(found.get("rpath", ())), "").split(":") if part),
        runpath=tuple(part for part in next(iter(found.get("runpath", ())), "").split(":") if part),
        requires={library: tuple(sorted(versions)) for library, versions in requires.items()},
        provides=tuple(sorted(provides)),
        module=any(name.startswith("PyInit_") for name in symbols),
    )


def real_files() -> Iterator[Path]:
    for directory in (Path(sysconfig.get_path("stdlib")) / "lib-dynload", Path(sysconfig.get_path("platlib"))):
        yield from sorted(directory.rglob("*.so"), key=lambda path: path.stat().st_size)[:15]


@linux
def test_real_files_are_read_as_an_independent_reader_reads_them() -> None:
    paths = list(real_files())

    assert len(paths) > 20
    for path in paths:
        data = path.read_bytes()
        assert read(data, path.name) == general_reader(data), path
