"""`poetry.lock` of every version, and the constraints of `[tool.poetry]`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make.errors import told
from make.index import Index
from packaging.specifiers import SpecifierSet
from targets import target
from trees import write

from tare.errors import IntegrityError, ProjectError, UsageError
from tare.projects import poetry, project
from tare.projects.locked import LockedDirectory, LockedVcs
from tare.projects.locks import indexes
from tare.projects.locks import poetry as poetry_lock
from tare.projects.locks.interface import Request, Resolution
from tare.projects.selection import select
from tare.projects.uv import Uv

COMMIT = "1" * 40


@pytest.mark.parametrize(
    ("constraint", "specifiers"),
    [
        ("^1.2.3", (">=1.2.3,<2",)),
        ("^1", (">=1,<2",)),
        ("^0.2.3", (">=0.2.3,<0.3",)),
        ("^0.0.3", (">=0.0.3,<0.0.4",)),
        ("^0.0", (">=0.0,<0.1",)),
        ("^0", (">=0,<1",)),
        ("~1.2.3", (">=1.2.3,<1.3",)),
        ("~1.2", (">=1.2,<1.3",)),
        ("~1", (">=1,<2",)),
        ("~=1.4", ("~=1.4",)),
        ("1.2.*", ("==1.2.*",)),
        ("*", ("",)),
        ("1.2.3", ("==1.2.3",)),
        ("=1.2.3", ("==1.2.3",)),
        ("==1.2.3", ("==1.2.3",)),
        ("!=1.5", ("!=1.5",)),
        (">=1.2, <2", (">=1.2,<2",)),
        (">=1.2 <2", (">=1.2,<2",)),
        ("^3.8 || ~2.7", (">=3.8,<4", ">=2.7,<2.8")),
        ("^2.0.0rc1", (">=2.0.0rc1,<3",)),
    ],
)
def test_constraints_are_those_of_poetry(constraint: str, specifiers: tuple[str, ...]) -> None:
    assert poetry.alternatives(constraint) == specifiers


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.sampled_from("^~"))
def test_the_lower_bound_is_accepted_and_the_upper_one_is_not(numbers: list[int], operator: str) -> None:
    version = ".".join(map(str, numbers))
    (specifier,) = poetry.alternatives(f"{operator}{version}")

    assert SpecifierSet(specifier).contains(version)
    assert not SpecifierSet(specifier).contains(specifier.rpartition("<")[2])


@pytest.mark.parametrize("text", ["(1)", ">= >= 1", "1 && 2"])
def test_what_is_no_constraint_is_refused(text: str) -> None:
    with pytest.raises(ProjectError, match="is not a version constraint"):
        poetry.alternatives(text)


def resolve(root: Path, uv: Uv, **request: tuple[str, ...]) -> Resolution:
    found = project.read(root)
    assert found.lock is not None
    return poetry_lock.resolve(found.lock, found, Request(python="3.13", **request), uv)


def taken(found: Resolution, version: str = "3.13.5", architecture: str = "amd64") -> list[str]:
    return [f"{each.name} {getattr(each, 'version', '')}" for each in select(found, target(version, architecture))]


def entry(index: Index, name: str, version: str = "1.0", more: str = "") -> str:
    stem = f"{name.replace('-', '_')}-{version}"
    listed = ", ".join(
        f'{{ file = "{file}", hash = "sha256:{value}" }}'
        for file, value in sorted(index.hashes.items())
        if file.startswith(stem)
    )
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\noptional = false\nfiles = [{listed}]\n{dedent(more)}\n'
    )


METADATA = '[metadata]\nlock-version = "{}"\npython-versions = ">=3.11"\ncontent-hash = "{}"\n'
NEW = """
    [project]
    name = "Api"
    version = "1.0"
    requires-python = ">=3.11"
    dependencies = ["alpha>=1", "beta ; sys_platform == 'win32'"]
    [project.optional-dependencies]
    pg = ["gamma"]
    [tool.poetry.group.dev.dependencies]
    delta = "*"
    """


def new_lock(index: Index) -> str:
    for name in ("alpha", "gamma", "delta"):
        index.add(name, "1.0")
    return (
        entry(index, "alpha", more='groups = ["main"]')
        + entry(index, "beta", more="""groups = ["main"]\nmarkers = "sys_platform == 'win32'" """)
        + entry(index, "delta", more='groups = ["dev"]')
        + entry(
            index,
            "gamma",
            more="""groups = ["main", "dev"]\nmarkers = { main = 'extra == "pg"', dev = 'python_version < "3.13"' }""",
        )
        + '[extras]\npg = ["gamma"]\n'
        + METADATA.format("2.1", "x")
    )


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, ["alpha 1.0"]),
        ({"extras": ("pg",)}, ["alpha 1.0", "gamma 1.0"]),
        ({"groups": ("dev",)}, ["alpha 1.0", "delta 1.0"]),
    ],
)
def test_since_2_1_groups_and_markers_are_in_the_lock(
    tmp_path: Path, uv: Uv, index: Index, request_: dict[str, tuple[str, ...]], expected: list[str]
) -> None:
    write(tmp_path, {"pyproject.toml": NEW, "poetry.lock": new_lock(index)})

    found = resolve(tmp_path, uv, **request_)

    assert taken(found) == expected
    assert (found.pinned, found.hashed) == (True, True)
    assert str(found.pylock.requires_python) == ">=3.11"


OLD = """
    [tool.poetry]
    name = "api"
    version = "1.0"
    [tool.poetry.dependencies]
    python = "^3.11"
    alpha = { version = "^1.0", extras = ["tls"] }
    beta = [
        { version = "1.0", python = "<3.13" },
        { version = "2.0", python = ">=3.13" },
    ]
    gamma = { version = "*", optional = true }
    windows = { version = "*", platform = "win32" }
    [tool.poetry.extras]
    pg = ["gamma"]
    [tool.poetry.group.dev.dependencies]
    delta = "*"
    """


def old_lock(index: Index, version: str) -> str:
    """Return a graph: who needs whom is told, what is needed where is not."""
    for name in ("alpha", "gamma", "delta", "epsilon", "zeta", "eta", "windows", "cycle"):
        index.add(name, "1.0")
    for number in ("1.0", "2.0"):
        index.add("beta", number)
    needs = """
        [package.dependencies]
        Epsilon = ">=1"
        zeta = { version = ">=0.5", optional = true, markers = "platform_machine == 'aarch64' and extra == 'tls'" }
        eta = { version = "*", optional = true, markers = "extra == 'other'" }
        [package.extras]
        tls = ["zeta (>=0.5)"]
        other = ["eta"]
        """
    return (
        entry(index, "alpha", more=needs)
        + entry(index, "beta", "1.0")
        + entry(index, "beta", "2.0", more='[package.dependencies]\ncycle = "*"\n')
        + entry(index, "cycle", more='[package.dependencies]\nbeta = ">=2"\n')
        + entry(index, "delta", more='[package.dependencies]\ngamma = "*"\n')
        + entry(index, "epsilon")
        + entry(index, "eta")
        + entry(index, "gamma")
        + entry(index, "windows")
        + entry(index, "zeta")
        + '[extras]\npg = ["gamma"]\n'
        + METADATA.format(version, "x").replace(">=3.11", "^3.11")
    )


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_before_2_1_what_is_needed_where_follows_from_the_manifest(
    tmp_path: Path, uv: Uv, index: Index, version: str
) -> None:
    lock = old_lock(index, version)
    if version == "1.1":  # files stood at the end
        lines = lock.splitlines()
        hashes = [line.removeprefix("files = ") for line in lines if line.startswith("files")]
        names = [line.split('"')[1] for line in lines if line.startswith("name")]
        merged = dict(zip(names, hashes, strict=True))
        merged["beta"] = (
            "[" + ", ".join(text.strip("[]") for name, text in zip(names, hashes, strict=True) if name == "beta") + "]"
        )
        lock = "\n".join(line for line in lines if not line.startswith("files"))
        lock += "\n[metadata.files]\n" + "\n".join(f"{name} = {text}" for name, text in merged.items())
    write(tmp_path, {"pyproject.toml": OLD, "poetry.lock": lock})

    plain = resolve(tmp_path, uv)
    development = resolve(tmp_path, uv, groups=("dev",))

    assert taken(plain) == ["alpha 1.0", "beta 2.0", "cycle 1.0", "epsilon 1.0"]
    assert taken(plain, architecture="arm64") == ["alpha 1.0", "beta 2.0", "cycle 1.0", "epsilon 1.0", "zeta 1.0"]
    assert taken(resolve(tmp_path, uv, extras=("pg",)))[-1] == "gamma 1.0"
    assert taken(development) == ["alpha 1.0", "beta 2.0", "cycle 1.0", "delta 1.0", "epsilon 1.0", "gamma 1.0"]
    assert str(plain.pylock.requires_python) == "<4,>=3.11"


def test_a_marker_of_the_manifest_decides_between_two_versions(tmp_path: Path, uv: Uv, index: Index) -> None:
    write(tmp_path, {"pyproject.toml": OLD, "poetry.lock": old_lock(index, "2.0")})
    found = project.read(tmp_path)
    assert found.lock is not None

    resolution = poetry_lock.resolve(found.lock, found, Request(python="3.11"), uv)

    assert taken(resolution, "3.11.2") == ["alpha 1.0", "beta 1.0", "epsilon 1.0"]


def test_a_hash_of_the_lock_is_never_lost(tmp_path: Path, uv: Uv, index: Index) -> None:
    lock = new_lock(index)
    for value in (index.hashes["alpha-1.0-py3-none-any.whl"], index.hashes["alpha-1.0.tar.gz"]):
        lock = lock.replace(value, "0" * 64)
    write(tmp_path, {"pyproject.toml": NEW, "poetry.lock": lock})

    with pytest.raises(IntegrityError, match=r"the files that `poetry\.lock` names are not the ones that are offered"):
        resolve(tmp_path, uv)


def test_repositories_paths_and_archives_are_not_asked_about(tmp_path: Path, idle_uv: Uv) -> None:
    def direct(name: str, source: str, files: str = "") -> str:
        return f'[[package]]\nname = "{name}"\nversion = "1.0"\ngroups = ["main"]\nfiles = [{files}]\n{source}\n'

    write(tmp_path, {"poetry.lock": (
        direct("git", f'[package.source]\ntype = "git"\nurl = "https://git.example/r.git"\nreference = "main"\nresolved_reference = "{COMMIT}"\nsubdirectory = "py"')
        + direct("near", 'develop = true\n[package.source]\ntype = "directory"\nurl = "libs/near"')
        + direct("url", '[package.source]\ntype = "url"\nurl = "https://files.example/url-1.0-py3-none-any.whl"', f'{{ file = "url-1.0-py3-none-any.whl", hash = "sha256:{"0" * 64}" }}')
        + METADATA.format("2.1", "x")
    )})  # fmt: skip

    git, near, url = select(resolve(tmp_path, idle_uv), target())

    assert git == LockedVcs(
        name="git", kind="git", commit=COMMIT, url="https://git.example/r.git", requested="main", subdirectory="py"
    )
    assert near == LockedDirectory(name="near", path=str(tmp_path / "libs" / "near"), editable=True)
    assert getattr(url, "filename", None) == "url-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("alpha>=1", "alpha>=2"), "`pyproject.toml` asks for `alpha>=2`; `poetry.lock` has 1.0"),
        (('pg = ["gamma"]', 'pg = ["gamma", "eta"]'), '`pyproject.toml` asks for `eta ; extra == "pg"`, which `poetry.lock` does not have'),
        (('delta = "*"', 'delta = "^3"'), "`pyproject.toml` asks for `delta<4,>=3`; `poetry.lock` has 1.0"),
    ],
)  # fmt: skip
def test_a_lock_that_does_not_have_what_is_asked_for_is_out_of_date(
    tmp_path: Path, uv: Uv, index: Index, change: tuple[str, str], said: str
) -> None:
    assert change[0] in NEW
    write(tmp_path, {"pyproject.toml": NEW.replace(*change), "poetry.lock": new_lock(index)})

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, uv)

    assert told(caught.value)[1:] == ("`poetry.lock` is out of date", (said,), ("Run `poetry lock`",))


def test_a_lock_of_another_manifest_that_fits_is_taken_with_a_warning(tmp_path: Path, uv: Uv, index: Index) -> None:
    write(tmp_path, {"pyproject.toml": NEW, "poetry.lock": new_lock(index)})

    assert resolve(tmp_path, uv).warnings == (
        "`poetry.lock` was made for another `pyproject.toml`, though it has what this one asks for",
    )


def test_a_lock_whose_content_hash_is_of_another_manifest_is_out_of_date(tmp_path: Path, uv: Uv, index: Index) -> None:
    before = tomllib.loads(dedent(NEW).replace("alpha>=1", "alpha>=0.5"))
    noted = poetry_lock._content_hashes(before)[0]
    lock = re.sub('content-hash = ".*"', f'content-hash = "{noted}"', new_lock(index))
    write(tmp_path, {"pyproject.toml": NEW, "poetry.lock": lock})

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, uv)

    found = poetry_lock._content_hashes(tomllib.loads(dedent(NEW)))[0]
    cause = (
        f"it was made for a `pyproject.toml` with the content hash {noted[:16]}…; the one beside it has {found[:16]}…"
    )
    assert told(caught.value)[1:] == ("`poetry.lock` is out of date", (cause,), ("Run `poetry lock`",))


@pytest.mark.parametrize(
    ("manifest", "groups", "noted"),
    [
        (NEW, {}, "663d326e02ab6b33424fa5d35c8bcd8d1149a818e0cdd8b01b60242736fa6e4b"),
        (NEW, {"more": ["zeta"]}, "7235511616b177eef6aa016df6c5ff19d2b2dad0e4782c9b092e0d1ff3772e0f"),
        (OLD, {}, "e29bbaed7e47f4bba954b3a0d44df0db27d3256e03ae97bb2df0204bf5603337"),
        (OLD, {"more": ["zeta"]}, "20ad166cb7dfb90ed730d667f6d5632513e9b75fe44e58ab8a9f63f6eb035700"),
    ],
)
def test_what_poetry_notes_of_a_manifest_is_known(manifest: str, groups: dict[str, list[str]], noted: str) -> None:
    """The digests are those of Poetry 2.5.1, and of 1.8.5 for the one that it can read (2026-11-24)."""
    document = tomllib.loads(dedent(manifest)) | ({"dependency-groups": groups} if groups else {})

    assert noted in poetry_lock._content_hashes(document)


def test_a_lock_of_this_manifest_is_taken_without_a_warning(tmp_path: Path, uv: Uv, index: Index) -> None:
    lock = new_lock(index).replace('"x"', '"663d326e02ab6b33424fa5d35c8bcd8d1149a818e0cdd8b01b60242736fa6e4b"')
    write(tmp_path, {"pyproject.toml": NEW, "poetry.lock": lock})

    assert resolve(tmp_path, uv).warnings == ()


def test_a_lock_before_2_1_without_its_manifest_says_what_is_missing(tmp_path: Path, idle_uv: Uv, index: Index) -> None:
    write(tmp_path, {"poetry.lock": entry(index, "alpha") + METADATA.format("2.0", "x")})

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, idle_uv)

    assert told(caught.value)[1:3] == (
        "`poetry.lock` needs its `pyproject.toml`",
        ("it was written before Poetry 2, which notes the groups",),
    )


def test_what_the_project_does_not_have_cannot_be_asked_for(tmp_path: Path, idle_uv: Uv, index: Index) -> None:
    write(tmp_path, {"pyproject.toml": NEW, "poetry.lock": new_lock(index)})

    with pytest.raises(UsageError, match="`Api` has no group `docs`"):
        resolve(tmp_path, idle_uv, groups=("docs",))


def test_sources_are_indexes_and_the_environment_has_their_credentials() -> None:
    sources = [
        {"name": "PyPI", "priority": "primary"},
        {"name": "my-mirror", "url": "https://a.example/simple"},
        {"name": "more", "url": "https://b.example/simple", "priority": "supplemental"},
    ]
    env = {"POETRY_HTTP_BASIC_MY_MIRROR_USERNAME": "me", "POETRY_HTTP_BASIC_MY_MIRROR_PASSWORD": "a b"}

    found = indexes.of_poetry({"tool": {"poetry": {"source": sources}}}, env)

    assert indexes.lines(found) == (
        "--index-url https://me:a%20b@a.example/simple",
        "--extra-index-url https://b.example/simple",
    )
    assert repr(found[0]) == "Index(name='my-mirror', url='https://a.example/simple')"
