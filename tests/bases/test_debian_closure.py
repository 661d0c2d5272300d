"""The closure: alternatives, virtual packages, versions, and what is left out of it."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tare.bases.debian.closure import Closure, Package, Skipped, base_roots, resolve
from tare.bases.debian.packages import PackagesIndex
from tare.bases.debian.relations import relations, satisfies
from tare.bases.debian.tables import LeftOut, tables
from tare.bases.debian.universe import Universe
from tare.errors import IntegrityError, TargetError, UsageError

ZEROS = "0" * 64


def index(text: str, *, archive: str = "trixie") -> PackagesIndex:
    """Return an index of lines `NAME VERSION; Field: value; …`."""
    stanzas = []
    for line in dedent(text).strip().splitlines():
        head, *fields = (part.strip() for part in line.split(";"))
        name, version = head.split()
        if not any(field.startswith("Architecture") for field in fields):
            fields.append("Architecture: amd64")
        fields += [f"Filename: pool/{name}.deb", "Size: 10", f"SHA256: {ZEROS}", "Installed-Size: 2"]
        stanzas.append("\n".join((f"Package: {name}", f"Version: {version}", *fields)) + "\n")
    return PackagesIndex("\n".join(stanzas).encode(), archive=archive)


def universe(text: str, *more: PackagesIndex) -> Universe:
    return Universe([index(text), *more], suite="trixie", architecture="amd64")


def names(closure: Closure) -> list[str]:
    return [package.name for package in closure.packages]


def test_a_closure_says_who_needs_what() -> None:
    found = resolve(universe("a 1; Depends: b\nb 2; Pre-Depends: c\nc 3\nd 4"), {"a": "a root"})

    assert found == Closure(
        packages=tuple(
            Package(
                name=name,
                version=version,
                architecture="amd64",
                archive="trixie",
                filename=f"pool/{name}.deb",
                size=10,
                digest=f"sha256:{ZEROS}",
                installed_size=2048,
                why=why,
            )
            for name, version, why in (
                ("a", "1", "a root"),
                ("b", "2", "`a` needs it"),
                ("c", "3", "`b` needs it"),
            )
        ),
        skipped=(),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a 1; Depends: b | c\nb 1\nc 1", ["a", "b"]),
        ("a 1; Depends: gone | c\nc 1", ["a", "c"]),
        ("a 1; Depends: b (>= 2) | c\nb 1\nc 1", ["a", "c"]),
        ("a 1; Depends: d, b | c\nb 1\nc 1\nd 1; Depends: c", ["a", "b", "c", "d"]),
        ("a 1; Depends: c, b | c\nb 1\nc 1", ["a", "c"]),
        ("a 1; Depends: v\nb 1; Provides: v\nc 1; Provides: v", ["a", "b"]),
        ("a 1; Depends: c, v\nb 1; Provides: v\nc 1; Provides: v", ["a", "c"]),
        ("a 1; Depends: v\nb 1; Provides: v; Priority: extra\nc 1; Provides: v; Priority: required", ["a", "c"]),
        ("a 1; Depends: v (>= 2)\nb 1; Provides: v\nc 1; Provides: v (= 2.1)", ["a", "c"]),
        ("a 1; Depends: v (>= 2)\nb 1; Provides: v (= 1)\nc 1; Provides: w, v (= 3)", ["a", "c"]),
        ("a 1; Depends: b:any, c:amd64\nb 1\nc 1", ["a", "b", "c"]),
        ("a 1; Depends: b:i386 | c\nb 1\nc 1", ["a", "c"]),
        ("a 1; Depends: b\nb 1; Depends: a", ["a", "b"]),
        ("a 1; Depends: b (= 1:2-3)\nb 1:2-3", ["a", "b"]),
        ("a 1; Recommends: b; Suggests: c\nb 1\nc 1", ["a"]),
        ("a 1; Depends: b\nb 1; Architecture: i386\nb 2; Architecture: all", ["a", "b"]),
        ("v 1\na 1; Depends: v\nb 1; Provides: v", ["a", "v"]),
    ],
)
def test_a_need_is_met_as_apt_would(text: str, expected: list[str]) -> None:
    assert names(resolve(universe(text), {"a": "root"})) == expected


def test_the_highest_version_over_all_archives_is_taken() -> None:
    security = index("b 1.10~rc1; Depends: c\nb 1.9\nc 1", archive="trixie-security")
    updates = index("b 1.10; Depends: d\nd 1", archive="trixie-updates")

    found = resolve(universe("a 1; Depends: b\nb 1.2", security, updates), {"a": "root"})

    assert [(package.name, package.version, package.archive) for package in found.packages] == [
        ("a", "1", "trixie"),
        ("b", "1.10", "trixie-updates"),
        ("d", "1", "trixie-updates"),
    ]


def test_the_order_of_names_does_not_matter() -> None:
    text = "a 1; Depends: x | y\nb 1; Depends: y | x\nx 1\ny 1"

    one = resolve(universe(text), {}, named=("a", "b"))
    other = resolve(universe(text), {}, named=("b", "a", "b"))
    assert one == other
    assert names(one) == ["a", "b", "x"]


def rule(name: str, *of: str, told: bool = False) -> LeftOut:
    return LeftOut(name=name, of=of, told=told, reason="not needed", source="a test", date="2026-11-24")


def test_what_only_scripts_need_is_left_out_and_said() -> None:
    found = resolve(
        universe("a 1; Depends: debconf (>= 0.5) | debconf-2.0, tool\nb 1; Depends: tool\ndebconf 1\ntool 1"),
        {"a": "root", "b": "root"},
        left_out=(rule("debconf"), rule("tool", "a", told=True)),
    )

    assert names(found) == ["a", "b", "tool"]
    assert found.skipped == (
        Skipped(name="debconf", of="a", reason="not needed", told=False),
        Skipped(name="tool", of="a", reason="not needed", told=True),
    )


def test_what_is_named_is_never_left_out() -> None:
    text = "a 1; Depends: debconf\ndebconf 1; Depends: perl\nperl 1"

    found = resolve(universe(text), {"a": "root"}, named=("debconf",), left_out=(rule("debconf"),))

    assert names(found) == ["a", "debconf", "perl"]
    assert [package.name for package in found.packages if package.named] == ["debconf"]
    assert found.skipped == ()


def test_a_virtual_package_can_be_named() -> None:
    found = resolve(universe("mawk 1; Provides: awk\ngawk 1; Provides: awk"), {}, named=("awk",))

    assert [(package.name, package.named) for package in found.packages] == [("gawk", True)]


def test_a_misspelt_package_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        resolve(universe("ffmpeg 7\nffmpegthumbs 1"), {}, named=("ffmepg",))

    assert caught.value.message == "`deb:trixie` has no package `ffmepg`"
    assert caught.value.hints == ("Did you mean `ffmpeg`?",)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("a 1; Depends: b (>= 2) | v\nb 1", "it needs `b (>= 2)` or `v`; the suite has `b` 1"),
        ("a 1; Depends: gone", "it needs `gone`; the suite has none of that"),
    ],
)
def test_a_need_that_cannot_be_met_says_what_there_is(text: str, state: str) -> None:
    with pytest.raises(TargetError) as caught:
        resolve(universe(text), {"a": "root"})

    assert caught.value.message == "`a` 1 cannot be installed on `deb:trixie`"
    assert caught.value.causes == (state,)


def test_a_root_that_is_missing_is_an_error_of_the_target() -> None:
    with pytest.raises(TargetError, match="`deb:trixie` has no package `a`"):
        resolve(universe("b 1"), {"a": "root"})


@pytest.mark.parametrize(
    "field", ["Depends: a b", "Depends: (>= 1)", "Depends: a (~ 1)", "Depends: UPPER", "Depends: ,|"]
)
def test_a_relation_that_makes_no_sense_is_refused(field: str) -> None:
    with pytest.raises(IntegrityError, match="is not a relation between Debian packages"):
        resolve(universe(f"a 1; {field}"), {"a": "root"})


@pytest.mark.parametrize(
    ("version", "relation", "expected"),
    [
        ("1.0~rc1-1", "a (<< 1.0)", True),
        ("1.0-1", "a (>= 1.0)", True),
        ("1:0.1", "a (>> 9)", True),
        ("2.41-12+deb13u5", "a (>= 2.41-12+deb13u10)", False),
        ("1.0", "a (= 1.0)", True),
        ("1.0", "a (<= 0.9)", False),
        ("anything", "a", True),
    ],
)
def test_versions_compare_as_debians_do(version: str, relation: str, expected: bool) -> None:  # noqa: FBT001
    assert satisfies(version, relations(relation)[0][0]) is expected


def test_a_version_that_is_none_is_refused() -> None:
    with pytest.raises(IntegrityError, match="is not a version of a Debian package"):
        satisfies("1 2", relations("a (>= 1)")[0][0])


def test_an_index_without_its_last_newline_is_read_whole() -> None:
    data = b"Package: a\nVersion: 1\nProvides: v\n\nPackage: ab\nVersion: 2\nDescription: Package: c\n Package: d"
    found = PackagesIndex(data, archive="trixie")

    assert list(found.names()) == ["a", "ab"]
    assert found.find("ab")[0]["Version"] == "2"
    assert found.find("c") == []
    assert found.providers("v") == ("a",)
    assert PackagesIndex(b"", archive="trixie").find("a") == []


def test_every_suite_has_its_own_interpreter_as_a_root() -> None:
    known = tables()

    assert {suite.codename: suite.python for suite in known.suite} == {"bookworm": "3.11", "trixie": "3.13"}
    for suite in known.suite:
        assert f"libpython{suite.python}-stdlib" in base_roots(known, suite)
    assert "python3-distutils" not in base_roots(known, known.find_suite("trixie"))


def test_an_unknown_suite_gets_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        tables().find_suite("woody")
    assert caught.value.causes == ("bases can be assembled from `deb:bookworm`, `deb:trixie`",)
