"""Every seeded defect is found, every odd image passes, and each finding is the expected one."""

from __future__ import annotations

from pathlib import Path

import pytest
from images.cases import Case
from images.sound import all_sound
from images.unsound_layers import all_unsound

from tare.oci import validate
from tare.oci.validate import Verdict, rule

UNSOUND = all_unsound()
SOUND = all_sound()


def by_name(case: Case) -> str:
    return case.name


def codes(verdict: Verdict) -> set[str]:
    return {finding.code for finding in verdict.findings}


def is_error(code: str) -> bool:
    return rule(code).severity == "error"


@pytest.mark.parametrize("case", UNSOUND, ids=by_name)
def test_what_is_unsound_breaks_the_expected_rules_and_no_others(case: Case, tmp_path: Path) -> None:
    verdict = validate.layout(case.write(tmp_path / "layout"))
    assert codes(verdict) == case.codes, verdict.findings
    assert verdict.valid is not any(map(is_error, case.codes))
    assert all(finding.severity == rule(finding.code).severity for finding in verdict.findings)


@pytest.mark.parametrize("case", SOUND, ids=by_name)
def test_what_is_sound_passes_however_odd_it_is(case: Case, tmp_path: Path) -> None:
    verdict = validate.layout(case.write(tmp_path / "layout"))
    assert verdict.valid, verdict.findings
    assert codes(verdict) == case.codes, verdict.findings


@pytest.mark.parametrize("case", [case for case in UNSOUND if any(map(is_error, case.codes))], ids=by_name)
def test_without_the_rules_that_it_breaks_a_defect_is_not_seen(case: Case, tmp_path: Path) -> None:
    """A test of the tests: every case stands for its own rules, and nothing else makes it invalid."""
    verdict = validate.layout(case.write(tmp_path / "layout"), ignore=case.codes)
    assert (verdict.valid, verdict.findings) == (True, ())


@pytest.mark.parametrize("case", [*UNSOUND, *SOUND], ids=by_name)
def test_several_threads_find_the_same_as_one(case: Case, tmp_path: Path) -> None:
    layout = case.write(tmp_path / "layout")
    assert validate.layout(layout, workers=3) == validate.layout(layout)


def test_there_are_as_many_cases_as_were_promised() -> None:
    seeded = [case for case in UNSOUND if any(map(is_error, case.codes))]
    assert len(seeded) >= 120
    assert len(SOUND) >= 40
    names = [case.name for case in (*UNSOUND, *SOUND)]
    assert sorted(set(names)) == sorted(names)
