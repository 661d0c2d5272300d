"""`tare lint` as it is used: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest
from trees import write

from tare import __version__
from tare.cli.main import run

DOCKERFILE = """\
FROM python:3.12-slim
WORKDIR /srv   # home
COPY requirements.txt .
RUN pip install -r requirements.txt
"""
FIXED = """\
FROM python:3.12-slim-trixie
# home
WORKDIR /srv
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
"""
TEXT = """\
Dockerfile:1:6: warning TP001: `python:3.12-slim` names no suite, so its operating system changes by itself; today it is trixie
  1 | FROM python:3.12-slim
    |      ^^^^^^^^^^^^^^^^
    fix: name the suite: `3.12-slim-trixie`

Dockerfile:2:16: error D014: there are no comments at the end of a line: WORKDIR takes it for a part of the path
  2 | WORKDIR /srv   # home
    |                ^^^^^^
    fix: move the comment above the line

Dockerfile:4:5: warning TP201: pip keeps what it downloads in a layer of the image
  4 | RUN pip install -r requirements.txt
    |     ^^^^^^^^^^^
    fix: add `--no-cache-dir`

3 findings in 1 file; `--fix` repairs 3
"""
DIFF = """\
--- a/Dockerfile
+++ b/Dockerfile
@@ -1,4 +1,5 @@
-FROM python:3.12-slim
-WORKDIR /srv   # home
+FROM python:3.12-slim-trixie
+# home
+WORKDIR /srv
 COPY requirements.txt .
-RUN pip install -r requirements.txt
+RUN pip install --no-cache-dir -r requirements.txt
"""


class Outcome(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    stdout: str
    stderr: str


class Command:
    """Runs `tare lint` in a directory."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(root)
        monkeypatch.setenv("TARE_CACHE_DIR", str(root / ".cache"))

    def __call__(self, *arguments: str, stdin: str | None = None) -> Outcome:
        if stdin is not None:
            self._monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(stdin.encode())))
        code = run(["lint", "--no-hadolint", *arguments])
        out, err = self._capsys.readouterr()
        return Outcome(code, out, err)


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    write(tmp_path, {"Dockerfile": DOCKERFILE})
    return Command(tmp_path, monkeypatch, capsys)


def test_text_shows_each_finding_with_its_line(lint: Command) -> None:
    assert lint() == Outcome(1, TEXT, "")


def test_a_file_without_findings_ends_with_0(lint: Command) -> None:
    assert lint("-", stdin=FIXED) == Outcome(0, "no findings in 1 file\n", "")


def test_json_is_one_document(lint: Command) -> None:
    done = lint("--json")

    document = json.loads(done.stdout)
    assert done.code == 1
    assert [finding["code"] for finding in document["findings"]] == ["TP001", "D014", "TP201"]
    assert {**document, "findings": document["findings"][2]} == {
        "schema": "tare.lint/1",
        "files": ["Dockerfile"],
        "findings": {
            "code": "TP201",
            "severity": "warning",
            "file": "Dockerfile",
            "line": 4,
            "column": 5,
            "end_line": 4,
            "end_column": 16,
            "message": "pip keeps what it downloads in a layer of the image",
            "fix": {
                "title": "add `--no-cache-dir`",
                "edits": [{"line": 4, "column": 16, "end_line": 4, "end_column": 16, "text": " --no-cache-dir"}],
            },
            "cost": None,
            "tool": "tare",
        },
        "fixed": 0,
        "measured": None,
        "ignored": 0,
        "notes": [],
    }


def test_sarif_has_rules_results_and_fixes(lint: Command) -> None:
    done = lint("--sarif", "--select", "TP201")

    document = json.loads(done.stdout)
    rule = document["runs"][0]["tool"]["driver"]["rules"][0]
    assert done.code == 1
    assert {key: document[key] for key in ("$schema", "version")} == {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
    }
    assert sorted(rule) == ["defaultConfiguration", "fullDescription", "helpUri", "id", "shortDescription"]
    assert rule["defaultConfiguration"] == {"level": "warning"}
    assert document["runs"][0]["tool"]["driver"]["version"] == __version__
    artifact = {"uri": "Dockerfile"}
    assert document["runs"][0]["results"] == [
        {
            "ruleId": "TP201",
            "ruleIndex": 0,
            "level": "warning",
            "message": {"text": "pip keeps what it downloads in a layer of the image"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": artifact,
                        "region": {"startLine": 4, "startColumn": 5, "endLine": 4, "endColumn": 16},
                    }
                }
            ],
            "fixes": [
                {
                    "description": {"text": "add `--no-cache-dir`"},
                    "artifactChanges": [
                        {
                            "artifactLocation": artifact,
                            "replacements": [
                                {
                                    "deletedRegion": {"startLine": 4, "startColumn": 16, "endLine": 4, "endColumn": 16},
                                    "insertedContent": {"text": " --no-cache-dir"},
                                }
                            ],
                        }
                    ],
                }
            ],
        }
    ]


def test_annotations_of_github(lint: Command) -> None:
    assert lint("--github", "--select", "D") == Outcome(
        1,
        "::error file=Dockerfile,line=2,endLine=2,title=D014,col=16,endColumn=22::"
        "there are no comments at the end of a line: WORKDIR takes it for a part of the path\n",
        "",
    )


def test_diff_shows_and_changes_nothing(lint: Command) -> None:
    assert lint("--diff") == Outcome(1, DIFF, "")
    assert (lint.root / "Dockerfile").read_text(encoding="utf-8") == DOCKERFILE


def test_fix_shows_and_changes(lint: Command) -> None:
    assert lint("--fix") == Outcome(0, "no findings in 1 file; 3 fixed\n", DIFF)
    assert (lint.root / "Dockerfile").read_text(encoding="utf-8") == FIXED


def test_fix_keeps_line_ends_and_the_byte_order_mark(lint: Command) -> None:
    path = lint.root / "Dockerfile"
    path.write_bytes(b"\xef\xbb\xbf" + DOCKERFILE.replace("\n", "\r\n").encode())

    assert lint("--fix").code == 0
    assert path.read_bytes() == b"\xef\xbb\xbf" + FIXED.replace("\n", "\r\n").encode()


def test_a_file_that_is_no_utf8_is_checked_and_not_fixed(lint: Command) -> None:
    path = lint.root / "Dockerfile"
    path.write_bytes(b"# caf\xe9\nFROM python:3.12-slim\n")

    done = lint("--fix")

    assert (done.code, done.stdout.splitlines()[-1]) == (1, "1 finding in 1 file")
    assert path.read_bytes() == b"# caf\xe9\nFROM python:3.12-slim\n"


def test_every_dockerfile_of_the_directory_is_checked(lint: Command) -> None:
    good = "FROM python:3.13-slim-trixie\n"
    write(lint.root, {"Dockerfile": good, "Dockerfile.web": good, "Containerfile": good, "job.dockerfile": good})
    write(lint.root, {"Dockerfile.dockerignore": "*\n", "notes.txt": "FROM\n"})

    assert json.loads(lint("--json").stdout)["files"] == [
        "Containerfile",
        "Dockerfile",
        "Dockerfile.web",
        "job.dockerfile",
    ]


def test_no_dockerfile_is_an_error(lint: Command) -> None:
    (lint.root / "Dockerfile").unlink()

    assert lint() == Outcome(
        2,
        "",
        dedent("""\
            error: there is no Dockerfile here
              caused by: `tare lint` looks for `Dockerfile*`, `Containerfile*` and `*.dockerfile`

            hint: Name one: `tare lint FILE`
            """),
    )


def test_a_misspelt_code_is_an_error_with_the_nearest(lint: Command) -> None:
    assert lint("--ignore", "T201") == Outcome(
        2, "", "error: the command line: there is no rule `T201`\n\nhint: Did you mean `TP201`?\n"
    )


def test_rules_are_chosen_by_the_beginning_of_their_codes(lint: Command) -> None:
    assert [
        line.split()[2] for line in lint("--select", "TP", "--ignore", "TP2").stdout.splitlines() if line[:1] == "D"
    ] == ["TP001:"]


def test_the_project_configures_its_rules(lint: Command) -> None:
    write(
        lint.root,
        {
            "pyproject.toml": """\
                [project]
                name = "a"
                version = "1"
                [tool.tare.lint]
                ignore = ["D014"]
                [tool.tare.lint.severity]
                TP2 = "error"
                [tool.tare.lint.per-file-ignores]
                "Docker*" = ["TP001"]
                """
        },
    )

    findings = json.loads(lint("--json").stdout)["findings"]

    assert [(finding["code"], finding["severity"]) for finding in findings] == [("TP201", "error")]


def test_a_wrong_configuration_is_an_error(lint: Command) -> None:
    write(
        lint.root,
        {"pyproject.toml": '[project]\nname = "a"\nversion = "1"\n[tool.tare.lint]\nselekt = ["TP"]\nignore = "D"\n'},
    )

    assert lint() == Outcome(
        2,
        "",
        dedent("""\
            error: [tool.tare] of `pyproject.toml` is not understood
              caused by: `lint.selekt`: unknown key
              caused by: `lint.ignore`: expected an array, got `"D"`

            hint: Did you mean `select`?
            """),
    )


def test_a_rule_explains_itself(lint: Command) -> None:
    assert lint("--explain", "tp202").stdout == dedent("""\
        TP202: PIP_NO_CACHE_DIR reads as the opposite

        warning, with a fix

        pip switches its cache off for every value that it takes for a boolean, also for `off`, `no` and
        `0`. Whoever reads `PIP_NO_CACHE_DIR=off` expects a cache. `1` says what happens.

        bad:
            FROM python:3.13-slim-trixie
            ENV PIP_NO_CACHE_DIR=off

        good:
            FROM python:3.13-slim-trixie
            ENV PIP_NO_CACHE_DIR=1

        see: pip: the option --no-cache-dir, and what it does with false values, https://github.com/pypa/pip/blob/25.3/src/pip/_internal/cli/cmdoptions.py (read on 2026-11-24)
        """)


def test_the_caret_stands_under_what_is_wide(lint: Command) -> None:
    done = lint("-", "--select", "D", stdin="FROM scratch\nLABEL a=b\t# 설정\n")

    assert done.stdout.splitlines()[1:3] == ["  2 | LABEL a=b\t# 설정", "    |          \t^^^^^^"]


def test_standard_input_is_not_fixed(lint: Command) -> None:
    done = lint("--fix", "-", stdin=DOCKERFILE)

    assert (done.code, done.stderr.splitlines()[0]) == (2, "error: standard input cannot be fixed")
