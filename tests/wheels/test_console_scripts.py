"""Console scripts, read from `entry_points.txt`. What is refused is in `test_hostile_wheels`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tare.wheels.entry_points import console_scripts, script


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        ("", []),
        ("[pytest11]\nx = a.b\n", []),
        ("[console_scripts]\nx = a:b\n", [("x", ("a", "b"))]),
        ("[console_scripts]\nx=a:b\n", [("x", ("a", "b"))]),
        ("[console_scripts]\n  x = a.b.c : d.e\n", [("x", ("a.b.c", "d.e"))]),
        ("[console_scripts]\nx = a:b [extra, other]\n", [("x", ("a", "b"))]),
        ("[console_scripts]\nz = a:b\nx = a:b\n", [("x", ("a", "b")), ("z", ("a", "b"))]),
        ("[gui_scripts]\nx = a:b\n\n[console_scripts]\ny = c:d\n", [("x", ("a", "b")), ("y", ("c", "d"))]),
        ("[gui_scripts]\nx = a:b\n[console_scripts]\nx = a:b\n", [("x", ("a", "b"))]),
        ("[console_scripts]\nX = a:b\nx = c:d\n", [("X", ("a", "b")), ("x", ("c", "d"))]),
        ("[console_scripts]\npip3.13 = a:b\n2to3 = a:b\n", [("2to3", ("a", "b")), ("pip3.13", ("a", "b"))]),
        ("[console_scripts]\na-b_c.d+e = a:b\n", [("a-b_c.d+e", ("a", "b"))]),
        ("[console_scripts]\n# comment\n; another\nx = a:b\n", [("x", ("a", "b"))]),
        ("[console_scripts]\r\nx = a:b\r\n", [("x", ("a", "b"))]),
        ("[DEFAULT]\nevil = a:b\n[console_scripts]\nx = a:b\n", [("x", ("a", "b"))]),
        ("[console_scripts]\nx = größe:länge\n", [("x", ("größe", "länge"))]),
        ("[console_scripts]\nx = %(y)s_:b\n".replace("%(y)s", "a"), [("x", ("a_", "b"))]),
    ],
)
def test_scripts_are_read_as_the_specification_says(text: str, scripts: list[tuple[str, tuple[str, str]]]) -> None:
    assert list(console_scripts(text, what="`x.whl`")) == scripts


def test_a_script_runs_what_it_names_and_hands_on_its_result(tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text(
        "class App:\n    @staticmethod\n    def run():\n        print('ran')\n        return 7\n"
    )
    (tmp_path / "tool").write_bytes(script(("sample", "App.run"), interpreter=sys.executable))
    done = subprocess.run(
        [sys.executable, tmp_path / "tool"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "ran\n", "")
