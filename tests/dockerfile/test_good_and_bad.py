"""Whole Dockerfiles: good ones, of which nothing is said, and one that has every fault of a well-known post."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from trees import write

from tare.dockerfile.beside import Beside
from tare.dockerfile.lint import lint
from tare.dockerfile.parse.source import Source
from tare.dockerfile.repair import fixed
from tare.dockerfile.settings import Settings

TODAY = dt.date(2026, 11, 24)


def split(name: str) -> dict[str, str]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    blocks = [block.partition("\n") for block in text.removeprefix("== ").split("\n== ")]
    return {title: body + "\n" for title, _, body in blocks}


GOOD = split("good.txt")


def test_there_are_thirty_good_ones() -> None:
    assert len(GOOD) >= 30


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("title", GOOD)
def test_of_a_good_dockerfile_nothing_is_said(title: str, line_end: str) -> None:
    source = Source(GOOD[title].replace("\n", line_end))

    result = lint(source, beside=Beside(), today=TODAY, settings=Settings())

    assert [f"{finding.line}: {finding.code} {finding.message}" for finding in result.findings] == []


def test_every_fault_of_the_post_is_found_where_it_is(tmp_path: Path) -> None:
    """A service as the post has it, in our own words: comments behind instructions, poetry in three stages, and the rest."""
    write(
        tmp_path,
        {
            "pyproject.toml": '[tool.poetry]\nname = "greeter"\nversion = "1"\n[tool.poetry.group.dev.dependencies]\nruff = "*"\n'
        },
    )
    text = Path(__file__).with_name("post.Dockerfile").read_text(encoding="utf-8")

    result = lint(Source(text), beside=Beside(str(tmp_path)), today=TODAY, settings=Settings())

    assert [(finding.line, finding.code) for finding in result.findings] == POST


POST = [
    (2, "D014"),  # a comment behind ARG
    (3, "TP001"),  # a floating tag
    (3, "D014"),  # a comment behind FROM
    (5, "TP202"),  # PIP_NO_CACHE_DIR=off
    (5, "D014"),  # a comment behind a continuation
    (8, "TP009"),  # Alpine's own Python
    (9, "TP207"),  # no version
    (9, "TP207"),
    (11, "D001"),  # a line of a shell, misspelt
    (13, "TP001"),
    (14, "TP106"),  # poetry in the image
    (14, "D014"),  # a comment behind COPY
    (17, "TP301"),  # no bytecode, and no step that compiles
    (22, "TP209"),  # the source before its dependencies
    (22, "TP211"),  # no .dockerignore
    (23, "TP404"),  # chown after COPY
    (25, "TP406"),  # CRLF
    (25, "TP405"),
    (26, "TP105"),  # a compiler in the image
    (28, "TP203"),  # poetry's cache
    (28, "TP206"),  # no lock
    (29, "TP401"),  # poetry run
]


def test_fixing_the_post_again_and_again_comes_to_an_end() -> None:
    source = Source(Path(__file__).with_name("post.Dockerfile").read_text(encoding="utf-8"))
    rounds = 0
    while rounds < 10:
        findings = lint(source, beside=Beside(), today=TODAY, settings=Settings()).findings
        text, count = fixed(source, findings)
        if not count:
            break
        source = Source(text)
        rounds += 1

    left = lint(source, beside=Beside(), today=TODAY, settings=Settings()).findings
    assert rounds < 10
    assert [finding.code for finding in left if finding.fix] == []
    assert "D014" not in {finding.code for finding in left}
