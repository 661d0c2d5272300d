"""Where a wheel's files land, and what an installer adds."""

from __future__ import annotations

import pytest
from make.layers import SCHEME, SITE, files_of, read_tree, transmuxed
from make.wheels import DIST_INFO, METADATA, WHEEL, digest_of, make_wheel, open_bytes
from make.zips import Entry

from tare.wheels.directory import Member
from tare.wheels.install import install
from tare.wheels.scheme import InstalledFile, Provenance, Scheme

DATA = "sample-1.0.data"
POINTS = f"{DIST_INFO}/entry_points.txt"
SCRIPT = b"""\
#!/opt/venv/bin/python
import sys
from sample.main import run
if __name__ == "__main__":
    sys.exit(run())
"""


def landed(
    files: dict[str, bytes | Entry], scheme: Scheme = SCHEME, provenance: Provenance | None = None
) -> list[InstalledFile]:
    return list(install(open_bytes(make_wheel(files)), scheme, provenance or Provenance()))


def record_of(files: list[InstalledFile]) -> str:
    """Return the text of RECORD as it is installed."""
    (record,) = (file for file in files if file.path.endswith(".dist-info/RECORD"))
    assert isinstance(record.source, bytes)
    assert record.size == len(record.source)
    return record.source.decode()


def line(path: str, content: bytes) -> str:
    return f"{path},{digest_of(content)},{len(content)}\n"


def test_record_is_written_anew_sorted_and_whole() -> None:
    points = b"[console_scripts]\ntool = sample.main:run\n"
    url = b'{"url": "https://files.example/sample-1.0-py3-none-any.whl"}'
    files = landed(
        {
            "sample/__init__.py": b"VALUE = 1\n",
            "sample/a, b.txt": b"",
            'sample/"quoted".txt': b"q",
            "sample/größe.txt": b"1",
            "sample/__pycache__/__init__.cpython-313.pyc": b"x",
            POINTS: points,
            f"{DIST_INFO}/sboms/s.json": b"{}",
            f"{DATA}/scripts/old": b"#!python\npass\n",
            f"{DATA}/data/share/sample/x.txt": b"x",
            f"{DATA}/headers/sample.h": b"h",
            f"{DATA}/platlib/sample/native.so": b"\x7fELF",
            f"{DATA}/purelib/sample/pure.py": b"p",
        },
        provenance=Provenance(requested=True, direct_url=url),
    )
    assert record_of(files) == "".join(
        (
            line("../../../bin/old", b"#!/opt/venv/bin/python\npass\n"),
            line("../../../bin/tool", SCRIPT),
            line("../../../include/site/python3.13/sample/sample.h", b"h"),
            line("../../../share/sample/x.txt", b"x"),
            line(f"{DIST_INFO}/INSTALLER", b"tare\n"),
            line(f"{DIST_INFO}/METADATA", METADATA),
            f"{DIST_INFO}/RECORD,,\n",
            line(f"{DIST_INFO}/REQUESTED", b""),
            line(f"{DIST_INFO}/WHEEL", WHEEL),
            line(f"{DIST_INFO}/direct_url.json", url),
            line(f"{DIST_INFO}/entry_points.txt", points),
            line(f"{DIST_INFO}/sboms/s.json", b"{}"),
            line('"sample/""quoted"".txt"', b"q"),
            line("sample/__init__.py", b"VALUE = 1\n"),
            line('"sample/a, b.txt"', b""),
            line("sample/größe.txt", b"1"),
            line("sample/native.so", b"\x7fELF"),
            line("sample/pure.py", b"p"),
        )
    )


def test_record_keeps_the_algorithm_of_the_wheel() -> None:
    wheel = open_bytes(make_wheel({"sample.py": b"1"}, algorithm="sha512"))
    text = record_of(list(install(wheel, SCHEME, Provenance())))
    assert f"sample.py,{digest_of(b'1', 'sha512')},1\n" in text


def test_every_file_is_named_by_record_and_the_reverse() -> None:
    files = landed({"sample.py": b"1", f"{DATA}/data/etc/sample.conf": b"", POINTS: b"[gui_scripts]\nw = a:b\n"})
    named = [row.rpartition(",")[0].rpartition(",")[0] for row in record_of(files).splitlines()]
    paths = [f"opt/venv/{name[9:]}" if name.startswith("../../../") else f"{SITE}/{name}" for name in named]
    assert sorted(paths) == [file.path for file in files]


@pytest.mark.parametrize(
    ("scheme", "member", "path"),
    [
        (SCHEME, "sample.py", "opt/venv/lib/python3.13/site-packages/sample.py"),
        (SCHEME, f"{DATA}/purelib/sample.py", "opt/venv/lib/python3.13/site-packages/sample.py"),
        (SCHEME, f"{DATA}/platlib/sample.py", "opt/venv/lib/python3.13/site-packages/sample.py"),
        (SCHEME, f"{DATA}/scripts/sample", "opt/venv/bin/sample"),
        (SCHEME, f"{DATA}/scripts/deep/sample", "opt/venv/bin/deep/sample"),
        (SCHEME, f"{DATA}/data/share/man/x.1", "opt/venv/share/man/x.1"),
        (SCHEME, f"{DATA}/headers/x.h", "opt/venv/include/site/python3.13/sample/x.h"),
        (
            Scheme(prefix="app/.venv", series=(3, 14), free_threaded=True),
            "sample.py",
            "app/.venv/lib/python3.14t/site-packages/sample.py",
        ),
        (
            Scheme(prefix="app/.venv", series=(3, 14), free_threaded=True),
            f"{DATA}/headers/x.h",
            "app/.venv/include/site/python3.14t/sample/x.h",
        ),
        (SCHEME, "sample/RECORD", "opt/venv/lib/python3.13/site-packages/sample/RECORD"),
        (SCHEME, "sample/__pycache__/x.txt", "opt/venv/lib/python3.13/site-packages/sample/__pycache__/x.txt"),
        (SCHEME, "sample/legacy.pyc", "opt/venv/lib/python3.13/site-packages/sample/legacy.pyc"),
        (SCHEME, "other.data.py", "opt/venv/lib/python3.13/site-packages/other.data.py"),
        (
            SCHEME,
            f"{DIST_INFO}/licenses/LICENSE",
            f"opt/venv/lib/python3.13/site-packages/{DIST_INFO}/licenses/LICENSE",
        ),
        (SCHEME, f"{DIST_INFO}/RECORD.txt", f"opt/venv/lib/python3.13/site-packages/{DIST_INFO}/RECORD.txt"),
    ],
)
def test_a_file_lands_where_its_scheme_says(scheme: Scheme, member: str, path: str) -> None:
    found = [file.path for file in landed({member: b"x"}, scheme) if isinstance(file.source, Member)]
    assert [name for name in found if not name.endswith((f"{DIST_INFO}/METADATA", f"{DIST_INFO}/WHEEL"))] == [path]


def test_files_come_sorted_by_path_whatever_the_order_in_the_wheel() -> None:
    files: dict[str, bytes | Entry] = {"b.py": b"", "a/b.py": b"", "a.py": b"", f"{DATA}/scripts/z": b""}
    backwards = dict(reversed(files.items()))
    assert [file[:3] for file in landed(files)] == [file[:3] for file in landed(backwards)]
    paths = [file.path for file in landed(files)]
    assert paths == sorted(paths)


@pytest.mark.parametrize(
    ("written", "installed"),
    [
        (b"#!python\nx\n", b"#!/opt/venv/bin/python\nx\n"),
        (b"#!pythonw\nx\n", b"#!/opt/venv/bin/python\nx\n"),
        (b"#!python3\nx\n", b"#!/opt/venv/bin/python\nx\n"),
        (b"#!python -E\nx\n", b"#!/opt/venv/bin/python -E\nx\n"),
        (b"#!pythonw -E -s\nx\n", b"#!/opt/venv/bin/python -E -s\nx\n"),
        (b"#!python\r\nx\r\n", b"#!/opt/venv/bin/python\nx\r\n"),
        (b"#!python -u\r\nx\r\n", b"#!/opt/venv/bin/python -u\nx\r\n"),
        (b"#!python", b"#!/opt/venv/bin/python"),
        (b"#!python\n\xff\0\n", b"#!/opt/venv/bin/python\n\xff\0\n"),
        (b"#!/usr/bin/env python\nx\n", b"#!/usr/bin/env python\nx\n"),
        (b"#!/bin/sh\n#!python\n", b"#!/bin/sh\n#!python\n"),
        (b"#! python\n", b"#! python\n"),
        (b"\xef\xbb\xbf#!python\n", b"\xef\xbb\xbf#!python\n"),
        (b"\x7fELF\x02", b"\x7fELF\x02"),
        (b"", b""),
    ],
)
def test_a_script_gets_the_interpreter_in_place_of_its_placeholder(written: bytes, installed: bytes) -> None:
    layer, _ = transmuxed(open_bytes(make_wheel({f"{DATA}/scripts/tool": written})))
    assert read_tree(layer)["opt/venv/bin/tool"] == ("file", 0o755, installed)


def test_only_scripts_have_placeholders() -> None:
    layer, _ = transmuxed(
        open_bytes(make_wheel({"sample/tool": b"#!python\n", f"{DATA}/data/bin/tool": b"#!python\n"}))
    )
    files = files_of(read_tree(layer))
    assert files[f"{SITE}/sample/tool"] == files["opt/venv/bin/tool"] == b"#!python\n"


def test_an_entry_point_becomes_a_script_that_calls_it() -> None:
    layer, _ = transmuxed(open_bytes(make_wheel({POINTS: b"[console_scripts]\ntool = sample.main:run\n"})))
    assert read_tree(layer)["opt/venv/bin/tool"] == ("file", 0o755, SCRIPT)


@pytest.mark.parametrize(
    ("provenance", "names"),
    [
        (Provenance(), ["INSTALLER", "METADATA", "RECORD", "WHEEL"]),
        (Provenance(requested=True), ["INSTALLER", "METADATA", "RECORD", "REQUESTED", "WHEEL"]),
        (Provenance(direct_url=b"{}"), ["INSTALLER", "METADATA", "RECORD", "WHEEL", "direct_url.json"]),
    ],
)
def test_an_installer_says_what_the_wheel_cannot_know(provenance: Provenance, names: list[str]) -> None:
    assert [file.path.rpartition("/")[2] for file in landed({}, provenance=provenance)] == names
