"""Every rule has its data, and the examples in it are tests."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from trees import write

from tare.bases.catalogue.catalogue import catalogue
from tare.dockerfile.beside import Beside
from tare.dockerfile.lint import lint
from tare.dockerfile.model.images import series_end, suites
from tare.dockerfile.parse.source import Source
from tare.dockerfile.repair import fixed
from tare.dockerfile.rules.registry import Example, about, codes, rules
from tare.dockerfile.settings import Settings
from tare.projects.uv import Uv

TODAY = dt.date(2026, 11, 24)


def found(example: Example, code: str, directory: Path) -> list[str]:
    for name, text in example.files.items():
        (directory / name).write_text(text, encoding="utf-8", newline="")
    write(directory, {"Dockerfile": ""})
    beside = Beside(str(directory) if example.files else None, uv=lambda: Uv(python="python", env={}, offline=True))
    settings = Settings(select=(code, "TP", "D"))
    result = lint(Source(example.dockerfile.lstrip("\n")), beside=beside, today=TODAY, settings=settings)
    assert result.notes == ()
    return [finding.code for finding in result.findings]


@pytest.mark.parametrize("code", codes())
def test_the_bad_example_has_the_fault_and_the_good_one_has_not(code: str, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad", tmp_path / "good"
    bad.mkdir()
    good.mkdir()

    assert code in found(about(code).bad, code, bad)
    assert code not in found(about(code).good, code, good)


def test_every_rule_has_data_and_all_data_is_of_a_rule() -> None:
    parser = {code for code in codes() if code.startswith("D")}

    assert set(codes()) == set(rules()) | parser
    assert {code for code, rule in rules().items() if not rule.default} == {
        code for code in codes() if not about(code).default
    }


@pytest.mark.parametrize("code", [code for code in codes() if about(code).fixable])
def test_a_fix_removes_what_it_is_for_and_breaks_nothing(code: str, tmp_path: Path) -> None:
    example = about(code).bad
    for name, text in example.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    if code == "TP401":  # the environment has to be on PATH for it
        lines = "FROM python:3.13-slim-trixie\nRUN python -m venv /srv/.venv\nENV PATH=/srv/.venv/bin:$PATH\n"
        example = Example(dockerfile=lines + 'CMD ["poetry", "run", "serve"]\n')
    if code == "TP406":  # the file has to be there, and to need no repair
        (tmp_path / "start.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    beside = Beside(str(tmp_path))
    source = Source(example.dockerfile.lstrip("\n"))
    before = [
        each for each in lint(source, beside=beside, today=TODAY, settings=Settings()).findings if each.code == code
    ]

    text, count = fixed(source, [each for each in before if each.fix])

    after = lint(Source(text), beside=beside, today=TODAY, settings=Settings()).findings
    if code == "TP203":
        assert [each.fix for each in before] == [None]  # uv has an option for it, poetry has none
        return
    assert count == len(before) > 0
    assert [each.code for each in after if each.code == code or each.code.startswith("D")] == []


def test_no_other_rule_has_a_fix() -> None:
    for code in codes():
        example = about(code).bad
        result = lint(Source(example.dockerfile.lstrip("\n")), beside=Beside(), today=TODAY, settings=Settings())
        assert {each.code for each in result.findings if each.fix} <= {each for each in codes() if about(each).fixable}


def test_suites_and_series_end_when_the_catalogue_says_so() -> None:
    known = catalogue()
    both = [(name, row, os) for name, row in suites().items() if (os := known.find_os(name)) and (os.lts or os.eol)]
    series = {row.name: row.eol for row in known.series if row.eol and _end(row.name)}

    assert len(both) > 4
    assert [(name, str(row["ends"])) for name, row, _ in both] == [(name, os.lts or os.eol) for name, _, os in both]
    assert series == {name: _end(name)[: len(eol)] for name, eol in series.items()}


def _end(series: str) -> str:
    major, _, minor = series.partition(".")
    return str(series_end((int(major), int(minor))) or "")
