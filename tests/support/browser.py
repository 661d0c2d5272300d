"""A headless Chromium: what it shows, says and fetches."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PROGRAM = shutil.which("chromium")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--enable-logging=stderr",
)  # fmt: skip

needs_browser = pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed")


class Seen(NamedTuple):
    """A page as a browser has it."""

    dom: str
    console: list[str]
    """What it complained of."""
    requests: list[str]
    """What was fetched or tried, besides the page itself."""


def visit(page: Path, scratch: Path) -> Seen:
    """Open *page* and return what came of it."""
    log = scratch / "net.json"
    shown = _run("--dump-dom", f"--log-net-log={log}", "--net-log-capture-mode=Everything", page=page, scratch=scratch)
    console = [line for line in shown.stderr.splitlines() if ":CONSOLE" in line]
    return Seen(dom=shown.stdout, console=console, requests=_requests(json.loads(log.read_text(encoding="utf-8"))))


def screenshot(page: Path, scratch: Path, *options: str) -> bytes:
    """Return a picture of *page* as PNG."""
    picture = scratch / "page.png"
    _run(f"--screenshot={picture}", "--window-size=1000,2000", *options, page=page, scratch=scratch)
    return picture.read_bytes()


def pdf(page: Path, scratch: Path) -> bytes:
    """Return *page* as it is printed."""
    printed = scratch / "page.pdf"
    _run(f"--print-to-pdf={printed}", page=page, scratch=scratch)
    return printed.read_bytes()


def _run(*options: str, page: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    command = [PROGRAM or "", *QUIET, f"--user-data-dir={scratch / 'profile'}", *options, page.as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)


def _requests(log: dict[str, Any]) -> list[str]:
    """Return what pages asked for; what the browser asks of its maker has no origin."""
    started = [event.get("params", {}) for event in log["events"]]
    asked = {each["url"] for each in started if each.get("initiator", "not an origin") != "not an origin"}
    return sorted(url for url in asked if not url.startswith(("file:", "data:")))
