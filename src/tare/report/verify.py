"""A verdict as people read it, and as a document (`docs/verify.md`)."""

from __future__ import annotations

from collections import Counter

import msgspec

from tare.oci.validate import Verdict
from tare.oci.validate.table import rule
from tare.report.text import megabytes

SCHEMA = "tare.verify/1"


def verify_text(verdict: Verdict, *, name: str) -> str:
    """Return the findings, one to a paragraph, and the verdict."""
    lines = []
    for finding in verdict.findings:
        lines += [f"{finding.severity} {finding.code} at {finding.where}", f"    {finding.message}"]
        lines.append(f"    {rule(finding.code).reference}")
    counts = Counter(finding.severity for finding in verdict.findings)
    found = ", ".join(f"{counts[severity]} {severity}{'s' if counts[severity] > 1 and severity != 'info' else ''}"
                      for severity in ("error", "warning", "info") if counts[severity])  # fmt: skip
    checked = verdict.checked
    what = f"{checked.documents} documents, {checked.layers} layers, {checked.entries} entries, {megabytes(checked.unpacked)}"
    lines.append(f"{'sound' if verdict.valid else 'NOT SOUND'}: {name} ({what}{'; ' + found if found else ''})")
    return "\n".join(lines) + "\n"


def verify_json(verdict: Verdict, *, name: str) -> str:
    """Return the document."""
    document = {"schema": SCHEMA, "image": name, **msgspec.to_builtins(verdict)}
    for finding in document["findings"]:
        finding["reference"] = rule(finding["code"]).reference
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
