"""Findings as SARIF, for code scanning.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tare import __version__
from tare.dockerfile.finding import Finding, Fix
from tare.dockerfile.lint import Result
from tare.dockerfile.parse.source import Edit, Source
from tare.dockerfile.rules.registry import About

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def lint_sarif(results: Sequence[Result], known: dict[str, About]) -> str:
    """Return a log with one run. *known* has the rules of ours that were broken."""
    findings = [(finding, result.source) for result in results for finding in result.findings]
    codes = sorted({finding.code for finding, _ in findings})
    indexes = {code: index for index, code in enumerate(codes)}
    run = {
        "tool": {
            "driver": {
                "name": "tare",
                "version": __version__,
                "rules": [_rule(code, known.get(code)) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, source, indexes) for finding, source in findings],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _rule(code: str, about: About | None) -> dict[str, Any]:
    if about is None:
        kind = "wiki" if code.startswith("DL") else ""
        uri = f"https://github.com/hadolint/hadolint/wiki/{code}" if kind else f"https://www.shellcheck.net/wiki/{code}"
        return {"id": code, "helpUri": uri}
    return {
        "id": code,
        "shortDescription": {"text": about.title},
        "fullDescription": {"text": " ".join(about.why.split())},
        "helpUri": about.sources[0].url,
        "defaultConfiguration": {"level": _LEVELS[about.severity]},
    }


def _result(finding: Finding, source: Source, indexes: dict[str, int]) -> dict[str, Any]:
    artifact = {"uri": _uri(finding.file)}
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": indexes[finding.code],
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
    }
    if finding.fix is not None:
        result["fixes"] = [_fix(finding.fix, source, artifact)]
    return result


def _fix(fix: Fix, source: Source, artifact: dict[str, str]) -> dict[str, Any]:
    return {
        "description": {"text": fix.title},
        "artifactChanges": [
            {"artifactLocation": artifact, "replacements": [_replacement(edit, source) for edit in fix.edits]}
        ],
    }


def _replacement(edit: Edit, source: Source) -> dict[str, Any]:
    start, end = source.place(edit.start), source.place(edit.end)
    region = {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column}
    replacement: dict[str, Any] = {"deletedRegion": region}
    if edit.text:
        replacement["insertedContent"] = {"text": edit.text}
    return replacement


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path.replace("\\", "/")) if path != "-" else "stdin"
