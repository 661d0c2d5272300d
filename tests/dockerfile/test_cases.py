"""Each rule finds what it is for, where it is, and is not tempted by what only looks like it.

The cases are in `cases/*.txt`. `== CODE` begins a rule, `+ title` a case that it finds, `- title` one that it does not. A
line with `!` before it is one on which it is found. `@name` begins a file of the project, `@Dockerfile` the Dockerfile.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tare.dockerfile.beside import Beside
from tare.dockerfile.lint import lint
from tare.dockerfile.parse.source import Source
from tare.dockerfile.rules.registry import rules
from tare.dockerfile.settings import Settings
from tare.projects.uv import Uv

TODAY = dt.date(2026, 11, 24)
DIRECTORY = Path(__file__).with_name("cases")


class Case(NamedTuple):
    """One Dockerfile, with the lines on which one rule is to be found."""

    code: str
    title: str
    is_found: bool
    files: dict[str, str]
    dockerfile: str
    lines: list[int]


def read(path: Path) -> Iterator[Case]:
    code = ""
    for block in path.read_text(encoding="utf-8").split("\n== "):
        code, _, rest = block.removeprefix("== ").partition("\n")
        for part in ("\n" + rest).replace("\n+ ", "\n\0+ ").replace("\n- ", "\n\0- ").split("\n\0")[1:]:
            head, _, body = part.partition("\n")
            yield case(code, head, body)


def case(code: str, head: str, body: str) -> Case:
    files: dict[str, list[str]] = {}
    name = "Dockerfile"
    for line in body.splitlines():
        if line.startswith("@"):
            name = line[1:]
        else:
            files.setdefault(name, []).append(line)
    lines = files.pop("Dockerfile")
    return Case(
        code=code,
        title=head[2:],
        is_found=head.startswith("+"),
        files={name: "\n".join(content) + "\n" for name, content in files.items()},
        dockerfile="\n".join(line.removeprefix("!") for line in lines) + "\n",
        lines=[number for number, line in enumerate(lines, 1) if line.startswith("!")],
    )


CASES = [each for path in sorted(DIRECTORY.glob("*.txt")) for each in read(path)]


@pytest.mark.parametrize("case", CASES, ids=[f"{each.code}: {each.title}" for each in CASES])
def test_a_rule_finds_what_it_is_for_and_nothing_else(case: Case, tmp_path: Path) -> None:
    for name, text in case.files.items():
        # `\r` in a case is a carriage return: an editor would take a real one away.
        (tmp_path / name).write_text(text.replace("\\r\n", "\r\n"), encoding="utf-8", newline="")
    beside = Beside(str(tmp_path) if case.files else None, uv=lambda: Uv(python="python", env={}, offline=True))

    result = lint(Source(case.dockerfile), beside=beside, today=TODAY, settings=Settings(select=(case.code,)))

    assert sorted({finding.line for finding in result.findings if finding.code == case.code}) == case.lines
    assert bool(case.lines) == case.is_found


def test_every_rule_has_three_cases_of_each_kind() -> None:
    counts = {code: [0, 0] for code in rules()}
    for each in CASES:
        counts[each.code][each.is_found] += 1

    assert {code: count for code, count in counts.items() if min(count) < 3} == {}
