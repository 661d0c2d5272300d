"""General rules, from hadolint where it is installed: run, read, and freed of what is known to be wrong.

https://github.com/hadolint/hadolint. Its licence is the GPL; it is run as a program, and never linked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tare.dockerfile.finding import Finding, Severity
from tare.dockerfile.model.tables import table
from tare.dockerfile.parse.document import Dockerfile
from tare.dockerfile.parse.source import encode
from tare.errors import MachineError
from tare.projects.process import Runner

_SEVERITIES: dict[str, Severity] = {"error": "error", "warning": "warning", "info": "info", "style": "info"}
_CANNOT_READ = "DL1000"


class _Row(msgspec.Struct, frozen=True):
    """A finding as hadolint prints it."""

    code: str
    line: int
    column: int
    level: str
    message: str


class Hadolint(msgspec.Struct, frozen=True, kw_only=True):
    """The program, and how it is run."""

    program: str
    env: Mapping[str, str]
    directory: str
    """Where it looks for its configuration."""

    runner: Runner

    def check(self, file: Dockerfile, ours: Sequence[Finding]) -> tuple[list[Finding], list[str]]:
        """Return what it finds in *file* besides *ours*, and notes about what it could not do."""
        done = self.runner(
            (self.program, "--format", "json", "--no-fail", "-"),
            env=self.env,
            cwd=self.directory,
            stdin=encode(file.source, file.source.text),
        )
        try:
            rows = msgspec.json.decode(done.stdout, type=list[_Row])
        except msgspec.DecodeError as error:
            cause = (done.stderr.strip() or "it printed no JSON").splitlines()[-1][:200]
            raise MachineError(
                "`hadolint` cannot be used", causes=(cause,), hints=("Leave it out with `--no-hadolint`",)
            ) from error
        broken = any(problem.refused for problem in file.problems)
        notes = [
            f"hadolint cannot read `{file.source.name}`, so general rules are not checked (line {row.line})"
            for row in rows
            if row.code == _CANNOT_READ and not broken
        ]
        found = [_finding(row, file) for row in rows if row.code != _CANNOT_READ and not _is_known(row, file, ours)]
        return found, notes


def _finding(row: _Row, file: Dockerfile) -> Finding:
    line = max(1, row.line)
    column = max(1, row.column)
    return Finding(
        code=row.code,
        severity=_SEVERITIES.get(row.level, "info"),
        file=file.source.name,
        line=line,
        column=column,
        end_line=line,
        end_column=len(file.source.line(line)) + 1,
        message=_plain(row.message),
        tool="hadolint",
    )


def _plain(message: str) -> str:
    return " ".join(message.split()).rstrip(".")


def _data() -> dict[str, Any]:
    return table("hadolint.toml")


def replaced() -> dict[str, tuple[str, ...]]:
    """Return our codes by those of hadolint that they replace."""
    return {row["code"]: tuple(row["by"]) for row in _data()["replaced"]}


def checks() -> dict[str, tuple[str, ...]]:
    """Return the codes that say the same as a check of BuildKit, by its name."""
    return {name: tuple(codes) for name, codes in _data()["checks"].items()}


def _is_known(row: _Row, file: Dockerfile, ours: Sequence[Finding]) -> bool:
    if row.code in replaced():
        return True
    if any(
        each["code"] == row.code and any(hit.code in each["by"] and hit.line == row.line for hit in ours)
        for each in _data()["same"]
    ):
        return True
    return any(each["code"] == row.code and _mounts(file, row.line, each["target"]) for each in _data()["mounted"])


def _mounts(file: Dockerfile, line: int, target: str) -> bool:
    for instruction in file.instructions:
        if file.source.place(instruction.span.start).line == line:
            return any(
                mount.kind in {"cache", "tmpfs"}
                and (mount.target.startswith(target) or target.startswith(mount.target.rstrip("/") + "/"))
                for mount in instruction.mounts
            )
    return False
