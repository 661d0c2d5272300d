"""Wheels that are odd and sound: accepted, read and transmuxed as any other."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from make.errors import told
from make.layers import SITE, files_of, read_tree, transmuxed
from make.wheels import (
    DIST_INFO,
    METADATA,
    WHEEL,
    contents,
    digest_of,
    make_wheel,
    open_bytes,
    record_text,
    row,
)
from make.zips import DEFLATED, STORED, Descriptor, Entry, deflate, deflate_in_blocks, extra_field, zip64_field

from tare.errors import HostileInputError, IntegrityError
from tare.oci.digest import sha256
from tare.wheels.wheel import open_wheel

MODULE = "sample/__init__.py"
RECORD = f"{DIST_INFO}/RECORD"
CODE = b"VALUE = 1\n" * 500
NOISE = random.Random(1).randbytes(200_000)  # noqa: S311  # the same bytes on every run


class Case(NamedTuple):
    title: str
    make: Callable[[], bytes]
    files: dict[str, bytes]
    """What it has beside `.dist-info`."""


def one(title: str, entry: Entry, *, zip64: bool = False) -> Case:
    """Return a wheel of one module, which is *entry*, and of a plain one behind it."""
    files = {str(entry.name): entry.data, "sample/plain.py": CODE}
    return Case(title, lambda: make_wheel({"it": entry, "sample/plain.py": CODE}, zip64=zip64), files)


def described(descriptor: Descriptor, data: bytes, method: int) -> Case:
    what = f"{'stored' if method == STORED else 'deflated'}, {len(data)} bytes"
    entry = Entry(name=MODULE, data=data, method=method, descriptor=descriptor)
    return one(f"a {descriptor} data descriptor, {what}", entry)


FORMS: tuple[Descriptor, ...] = ("signed32", "signed64", "bare32", "bare64")

CASES = (
    *(described(form, data, method) for form in FORMS for data in (b"", CODE) for method in (STORED, DEFLATED)),
    one("a data descriptor and zip64", Entry(name=MODULE, data=CODE, descriptor="signed64", zip64=True)),
    one("zip64 sizes", Entry(name=MODULE, data=CODE, zip64=True)),
    one("zip64 sizes of nothing", Entry(name=MODULE, data=b"", zip64=True)),
    one("a zip64 end", Entry(name=MODULE, data=CODE), zip64=True),
    one(
        "zip64 sizes in the local header only, as Python's zipfile writes them for a stream",
        Entry(
            name=MODULE,
            data=CODE,
            local={"compressed": 0xFFFFFFFF, "size": 0xFFFFFFFF, "extra": zip64_field(len(CODE), len(deflate(CODE)))},
        ),
    ),
    one("stored, nothing", Entry(name=MODULE, data=b"", method=STORED)),
    one("stored, a byte", Entry(name=MODULE, data=b"x", method=STORED)),
    *(one(f"stored, {size} bytes", Entry(name=MODULE, data=NOISE[:size], method=STORED)) for size in (65_534, 65_535)),
    *(one(f"stored, {size} bytes", Entry(name=MODULE, data=NOISE[:size], method=STORED)) for size in (65_536, 131_070)),
    one("stored, many blocks", Entry(name=MODULE, data=NOISE, method=STORED)),
    one("deflated, nothing", Entry(name=MODULE, data=b"")),
    one("deflated, nothing, in an empty stored block", Entry(name=MODULE, data=b"", stream=b"\1\0\0\xff\xff")),
    one("deflated in many blocks", Entry(name=MODULE, data=CODE, stream=deflate_in_blocks(CODE, 100))),
    one("deflated without being smaller", Entry(name=MODULE, data=NOISE, level=0)),
    one("deflated to a five-hundredth", Entry(name=MODULE, data=bytes(3_000_000), level=9)),
    one("512 bytes, so that nothing is padded", Entry(name=MODULE, data=NOISE[:512])),
    one("513 bytes", Entry(name=MODULE, data=NOISE[:513])),
    one("made on DOS", Entry(name=MODULE, data=CODE, made_by=0, mode=0)),
    one("without a mode", Entry(name=MODULE, data=CODE, mode=0)),
    one("an entry with a comment", Entry(name=MODULE, data=CODE, comment=b"hello")),
    one("an unknown extra field", Entry(name=MODULE, data=CODE, extra=extra_field(0xCAFE, b"hello"))),
    one("an unknown extra field twice", Entry(name=MODULE, data=CODE, extra=extra_field(0xCAFE, b"hello") * 2)),
    one("an extra field with a byte too many", Entry(name=MODULE, data=CODE, extra=extra_field(0xCAFE, b"") + b"\0")),
    one(
        "a second name that is the first",
        Entry(name=MODULE, data=CODE, extra=extra_field(0x7075, b"\1" + bytes(4) + MODULE.encode())),
    ),
    one("a name beyond ASCII", Entry(name="sample/größe_時計.txt", data=CODE)),
    one("a name that is decomposed", Entry(name="sample/e\u0301.txt", data=CODE)),
    one("a name with spaces, quotes and a comma", Entry(name='sample/a "b", c.txt', data=CODE)),
    one("a name of 255 bytes", Entry(name="sample/" + "x" * 255, data=CODE)),
    one("a path of 1,000 bytes", Entry(name="sample/" + "deep/" * 200 + "x.py", data=CODE)),
    one("bytecode without its source", Entry(name="sample/legacy.pyc", data=NOISE[:100])),
    Case(
        "directories, listed as entries",
        lambda: make_wheel(
            {MODULE: CODE},
            entries=lambda listed: [
                Entry(name="sample/", mode=0o040755),
                Entry(name="sample/empty/", mode=0o040755, method=STORED),
                *listed,
            ],
        ),
        {MODULE: CODE},
    ),
    Case(
        "an SBOM",
        lambda: make_wheel({MODULE: CODE, f"{DIST_INFO}/sboms/cyclonedx.json": b"{}"}),
        {MODULE: CODE, f"{DIST_INFO}/sboms/cyclonedx.json": b"{}"},
    ),
    Case("SHA-384 in RECORD", lambda: make_wheel({MODULE: CODE}, algorithm="sha384"), {MODULE: CODE}),
    Case("SHA-512 in RECORD", lambda: make_wheel({MODULE: CODE}, algorithm="sha512"), {MODULE: CODE}),
    Case(
        "a RECORD without sizes",
        lambda: make_wheel({MODULE: CODE}, rows=lambda rows: [(path, stated, "") for path, stated, _ in rows]),
        {MODULE: CODE},
    ),
    Case(
        "a RECORD with padded hashes",
        lambda: make_wheel(
            {MODULE: CODE}, rows=lambda rows: [(path, stated and stated + "=", size) for path, stated, size in rows]
        ),
        {MODULE: CODE},
    ),
    Case(
        "a RECORD of DOS lines, with empty ones",
        lambda: make_wheel(
            {MODULE: CODE},
            record=record_text(
                [
                    row(MODULE, CODE),
                    (),
                    row(f"{DIST_INFO}/METADATA", METADATA),
                    row(f"{DIST_INFO}/WHEEL", WHEEL),
                    (RECORD, "", ""),
                ],
                "\r\n",
            ),
        ),
        {MODULE: CODE},
    ),
    Case(
        "METADATA whose headers go on, and that has a text",
        lambda: make_wheel(
            {MODULE: CODE},
            metadata=b"Metadata-Version: 2.1\r\nLicense: one\r\n  two\r\n\tName: three\r\nName: sample\r\n"
            b"Summary: a\x0cb\x1cc\r\nVersion: 1.0\r\n\r\nName: evil\r\n",
        ),
        {MODULE: CODE},
    ),
    Case(
        "METADATA that spells name and version in another way",
        lambda: make_wheel({MODULE: CODE}, metadata=b"nAME: Sample\nversion: v1.0.0\n"),
        {MODULE: CODE},
    ),
    Case(
        "a .dist-info that spells the name in another way",
        lambda: make_wheel({MODULE: CODE}, dist_info="Sample-1.0.dist-info"),
        {MODULE: CODE},
    ),
    Case(
        "WHEEL of a later minor version",
        lambda: make_wheel({MODULE: CODE}, wheel=b"Wheel-Version: 1.9\nTag: py3-none-any\n"),
        {MODULE: CODE},
    ),
)


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_an_odd_wheel_is_read_as_zipfile_reads_it(case: Case) -> None:
    data = case.make()
    found = contents(open_bytes(data))
    with zipfile.ZipFile(io.BytesIO(data)) as independent:
        assert found == {name: independent.read(name) for name in independent.namelist() if name[-1] != "/"}
    assert {
        name: data for name, data in found.items() if name.rpartition("/")[2] not in {"METADATA", "WHEEL", "RECORD"}
    } == case.files


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
@pytest.mark.parametrize("single_member", [False, True], ids=["transmuxed", "in one member"])
def test_an_odd_wheel_becomes_the_files_that_it_has(case: Case, single_member: bool) -> None:  # noqa: FBT001  # pytest calls
    layer, _ = transmuxed(open_bytes(case.make()), single_member=single_member)
    landed = {path.removeprefix(f"{SITE}/"): data for path, data in files_of(read_tree(layer)).items()}
    installed = {f"{name.partition('/')[0]}" for name in landed if name.endswith("/INSTALLER")}
    assert len(installed) == 1
    dist_info = installed.pop()
    for name in ("METADATA", "WHEEL", "RECORD", "INSTALLER"):
        del landed[f"{dist_info}/{name}"]
    assert landed == case.files


@pytest.mark.parametrize("signature", ["RECORD.jws", "RECORD.p7s"])
@pytest.mark.parametrize("listed", [False, True], ids=["unlisted", "listed"])
def test_a_signature_of_record_is_accepted_and_does_not_land(signature: str, listed: bool) -> None:  # noqa: FBT001  # the same
    path = f"{DIST_INFO}/{signature}"
    wheel = open_bytes(
        make_wheel({MODULE: CODE, path: b"signed"}, rows=lambda rows: [*rows, (path, "", "")] if listed else rows)
    )
    assert contents(wheel)[path] == b"signed"
    layer, _ = transmuxed(wheel)
    assert f"{SITE}/{path}" not in read_tree(layer)


def test_bytecode_that_a_wheel_ships_is_left_out() -> None:
    layer, _ = transmuxed(open_bytes(make_wheel({MODULE: CODE, "sample/__pycache__/__init__.cpython-313.pyc": b"x"})))
    assert [path for path in read_tree(layer) if "pycache" in path] == []


def test_the_right_to_execute_lands_and_nothing_else_of_the_mode() -> None:
    modes = {
        0o100644: 0o644,
        0o100755: 0o755,
        0o104755: 0o755,
        0o100666: 0o644,
        0o100600: 0o644,
        0o100100: 0o755,
        0: 0o644,
    }
    files = {f"m{mode:o}": Entry(name=f"m{mode:o}", mode=mode) for mode in modes}
    layer, _ = transmuxed(open_bytes(make_wheel(files)))
    tree = read_tree(layer)
    assert {f"m{mode:o}": tree[f"{SITE}/m{mode:o}"][1] for mode in modes} == {
        f"m{mode:o}": landed for mode, landed in modes.items()
    }


def test_what_the_wheel_says_of_itself_is_kept() -> None:
    data = make_wheel({MODULE: CODE, f"{DIST_INFO}/entry_points.txt": b"[console_scripts]\nx = a:b\n"})
    wheel = open_bytes(data)
    assert (wheel.name, wheel.version, wheel.dist_info, wheel.data_dir) == (
        "sample",
        "1.0",
        DIST_INFO,
        "sample-1.0.data",
    )
    assert (wheel.digest, wheel.purelib, wheel.entry_points) == (sha256(data), True, "[console_scripts]\nx = a:b\n")
    assert wheel.read(MODULE) == CODE
    with pytest.raises(HostileInputError) as caught:
        wheel.read("sample/other.py")
    assert caught.value.causes == ("it has no `sample/other.py`",)
    assert wheel.record[MODULE].algorithm + "=" + wheel.record[MODULE].hash == digest_of(CODE)


@pytest.mark.parametrize(("stated", "purelib"), [("true", True), ("True", True), ("false", False), ("", False)])
def test_the_root_is_purelib_only_when_wheel_says_so(stated: str, purelib: bool) -> None:  # noqa: FBT001  # the same
    assert (
        open_bytes(make_wheel({}, wheel=f"Wheel-Version: 1.0\nRoot-Is-Purelib: {stated}\n".encode())).purelib is purelib
    )


def test_members_stand_in_the_order_of_their_names() -> None:
    wheel = open_bytes(make_wheel({"b.py": b"", "a.py": b"", "a/b.py": b""}))
    names = [member.name for member in wheel.archive.members]
    assert names == sorted(names)


def test_a_wheel_in_a_file_is_read_through_a_map(tmp_path: Path) -> None:
    data = make_wheel({f"sample/m{number}.bin": NOISE[number:] for number in range(20)})
    path = tmp_path / "0123"
    path.write_bytes(data)
    mapped = open_wheel(path, "sample-1.0-py3-none-any.whl", sha256(data))
    assert contents(mapped) == contents(open_bytes(data))


def test_an_empty_file_is_no_wheel(tmp_path: Path) -> None:
    path = tmp_path / "0123"
    path.write_bytes(b"")
    with pytest.raises(IntegrityError) as caught:
        open_wheel(path, "sample-1.0-py3-none-any.whl", sha256(b""))
    message = "`sample-1.0-py3-none-any.whl` is not a zip archive"
    assert told(caught.value) == (IntegrityError, message, ("it has 0 bytes",), ())


def test_an_archive_of_66000_entries_has_a_zip64_end_by_pythons_own_writer() -> None:
    held = io.BytesIO()
    rows = [row(f"sample/m{number}", b"") for number in range(66_000)]
    rows += [row(f"{DIST_INFO}/METADATA", METADATA), row(f"{DIST_INFO}/WHEEL", WHEEL), (RECORD, "", "")]
    with zipfile.ZipFile(held, "w") as written:
        for path, *_ in rows[:66_000]:
            written.writestr(path, b"")
        written.writestr(f"{DIST_INFO}/METADATA", METADATA)
        written.writestr(f"{DIST_INFO}/WHEEL", WHEEL)
        written.writestr(RECORD, record_text(rows))
    assert len(open_bytes(held.getvalue()).archive.members) == 66_003


def test_two_ends_may_both_have_the_numbers() -> None:
    """Python's zipfile adds the longer record from 2 GiB on, and the shorter one still says where the directory is."""
    plain = make_wheel({MODULE: CODE})
    count, size, offset = (
        int.from_bytes(plain[start:end], "little") for start, end in ((-12, -10), (-10, -6), (-6, -2))
    )
    data = make_wheel(
        {MODULE: CODE}, zip64=True, end={"on_disk": count, "count": count, "size": size, "offset": offset}
    )
    assert contents(open_bytes(data)) == contents(open_bytes(plain))
