"""Findings: each code is found where it is true, and a byte is in one of them at most."""

from __future__ import annotations

import py_compile
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from make.bases import Layer
from weighing import PYTHON, SITE, codes, distribution, weighed

from tare.measure.bytecode import magic_numbers
from tare.measure.debug import debug_bytes
from tare.measure.findings import table
from tare.plan.slim import table as slim_table

DEB = b"Package: %s\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n"


def package(name: str, path: str, size: int = 50) -> Layer:
    return {
        "var/lib/dpkg/status": DEB % name.encode(),
        f"var/lib/dpkg/info/{name}.list": f"/{path}\n".encode(),
        path: b"1" * size,
    }


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("TW101", "root/.cache/pip/http/0/1/x"),
        ("TW102", "home/app/.cache/uv/wheels-v5/x"),
        ("TW103", "root/.cache/pypoetry/cache/x"),
        ("TW111", "var/lib/apt/lists/deb_dists_Packages.lz4"),
        ("TW111", "var/cache/apt/pkgcache.bin"),
        ("TW112", "var/cache/apk/APKINDEX.tar.gz"),
        ("TW112", "var/cache/dnf/x.solv"),
        ("TW113", "var/log/dpkg.log"),
        ("TW113", "var/lib/dpkg/status-old"),
        ("TW114", "tmp/left"),
        ("TW114", "root/.cache/matplotlib/fontlist.json"),
        ("TW115", "app/.git/objects/pack/x.pack"),
        ("TW305", "usr/lib/python3.13/idlelib/run.py"),
        ("TW401", "usr/share/doc/bash/README"),
        ("TW402", "usr/share/locale/ko/LC_MESSAGES/bash.mo"),
        ("TW202", "usr/local/include/python3.13/Python.h"),
        ("TW403", "usr/lib/x86_64-linux-gnu/gconv/IBM037.so"),
        ("TW403", "usr/lib64/gconv/IBM037.so"),
    ],
)
def test_what_lies_where_only_waste_lies_is_waste(code: str, path: str) -> None:
    found = codes(weighed({path: b"1" * 10, "app/x": b"2"}))

    assert found[code][0] == 10


@pytest.mark.parametrize(
    ("code", "name", "path"),
    [
        ("TW201", "gcc-14", "usr/bin/x86_64-linux-gnu-gcc-14"),
        ("TW202", "libssl-dev", "usr/include/openssl/ssl.h"),
        ("TW203", "python3-pip", "usr/bin/pip"),
        ("TW204", "git", "usr/bin/git"),
    ],
)
def test_packages_that_only_building_needs_are_waste(code: str, name: str, path: str) -> None:
    assert codes(weighed({**package(name, path), f"{path}-more": b"1"}))[code] == (50, (f"/{path}",))


@pytest.mark.parametrize(
    "path",
    [
        "usr/lib/locale/C.utf8/LC_CTYPE",
        "usr/lib/x86_64-linux-gnu/gconv/UTF-16.so",
        "usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache",
        "usr/lib/python3.11/lib2to3/pytree.py",
    ],
)
def test_what_programs_do_read_there_is_not_waste(path: str) -> None:
    assert codes(weighed({path: b"1" * 10})) == {}


def test_the_shared_part_of_gcc_is_not_a_compiler() -> None:
    assert codes(weighed(package("gcc-14-base", "usr/share/doc/gcc-14-base/copyright"))) == {}


def test_parts_of_wheels_that_nothing_runs_are_waste() -> None:
    files = {
        "p/__init__.py": b"1",
        "p/tests/test_a.py": b"2" * 10,
        "p/tests/data.csv": b"3" * 20,
        "p/c.pyx": b"4" * 5,
        "p/c.h": b"5" * 6,
        "p/docs/x.rst": b"6" * 7,
        "p/__init__.pyi": b"7" * 8,
    }
    found = codes(weighed({**PYTHON, **distribution("p", "1", files)}))

    assert found == {
        "TW301": (30, (f"/{SITE}/p/tests/",)),
        "TW302": (5, (f"/{SITE}/p/c.pyx",)),
        "TW303": (6, (f"/{SITE}/p/c.h",)),
        "TW304": (7, (f"/{SITE}/p/docs/",)),
        "TW306": (8, (f"/{SITE}/p/__init__.pyi",)),
        "TW604": (0, ("/usr/lib/python3.13/os.py", f"/{SITE}/p/__init__.py")),
    }


def test_sources_that_are_compiled_when_they_run_are_no_waste() -> None:
    """What `slim.toml` keeps of them, `tare weigh` does not call waste."""
    kept = [path for each in slim_table().exception if "TS102" in each.rules for path in each.paths]
    files = {path.removeprefix("**/").replace("**", "x.c").replace("*", "x"): b"1" * 9 for path in kept}

    assert codes(weighed(distribution("p", "1", files))) == {}


def test_the_projects_own_tests_are_its_own_business() -> None:
    assert codes(weighed({"app/tests/test_a.py": b"1"})) == {}


def test_bytes_that_no_container_sees_are_told_by_what_became_of_them() -> None:
    below: Layer = {"a": b"1" * 10, "d/b": b"2" * 20, "d/c": b"3" * 30, "e/f": b"4" * 40}
    above: Layer = {"a": b"5", ".wh.d": b"", "e/f": b"4" * 40}
    found = codes(weighed(below, above))

    assert found == {"TW001": (10, ("/a",)), "TW002": (50, ("/d/",)), "TW003": (40, ("/e/",))}


def test_what_became_of_bytes_first_is_what_counts() -> None:
    found = weighed({"srv/a": b"1" * 10}, {"srv/a": b"1" * 10}, {"srv/.wh.a": b"", "srv/b": b"1"})

    assert codes(found) == {"TW003": (10, ("/srv/",)), "TW002": (10, ("/srv/",))}


def test_a_file_that_is_replaced_through_a_link_is_written_again() -> None:
    assert codes(weighed({"usr/lib/a": b"1" * 10, "lib": "usr/lib"}, {"lib/a": b"2"})) == {"TW001": (10, ("/usr/",))}


def test_a_file_that_came_back_was_removed_all_the_same() -> None:
    found = weighed({"a": b"1" * 10}, {".wh.a": b""}, {"a": b"2"})

    assert codes(found) == {"TW001": (10, ("/a",))}
    assert found.findings[0].layers == (0,)


def test_findings_are_disjoint_and_add_up() -> None:
    site = "root/.cache/pip/lib/python3.13/site-packages"
    files = {"p/tests/test_a.py": b"2" * 9000, "p/tests/test_b.py": b"2" * 9000, "p/x.py": b"3"}
    found = weighed({**PYTHON, **distribution("pip", "1", files, site=site)})

    assert sum(finding.bytes for finding in found.findings) <= found.sizes.unpacked
    assert list(codes(found)) == ["TW101", "TW604"]


def test_equal_files_are_found_by_content_and_not_by_name() -> None:
    same, other = b"1" * 5000, b"2" * 5000
    found = codes(weighed({"a/lib.so.1": same, "b/lib.so.1": same, "c/lib.so.1": other, "d/x": same, "e/small": b"1"}))

    assert found == {"TW502": (10000, ("/b/", "/d/"))}


def compiled(tmp_path: Path, text: str, *, mode: py_compile.PycInvalidationMode, mtime: int = 0) -> bytes:
    import os

    source = tmp_path / "m.py"
    source.write_text(text)
    os.utime(source, (mtime, mtime))
    target = py_compile.compile(str(source), cfile=str(tmp_path / "m.pyc"), invalidation_mode=mode, doraise=True)
    return Path(str(target)).read_bytes()


TAG = sys.implementation.cache_tag
SERIES = f"{sys.version_info[0]}.{sys.version_info[1]}"
LIBRARY = f"usr/lib/python{SERIES}"
TIMESTAMP = py_compile.PycInvalidationMode.TIMESTAMP
UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH


def bytecode(name: str, data: bytes, **more: bytes) -> dict[str, tuple[int, tuple[str, ...]]]:
    layer: Layer = {f"{LIBRARY}/os.py": b"x = 1\n", f"{LIBRARY}/__pycache__/{name}": data, **more}
    found = codes(weighed(layer))
    found.pop("TW604", None)
    return found


def test_this_interpreters_magic_number_is_the_one_of_the_table(tmp_path: Path) -> None:
    data = compiled(tmp_path, "x = 1\n", mode=TIMESTAMP)

    assert int.from_bytes(data[:2], "little") == magic_numbers()[str(TAG)]


def test_bytecode_that_is_read_is_no_finding(tmp_path: Path) -> None:
    data = compiled(tmp_path, "x = 1\n", mode=TIMESTAMP)

    assert bytecode(f"os.{TAG}.pyc", data) == {}
    assert bytecode(f"os.{TAG}.pyc", compiled(tmp_path, "x = 2\n", mode=UNCHECKED)) == {}


@pytest.mark.parametrize("name", ["os.cpython-37.pyc", "os.cpython-399.pyc"])
def test_bytecode_with_another_interpreters_name_is_never_read(tmp_path: Path, name: str) -> None:
    data = compiled(tmp_path, "x = 1\n", mode=TIMESTAMP)

    assert bytecode(name, data) == {"TW601": (len(data), (f"/{LIBRARY}/__pycache__/",))}


def test_bytecode_with_another_magic_number_is_never_read(tmp_path: Path) -> None:
    data = b"\x01\x02" + compiled(tmp_path, "x = 1\n", mode=UNCHECKED)[2:]

    assert list(bytecode(f"os.{TAG}.pyc", data)) == ["TW601"]
    assert list(bytecode(f"os.{TAG}.pyc", b"short")) == ["TW601"]


def test_bytecode_of_a_source_with_another_time_or_size_is_stale(tmp_path: Path) -> None:
    assert list(bytecode(f"os.{TAG}.pyc", compiled(tmp_path, "x = 1\n", mode=TIMESTAMP, mtime=5))) == ["TW602"]
    assert list(bytecode(f"os.{TAG}.pyc", compiled(tmp_path, "x = 11\n", mode=TIMESTAMP))) == ["TW602"]


def test_bytecode_in_its_cache_without_a_source_is_never_read(tmp_path: Path) -> None:
    assert list(bytecode(f"gone.{TAG}.pyc", compiled(tmp_path, "x = 1\n", mode=UNCHECKED))) == ["TW602"]


def test_bytecode_of_an_optimisation_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    data = compiled(tmp_path, "x = 1\n", mode=UNCHECKED)
    layer: Layer = {f"{LIBRARY}/os.py": b"x = 1\n", f"{LIBRARY}/__pycache__/os.{TAG}.opt-1.pyc": data}

    assert "TW603" in codes(weighed(layer))
    assert "TW603" not in codes(weighed(layer, env=("PYTHONOPTIMIZE=1",)))


def test_without_an_interpreter_bytecode_is_not_judged() -> None:
    found = weighed({"app/__pycache__/x.cpython-37.pyc": b"1" * 20})

    assert codes(found) == {}
    assert found.notes == ("no interpreter was found, so that bytecode is not judged",)


def test_debugging_sections_are_those_that_another_reader_sees() -> None:
    path = Path(sys.executable).resolve()
    data = path.read_bytes()
    names = (".debug", ".symtab", ".strtab", ".gnu_debuglink", ".gdb_index", ".zdebug", ".stab")
    with path.open("rb") as file:
        expected = sum(
            section["sh_size"] for section in ELFFile(file).iter_sections() if section.name.startswith(names)
        )

    assert debug_bytes(data[:64], data[-1_000_000:], len(data)) == expected
    assert debug_bytes(data[:64], data, len(data)) == expected


@pytest.mark.parametrize(
    "data", [b"\x7fELF", b"\x7fELF" + b"\xff" * 60, b"\x7fELF\x02\x01" + b"\xff" * 600, b"", b"#!"]
)
def test_what_is_hardly_a_program_has_no_debugging_sections(data: bytes) -> None:
    assert debug_bytes(data[:64], data, len(data)) == 0


def test_every_row_says_why_and_what_to_do() -> None:
    assert [row.code for row in table()] == sorted(row.code for row in table())
    assert [row.code for row in table() if not (row.why and row.fix and row.source and len(row.date) == 10)] == []
    assert [row.code for row in table() if row.fix.endswith(".")] == []
