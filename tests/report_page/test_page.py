"""The page: whole without a network or a script, and readable by who cannot see a plot."""

from __future__ import annotations

import base64
import re
import string
from xml.etree import ElementTree as ET

import pytest
from page_text import Page
from reports import HOSTILE, PLOTS, document

from tare.errors import UsageError
from tare.report.page.document import Plot
from tare.report.page.html import to_html
from tare.report.page.markdown import to_markdown
from tare.report.page.plots.draw import draw
from tare.report.page.twins import twin
from tare.report.page.words import catalogue, words


@pytest.fixture(scope="module", params=["en", "ko"])
def page(request: pytest.FixtureRequest) -> str:
    return to_html(document(request.param))


def test_nothing_in_it_is_fetched_or_runs(page: str) -> None:
    found = Page(page)

    for tag, attributes in found.tags:
        assert tag not in {"script", "iframe", "object", "embed", "form"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"href", "src", "srcset", "action", "data"}:
                assert re.match(r"#|data:", value or "")
    assert not re.search(r"url\((?!#)|@import", page)


def test_every_plot_has_its_table(page: str) -> None:
    found = Page(page)

    assert [found.count(tag) for tag in ("figure", "details", "svg", "table")] == [len(PLOTS)] * 3 + [len(PLOTS) + 1]


def test_every_identifier_is_one_elements(page: str) -> None:
    identifiers = [attributes["id"] for _, attributes in Page(page).tags if "id" in attributes]
    referred = re.findall(r'(?:href="|url\()#([^")]+)', page)

    assert len(set(identifiers)) == len(identifiers)
    assert set(referred) <= set(identifiers)


def test_what_others_wrote_is_text(page: str) -> None:
    assert "".join(Page(page).text).count(HOSTILE) >= len(PLOTS)


def test_all_that_was_measured_is_inside(page: str) -> None:
    [link] = [attributes for tag, attributes in Page(page).tags if tag == "a" and "download" in attributes]

    assert base64.b64decode((link["href"] or "").partition("base64,")[2]) == b'{"measured": [1, 2]}'


def test_it_is_in_its_language() -> None:
    assert '<html lang="ko">' in to_html(document("ko"))
    assert "수치 보기" in to_html(document("ko"))
    assert "The numbers" in to_html(document("en"))


def test_the_same_document_is_the_same_page() -> None:
    assert to_html(document()) == to_html(document())


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: type(plot).__name__)
def test_a_plot_is_well_formed_and_takes_the_pages_colours(plot: Plot) -> None:
    svg = draw(plot, name="p")

    ET.fromstring(svg)  # noqa: S314  # our own
    # Colours are the page's variables; white is the paper under nothing, black what matplotlib hides.
    assert set(re.findall(r"#[0-9a-fA-F]{6}\b", svg)) == set()
    assert "var(--" in svg


@pytest.mark.parametrize(
    "plot", [each for each in PLOTS if "한국어" in str(each)], ids=lambda plot: type(plot).__name__
)
def test_a_name_is_drawn_as_it_is(plot: Plot) -> None:
    assert HOSTILE in "".join(ET.fromstring(draw(plot, name="p")).itertext())  # noqa: S314  # our own


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: type(plot).__name__)
def test_a_table_has_a_head_for_every_cell(plot: Plot) -> None:
    table = twin(plot, words("en"))

    assert {len(row) for row in table.rows} == {len(table.columns)}


def test_markdown_is_what_a_pull_request_shows() -> None:
    lines = to_markdown(document()).splitlines()

    assert lines[0].startswith("# Title \\<script>alert(1)\\</script> & ")
    assert "**Take slim**" in lines
    assert "> Two cores" in lines
    assert "| slim | 212 |" in lines
    assert sum(line.startswith("<details>") for line in lines) == len(PLOTS)
    cells = [len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("| ")]
    assert min(cells) >= 3  # two columns at least


def test_a_language_without_words_is_said() -> None:
    with pytest.raises(UsageError) as caught:
        words("tlh")

    assert str(caught.value) == "there are no words for the language `tlh`"
    assert caught.value.hints == ("There are `en` and `ko`",)


def test_every_text_is_in_every_language_with_the_same_values() -> None:
    for key, texts in catalogue().items():
        assert set(texts) == {"en", "ko"}, key
        values = {
            language: {name for _, name, _, _ in string.Formatter().parse(text) if name}
            for language, text in texts.items()
        }
        assert values["en"] == values["ko"], key
