"""`pylock.toml`: read as it is, or refused with everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from make.errors import told
from targets import target
from trees import write

from tare.errors import ProjectError, UsageError
from tare.projects import project
from tare.projects.locks import pylock
from tare.projects.locks.interface import Request, Resolution
from tare.projects.selection import select
from tare.projects.uv import Uv

HASHES = '{ sha256 = "' + "0" * 64 + '" }'
LOCK = f"""
    lock-version = "1.0"
    created-by = "tests"
    requires-python = ">=3.11"
    extras = ["pg"]
    dependency-groups = ["Main", "Dev_Tools"]
    default-groups = ["Main"]
    [[packages]]
    name = "local"
    version = "1"
    marker = "'Main' in dependency_groups"
    wheels = [{{ path = "wheels/local-1-py3-none-any.whl", hashes = {HASHES} }}]
    [[packages]]
    name = "pg"
    version = "1"
    marker = "'pg' in extras"
    wheels = [{{ url = "https://files.example/pg-1-py3-none-any.whl", hashes = {HASHES} }}]
    [[packages]]
    name = "dev"
    version = "1"
    marker = "'Dev_Tools' in dependency_groups"
    wheels = [{{ url = "https://files.example/dev-1-py3-none-any.whl", hashes = {HASHES} }}]
    """


def resolve(root: Path, uv: Uv, **request: tuple[str, ...]) -> Resolution:
    found = project.read(root)
    assert found.lock is not None
    return pylock.resolve(found.lock, found, Request(python="3.13", **request), uv)


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({}, ["local"]),
        ({"extras": ("pg",)}, ["local", "pg"]),
        ({"groups": ("dev-tools",)}, ["dev", "local"]),
    ],
)
def test_it_is_read_with_its_own_default_groups(
    tmp_path: Path, idle_uv: Uv, request_: dict[str, tuple[str, ...]], names: list[str]
) -> None:
    write(tmp_path, {"pylock.toml": LOCK})

    found = resolve(tmp_path, idle_uv, **request_)

    assert (found.pinned, found.hashed, found.warnings) == (True, True, ())
    assert found.inputs == (str(tmp_path / "pylock.toml"),)
    assert [each.name for each in select(found, target())] == names


def test_a_relative_path_starts_at_the_lock(tmp_path: Path, idle_uv: Uv) -> None:
    write(tmp_path, {"pylock.toml": LOCK})

    (found,) = select(resolve(tmp_path, idle_uv), target())

    assert getattr(found, "path", None) == str(tmp_path / "wheels" / "local-1-py3-none-any.whl")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"extras": ("pgg",)}, ("`pylock.toml` has no extra `pgg`", ("it has `pg`",), ("Did you mean `pg`?",))),
        ({"groups": ("docs",)}, ("`pylock.toml` has no group `docs`", ("it has `main`, `dev-tools`",), ())),
    ],
)
def test_what_it_does_not_have_cannot_be_asked_for(
    tmp_path: Path, idle_uv: Uv, asked: dict[str, tuple[str, ...]], said: tuple[object, ...]
) -> None:
    write(tmp_path, {"pylock.toml": LOCK})

    with pytest.raises(UsageError) as caught:
        resolve(tmp_path, idle_uv, **asked)

    assert told(caught.value) == (UsageError, *said)


def test_everything_that_is_wrong_is_said_at_once_with_its_place(tmp_path: Path, idle_uv: Uv) -> None:
    write(tmp_path, {"pylock.toml": f"""
        lock-version = "1.0"
        requires-python = "three"
        [[packages]]
        name = "Django"
        version = "5"
        [[packages]]
        name = "fine"
        version = "1"
        wheels = [{{ url = "https://files.example/fine-1-py3-none-any.whl", hashes = {HASHES} }}]
        [[packages]]
        name = "six"
        version = "1"
        wheels = [{{ url = "https://files.example/six-1-py3-none-any.whl", hashes = {{}} }}]
        [[packages]]
        name = "other"
        version = "1"
        wheels = [{{ url = "https://files.example/six-1-py3-none-any.whl", hashes = {HASHES} }}]
        """})  # fmt: skip

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, idle_uv)

    assert told(caught.value) == (
        ProjectError,
        "`pylock.toml` is not a valid lockfile",
        (
            "created-by: Missing required value",
            "packages[0].name: Name 'Django' is not normalized",
            "packages[2].wheels[0].hashes: At least one hash must be provided",
            "packages[3].wheels[0]: Name in 'six-1-py3-none-any.whl' is not consistent with package name 'other'",
        ),
        (),
    )


def test_a_lock_of_the_next_version_is_refused(tmp_path: Path, idle_uv: Uv) -> None:
    write(tmp_path, {"pylock.toml": 'lock-version = "2.0"\ncreated-by = "tests"\npackages = []\n'})

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, idle_uv)

    assert told(caught.value)[1:3] == ("`pylock.toml` cannot be read", ("pylock version 2.0 is not supported",))


def test_what_is_no_lock_at_all_is_refused(tmp_path: Path, idle_uv: Uv) -> None:
    write(tmp_path, {"pylock.toml": "packages = 1\n"})

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, idle_uv)

    assert told(caught.value)[2] == ("lock-version: Missing required value",)
