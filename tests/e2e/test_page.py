"""The page of a report in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import needs_browser, pdf, screenshot, visit
from reports import PLOTS, document

from tare.report.page.html import to_html

pytestmark = [pytest.mark.e2e, needs_browser]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_text(to_html(document()), encoding="utf-8")
    return path


def test_a_browser_shows_it_without_a_complaint_and_fetches_nothing(page: Path, tmp_path: Path) -> None:
    seen = visit(page, tmp_path)

    assert seen.dom.count("<figure>") == len(PLOTS)
    assert (seen.console, seen.requests) == ([], [])


def test_this_test_sees_what_is_fetched_and_complained_of(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text("<img src='http://127.0.0.1:9/a.png'><script>console.error('planted')</script>", encoding="utf-8")

    seen = visit(page, tmp_path)

    assert seen.requests == ["http://127.0.0.1:9/a.png"]
    assert any("planted" in line for line in seen.console)


def test_it_is_dark_where_people_want_it_so(page: Path, tmp_path: Path) -> None:
    light = screenshot(page, tmp_path)
    dark = screenshot(page, tmp_path, "--blink-settings=preferredColorScheme=0")

    assert _corner(light, tmp_path) > 200
    assert _corner(dark, tmp_path) < 60


def test_it_prints_with_its_tables(page: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed.html"
    rule = "details::details-content { content-visibility: visible; block-size: auto; }"
    text = page.read_text(encoding="utf-8")
    assert rule in text
    closed.write_text(text.replace(rule, ""), encoding="utf-8")

    assert len(pdf(page, tmp_path)) > len(pdf(closed, tmp_path)) + 2000


def _corner(picture: bytes, scratch: Path) -> int:
    """Return how light the first point of *picture* is, from 0 to 255."""
    from PIL import Image

    path = scratch / "corner.png"
    path.write_bytes(picture)
    with Image.open(path) as image:
        return image.convert("L").tobytes()[0]
