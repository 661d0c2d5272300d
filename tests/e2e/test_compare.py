"""`tare compare` with real bases, a real index and containers that really start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from browser import needs_browser, visit
from lab import needs_root
from real import EXAMPLES, Tare

pytestmark = pytest.mark.e2e


@needs_browser
def test_a_comparison_of_two_suites_is_measured_and_shown(tare_command: Tare, tmp_path: Path) -> None:
    needs_root("containers of our own engine")
    page = tmp_path / "page.html"
    bases = ("--base", "deb:trixie", "--base", "deb:bookworm")
    command = ("compare", str(EXAMPLES / "hello"), *bases, "--engine", "chroot", "--rounds", "2", "--json")
    ran = tare_command(*command, "--html", str(page))
    if "not known" in ran.out:
        pytest.skip("no mirror or index can be used here")
    found = json.loads(ran.out)["candidates"]

    assert (ran.code, [each["status"] for each in found]) == (0, ["ok", "ok"]), ran.out
    assert [each["facts"]["python"][:4] for each in found] == ["3.13", "3.11"]
    assert all(each["facts"]["pgo"] and each["facts"]["libc"].startswith("glibc") for each in found)
    for each in found:
        cold, dependency, line = (build["seconds"] for build in each["builds"])
        assert cold > line > 0 < dependency
        start = each["start"]
        assert len(start["container"]) == len(start["interpreter"]) == len(start["imports"]) == 2
        assert min(start["container"]) > min(start["interpreter"]) > 0
        assert start["memory"] > 5_000_000
    seen = visit(page, tmp_path)
    assert (seen.console, seen.requests) == ([], [])
    assert seen.dom.count("<figure>") == seen.dom.count("<details>") > 4
