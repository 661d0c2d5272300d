"""The grammar of the official tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tare.bases.tag_names import join, parse, version_key

ALL = ("series", "patch", "suite")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("latest", ("", "full", "", "shared", ALL)),
        ("3", ("", "full", "", "shared", ALL)),
        ("3.14", ("3.14", "full", "", "shared", ("patch", "suite"))),
        ("3.14.7", ("3.14", "full", "", "shared", ("suite",))),
        ("3.15-rc", ("3.15", "full", "", "shared", ("patch", "suite"))),
        ("3.15.0rc1", ("3.15", "full", "", "shared", ("suite",))),
        ("slim", ("", "slim", "", "simple", ALL)),
        ("3-slim", ("", "slim", "", "simple", ALL)),
        ("3.14-slim", ("3.14", "slim", "", "simple", ("patch", "suite"))),
        ("slim-trixie", ("", "slim", "trixie", "simple", ("series", "patch"))),
        ("3.13-slim-trixie", ("3.13", "slim", "trixie", "simple", ("patch",))),
        ("3.13.15-slim-trixie", ("3.13", "slim", "trixie", "simple", ())),
        ("3.15-rc-slim-forky", ("3.15", "slim", "forky", "simple", ("patch",))),
        ("trixie", ("", "full", "trixie", "simple", ("series", "patch"))),
        ("alpine", ("", "alpine", "", "simple", ALL)),
        ("3.14-alpine3.24", ("3.14", "alpine", "alpine3.24", "simple", ("patch",))),
        ("windowsservercore", ("", "windows", "", "shared", ALL)),
        ("3.14.7-windowsservercore", ("3.14", "windows", "", "shared", ("suite",))),
        ("3.14-windowsservercore-ltsc2025", ("3.14", "windows", "windowsservercore-ltsc2025", "simple", ("patch",))),
        ("2.7.18-buster", ("2.7", "full", "buster", "simple", ())),
    ],
)
def test_a_tag_says_what_it_is(text: str, said: tuple[object, ...]) -> None:
    name = parse(text)
    assert name is not None
    assert (name.series, name.kind, name.os, name.sharing, name.moves) == said


@pytest.mark.parametrize(
    "text", ["", "onbuild", "3.6-onbuild", "rc", "3.14t", "3.14_1", "-slim", "3.14-", "slim-", "a.b"]
)
def test_other_names_are_not_of_this_grammar(text: str) -> None:
    assert parse(text) is None


@given(
    version=st.sampled_from(["", "3", "latest", "3.14", "3.14.7", "3.15-rc", "3.15.0b3"]),
    variant=st.sampled_from(
        ["", "slim", "alpine", "trixie", "slim-trixie", "alpine3.24", "windowsservercore-ltsc2022"]
    ),
)
def test_what_is_joined_is_read_again(version: str, variant: str) -> None:
    text = join(version, variant)
    name = parse(text)
    if not text:
        assert name is None
        return
    assert name is not None
    assert name.variant == variant
    assert name.version == ("" if version == "latest" and variant else version)


@given(st.text(max_size=40))
def test_no_text_confuses_the_reader(text: str) -> None:
    name = parse(text)
    assert name is None or join(name.version, name.variant) == text


def test_versions_are_sorted_as_releases_come() -> None:
    versions = ["3.15.0a7", "3.15.0b1", "3.15.0b10", "3.15.0rc1", "3.15.0", "3.15.1", "3.15.10"]
    assert sorted(versions, key=version_key) == versions
