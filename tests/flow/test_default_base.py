"""The base of a project that names none: the newest suite whose interpreter it accepts."""

from __future__ import annotations

import pytest
from command import Place
from counted import CountedWorld

from tare.errors import ProjectError, TargetError
from tare.flow.bases.default import default_base
from tare.projects.project import Project


def chosen(place: Place, requires: str | None, python: str | None = None) -> str:
    project = Project(root=str(place.app), requires_python=requires)
    return default_base(CountedWorld(place.cache, {}), project, python)


@pytest.mark.parametrize(
    ("requires", "base"),
    [
        (None, "deb:trixie"),
        (">=3.11", "deb:trixie"),
        (">=3.11,<3.13", "deb:bookworm"),
        ("==3.11.*", "deb:bookworm"),
        ("==3.13.*", "deb:trixie"),
        (">=3.13.1", "deb:trixie"),
        ("<3.13.2", "deb:trixie"),
        ("==3.11.2", "deb:bookworm"),
        ("!=3.13.*", "deb:bookworm"),
        ("~=3.11", "deb:trixie"),
        ("~=3.11.0", "deb:bookworm"),
        ("<4", "deb:trixie"),
    ],
)
def test_the_newest_suite_that_fits_is_taken(place: Place, requires: str | None, base: str) -> None:
    assert chosen(place, requires) == base
    assert chosen(place, requires) == base, "the answer is remembered"


def test_what_a_loss_of_power_left_of_the_answer_is_not_one(place: Place) -> None:
    chosen(place, None)
    (memo,) = place.cache.glob("memo/default-base/*")
    for left in (b"", bytes(12)):
        memo.chmod(0o644)
        memo.write_bytes(left)
        assert chosen(place, None) == "deb:trixie"


@pytest.mark.parametrize(
    ("python", "base"),
    [("3.13", "deb:trixie"), ("3.11", "deb:bookworm"), ("3.11.2", "deb:bookworm"), ("/usr/bin/python3", "deb:trixie")],
)
def test_a_series_that_is_asked_for_decides(place: Place, python: str, base: str) -> None:
    assert chosen(place, ">=3.11", python) == base


@pytest.mark.parametrize(
    ("requires", "python", "asked"),
    [
        ("==3.12.*", None, '`requires-python = "==3.12.*"`'),
        (">=3.14", None, '`requires-python = ">=3.14"`'),
        (">=3.11", "3.12", "`--python 3.12`"),
    ],
)
def test_what_no_suite_has_is_an_error_that_says_what_they_have(
    place: Place, requires: str, python: str | None, asked: str
) -> None:
    with pytest.raises(TargetError) as caught:
        chosen(place, requires, python)
    assert caught.value.message == "no suite of Debian has an interpreter for the project"
    assert caught.value.causes == (f"{asked}; `deb:trixie` has CPython 3.13, `deb:bookworm` has CPython 3.11",)


def test_a_specifier_that_is_none_is_the_project_s_mistake(place: Place) -> None:
    with pytest.raises(ProjectError):
        chosen(place, "3.11 or so")
