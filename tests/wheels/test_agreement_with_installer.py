"""tare puts a wheel's files where the PyPA's `installer` library puts them.

Where the two differ on purpose:

* the text of a script made from an entry point is tare's own; its name, place and first line are the same;
* `installer` drops what follows `#!python` in a script's first line, tare keeps it as `installer`'s peers do;
* a script of `.data/scripts` is executable for tare, whatever the archive says, as the specification has it;
* of `__pycache__`, tare leaves out bytecode, `installer` whatever is in it;
* `RECORD.jws` and `RECORD.p7s` sign a RECORD that is not there any more, so tare leaves them out;
* RECORD is sorted, spells paths without `./`, and keeps the hashes that the wheel's own RECORD states.
"""

from __future__ import annotations

import csv
import os
from importlib.util import find_spec
from pathlib import Path
from posixpath import normpath

import pytest
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
from make.layers import Tree, files_of, read_tree, transmuxed
from make.wheels import DIST_INFO, FILENAME, make_wheel
from make.zips import Entry

from tare.oci.digest import sha256
from tare.wheels.wheel import open_wheel

PREFIX = "opt/venv"
SITE = f"{PREFIX}/lib/python3.13/site-packages"
DATA = "sample-1.0.data"


def installed_by_installer(path: Path, name: str, root: Path) -> dict[str, tuple[bool, bytes]]:
    """Return the files by path, with whether anyone may execute them."""
    places = {
        "purelib": SITE,
        "platlib": SITE,
        "scripts": f"{PREFIX}/bin",
        "data": PREFIX,
        "headers": f"{PREFIX}/include/site/python3.13/{name}",
    }
    destination = SchemeDictionaryDestination(
        {scheme: str(root / place) for scheme, place in places.items()},
        interpreter=f"/{PREFIX}/bin/python",
        script_kind="posix",
        overwrite_existing=False,
    )
    with WheelFile.open(path) as source:
        install(source, destination, {"INSTALLER": b"tare\n"})
    files = [Path(parent, name) for parent, _, names in os.walk(root) for name in names]
    return {file.relative_to(root).as_posix(): (bool(file.stat().st_mode & 0o111), file.read_bytes()) for file in files}


def rows(record: bytes) -> list[tuple[str, str, str]]:
    return sorted((normpath(path), hashed, size) for path, hashed, size in csv.reader(record.decode().splitlines()))


def compare(path: Path, root: Path) -> None:
    wheel = open_wheel(path, path.name, sha256(path.read_bytes()))
    layer, _ = transmuxed(wheel)
    ours: Tree = read_tree(layer)
    theirs = installed_by_installer(path, wheel.name, root)
    mine = files_of(ours)
    assert sorted(mine) == sorted(theirs)
    record = f"{SITE}/{wheel.dist_info}/RECORD"
    scripts = {name for name in mine if name.startswith(f"{PREFIX}/bin/")}
    made = {name for name in scripts if b"import sys\nfrom " in mine[name]}
    for name in sorted(mine.keys() - made - {record}):
        assert mine[name] == theirs[name][1], name
    for name in made:
        assert mine[name].splitlines()[0] == theirs[name][1].splitlines()[0]
    executable = {name for name in mine if ours[name][1] & 0o111}
    assert executable == {name for name, (able, _) in theirs.items() if able} | scripts
    written = {f"../../../{name.removeprefix(PREFIX + '/')}" for name in made}
    mine_rows = [row for row in rows(mine[record]) if row[0] not in written]
    assert mine_rows == [row for row in rows(theirs[record][1]) if row[0] not in written]


def test_a_wheel_with_something_in_every_scheme(tmp_path: Path) -> None:
    data = make_wheel(
        {
            "sample/__init__.py": b"VALUE = 1\n" * 1000,
            "sample/empty.txt": b"",
            "sample/größe, 1.txt": b"1",
            "sample/stored.bin": Entry(name="sample/stored.bin", data=bytes(70_000), method=0),
            "sample/tool": Entry(name="sample/tool", data=b"#!/bin/sh\n", mode=0o100755),
            f"{DIST_INFO}/entry_points.txt": b"[console_scripts]\nsample = sample:main\n[gui_scripts]\nw = a.b:c.d\n",
            f"{DIST_INFO}/licenses/LICENSE": b"free\n",
            f"{DATA}/scripts/old": Entry(name=f"{DATA}/scripts/old", data=b"#!python\npass\n", mode=0o100755),
            f"{DATA}/scripts/windowed": b"#!pythonw\r\npass\r\n",
            f"{DATA}/scripts/shell": b"#!/bin/sh\n",
            f"{DATA}/data/share/man/man1/sample.1": b".TH\n",
            f"{DATA}/headers/deep/sample.h": b"int x;\n",
            f"{DATA}/platlib/sample/native.so": b"\x7fELF",
            f"{DATA}/purelib/sample/pure.py": b"",
        },
        entries=lambda listed: [Entry(name="sample/", mode=0o040755), *listed],
    )
    path = tmp_path / FILENAME
    path.write_bytes(data)
    compare(path, tmp_path / "root")


def bundled() -> list[Path]:
    """Return the wheels that CPython brings for `ensurepip`: real ones, on most machines."""
    spec = find_spec("ensurepip")
    return sorted(Path(spec.origin).parent.glob("_bundled/*.whl")) if spec and spec.origin else []


@pytest.mark.skipif(not bundled(), reason="this Python has no wheels of its own")
def test_the_wheels_that_python_brings(tmp_path: Path) -> None:
    for path in bundled():
        compare(path, tmp_path / path.name)


@pytest.mark.e2e
@pytest.mark.skipif("TARE_TEST_WHEELS" not in os.environ, reason="TARE_TEST_WHEELS names no directory of wheels")
def test_all_wheels_of_a_directory(tmp_path: Path) -> None:
    paths = sorted(Path(os.environ["TARE_TEST_WHEELS"]).glob("*.whl"))
    assert paths
    for path in paths:
        compare(path, tmp_path / path.name)
