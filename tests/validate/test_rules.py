"""The table of rules, the code that names them, the cases that break them and the page about them are one."""

from __future__ import annotations

import re
from pathlib import Path

from images.sound import all_sound
from images.unsound_layers import all_unsound

from tare.oci import validate
from tare.oci.validate import Limits, Rule
from tare.oci.validate.table import rules

ROOT = Path(__file__).parents[2]
PACKAGE = Path(validate.__file__).parent
PAGE = ROOT / "docs" / "verify.md"
ELSEWHERE = frozenset({"O001", "O010", "I008", "P010", "L006", "L007", "L340"})
"""Rules that no layout of a case breaks: `test_entry_points.py` and `test_bombs.py` have them."""


def test_every_rule_is_named_in_the_code_and_no_other() -> None:
    named = {code for path in PACKAGE.glob("*.py") for code in re.findall(r'"([A-Z]\d{3})"', path.read_text())}
    assert named == set(rules())


def test_every_rule_is_broken_by_a_case() -> None:
    broken = frozenset().union(*(case.codes for case in (*all_unsound(), *all_sound())))
    assert broken | ELSEWHERE == set(rules())
    assert not broken & ELSEWHERE


def test_every_rule_says_where_it_is_from() -> None:
    assert all(found.reference.startswith("https://") for found in rules().values())
    assert {found.date for found in rules().values()} == {"2026-11-24"}


def test_codes_are_in_order() -> None:
    codes = list(rules())
    for letter in dict.fromkeys(code[0] for code in codes):
        numbers = [int(code[1:]) for code in codes if code[0] == letter]
        assert numbers == sorted(numbers)
    assert all(re.fullmatch(r"[OJDAIMCPL]\d{3}", code) for code in codes)


def row(found: Rule) -> str:
    because = f". {found.because}" if found.because else ""
    section = found.reference.rpartition("/")[2]
    return f"| {found.code} | {found.severity} | {found.title}{because} | [{section}]({found.reference}) |"


def test_the_page_has_every_rule_as_the_table_has_it() -> None:
    page = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in page if re.match(r"\| [A-Z]\d{3} \|", line)] == [row(found) for found in rules().values()]


def test_the_page_has_the_limits_as_they_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    limits = Limits()
    for name in limits.__struct_fields__:
        assert f"| `{name}` | {getattr(limits, name):,} |" in page, name
