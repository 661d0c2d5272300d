"""The catalogue: every row is read, agrees with the others, and says who says so."""

from __future__ import annotations

import re
from datetime import date

import msgspec
import pytest

from tare.bases.catalogue.catalogue import catalogue
from tare.bases.catalogue.known import read_libc
from tare.bases.catalogue.support import ended
from tare.bases.debian.generated import USER
from tare.bases.debian.tables import tables
from tare.bases.tag_names import parse
from tare.oci.platform import parse as parse_platform
from tare.wheels.target import Libc

CATALOGUE = catalogue()
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
ROWS = [CATALOGUE.official, *CATALOGUE.series, *CATALOGUE.os, *CATALOGUE.variant, *CATALOGUE.base]


def test_every_row_has_a_source_and_a_day() -> None:
    assert [row for row in ROWS if not row.source or DAY.fullmatch(row.date) is None] == []
    assert all(date.fromisoformat(row.date) <= date(2026, 11, 24) for row in ROWS)


def test_no_row_is_there_twice() -> None:
    for rows in (CATALOGUE.series, CATALOGUE.os, CATALOGUE.variant, CATALOGUE.base):
        names = [row.name for row in rows]
        assert sorted(set(names)) == sorted(names)


def test_rows_name_rows_that_exist() -> None:
    known = {row.name for row in CATALOGUE.os}
    variants = {row.name for row in CATALOGUE.variant}
    assert {row.os for row in CATALOGUE.variant} | {row.os for row in CATALOGUE.base} <= known
    assert {name for row in CATALOGUE.series for name in row.variants} <= variants
    official = CATALOGUE.official
    assert {official.full, official.slim, official.alpine} <= variants
    assert official.newest in {row.name for row in CATALOGUE.series if row.version}


def test_an_end_of_support_has_a_source_of_its_own() -> None:
    assert [row.name for row in CATALOGUE.os if (row.eol is None) is not (row.eol_source is None)] == []
    assert [row.name for row in CATALOGUE.os if row.lts and row.eol and row.lts < row.eol] == []


def test_variants_are_what_their_names_say() -> None:
    for row in CATALOGUE.variant:
        name = parse(row.name)
        assert name is not None
        assert (name.kind, name.os) == (row.kind, row.os), row.name


def test_platforms_are_spelled_as_the_rest_of_tare_spells_them() -> None:
    texts = {text for row in CATALOGUE.variant for text in row.platforms}
    texts |= {text for row in CATALOGUE.base for text in row.platforms}
    assert {text for text in texts if str(parse_platform(text)) != text} == set()
    for row in CATALOGUE.variant:
        assert set(row.without_lto) <= set(row.platforms)


def test_the_wheel_tag_follows_from_the_libc() -> None:
    for row in CATALOGUE.os:
        libc = read_libc(row.libc)
        if libc is not None:
            family = "manylinux" if libc.family == "glibc" else "musllinux"
            assert row.wheel_tag == f"{family}_{libc.major}_{libc.minor}"


def test_debian_is_the_same_in_both_tables() -> None:
    for suite in tables().suite:
        row = CATALOGUE.find_os(suite.codename)
        assert row is not None
        assert (row.version, row.eol, row.lts) == (suite.version, suite.eol, suite.lts)
        base = CATALOGUE.find_base(f"deb:{suite.codename}")
        assert base is not None
        assert (base.python, base.user) == (suite.python, f"{USER}:{USER}")
        for text in base.platforms:
            assert tables().architecture(parse_platform(text))


def test_every_base_is_named_once_and_nothing_is_invented() -> None:
    bases = CATALOGUE.bases()
    assert len({base.name for base in bases}) == len(bases)
    assert {(base.pull, base.unpacked, base.libraries) for base in bases} == {(None, None, None)}
    assert all(base.sources and DAY.fullmatch(base.date) for base in bases)


def test_a_base_has_the_facts_of_its_rows() -> None:
    base = CATALOGUE.find_base("python:3.13-alpine3.24")
    assert base is not None
    assert base.libc == Libc(family="musl", major=1, minor=2)
    assert (base.pgo, base.lto, base.python, base.user) == (False, True, "3.13", "root")
    assert (base.interpreter, base.package_manager, base.shell) == ("/usr/local/bin/python3.13", "apk", "/bin/sh")
    assert base.python_eol == "2029-10"
    assert base.fits(parse_platform("linux/arm64/v8")) is True
    assert base.fits(parse_platform("linux/arm/v5")) is False
    assert base.lto_on(parse_platform("linux/riscv64")) is False
    assert base.lto_on(parse_platform("linux/amd64")) is True


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("python", "python:3.14-trixie"),
        ("python:3.13", "python:3.13-trixie"),
        ("python:3.13-slim", "python:3.13-slim-trixie"),
        ("python:3.13-alpine", "python:3.13-alpine3.24"),
        ("python:slim", "python:3.14-slim-trixie"),
        ("python:3-alpine3.23", "python:3.14-alpine3.23"),
        ("python:3.15-rc-slim", "python:3.15-rc-slim-trixie"),
        ("docker.io/library/python:3.13-slim-bookworm", "python:3.13-slim-bookworm"),
        ("docker://library/python:3.12-slim", "python:3.12-slim-trixie"),
        (f"python:3.13-slim@sha256:{'0' * 64}", "python:3.13-slim-trixie"),
        ("cgr.dev/chainguard/python", "cgr.dev/chainguard/python:latest"),
    ],
)
def test_a_base_has_every_usual_name(name: str, like: str) -> None:
    row = CATALOGUE.find_base(like)

    assert row is not None
    assert CATALOGUE.find_base(name) == msgspec.structs.replace(row, name=name)


def test_a_tag_that_names_a_release_has_that_release() -> None:
    found = CATALOGUE.find_base("python:3.13.2-slim")

    assert found is not None
    assert (found.version, found.os.name) == ("3.13.2", "trixie")


@pytest.mark.parametrize(
    "name",
    [
        "python:3.15", "python:2-slim", "python:3.9-slim", "python:3.13-slim-buster", "python:3.13-windowsservercore",
        "python:3.13-new_one", f"python@sha256:{'0' * 64}", "registry.example/library/python:3.13-slim", "library/deb:trixie",
        "oci:python", "docker-daemon:python:3.13-slim",
    ],
)  # fmt: skip
def test_a_name_that_the_rows_do_not_speak_of_is_unknown(name: str) -> None:
    assert CATALOGUE.find_base(name) is None


def test_every_base_is_found_by_its_name() -> None:
    assert [base.name for base in CATALOGUE.bases() if CATALOGUE.find_base(base.name) != base] == []


@pytest.mark.parametrize(
    ("system", "version", "name"),
    [
        ("debian", "13", "trixie"),
        ("alpine", "3.23.2", "alpine3.23"),
        ("rhel", "9.6", "ubi9"),
        ("wolfi", "20230201", "wolfi"),
    ],
)
def test_a_release_is_found_by_what_an_image_says_of_itself(system: str, version: str, name: str) -> None:
    found = CATALOGUE.find_release(system, version)

    assert found is not None
    assert found.name == name
    assert CATALOGUE.find_release("alpine", "3.2") is None


def test_who_says_when_support_ends_is_among_the_sources() -> None:
    base = CATALOGUE.find_base("python:3.13-slim")

    assert base is not None
    assert "https://wiki.debian.org/LTS and Debian's release pages (2026-11-24)" in base.sources


def test_what_nobody_says_is_unknown() -> None:
    chainguard = CATALOGUE.find_base("cgr.dev/chainguard/python:latest")
    windows = CATALOGUE.find_base("python:3.14-windowsservercore-ltsc2025")
    ubi = CATALOGUE.find_base("registry.access.redhat.com/ubi9/python-312-minimal")
    assert chainguard is not None
    assert windows is not None
    assert ubi is not None
    assert (chainguard.python, chainguard.pgo, chainguard.user, chainguard.shell) == (None, None, None, "")
    assert (windows.libc, windows.pgo) == (None, None)
    assert ubi.fits(parse_platform("linux/amd64")) is None


def test_a_series_can_be_asked_for() -> None:
    names = {base.name for base in CATALOGUE.bases(series="3.12")}
    assert "python:3.12-slim-trixie" in names
    assert "registry.access.redhat.com/ubi9/python-312-minimal" in names
    assert not any("3.13" in name or name.startswith("deb:") for name in names)


@pytest.mark.parametrize(
    ("day", "today", "over"),
    [
        ("2026-10", date(2026, 10, 31), False),
        ("2026-10", date(2026, 11, 1), True),
        ("2026-06-10", date(2026, 6, 10), False),
        ("2026-06-10", date(2026, 6, 11), True),
        ("2028-02", date(2028, 2, 29), False),
        (None, date(2099, 1, 1), False),
    ],
)
def test_the_last_day_still_counts(day: str | None, today: date, over: bool) -> None:  # noqa: FBT001  # a case
    assert ended(day, today) is over
