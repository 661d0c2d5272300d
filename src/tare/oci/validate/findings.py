"""What a check of an image finds, and the verdict that follows from it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from tare.oci.validate.table import Severity, rule

_SHOWN: Final = 160
"""Characters of a hostile name or value that a finding repeats."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which an image is not as it should be."""

    code: str
    """The rule's stable code, such as `L207`; `docs/verify.md` lists them."""

    severity: Severity

    where: str
    """`index.json`, `manifest sha256:… layers[0].size`, `layer[2] sha256:… entry usr/bin/x`."""

    message: str
    """What is wrong; of a comparison both sides."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """How much a verdict rests on."""

    documents: int = 0
    """Indexes, manifests and configs that were read."""

    layers: int = 0

    entries: int = 0
    """Members of the layers' archives."""

    unpacked: int = 0
    """Bytes of the layers, uncompressed."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a check."""

    valid: bool
    """No finding is an error."""

    findings: tuple[Finding, ...]
    """In the order in which the image is read."""

    checked: Checked


class Fatal(Exception):  # noqa: N818  # it ends the reading of one blob, and becomes a finding
    """What is being read cannot be read further."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class Report:
    """Collects the findings about one *scope*: the documents, or one layer.

    A rule that is broken more than *most* times is told *most* times, and then once more with the number that is left.
    Rules in *ignore* are not told.
    """

    def __init__(self, scope: str = "", *, most: int = 20, ignore: Collection[str] = ()) -> None:
        self.scope = scope
        self._most = most
        self._ignore = ignore
        self._findings: list[Finding] = []
        self._counts: dict[str, int] = {}

    def add(self, code: str, where: str, message: str) -> None:
        """Tell that the rule *code* is broken."""
        severity = rule(code).severity
        if code in self._ignore:
            return
        count = self._counts[code] = self._counts.get(code, 0) + 1
        if count <= self._most:
            self._findings.append(Finding(code=code, severity=severity, where=where, message=message))

    def entry(self, code: str, path: bytes, message: str) -> None:
        """Tell that the rule *code* is broken by the entry *path* of a layer."""
        if self._counts.get(code, 0) >= self._most:
            self._counts[code] += 1
            return
        self.add(code, f"{self.scope} entry {shown(path)}", message)

    def part(self, scope: str) -> Report:
        """Return an empty report about *scope* with the same settings."""
        return Report(scope, most=self._most, ignore=self._ignore)

    def extend(self, other: Report) -> None:
        """Take over what *other* found."""
        self._findings += other.findings()

    def findings(self) -> list[Finding]:
        """Return what was found, with a line for each rule that was broken too often to tell it all."""
        more = [
            Finding(
                code=code,
                severity=rule(code).severity,
                where=self.scope,
                message=f"the same {count - self._most} times more",
            )
            for code, count in self._counts.items()
            if count > self._most
        ]
        return self._findings + more


def verdict(report: Report, checked: Checked) -> Verdict:
    """Return the verdict on what *report* holds."""
    findings = tuple(report.findings())
    valid = all(finding.severity != "error" for finding in findings)
    return Verdict(valid=valid, findings=findings, checked=checked)


def shown(text: bytes | str) -> str:
    r"""Return *text* fit for a terminal: without control characters, and not too long.

    >>> shown(b"a\n\xff")
    'a\\n\\xff'
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if len(text) > _SHOWN:
        text = f"{text[: _SHOWN // 2]}…{text[-_SHOWN // 2 :]}"
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )
