"""`uv.lock`: exported by the real uv, held against the manifest by us."""

from __future__ import annotations

from pathlib import Path

import pytest
from make.errors import told
from targets import target
from trees import write

from tare.errors import ProjectError, UsageError
from tare.projects import project
from tare.projects.locked import LockedDirectory, LockedVcs, LockedWheel
from tare.projects.locks import uv as uv_lock
from tare.projects.locks.interface import Request, Resolution
from tare.projects.selection import select
from tare.projects.uv import Uv

COMMIT = "1" * 40
MANIFEST = """
    [project]
    name = "Api"
    version = "1.0"
    requires-python = ">=3.11"
    dependencies = ["alpha[tls]>=1,<2", "beta ; python_version < '3.13'", "gamma; sys_platform == 'win32'"]
    [project.optional-dependencies]
    pg = ["delta==1.0"]
    [dependency-groups]
    dev = ["epsilon", { include-group = "common" }]
    common = ["zeta>=1"]
    """
NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")


def release(name: str, *, version: str = "1.0", extra: str = "") -> str:
    wheel = f'url = "https://files.example/{name}-{version}-py3-none-any.whl", hash = "sha256:{"0" * 64}", size = 7'
    source = 'source = { registry = "https://index.example/simple" }'
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\n{source}\nwheels = [{{ {wheel} }}]\n{extra}\n'


OWN = """
[[package]]
name = "api"
version = "1.0"
source = { virtual = "." }
dependencies = [
    { name = "alpha", extra = ["tls"] },
    { name = "beta", marker = "python_full_version < '3.13'" },
    { name = "gamma", marker = "sys_platform == 'win32'" },
]
[package.optional-dependencies]
pg = [{ name = "delta" }]
[package.dev-dependencies]
common = [{ name = "zeta" }]
dev = [{ name = "epsilon" }, { name = "zeta" }]
[package.metadata]
requires-dist = [
    { name = "alpha", extras = ["tls"], specifier = ">=1,<2" },
    { name = "beta", marker = "python_full_version < '3.13'" },
    { name = "delta", marker = "extra == 'pg'", specifier = "==1.0" },
    { name = "gamma", marker = "sys_platform == 'win32'" },
]
provides-extras = ["pg"]
[package.metadata.requires-dev]
common = [{ name = "zeta", specifier = ">=1" }]
dev = [{ name = "epsilon" }, { name = "zeta", specifier = ">=1" }]
"""
HEAD = 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n'
LOCK = HEAD + "".join(release(name) for name in NAMES) + OWN


def resolve(path: Path, uv: Uv, **request: tuple[str, ...]) -> Resolution:
    found = project.read(path)
    assert found.lock is not None
    return uv_lock.resolve(found.lock, found, Request(python="3.13", **request), uv)


def changed(root: Path, uv: Uv, manifest: str, lock: str = LOCK) -> Resolution:
    write(root, {"pyproject.toml": manifest, "uv.lock": lock})
    return resolve(root, uv)


def stale(root: Path, uv: Uv, manifest: str, lock: str = LOCK) -> tuple[str, ...]:
    with pytest.raises(ProjectError) as caught:
        changed(root, uv, manifest, lock)
    kind, message, causes, hints = told(caught.value)
    assert (kind, message, hints) == (ProjectError, "`uv.lock` is out of date", ("Run `uv lock`",))
    return causes


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({}, ["alpha", "beta"]),
        ({"extras": ("pg",)}, ["alpha", "beta", "delta"]),
        ({"groups": ("common",)}, ["alpha", "beta", "zeta"]),
        ({"groups": ("dev",)}, ["alpha", "beta", "epsilon", "zeta"]),
    ],
)
def test_extras_and_groups_bring_what_is_theirs_and_development_is_no_default(
    tmp_path: Path, uv: Uv, request_: dict[str, tuple[str, ...]], names: list[str]
) -> None:
    write(tmp_path, {"pyproject.toml": MANIFEST, "uv.lock": LOCK})

    found = resolve(tmp_path, uv, **request_)

    assert (found.pinned, found.hashed, found.warnings) == (True, True, ())
    assert [each.name for each in select(found, target("3.11.2"))] == names


def test_a_wheel_keeps_all_that_the_lock_says_of_it(tmp_path: Path, uv: Uv) -> None:
    (found,) = select(changed(tmp_path, uv, MANIFEST), target("3.13.5"))

    assert found == LockedWheel(
        name="alpha",
        version="1.0",
        filename="alpha-1.0-py3-none-any.whl",
        hashes={"sha256": "0" * 64},
        url="https://files.example/alpha-1.0-py3-none-any.whl",
        size=7,
        index="https://index.example/simple",
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("beta ; python_version < '3.13'", "Beta;(python_full_version<'3.13')"),
        ("alpha[tls]>=1,<2", "alpha [TLS] <2, >=1"),
        ("delta==1.0", "delta == 1.0"),
        ('{ include-group = "common" }', '"zeta>=1"'),
    ],
)
def test_another_way_to_write_the_same_is_not_stale(tmp_path: Path, uv: Uv, old: str, new: str) -> None:
    assert old in MANIFEST
    assert changed(tmp_path, uv, MANIFEST.replace(old, new)).warnings == ()


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("alpha[tls]>=1,<2", "alpha[tls]>=2", "`pyproject.toml` asks for `alpha[tls]>=2`; `uv.lock` has 1.0"),
        ("alpha[tls]>=1,<2", 'alpha[tls]>=1,<2", "eta', "`pyproject.toml` asks for `eta`, which `uv.lock` does not have"),
        (
            "alpha[tls]>=1,<2",
            "alpha[tls,http]>=1,<2",
            "`alpha[http,tls]<2,>=1` is asked for, and `uv.lock` was made for `alpha[tls]<2,>=1`",
        ),
        (
            'dev = ["epsilon",',
            'dev = ["epsilon", "alpha",',
            "`alpha` is asked for, and `uv.lock` was made without it",
        ),
        ('name = "Api"', 'name = "other"', "it does not have `other`"),
    ],
)  # fmt: skip
def test_a_lock_that_does_not_meet_the_manifest_is_out_of_date(
    tmp_path: Path, idle_uv: Uv, old: str, new: str, cause: str
) -> None:
    assert old in MANIFEST
    assert stale(tmp_path, idle_uv, MANIFEST.replace(old, new)) == (cause,)


@pytest.mark.parametrize(
    ("old", "new", "warned"),
    [
        ("alpha[tls]>=1,<2", "alpha[tls]>=1", "`alpha[tls]>=1`, `alpha[tls]<2,>=1`"),
        ("python_version < '3.13'", "python_version < '3.12'", '`beta ; python_version < "3.12"`, `beta ; python_full_version < "3.13"`'),
        (", \"gamma; sys_platform == 'win32'\"", "", '`gamma ; sys_platform == "win32"`'),
    ],
)  # fmt: skip
def test_a_lock_that_was_made_for_something_else_but_fits_is_taken_with_a_warning(
    tmp_path: Path, uv: Uv, old: str, new: str, warned: str
) -> None:
    assert old in MANIFEST
    assert changed(tmp_path, uv, MANIFEST.replace(old, new)).warnings == (
        f"`uv.lock` was made for other requirements, though it meets these: {warned}",
    )


def test_dynamic_dependencies_cannot_be_compared(tmp_path: Path, uv: Uv) -> None:
    manifest = MANIFEST.replace("dependencies = [", 'dynamic = ["dependencies"]\n    x = [', 1)

    assert changed(tmp_path, uv, manifest).warnings == ()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"extras": ("pgg",)}, ("`Api` has no extra `pgg`", ("it has `pg`",), ("Did you mean `pg`?",))),
        ({"groups": ("docs",)}, ("`Api` has no group `docs`", ("it has `common`, `dev`",), ())),
    ],
)
def test_what_the_project_does_not_have_cannot_be_asked_for(
    tmp_path: Path, idle_uv: Uv, asked: dict[str, tuple[str, ...]], said: tuple[object, ...]
) -> None:
    write(tmp_path, {"pyproject.toml": MANIFEST, "uv.lock": LOCK})

    with pytest.raises(UsageError) as caught:
        resolve(tmp_path, idle_uv, **asked)

    assert told(caught.value) == (UsageError, *said)


MEMBERS = f"""
[manifest]
members = ["api", "inner"]
{release("alpha")}
[[package]]
name = "api"
version = "1.0"
source = {{ virtual = "." }}
dependencies = [{{ name = "inner" }}, {{ name = "local" }}, {{ name = "remote" }}]
[package.metadata]
requires-dist = [
    {{ name = "inner", editable = "libs/inner" }},
    {{ name = "local", directory = "vendor/local" }},
    {{ name = "remote", git = "https://git.example/remote.git?rev=main" }},
]
[[package]]
name = "inner"
version = "1.0"
source = {{ editable = "libs/inner" }}
dependencies = [{{ name = "alpha" }}, {{ name = "local" }}]
[package.metadata]
requires-dist = [{{ name = "alpha" }}, {{ name = "local", directory = "vendor/local" }}]
[[package]]
name = "local"
version = "1.0"
source = {{ directory = "vendor/local" }}
[[package]]
name = "remote"
version = "1.0"
source = {{ git = "https://git.example/remote.git?rev=main#{COMMIT}" }}
"""
WORKSPACE = {
    "pyproject.toml": """
        [project]
        name = "api"
        version = "1.0"
        requires-python = ">=3.11"
        dependencies = ["inner", "local", "remote"]
        [tool.uv.workspace]
        members = ["libs/*"]
        [tool.uv.sources]
        inner = { workspace = true }
        local = { path = "vendor/local" }
        remote = { git = "https://git.example/remote.git", rev = "main" }
        """,
    "libs/inner/pyproject.toml": """
        [project]
        name = "inner"
        version = "1.0"
        requires-python = ">=3.11"
        dependencies = ["alpha", "local"]
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"
        [tool.uv.sources]
        local = { path = "../../vendor/local" }
        """,
    "vendor/local/pyproject.toml": '[project]\nname = "local"\nversion = "1.0"\n',
    "uv.lock": HEAD + MEMBERS,
}


def test_members_paths_and_repositories_stay_what_they_are(tmp_path: Path, uv: Uv) -> None:
    write(tmp_path, WORKSPACE)

    found = resolve(tmp_path, uv)
    inner, local = (LockedDirectory(name=name, path=str(tmp_path / path)) for name, path in PATHS)
    url = "https://git.example/remote.git"
    remote = LockedVcs(name="remote", kind="git", commit=COMMIT, url=url, requested="main", version="1.0")

    assert select(found, target())[1:] == (inner, local, remote)
    assert [Path(path).relative_to(tmp_path).as_posix() for path in found.inputs] == [
        "uv.lock", "libs/inner/pyproject.toml", "pyproject.toml", "vendor/local/pyproject.toml",
    ]  # fmt: skip


PATHS = (("inner", "libs/inner"), ("local", "vendor/local"))


def test_a_member_is_resolved_alone_from_the_lock_of_its_workspace(tmp_path: Path, uv: Uv) -> None:
    write(tmp_path, WORKSPACE)

    found = select(resolve(tmp_path / "libs/inner", uv), target())

    assert [each.name for each in found] == ["alpha", "local"]
    assert found[1] == LockedDirectory(name="local", path=str(tmp_path / "vendor" / "local"))


SCRIPT = '# /// script\n# requires-python = ">=3.11"\n# dependencies = ["alpha>=1"]\n# ///\n'
SCRIPT_LOCK = HEAD + '[manifest]\nrequirements = [{ name = "alpha", specifier = ">=1" }]\n' + release("alpha")


def test_the_lock_of_a_script_is_exported(tmp_path: Path, uv: Uv) -> None:
    write(tmp_path, {"job.py": SCRIPT, "job.py.lock": SCRIPT_LOCK})

    found = resolve(tmp_path / "job.py", uv)

    assert (found.origin, found.pinned, found.warnings) == ("job.py.lock", True, ())
    assert [each.name for each in select(found, target())] == ["alpha"]


def test_the_lock_of_a_script_can_be_out_of_date(tmp_path: Path, idle_uv: Uv) -> None:
    write(tmp_path, {"job.py": SCRIPT.replace(">=1", ">=2"), "job.py.lock": SCRIPT_LOCK})

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path / "job.py", idle_uv)

    assert told(caught.value)[1:] == (
        "`job.py.lock` is out of date",
        ("`job.py` asks for `alpha>=2`; `job.py.lock` has 1.0",),
        ("Run `uv lock --script job.py`",),
    )


def test_a_lock_that_uv_cannot_read_is_refused_in_uvs_words(tmp_path: Path, uv: Uv) -> None:
    write(tmp_path, {"pyproject.toml": MANIFEST, "uv.lock": LOCK.replace("version = 1\n", "version = 99\n", 1)})

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, uv)

    assert caught.value.message == "cannot read `uv.lock`"
    assert "99" in caught.value.causes[0]


def test_an_unreadable_lock_says_where(tmp_path: Path, idle_uv: Uv) -> None:
    write(tmp_path, {"pyproject.toml": MANIFEST, "uv.lock": "version = 1\n<<<<<<< HEAD\n"})

    with pytest.raises(ProjectError) as caught:
        resolve(tmp_path, idle_uv)

    assert told(caught.value)[1:] == (
        "`uv.lock` cannot be read",
        ("line 2, column 1: invalid statement",),
        ("Resolve the merge conflict at line 2, or write the lockfile anew",),
    )
