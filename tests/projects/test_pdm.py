"""`pdm.lock`: with groups and markers in it, or as a graph."""

from __future__ import annotations

import tomllib
from pathlib import Path
from textwrap import dedent

import pytest
from make.errors import told
from make.index import Index
from targets import target
from trees import write

from tare.errors import IntegrityError, ProjectError
from tare.projects import project
from tare.projects.locked import LockedDirectory, LockedVcs
from tare.projects.locks import indexes, pdm
from tare.projects.locks.interface import Request, Resolution
from tare.projects.selection import select
from tare.projects.uv import Uv

COMMIT = "1" * 40
MANIFEST = """
    [project]
    name = "api"
    version = "1.0"
    requires-python = ">=3.11"
    dependencies = ["alpha[tls]>=1"]
    [project.optional-dependencies]
    pg = ["gamma"]
    [dependency-groups]
    Dev_Tools = ["delta"]
    """
NOTED = "1727f8457f3a4ca4deb29cbdae45f0b09825c09479893f2ce0810c2eee7f16f5"


def entry(index: Index, name: str, more: str = "", version: str = "1.0") -> str:
    stem = f"{name}-{version}"
    listed = ", ".join(
        f'{{ file = "{file}", hash = "sha256:{value}" }}'
        for file, value in sorted(index.hashes.items())
        if file.startswith(stem)
    )
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\nfiles = [{listed}]\n{dedent(more)}\n'


def head(groups: str = '["default", "dev-tools", "pg"]', noted: str = "x") -> str:
    return (
        f'[metadata]\ngroups = {groups}\nstrategy = []\nlock_version = "4.5.0"\ncontent_hash = "sha256:{noted}"\n'
        '[[metadata.targets]]\nrequires_python = ">=3.11"\n'
    )


def marked_lock(index: Index) -> str:
    for name in ("alpha", "gamma", "delta", "zeta"):
        index.add(name, "1.0")
    return (
        entry(index, "alpha", 'groups = ["default", "dev-tools"]')
        + entry(index, "alpha", 'groups = ["default"]\nextras = ["tls"]\ndependencies = ["alpha==1.0", "zeta"]')
        + entry(index, "delta", 'groups = ["dev-tools"]')
        + entry(index, "gamma", 'groups = ["pg", "dev-tools"]')
        + entry(index, "windows", """groups = ["default"]\nmarker = 'sys_platform == "win32"' """)
        + entry(index, "zeta", """groups = ["default"]\nmarker = 'platform_machine == "aarch64"' """)
    )


def graph_lock(index: Index) -> str:
    for name in ("alpha", "gamma", "delta", "zeta"):
        index.add(name, "1.0")
    return (
        entry(index, "alpha")
        + entry(
            index, "alpha", """extras = ["tls"]\ndependencies = ["alpha==1.0", 'zeta; platform_machine == "aarch64"']"""
        )
        + entry(index, "delta", 'dependencies = ["gamma>=0.5"]')
        + entry(index, "gamma")
        + entry(index, "zeta")
    )


def resolve(root: Path, uv: Uv, **request: tuple[str, ...]) -> Resolution:
    found = project.read(root)
    assert found.lock is not None
    return pdm.resolve(found.lock, found, Request(python="3.13", **request), uv)


def names(found: Resolution, architecture: str = "amd64") -> list[str]:
    return [each.name for each in select(found, target("3.13.5", architecture))]


Asked = dict[str, tuple[str, ...]]
Taken = dict[str, list[str]]

BROUGHT: list[tuple[Asked, Taken]] = [
    ({}, {"amd64": ["alpha"], "arm64": ["alpha", "zeta"]}),
    ({"extras": ("pg",)}, {"amd64": ["alpha", "gamma"]}),
    ({"groups": ("dev-tools",)}, {"amd64": ["alpha", "delta", "gamma"]}),
]


def check_what_is_brought(root: Path, uv: Uv, lock: str, asked: Asked, taken: Taken) -> None:
    write(root, {"pyproject.toml": MANIFEST, "pdm.lock": lock + head()})

    found = resolve(root, uv, **asked)

    assert {architecture: names(found, architecture) for architecture in taken} == taken
    assert (found.pinned, found.hashed, str(found.pylock.requires_python)) == (True, True, ">=3.11")


@pytest.mark.parametrize(("asked", "taken"), BROUGHT)
def test_groups_and_markers_in_the_lock_bring_what_is_theirs(
    tmp_path: Path, uv: Uv, index: Index, asked: Asked, taken: Taken
) -> None:
    check_what_is_brought(tmp_path, uv, marked_lock(index), asked, taken)


@pytest.mark.parametrize(("asked", "taken"), BROUGHT)
def test_a_lock_that_is_a_graph_says_the_same_with_its_manifest(
    tmp_path: Path, uv: Uv, index: Index, asked: Asked, taken: Taken
) -> None:
    check_what_is_brought(tmp_path, uv, graph_lock(index), asked, taken)


def test_files_at_the_end_of_older_locks_are_found(tmp_path: Path, uv: Uv, index: Index) -> None:
    index.add("alpha", "1.0")
    value = index.hashes["alpha-1.0-py3-none-any.whl"]
    write(tmp_path, {"pyproject.toml": '[project]\nname = "api"\ndependencies = ["alpha"]\n', "pdm.lock": f"""
        [[package]]
        name = "alpha"
        version = "1.0"
        [metadata]
        lock_version = "4.0"
        content_hash = "x"
        [metadata.files]
        "alpha 1.0" = [{{ file = "alpha-1.0-py3-none-any.whl", hash = "sha256:{value}" }}]
        """})  # fmt: skip

    (package,) = resolve(tmp_path, uv).pylock.packages

    assert [wheel.filename for wheel in package.wheels or ()] == ["alpha-1.0-py3-none-any.whl"]
    assert package.sdist is None


def test_a_hash_of_the_lock_is_never_lost(tmp_path: Path, uv: Uv, index: Index) -> None:
    lock = marked_lock(index)
    for file in ("alpha-1.0-py3-none-any.whl", "alpha-1.0.tar.gz"):
        lock = lock.replace(index.hashes[file], "0" * 64)
    write(tmp_path, {"pyproject.toml": MANIFEST, "pdm.lock": lock + head()})

    with pytest.raises(IntegrityError, match=r"the files that `pdm\.lock` names are not the ones that are offered"):
        resolve(tmp_path, uv)


def test_repositories_and_paths_are_not_asked_about(tmp_path: Path, idle_uv: Uv) -> None:
    write(tmp_path, {"pdm.lock": f"""
        [[package]]
        name = "remote"
        version = "1.0"
        groups = ["default"]
        git = "https://git.example/r.git"
        ref = "main"
        revision = "{COMMIT}"
        [[package]]
        name = "near"
        version = "1.0"
        groups = ["default"]
        path = "./libs/near"
        editable = true
        """})  # fmt: skip

    assert select(resolve(tmp_path, idle_uv), target()) == (
        LockedDirectory(name="near", path=str(tmp_path / "libs" / "near"), editable=True),
        LockedVcs(name="remote", kind="git", commit=COMMIT, url="https://git.example/r.git", requested="main"),
    )


def test_a_group_that_was_not_locked_says_how_to_lock_it(tmp_path: Path, idle_uv: Uv, index: Index) -> None:
    write(tmp_path, {"pyproject.toml": MANIFEST, "pdm.lock": marked_lock(index) + head('["default"]')})

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, idle_uv, extras=("pg",))

    assert told(caught.value)[1:] == (
        "`pdm.lock` is out of date",
        ("it was made without `pg`",),
        ("Run `pdm lock -G :all`",),
    )


def test_a_lock_that_does_not_have_what_is_asked_for_is_out_of_date(tmp_path: Path, uv: Uv, index: Index) -> None:
    write(
        tmp_path, {"pyproject.toml": MANIFEST.replace("[tls]>=1", "[tls]>=2"), "pdm.lock": marked_lock(index) + head()}
    )

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, uv)

    assert told(caught.value)[1:] == (
        "`pdm.lock` is out of date",
        ("`pyproject.toml` asks for `alpha[tls]>=2`; `pdm.lock` has 1.0",),
        ("Run `pdm lock`",),
    )


def test_the_hash_of_the_manifest_tells_whether_it_is_the_one(tmp_path: Path, uv: Uv, index: Index) -> None:
    write(tmp_path, {"pyproject.toml": MANIFEST, "pdm.lock": marked_lock(index) + head(noted=NOTED)})
    assert resolve(tmp_path, uv).warnings == ()

    write(tmp_path, {"pdm.lock": marked_lock(index) + head(noted="0" * 64)})
    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, uv)

    cause = f"it was made for a `pyproject.toml` with the content hash {'0' * 16}…; the one beside it has {NOTED[:16]}…"
    assert told(caught.value)[1:] == ("`pdm.lock` is out of date", (cause,), ("Run `pdm lock`",))


def test_a_note_that_is_no_hash_of_the_manifest_proves_nothing(tmp_path: Path, uv: Uv, index: Index) -> None:
    write(tmp_path, {"pyproject.toml": MANIFEST, "pdm.lock": marked_lock(index) + head()})

    assert resolve(tmp_path, uv).warnings == (
        "`pdm.lock` was made for another `pyproject.toml`, though it has what this one asks for",
    )


def test_what_pdm_notes_of_a_manifest_is_known() -> None:
    """The digest is that of PDM 2.26.2 (2026-11-24)."""
    assert pdm._content_hash(tomllib.loads(dedent(MANIFEST))) == NOTED


def test_sources_are_indexes() -> None:
    sources = [
        {"name": "pypi", "url": "https://${HOST}/simple", "username": "me", "password": "${TOKEN}"},
        {"name": "more", "url": "https://b.example/simple"},
        {"name": "page", "url": "https://c.example/files", "type": "find_links"},
    ]

    found = indexes.of_pdm({"tool": {"pdm": {"source": sources}}}, {"HOST": "a.example", "TOKEN": "t/t"})

    assert indexes.lines(found) == (
        "--index-url https://me:t%2Ft@a.example/simple",
        "--extra-index-url https://b.example/simple",
        "--find-links https://c.example/files",
    )
