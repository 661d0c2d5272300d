"""A verdict as people read it, and as a document (`docs/verify.md`)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from tare.oci.validate import Finding, Verdict
from tare.oci.validate.table import rule
from tare.report.text import megabytes, printable

SCHEMA = "tare.verify/1"

_ORDER: Final = ("error", "warning", "info")
_SHOWN: Final = 20
"""Places that are shown for each rule."""

_digest = re.compile(r"(sha(?:256|512):[0-9a-f]{12})[0-9a-f]{52,}")


def verify_text(verdict: Verdict, *, name: str) -> str:
    """Return a paragraph for each rule that is broken, the gravest first, and the verdict."""
    lines = []
    for severity in _ORDER:
        codes = dict.fromkeys(each.code for each in verdict.findings if each.severity == severity)
        for code in codes:
            found = [each for each in verdict.findings if (each.severity, each.code) == (severity, code)]
            broken = rule(code)
            lines += [f"{severity} {code}", *_places(found), f"  rule: {broken.title}", f"    {broken.reference}", ""]
    counts = Counter(finding.severity for finding in verdict.findings)
    told = ", ".join(f"{counts[severity]} {severity}{'s' if counts[severity] > 1 and severity != 'info' else ''}"
                     for severity in _ORDER if counts[severity])  # fmt: skip
    checked = verdict.checked
    counted = {"document": checked.documents, "layer": checked.layers}
    what = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in counted.items())
    what += f", {checked.entries:,} {'entry' if checked.entries == 1 else 'entries'}, {megabytes(checked.unpacked)}"
    verdict_word = "sound" if verdict.valid else "NOT SOUND"
    lines.append(f"{verdict_word}: {printable(name)} ({what}{'; ' + told if told else ''})")
    return "\n".join(lines) + "\n"


def _places(found: Sequence[Finding]) -> list[str]:
    """Return where a rule is broken, and how; of very many places the first."""
    lines = []
    for each in found[:_SHOWN]:
        where = _digest.sub(r"\1…", printable(each.where))
        lines.append(f"  {where}: {printable(each.message)}")
    if len(found) > _SHOWN:
        lines.append(f"  and {len(found) - _SHOWN} more, which `--json` has")
    return lines


def verify_json(verdict: Verdict, *, name: str) -> str:
    """Return the document."""
    document = {"schema": SCHEMA, "image": name, **msgspec.to_builtins(verdict)}
    for finding in document["findings"]:
        finding["reference"] = rule(finding["code"]).reference
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
