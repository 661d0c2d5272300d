"""Directories and virtual environments, weighed where they lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from trees import write
from weighing import codes, distribution

from tare.errors import UsageError
from tare.measure.directory import read_directory
from tare.measure.weigh import weigh_directory


def test_a_directory_is_weighed_as_it_lies(tmp_path: Path) -> None:
    write(tmp_path, {"a/x": "1234", "a/y": "12", "b": "1"})
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.link(tmp_path / "b", tmp_path / "c")
    os.mkfifo(tmp_path / "pipe")
    found = weigh_directory(read_directory(tmp_path))

    assert found.sizes.pull is None
    assert (found.sizes.unpacked, found.sizes.rootfs, found.sizes.waste) == (7, 7, 0)
    assert [(part.name, part.bytes) for part in found.largest] == [("/a/x", 4), ("/a/y", 2), ("/b", 1)]
    assert found.layers == ()


def test_an_environment_has_its_distributions(tmp_path: Path) -> None:
    files = {"p/__init__.py": b"1", "p/tests/test_a.py": b"2" * 10}
    for path, data in distribution("p", "1", files, site="lib/python3.13/site-packages").items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    found = weigh_directory(read_directory(tmp_path))

    assert [(each.name, each.version) for each in found.distributions] == [("p", "1")]
    assert found.unattributed == 0
    assert codes(found) == {"TW301": (10, ("/lib/python3.13/site-packages/p/tests/",))}


@pytest.mark.parametrize("key", ["version", "version_info"])
def test_an_environment_says_which_interpreter_reads_its_bytecode(tmp_path: Path, key: str) -> None:
    site = "lib/python3.13/site-packages"
    write(
        tmp_path,
        {
            "pyvenv.cfg": f"home = /usr/bin\n{key} = 3.13.5\n",
            f"{site}/a.py": "1",
            f"{site}/__pycache__/a.cpython-312.pyc": "x" * 20,
        },
    )
    found = weigh_directory(read_directory(tmp_path))

    assert codes(found) == {
        "TW601": (20, (f"/{site}/__pycache__/",)),
        "TW604": (0, (f"/{site}/a.py",)),
    }
    assert found.notes == ()


def test_what_is_no_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a directory"):
        read_directory(tmp_path / "nothing")
