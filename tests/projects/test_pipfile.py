"""`Pipfile.lock`: categories of pins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from make.errors import told
from make.index import Index
from targets import target
from trees import write

from tare.errors import IntegrityError, ProjectError, UsageError
from tare.projects import project
from tare.projects.discovery import Lock
from tare.projects.locked import LockedDirectory, LockedVcs
from tare.projects.locks import indexes, pipfile
from tare.projects.locks.interface import Request, Resolution
from tare.projects.selection import select
from tare.projects.uv import Uv

COMMIT = "1" * 40
PIPFILE = """
    [packages]
    alpha = "*"
    [dev-packages]
    delta = "*"
    [worker]
    gamma = "*"
    [requires]
    python_version = "3.13"
    """
NOTED = "65ed1e53b4361bcfdd77bda8074f0f5cad1a8f9f66eb39670ea13f78a0fb96f4"
"""What pipenv 2025.1.3 notes of PIPFILE with these sources (2026-11-24)."""

SOURCES = [{"name": "main", "url": "https://index.example/simple", "verify_ssl": True}]


def lock(index: Index, **changes: Any) -> dict[str, Any]:
    for name in ("alpha", "delta", "gamma", "zeta"):
        index.add(name, "1.0")

    def entry(name: str, **more: str) -> dict[str, Any]:
        hashes = [f"sha256:{value}" for file, value in sorted(index.hashes.items()) if file.startswith(name)]
        return {"hashes": hashes, "index": "main", "version": "==1.0", **more}

    return {
        "_meta": {"hash": {"sha256": "x"}, "pipfile-spec": 6, "requires": {"python_version": "3.13"}, "sources": []},
        "default": {
            "alpha": entry("alpha", markers="python_version >= '3.8'"),
            "colorama": {"markers": "sys_platform == 'win32'", "version": "==>=0.4"},
            "windows": entry("windows", sys_platform="== 'win32'"),
            "zeta": entry("zeta", platform_machine="== 'aarch64'"),
        },
        "develop": {"delta": entry("delta")},
        "worker": {"gamma": entry("gamma")},
        **changes,
    }


def resolve(root: Path, uv: Uv, document: object, **request: tuple[str, ...]) -> Resolution:
    write(root, {"Pipfile.lock": json.dumps(document)})
    found = project.read(root)
    assert found.lock is not None
    return pipfile.resolve(found.lock, found, Request(python="3.13", **request), uv)


@pytest.mark.parametrize(
    ("groups", "taken"),
    [
        ((), {"amd64": ["alpha"], "arm64": ["alpha", "zeta"]}),
        (("dev",), {"amd64": ["alpha", "delta"]}),
        (("worker", "dev"), {"amd64": ["alpha", "delta", "gamma"]}),
    ],
)
def test_categories_are_groups_and_markers_hold(
    tmp_path: Path, uv: Uv, index: Index, groups: tuple[str, ...], taken: dict[str, list[str]]
) -> None:
    """`colorama` is as pipenv 2025 writes what it did not install: without hashes, and with two operators."""
    found = resolve(tmp_path, uv, lock(index), groups=groups)

    assert {each: [one.name for one in select(found, target("3.13.5", each))] for each in taken} == taken
    assert (found.pinned, found.hashed, str(found.pylock.requires_python)) == (True, True, "==3.13.*")
    assert found.warnings == ()


def test_a_pin_without_a_hash_is_taken_with_a_warning(tmp_path: Path, uv: Uv, index: Index) -> None:
    document = lock(index)
    del document["default"]["alpha"]["hashes"]

    found = resolve(tmp_path, uv, document)

    assert (found.pinned, found.hashed, found.warnings) == (True, False, ("`Pipfile.lock` has no hash for `alpha`",))


def test_a_hash_of_the_lock_is_never_lost(tmp_path: Path, uv: Uv, index: Index) -> None:
    document = lock(index)
    document["default"]["alpha"]["hashes"] = [f"sha256:{'0' * 64}"]

    with pytest.raises(IntegrityError, match=r"the files that `Pipfile\.lock` names are not the ones that are offered"):
        resolve(tmp_path, uv, document)


def test_a_version_that_is_none_is_refused_where_it_is_needed(tmp_path: Path, idle_uv: Uv, index: Index) -> None:
    document = lock(index, default={"alpha": {"version": ">=1"}, "beta": {}})

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, idle_uv, document)

    assert told(caught.value)[1:3] == (
        "`Pipfile.lock` is not a valid lockfile",
        ("default.alpha: `>=1` is not an exact version", "default.beta: `` is not an exact version"),
    )


def test_repositories_and_paths_are_not_asked_about(tmp_path: Path, idle_uv: Uv, index: Index) -> None:
    document = lock(index, default={
        "remote": {"git": "https://git.example/r.git", "ref": COMMIT, "subdirectory": "py"},
        "near": {"path": "./libs/near", "editable": True},
    })  # fmt: skip

    assert select(resolve(tmp_path, idle_uv, document), target()) == (
        LockedDirectory(name="near", path=str(tmp_path / "libs" / "near"), editable=True),
        LockedVcs(name="remote", kind="git", commit=COMMIT, url="https://git.example/r.git", subdirectory="py"),
    )


def test_a_repository_without_a_commit_is_refused(tmp_path: Path, idle_uv: Uv, index: Index) -> None:
    document = lock(index, default={"remote": {"git": "https://git.example/r.git", "ref": "main"}})

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, idle_uv, document)

    assert told(caught.value)[2] == ("remote: `main` is no commit",)


def test_the_hash_of_the_pipfile_tells_whether_it_is_the_one(tmp_path: Path, index: Index) -> None:
    write(tmp_path, {"Pipfile": PIPFILE})
    meta = {**lock(index)["_meta"], "sources": SOURCES}
    pipfile._check_freshness(lock_file(tmp_path), {**meta, "hash": {"sha256": NOTED}})

    with pytest.raises(ProjectError) as caught:
        pipfile._check_freshness(lock_file(tmp_path), {**meta, "hash": {"sha256": "0" * 64}})

    cause = f"it was made for a `Pipfile` with the content hash {'0' * 16}…; the one beside it has {NOTED[:16]}…"
    assert told(caught.value)[1:] == ("`Pipfile.lock` is out of date", (cause,), ("Run `pipenv lock`",))


def lock_file(root: Path) -> Lock:
    return Lock(kind="pipfile", path=str(root / "Pipfile.lock"))


def test_what_it_does_not_have_cannot_be_asked_for(tmp_path: Path, idle_uv: Uv, index: Index) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(tmp_path, idle_uv, lock(index), groups=("work",))

    assert told(caught.value)[1:] == (
        "`Pipfile.lock` has no group `work`",
        ("it has `dev`, `worker`",),
        ("Did you mean `worker`?",),
    )


def test_what_is_no_json_says_where(tmp_path: Path, idle_uv: Uv) -> None:
    write(tmp_path, {"Pipfile.lock": '{\n  "default": {,\n}'})
    found = project.read(tmp_path)

    with pytest.raises(ProjectError) as caught:
        pipfile.resolve(lock_file(tmp_path), found, Request(python="3.13"), idle_uv)

    assert told(caught.value)[1:3] == (
        "`Pipfile.lock` cannot be read",
        ("line 2, column 15: Expecting property name enclosed in double quotes",),
    )


def test_sources_are_indexes_with_variables_filled_in() -> None:
    sources = [{"url": "https://$USER_NAME:${TOKEN}@a.example/simple"}, {"url": "https://b.example/simple"}]

    assert indexes.lines(indexes.of_pipfile(sources, {"USER_NAME": "me", "TOKEN": "t"})) == (
        "--index-url https://me:t@a.example/simple",
        "--extra-index-url https://b.example/simple",
    )
