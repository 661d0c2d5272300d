"""Whose a file is, by the records of every package manager."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest
from make.bases import Layer
from weighing import PYTHON, SITE, distribution, read, weighed

from tare.measure.packages.owners import owners
from tare.measure.weighed import Weighed


def rows(found: Weighed) -> list[tuple[str, str, str, int]]:
    return [(each.ecosystem, each.name, each.version, each.unpacked) for each in found.distributions]


def test_a_distribution_has_what_its_record_names_and_its_bytecode() -> None:
    layer = {
        **distribution("six", "1.17", {"six.py": b"1" * 10, "../../../bin/six": b"2" * 5}),
        f"{SITE}/__pycache__/six.cpython-313.pyc": b"3" * 7,
        f"{SITE}/other.py": b"4" * 4,
    }
    found = weighed(layer)

    metadata = sum(len(data) for path, data in layer.items() if ".dist-info" in path)
    assert rows(found) == [("python", "six", "1.17", 22 + metadata)]
    assert found.unattributed == 4
    assert found.site_packages == (10 + 7 + 4 + metadata, 4)


def test_a_name_with_a_comma_is_read_from_a_record() -> None:
    found = weighed(distribution("a", "1", {"a/x,y.dat": b"1" * 10}))

    assert found.unattributed == 0


def test_an_old_installation_is_known_by_what_setuptools_left() -> None:
    info = f"{SITE}/old-1.egg-info"
    found = weighed(
        {
            f"{info}/PKG-INFO": b"Name: old\nVersion: 1\n\n",
            f"{info}/installed-files.txt": b"../old/__init__.py\nPKG-INFO\n",
            f"{SITE}/old/__init__.py": b"1" * 10,
        }
    )

    assert (rows(found)[0][:3], found.unattributed) == (("python", "old", "1"), 0)


DPKG = b"""\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-12

Package: gone
Status: deinstall ok config-files
Version: 1

Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2
"""


def test_lists_of_dpkg_are_read_through_links_of_directories() -> None:
    found = weighed(
        {
            "usr/lib/x86_64-linux-gnu/": None,
            "lib": "usr/lib",
            "bin": "usr/bin",
            "var/lib/dpkg/status": DPKG,
            "var/lib/dpkg/info/libc6:amd64.list": b"/.\n/lib\n/lib/x86_64-linux-gnu/libc.so.6\n",
            "var/lib/dpkg/info/bash.list": b"/.\n/bin/bash\n/usr/share/gone\n",
            "usr/lib/x86_64-linux-gnu/libc.so.6": b"1" * 100,
            "usr/bin/bash": b"2" * 50,
        }
    )

    assert rows(found) == [("deb", "libc6", "2.41-12", 100), ("deb", "bash", "5.2", 50)]


def test_a_distroless_image_has_checksums_instead_of_lists() -> None:
    found = weighed(
        {
            "var/lib/dpkg/status.d/tzdata": b"Package: tzdata\nVersion: 2026a\nArchitecture: all\n",
            "var/lib/dpkg/status.d/tzdata.md5sums": b"d41d8cd98f00b204e9800998ecf8427e  usr/share/zoneinfo/UTC\n",
            "usr/share/zoneinfo/UTC": b"1" * 100,
        }
    )

    assert rows(found) == [("deb", "tzdata", "2026a", 100)]


def test_the_system_comes_before_python_where_both_have_a_record() -> None:
    site = "usr/lib/python3/dist-packages"
    files = distribution("six", "1.17", {"six.py": b"1" * 10}, site=site)
    listed = "".join(f"/{path}\n" for path in files)
    found = weighed(
        {
            **files,
            "var/lib/dpkg/status": b"Package: python3-six\nStatus: install ok installed\nVersion: 1.17-1\n",
            "var/lib/dpkg/info/python3-six.list": listed.encode(),
        }
    )

    assert [row[:3] for row in rows(found)] == [("deb", "python3-six", "1.17-1")]


def test_the_database_of_apk_names_directories_and_files() -> None:
    installed = b"C:Q1\nP:musl\nV:1.2.5-r9\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n\nP:empty\nV:1\n\n"
    found = weighed({"lib/apk/db/installed": installed, "lib/ld-musl-x86_64.so.1": b"1" * 100})

    assert rows(found) == [("apk", "musl", "1.2.5-r9", 100), ("apk", "empty", "1", 0)]


def header(name: str, *paths: str) -> bytes:
    """Return a header of RPM without its magic, as databases have it."""
    names = [path.rpartition("/") for path in paths]
    values: list[tuple[int, int, int, bytes]] = [
        (1000, 6, 1, name.encode() + b"\0"),
        (1001, 6, 1, b"1.0\0"),
        (1002, 6, 1, b"3.el9\0"),
        (1003, 4, 1, struct.pack(">I", 2)),
        (1116, 4, len(paths), b"".join(struct.pack(">I", number) for number in range(len(paths)))),
        (1117, 8, len(paths), b"".join(base.encode() + b"\0" for _, _, base in names)),
        (1118, 8, len(paths), b"".join(f"{directory}/\0".encode() for directory, _, _ in names)),
    ]
    index, store = b"", b""
    for tag, kind, count, data in values:
        store += bytes(-len(store) % 4)
        index += struct.pack(">IIII", tag, kind, len(store), count)
        store += data
    return struct.pack(">II", len(values), len(store)) + index + store


def sqlite(place: Path, *headers: bytes) -> bytes:
    path = place / "rpmdb.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(each,) for each in headers])
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


def ndb(*headers: bytes) -> bytes:
    slots, blobs = b"", b""
    for number, each in enumerate(headers, 1):
        start = 4096 + len(blobs)
        blob = struct.pack("<4sIII", b"BlbS", number, 1, len(each)) + each
        blob += bytes(-len(blob) % 16)
        slots += struct.pack("<4sIII", b"Slot", number, start // 16, len(blob) // 16)
        blobs += blob
    return (struct.pack("<4sIIIIIII", b"RpmP", 0, 1, 1, 9, 0, 0, 0) + slots).ljust(4096, b"\0") + blobs


@pytest.mark.parametrize("form", ["sqlite", "ndb"])
def test_both_databases_of_rpm_are_read(tmp_path: Path, form: str) -> None:
    headers = [header("bash", "/usr/bin/bash", "/etc/bash.conf"), header("gpg-pubkey"), b"not a header", b"\xff" * 40]
    if form == "sqlite":
        database = {"var/lib/rpm/rpmdb.sqlite": sqlite(tmp_path, *headers)}
    else:
        database = {"usr/lib/sysimage/rpm/Packages.db": ndb(*headers)}
    found = weighed({**database, "usr/bin/bash": b"1" * 100, "etc/bash.conf": b"2" * 5})

    assert rows(found) == [("rpm", "bash", "2:1.0-3.el9", 105)]


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\0", b"\xff" * 9000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_database_that_is_none_has_no_packages(data: bytes) -> None:
    found = weighed({"var/lib/rpm/rpmdb.sqlite": data, "usr/lib/sysimage/rpm/Packages.db": data})

    assert found.distributions == ()


def test_a_database_of_berkeley_is_unknown() -> None:
    found = weighed({"var/lib/rpm/Packages": b"\0" * 100})

    assert found.notes[0] == "the database of RPM is in a format that tare does not read"


def test_an_interpreter_that_nobody_packaged_is_one() -> None:
    layer: Layer = {
        "usr/local/lib/python3.14/os.py": b"1" * 10,
        "usr/local/lib/python3.14/__pycache__/os.cpython-314.pyc": b"2" * 5,
        "usr/local/bin/python3.14": b"3" * 20,
        "usr/local/bin/app": b"4",
        "usr/local/lib/libpython3.14.so.1.0": b"5" * 30,
        "usr/local/include/python3.14/Python.h": b"6" * 2,
        "usr/local/lib/python3.14/site-packages/mine.py": b"7",
    }

    assert rows(weighed(layer)) == [("interpreter", "cpython", "3.14", 67)]


def test_each_file_has_one_owner_and_sums_add_up() -> None:
    layer = {
        **PYTHON,
        **distribution("a", "1", {"a.py": b"1"}),
        **distribution("b", "2", {"a.py": b"1", "b.py": b"22"}),
    }
    contents = read(layer)
    sizes = owners(contents).sizes(contents)

    assert sum(size for size, _ in sizes.values()) == contents.rootfs


def test_a_record_that_lies_claims_nothing_outside() -> None:
    files = distribution("a", "1", {"a.py": b"1", "../../../../../../../../etc/shadow": b""})
    files = {path: data for path, data in files.items() if not path.startswith("..")}
    found = weighed({**files, "etc/shadow": b"2" * 10, f"{SITE}/b-1.dist-info/RECORD": b'"\n\0,,\n'})

    assert [row[:3] for row in rows(found)] == [("python", "a", "1")]
    assert found.unattributed == 10 + 6
