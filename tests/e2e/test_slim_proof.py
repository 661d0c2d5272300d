"""A small image, slimmed and proved in a real container: what is missed is put back, and the rest stays away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lab import needs_root
from real import EXAMPLES, Tare

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HELLO = (str(EXAMPLES / "hello"), "--base", "deb:trixie")
TOPICS = "usr/lib/python3.13/pydoc_data/topics.py"
CHECK = ("--engine", "chroot", "--check", 'python -c "import pydoc_data.topics"')


def test_a_build_puts_back_what_a_check_misses(tare_command: Tare, open_place: Path) -> None:
    needs_root("a namespace that programs are run in")
    document = tare_command.build(*HELLO, "--slim", *CHECK, "-o", f"oci:{open_place}/built")
    slim = document["slim"]

    assert slim["proof"]["imported"] > 400
    assert slim["proof"]["unsound"] == []
    assert slim["proof"]["restored"] == [{"code": "TS201", "paths": [TOPICS]}]
    gone = {path for rule in slim["rules"] for path in rule["paths"]}
    assert f"/{TOPICS}" not in gone
    assert "/usr/lib/python3.13/pydoc_data/__init__.py" in gone
    assert tare_command("run", "--quiet", "--engine", "chroot", f"oci:{open_place}/built").code == 0


def test_an_image_that_was_built_before_gets_the_same_files(tare_command: Tare, open_place: Path) -> None:
    needs_root("a namespace that programs are run in")
    tare_command.build(*HELLO, "-o", f"oci:{open_place}/whole")
    ran = tare_command("slim", f"oci:{open_place}/whole", "-o", f"oci:{open_place}/slim", *CHECK, "--json")
    tare_command.build(*HELLO, "--slim", *CHECK, "-o", f"oci:{open_place}/built")
    difference = tare_command("diff", f"oci:{open_place}/built", f"oci:{open_place}/slim", "--semantic", "--json")

    assert json.loads(ran.out)["proof"]["restored"] == [{"code": "TS201", "paths": [TOPICS]}]
    found = json.loads(difference.out)["files"]
    # An assembled base has sums of what is in it; those of an image stay, as they do with dpkg's `path-exclude`.
    assert {(each["how"], each["kind"]) for each in found} == {("changed", "package database")}


def test_what_a_check_says_is_told_where_it_fails_anyway(tare_command: Tare, open_place: Path) -> None:
    needs_root("a namespace that programs are run in")
    tare_command.build(*HELLO, "-o", f"oci:{open_place}/whole")
    ran = tare_command("slim", f"oci:{open_place}/whole", "--engine", "chroot", "--check", 'python -c "import nothing"')

    assert ran.code == 2
    assert "  caused by: exit code 1: ModuleNotFoundError: No module named 'nothing'\n" in ran.err
