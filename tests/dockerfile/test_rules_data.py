"""Every rule has its data, and the examples in it are tests."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from trees import write

from tare.dockerfile.beside import Beside
from tare.dockerfile.lint import lint
from tare.dockerfile.parse.source import Source
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
