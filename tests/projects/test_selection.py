"""What a target takes of a lock, and what is said when it can take nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest
from make.errors import Told, told
from targets import target

from tare.errors import HostileInputError, ProjectError, TareError, TargetError
from tare.projects.locked import Locked, LockedArchive, LockedDirectory, LockedSdist, LockedVcs, LockedWheel
from tare.projects.locks import pylock
from tare.projects.locks.interface import Resolution
from tare.projects.project import Project
from tare.projects.selection import select
from tare.wheels.target import Target

HASH = "0" * 64
ROOT = str(Path("/app").absolute())
HEAD = 'lock-version = "1.0"\ncreated-by = "tests"\n'


def resolution(text: str, **fields: tuple[str, ...]) -> Resolution:
    lock = pylock.parse(tomllib.loads(HEAD + dedent(text)), "pylock.toml")
    default = Resolution(pylock=lock, origin="pylock.toml", directory=ROOT, pinned=True, hashed=True)
    return msgspec.structs.replace(default, **fields)


def package(name: str, *tags: str, version: str = "1.0", sdist: bool = False, extra: str = "") -> str:
    """Return a package with a wheel for each of *tags*."""
    stem = f"{name}-{version}"
    wheels = ", ".join(
        f'{{ url = "https://files.example/{stem}-{tag}.whl", hashes = {{ sha256 = "{HASH}" }} }}' for tag in tags
    )
    lines = ["[[packages]]", f'name = "{name}"', f'version = "{version}"', extra]
    if tags:
        lines.append(f"wheels = [{wheels}]")
    if sdist:
        lines.append(f'sdist = {{ url = "https://files.example/{stem}.tar.gz", hashes = {{ sha256 = "{HASH}" }} }}')
    return "\n".join(lines) + "\n"


def refused(text: str, where: Target, **fields: tuple[str, ...]) -> Told:
    with pytest.raises(TareError) as caught:
        select(resolution(text, **fields), where)
    return told(caught.value)


BINARY = (
    "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp313-cp313-manylinux_2_28_x86_64",
    "cp313-cp313-manylinux_2_28_aarch64",
    "cp313-cp313-musllinux_1_2_x86_64",
    "cp313-cp313t-manylinux_2_28_x86_64",
    "cp39-abi3-manylinux_2_34_x86_64",
    "cp313-cp313-macosx_14_0_arm64",
    "cp313-cp313-win_amd64",
)


@pytest.mark.parametrize(
    ("where", "tag"),
    [
        (target("3.13.5"), BINARY[1]),
        (target("3.11.2"), BINARY[0]),
        (target("3.11.2", libc="glibc 2.31"), BINARY[0]),
        (target("3.12.0"), BINARY[5]),
        (target("3.13.5", architecture="arm64"), BINARY[2]),
        (target("3.13.5", libc="musl 1.2"), BINARY[3]),
        (msgspec.structs.replace(target("3.13.5"), free_threaded=True), BINARY[4]),
    ],
    ids=str,
)
def test_the_wheel_is_the_one_that_an_installer_on_the_target_would_take(where: Target, tag: str) -> None:
    (found,) = select(resolution(package("numpy", *BINARY)), where)

    assert found == LockedWheel(
        name="numpy",
        version="1.0",
        filename=f"numpy-1.0-{tag}.whl",
        hashes={"sha256": HASH},
        url=f"https://files.example/numpy-1.0-{tag}.whl",
    )


def test_markers_are_asked_for_the_target() -> None:
    text = (
        package("a", "py3-none-any", extra="marker = \"sys_platform == 'win32'\"")
        + package("b", "py3-none-any", extra="marker = \"platform_machine == 'aarch64' and python_version == '3.11'\"")
        + package("c", "py3-none-any", extra="marker = \"python_full_version < '3.11.3'\"")
    )
    taken = {
        str(where): [each.name for each in select(resolution(text), where)]
        for where in (target("3.11.2", "arm64"), target("3.11.9"), target("3.13.5", "arm64"))
    }

    assert taken == {
        "cp311, linux/arm64, glibc 2.41": ["b", "c"],
        "cp311, linux/amd64, glibc 2.41": [],
        "cp313, linux/arm64, glibc 2.41": [],
    }


@pytest.mark.parametrize(
    ("extras", "groups", "names"),
    [((), (), ["a"]), (("pg",), (), ["a", "b"]), ((), ("dev",), ["a", "c"]), (("pg",), ("dev",), ["a", "b", "c"])],
)
def test_extras_and_groups_bring_what_is_theirs(
    extras: tuple[str, ...], groups: tuple[str, ...], names: list[str]
) -> None:
    text = (
        'extras = ["pg"]\ndependency-groups = ["dev"]\n'
        + package("a", "py3-none-any")
        + package("b", "py3-none-any", extra="marker = \"'pg' in extras\"")
        + package("c", "py3-none-any", extra="marker = \"'dev' in dependency_groups\"")
    )

    assert [each.name for each in select(resolution(text, extras=extras, groups=groups), target())] == names


def test_every_kind_of_entry_is_mapped() -> None:
    commit = "1" * 40
    text = f"""
        [[packages]]
        name = "archive"
        archive = {{ url = "https://files.example/archive-1.zip", hashes = {{ sha256 = "{HASH}" }}, size = 7, subdirectory = "a/b" }}
        [[packages]]
        name = "directory"
        directory = {{ path = "../libs/directory", editable = true }}
        [[packages]]
        name = "fetched"
        archive = {{ url = "https://files.example/fetched-2.0-py3-none-any.whl", hashes = {{ sha256 = "{HASH}" }} }}
        [[packages]]
        name = "local"
        version = "1.0"
        index = "https://me:secret@index.example/simple"
        wheels = [{{ path = "wheels/local-1.0-py3-none-any.whl", size = 9, hashes = {{ SHA256 = "X", sha256 = "{HASH.replace("0", "A")}" }} }}]
        [[packages]]
        name = "pure"
        version = "3"
        sdist = {{ url = "https://files.example/pure-3.tar.gz", hashes = {{ sha256 = "{HASH}" }} }}
        wheels = [{{ url = "https://files.example/pure-3-cp313-cp313-win_amd64.whl", hashes = {{ sha256 = "{HASH}" }} }}]
        [[packages]]
        name = "repository"
        version = "4"
        vcs = {{ type = "git", url = "https://git.example/r.git", requested-revision = "main", commit-id = "{commit}" }}
        """
    expected: tuple[Locked, ...] = (
        LockedArchive(
            name="archive",
            filename="archive-1.zip",
            hashes={"sha256": HASH},
            url="https://files.example/archive-1.zip",
            size=7,
            subdirectory="a/b",
        ),
        LockedDirectory(name="directory", path=str(Path("/libs/directory").absolute()), editable=True),
        LockedWheel(
            name="fetched",
            version="2.0",
            filename="fetched-2.0-py3-none-any.whl",
            hashes={"sha256": HASH},
            url="https://files.example/fetched-2.0-py3-none-any.whl",
            direct=True,
        ),
        LockedWheel(
            name="local",
            version="1.0",
            filename="local-1.0-py3-none-any.whl",
            hashes={"SHA256": "x", "sha256": "a" * 64},
            path=str(Path(ROOT, "wheels", "local-1.0-py3-none-any.whl")),
            size=9,
            index="https://index.example/simple",
        ),
        LockedSdist(
            name="pure",
            version="3",
            filename="pure-3.tar.gz",
            hashes={"sha256": HASH},
            url="https://files.example/pure-3.tar.gz",
            offered=("win_amd64",),
        ),
        LockedVcs(
            name="repository", kind="git", commit=commit, url="https://git.example/r.git", requested="main", version="4"
        ),
    )

    assert select(resolution(text), target()) == expected
    assert msgspec.json.decode(msgspec.json.encode(expected), type=tuple[Locked, ...]) == expected


def test_the_project_itself_is_left_out() -> None:
    text = '[[packages]]\nname = "own"\ndirectory = { path = ".", editable = true }\n'

    assert select(resolution(text), target(), Project(root=ROOT)) == ()
    assert len(select(resolution(text), target(), Project(root=str(Path("/other").absolute())))) == 1


def test_no_wheel_for_the_c_library() -> None:
    text = package(
        "numpy", "cp313-cp313-manylinux_2_28_x86_64", "cp313-cp313-macosx_14_0_arm64", "cp313-cp313-win_amd64"
    )

    assert refused(text, target(libc="musl 1.2")) == (
        TargetError,
        "`numpy==1.0` has no wheel for the target",
        ("the target is cp313, linux/amd64, musl 1.2; `pylock.toml` offers macosx_14_0_arm64, manylinux_2_28_x86_64, win_amd64",),
        ("Use a glibc base, for example `--base deb:trixie`",),
    )  # fmt: skip


def test_no_wheel_for_the_interpreter() -> None:
    text = package("old", *(f"cp{series}-cp{series}-manylinux_2_17_x86_64" for series in ("39", "310", "311")))

    assert refused(text, target("3.13.5")) == (
        TargetError,
        "`old==1.0` has no wheel for the target",
        ("the target is cp313, linux/amd64, glibc 2.41; `pylock.toml` offers cp39-cp39, cp310-cp310, cp311-cp311 for linux/amd64, glibc",),
        ("Use an interpreter that it has wheels for: `--python 3.11`",),
    )  # fmt: skip


def test_no_wheel_for_so_old_a_c_library() -> None:
    text = package("new", "cp39-abi3-manylinux_2_34_x86_64", "cp39-abi3-manylinux_2_38_x86_64")

    assert refused(text, target("3.11.2", libc="glibc 2.31"))[2:] == (
        ("the target is cp311, linux/amd64, glibc 2.31; `pylock.toml` offers manylinux_2_34_x86_64, manylinux_2_38_x86_64",),
        ("Use a base with glibc 2.34 or newer",),
    )  # fmt: skip


def test_every_distribution_without_a_wheel_is_named_at_once() -> None:
    text = (
        package("a", "py3-none-win_amd64")
        + package("b", "py3-none-any")
        + package("c", "py3-none-macosx_11_0_arm64", version="2")
        + package("d", "py3-none-win_amd64", sdist=True)
    )

    assert refused(text, target()) == (
        TargetError,
        "2 distributions have no wheel for the target",
        (
            "the target is cp313, linux/amd64, glibc 2.41",
            "`a==1.0`: `pylock.toml` offers win_amd64",
            "`c==2`: `pylock.toml` offers macosx_11_0_arm64",
        ),
        (),
    )


def test_a_wheel_at_a_url_that_is_for_another_platform_is_refused() -> None:
    text = f"""
        [[packages]]
        name = "far"
        archive = {{ url = "https://files.example/far-1-cp313-cp313-win_amd64.whl", hashes = {{ sha256 = "{HASH}" }} }}
        """

    assert refused(text, target())[:2] == (TargetError, "`far==1` has no wheel for the target")


def test_a_lock_for_another_interpreter_says_both_sides() -> None:
    assert refused('requires-python = ">=3.14"\npackages = []\n', target("3.13.5")) == (
        TargetError,
        "`pylock.toml` is not for CPython 3.13.5",
        ("it needs Python `>=3.14`; the target is cp313, linux/amd64, glibc 2.41",),
        ("Choose another base, or another interpreter with `--python`",),
    )


def test_a_project_for_another_interpreter_says_both_sides() -> None:
    project = Project(root=ROOT, name="api", requires_python="<3.13")
    with pytest.raises(TargetError) as caught:
        select(resolution("packages = []\n"), target("3.13.5"), project)

    assert told(caught.value)[1:3] == (
        "`api` is not for CPython 3.13.5",
        ("it needs Python `<3.13`; the target is cp313, linux/amd64, glibc 2.41",),
    )


def test_a_project_whose_interpreter_cannot_be_read_is_refused() -> None:
    with pytest.raises(ProjectError, match="`requires-python` is not a version specifier"):
        select(resolution("packages = []\n"), target(), Project(root=ROOT, requires_python="three"))


def test_other_reasons_of_a_lock_are_all_said() -> None:
    text = (
        package("a", "py3-none-any", extra='requires-python = ">=3.14"')
        + package("b", "py3-none-any", extra='requires-python = ">=3.15"')
        + package("c", "py3-none-win_amd64")
    )

    kind, message, causes, _ = refused(text, target("3.13.5"))

    assert (kind, message) == (TargetError, "`pylock.toml` does not fit the target cp313, linux/amd64, glibc 2.41")
    assert [cause.rpartition(" for ")[2] for cause in causes] == [
        "package 'a' at packages[0]",
        "package 'b' at packages[1]",
        "it",
    ]


def test_a_lock_for_other_environments_is_refused() -> None:
    text = "environments = [\"sys_platform == 'win32'\"]\n" + package("a", "py3-none-any")

    assert refused(text, target())[0] is TargetError


def test_two_packages_of_one_name_on_one_target_are_refused() -> None:
    text = package("a", "py3-none-any") + package("a", "py3-none-any", version="2")

    kind, message, causes, _ = refused(text, target())

    assert (kind, message) == (ProjectError, "`pylock.toml` contradicts itself")
    assert causes == (
        "Multiple packages with the name 'a' are selected at packages[1] and packages[0]",
        "the target is cp313, linux/amd64, glibc 2.41",
    )


@pytest.mark.parametrize("place", ["https://files.example/a%0Ab.zip", "https://files.example/"])
def test_a_name_that_is_no_filename_is_hostile(place: str) -> None:
    text = f'[[packages]]\nname = "evil"\narchive = {{ url = "{place}", hashes = {{ sha256 = "{HASH}" }} }}\n'

    assert refused(text, target())[:2] == (HostileInputError, "`pylock.toml` names a file that is none")


def test_an_escaped_directory_in_a_name_is_dropped() -> None:
    text = f'[[packages]]\nname = "evil"\narchive = {{ url = "https://f.example/%2e%2e%2fevil.zip", hashes = {{ sha256 = "{HASH}" }} }}\n'

    (found,) = select(resolution(text), target())

    assert isinstance(found, LockedArchive)
    assert found.filename == "evil.zip"


@pytest.mark.parametrize("below", ["../up", "/etc", "a/../../b", "a\\\\..\\\\..\\\\b"])
def test_a_subdirectory_that_leads_out_is_hostile(below: str) -> None:
    text = f'[[packages]]\nname = "evil"\ndirectory = {{ path = ".", subdirectory = "{below}" }}\n'

    assert refused(text, target())[:2] == (HostileInputError, "a lockfile leads out of a source tree")


@pytest.mark.parametrize(
    ("stated", "found"),
    [("abc", "abc"), ("z" * 64, "z" * 64), ("0" * 65, "0" * 65), ("", "")],
    ids=["short", "not hexadecimal", "long", "empty"],
)
def test_a_hash_that_is_none_is_told_with_its_file(stated: str, found: str) -> None:
    text = f'[[packages]]\nname = "odd"\nversion = "1"\nwheels = [{{ url = "https://f.example/odd-1-py3-none-any.whl", hashes = {{ sha256 = "{stated}" }} }}]\n'

    assert refused(text, target()) == (
        ProjectError,
        "`pylock.toml` is not a valid lockfile",
        (f"`odd-1-py3-none-any.whl`: expected 64 hexadecimal digits as sha256, got `{found}`",),
        (),
    )


def test_a_hash_that_proves_nothing_is_refused() -> None:
    text = '[[packages]]\nname = "weak"\nversion = "1"\nwheels = [{ url = "https://f.example/weak-1-py3-none-any.whl", hashes = { md5 = "0" } }]\n'

    assert refused(text, target()) == (
        ProjectError,
        "`pylock.toml` has hashes that prove nothing",
        ("`weak-1-py3-none-any.whl` has md5; expected sha256",),
        (),
    )
