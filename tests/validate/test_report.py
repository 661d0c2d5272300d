"""A verdict as people read it: a paragraph for each rule, the gravest first."""

from __future__ import annotations

from textwrap import dedent

from tare.oci.validate import Checked, Finding, Verdict
from tare.report.verify import verify_text

SECTION = "https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#file-types"
CHECKED = Checked(documents=2, layers=1, entries=30, unpacked=1_500_000)


def device(number: int, name: str = "") -> Finding:
    where = f"layer[0] sha256:{'a' * 64} entry dev/{name or number}"
    return Finding(code="L210", severity="warning", where=where, message="expected no device")


def test_places_stand_below_their_rule_and_errors_come_first() -> None:
    broken = Finding(code="O001", severity="error", where="/nope", message="expected a layout, found none")

    text = verify_text(Verdict(valid=False, findings=(device(1), broken), checked=CHECKED), name="oci:/nope")

    assert text == dedent(
        f"""\
        error O001
          /nope: expected a layout, found none
          rule: the image can be opened
            https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md

        warning L210
          layer[0] sha256:{"a" * 12}… entry dev/1: expected no device
          rule: an entry is no device
            {SECTION}

        NOT SOUND: oci:/nope (2 documents, 1 layer, 30 entries, 1.5 MB; 1 error, 1 warning)
        """
    )


def test_of_very_many_places_the_first_are_shown_and_nothing_moves_the_cursor() -> None:
    findings = (device(0, "\x1b[2J"), *(device(number) for number in range(1, 25)))

    lines = verify_text(Verdict(valid=True, findings=findings, checked=CHECKED), name="a:1").splitlines()

    assert lines[1] == f"  layer[0] sha256:{'a' * 12}… entry dev/?[2J: expected no device"
    assert lines[20:] == [
        f"  layer[0] sha256:{'a' * 12}… entry dev/19: expected no device",
        "  and 5 more, which `--json` has",
        "  rule: an entry is no device",
        f"    {SECTION}",
        "",
        "sound: a:1 (2 documents, 1 layer, 30 entries, 1.5 MB; 25 warnings)",
    ]
