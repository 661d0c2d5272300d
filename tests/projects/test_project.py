"""Reading a project: what it consists of, and what its manifest says."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest
from make.errors import told
from trees import write

from tare.errors import MachineError, ProjectError
from tare.projects import project
from tare.projects.config import ToolConfig
from tare.projects.discovery import Lock
from tare.projects.project import Project

MINIMAL = '[project]\nname = "api"\n'


def read(root: Path, name: str = "", **options: str) -> Project:
    return project.read(root / name if name else root, **options)


def refused(root: Path, name: str = "") -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    with pytest.raises(ProjectError) as caught:
        read(root, name)
    return told(caught.value)[1:]


def test_a_manifest_is_read_whole(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": """
        [project]
        name = "My.Api"
        version = "1.2"
        requires-python = ">=3.11,<3.14"
        dependencies = ["fastapi>=0.115", "colorama ; sys_platform == 'win32'"]
        scripts = { serve = "api:main", admin = "api.admin:main" }
        gui-scripts = { window = "api.window:main" }
        optional-dependencies = { Pg_Fast = ["psycopg"], tls = [] }
        [dependency-groups]
        Dev = ["pytest"]
        [build-system]
        requires = ["hatchling"]
        [tool.uv]
        dev-dependencies = ["ruff"]
        [tool.tare]
        ports = [8000]
        """})  # fmt: skip

    assert read(tmp_path) == Project(
        root=str(tmp_path),
        name="My.Api",
        version="1.2",
        requires_python=">=3.11,<3.14",
        has_build_system=True,
        scripts={"admin": "api.admin:main", "serve": "api:main"},
        gui_scripts={"window": "api.window:main"},
        dependencies=("fastapi>=0.115", "colorama ; sys_platform == 'win32'"),
        has_dependencies=True,
        extras=("pg-fast", "tls"),
        groups=("dev",),
        manifest=str(tmp_path / "pyproject.toml"),
        lock=Lock(kind="pyproject", path=str(tmp_path / "pyproject.toml")),
        config=ToolConfig(ports=("8000/tcp",)),
    )


def test_the_metadata_of_poetry_counts_where_there_is_no_project_table(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": """
        [tool.poetry]
        name = "old"
        version = "0.1"
        scripts = { old = "old:main" }
        extras = { pg = ["psycopg"] }
        [tool.poetry.dependencies]
        python = "^3.11"
        requests = "^2"
        [tool.poetry.dev-dependencies]
        pytest = "*"
        [tool.poetry.group.docs.dependencies]
        sphinx = "*"
        [build-system]
        requires = ["poetry-core"]
        """})  # fmt: skip

    found = read(tmp_path)

    assert (found.name, found.version, found.requires_python) == ("old", "0.1", ">=3.11,<4")
    assert (found.scripts, found.extras, found.groups) == ({"old": "old:main"}, ("pg",), ("dev", "docs"))
    assert (found.has_dependencies, found.has_build_system) == (True, True)


@pytest.mark.parametrize("setting", ["[tool.uv]\npackage = false", "[tool.poetry]\npackage-mode = false"])
def test_a_project_that_is_no_package_is_not_built_in_spite_of_its_backend(tmp_path: Path, setting: str) -> None:
    write(tmp_path, {"pyproject.toml": f"{MINIMAL}[build-system]\nrequires = []\n{setting}\n"})

    assert not read(tmp_path).has_build_system


def test_a_dynamic_version_is_not_known_and_dynamic_dependencies_are_some(tmp_path: Path) -> None:
    write(
        tmp_path, {"pyproject.toml": f'{MINIMAL}dynamic = ["version", "dependencies"]\n[tool.poetry]\nversion = "0"\n'}
    )

    found = read(tmp_path)

    assert (found.version, found.has_dependencies) == (None, True)


ORDER = (
    ("pylock.toml", "pylock"),
    ("uv.lock", "uv"),
    ("poetry.lock", "poetry"),
    ("pdm.lock", "pdm"),
    ("Pipfile.lock", "pipfile"),
    ("requirements.txt", "requirements"),
    ("requirements/prod.txt", "requirements"),
    ("requirements.in", "requirements"),
)


@pytest.mark.parametrize(("first", "second"), list(itertools.pairwise(ORDER)))
def test_of_two_locks_the_one_that_says_more_is_taken(
    tmp_path: Path, first: tuple[str, str], second: tuple[str, str]
) -> None:
    write(tmp_path, {first[0]: "", second[0]: "", "pyproject.toml": MINIMAL})

    found = read(tmp_path)

    assert found.lock is not None
    assert (found.lock.kind, found.lock.path) == (first[1], str(tmp_path / first[0]))
    expected = (f"`{first[0]}` is taken, and `{second[0]}` not",) if first[1] != second[1] else ()
    assert found.warnings == expected


def test_every_lock_that_is_not_taken_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"uv.lock": "", "poetry.lock": "", "requirements.txt": "", "pyproject.toml": MINIMAL})

    assert read(tmp_path).warnings == ("`uv.lock` is taken, and `poetry.lock` and `requirements.txt` not",)


@pytest.mark.parametrize(
    ("name", "kind", "root"),
    [
        ("pylock.toml", "pylock", ""),
        ("pylock.prod.toml", "pylock", ""),
        ("poetry.lock", "poetry", ""),
        ("constraints.txt", "requirements", ""),
        ("requirements/prod.txt", "requirements", ""),
        ("deploy/req.in", "requirements", "deploy"),
        ("pyproject.toml", "uv", ""),
    ],
)
def test_a_path_names_the_lock_and_so_the_project(tmp_path: Path, name: str, kind: str, root: str) -> None:
    write(tmp_path, {"uv.lock": "", "pyproject.toml": MINIMAL, name: MINIMAL if name == "pyproject.toml" else ""})

    found = read(tmp_path, name)

    assert found.lock is not None
    assert (found.lock.kind, found.root, found.warnings) == (kind, str(tmp_path / root) if root else str(tmp_path), ())


def test_the_lock_may_be_named_beside_the_directory(tmp_path: Path) -> None:
    write(tmp_path, {"uv.lock": "", "requirements.txt": "", "pyproject.toml": MINIMAL})

    found = read(tmp_path, lock=str(tmp_path / "requirements.txt"))

    assert found.lock == Lock(kind="requirements", path=str(tmp_path / "requirements.txt"))


def test_a_member_of_a_workspace_has_the_lock_of_the_workspace(tmp_path: Path) -> None:
    write(tmp_path, {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n',
        "uv.lock": "",
        "libs/api/pyproject.toml": MINIMAL,
    })  # fmt: skip

    found = read(tmp_path, "libs/api")

    assert found.lock == Lock(kind="uv", path=str(tmp_path / "uv.lock"))
    assert (found.root, found.workspace) == (str(tmp_path / "libs/api"), str(tmp_path))


def test_a_project_inside_another_that_is_no_workspace_is_alone(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": MINIMAL, "uv.lock": "", "libs/api/pyproject.toml": MINIMAL})

    found = read(tmp_path, "libs/api")

    assert found.lock == Lock(kind="pyproject", path=str(tmp_path / "libs/api/pyproject.toml"))


def test_a_directory_of_sources_needs_no_manifest(tmp_path: Path) -> None:
    assert read(tmp_path) == Project(root=str(tmp_path))


def test_a_pipfile_says_which_interpreter_and_which_groups(tmp_path: Path) -> None:
    write(tmp_path, {
        "Pipfile": '[packages]\nsix = "*"\n[dev-packages]\n[Worker]\n[requires]\npython_version = "3.11"\n',
        "Pipfile.lock": "{}",
    })  # fmt: skip

    found = read(tmp_path)

    assert (found.requires_python, found.groups, found.has_dependencies) == ("==3.11.*", ("dev", "worker"), True)


@pytest.mark.parametrize("manifest", [None, "[tool.ruff]\nline-length = 100\n"])
def test_a_pipfile_without_its_lock_is_not_a_project_without_dependencies(tmp_path: Path, manifest: str | None) -> None:
    write(tmp_path, {"Pipfile": '[packages]\nsix = "*"\n', "main.py": "import six\n"})
    write(tmp_path, {"pyproject.toml": manifest} if manifest else {})

    found = read(tmp_path)

    assert (found.is_unlocked_pipfile, found.has_dependencies) == (True, True)


@pytest.mark.parametrize(
    "files",
    [
        {"Pipfile": "[packages]\n"},
        {"Pipfile": '[packages]\nsix = "*"\n', "requirements.txt": "six==1.0\n"},
        {"Pipfile": "[packages", "pyproject.toml": '[project]\nname = "a"\nversion = "1"\ndependencies = ["six"]\n'},
    ],
    ids=["nothing is asked for", "there are requirements", "the manifest has dependencies"],
)
def test_a_pipfile_that_decides_nothing_is_passed_over(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, files)

    assert not read(tmp_path).is_unlocked_pipfile


def test_a_script_is_a_project_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"job.py": """
        #!/usr/bin/env python3
        # /// script
        # requires-python = ">=3.12"
        # dependencies = [
        #   "six",
        # ]
        # [tool.tare]
        # user = "10001"
        # ///
        import six
        """})  # fmt: skip

    assert read(tmp_path, "job.py") == Project(
        root=str(tmp_path),
        name="job",
        requires_python=">=3.12",
        dependencies=("six",),
        has_dependencies=True,
        manifest=str(tmp_path / "job.py"),
        script=str(tmp_path / "job.py"),
        lock=Lock(kind="script", path=str(tmp_path / "job.py")),
        config=ToolConfig(user="10001"),
    )


def test_the_lock_beside_a_script_is_taken(tmp_path: Path) -> None:
    write(tmp_path, {"job.py": "# /// script\n# ///\n", "job.py.lock": ""})

    for name in ("job.py", "job.py.lock"):
        assert read(tmp_path, name).lock == Lock(kind="uv", path=str(tmp_path / "job.py.lock"))


def test_a_script_without_metadata_needs_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"job.py": "print()\n"})

    found = read(tmp_path, "job.py")

    assert (found.lock, found.script, found.has_dependencies) == (None, str(tmp_path / "job.py"), False)


@pytest.mark.parametrize(
    ("text", "message", "cause"),
    [
        (
            "# /// script\n# a = 1\n",
            "the `script` block of `job.py` does not end",
            "line 1 starts it, and no line of the comment is `# ///`",
        ),
        (
            "# /// script\n# ///\n\n# /// script\n# ///\n",
            "`job.py` has more than one `script` block",
            "line 1 and line 4 both start one",
        ),
        (
            "#!/bin/python\n# /// script\n# dependencies = ]\n# ///\n",
            "`job.py` cannot be read",
            "line 3, column 16: invalid value",
        ),
        (
            "# /// script\n# dependencies = 1\n# ///\n",
            "the `script` block of `job.py` is not understood",
            "`dependencies`: expected an array, got `1`",
        ),
    ],
)  # fmt: skip
def test_a_script_block_that_is_wrong_says_where(tmp_path: Path, text: str, message: str, cause: str) -> None:
    write(tmp_path, {"job.py": text})

    assert refused(tmp_path, "job.py")[:2] == (message, (cause,))


def test_a_block_ends_at_its_last_end_as_pep_723_says(tmp_path: Path) -> None:
    write(
        tmp_path, {"job.py": '# /// script\n# dependencies = ["a"]\n# ///\n# [tool.tare]\n# user = "1"\n# ///\nx = 1\n'}
    )

    with pytest.raises(ProjectError, match=r"`job\.py` cannot be read"):
        read(tmp_path, "job.py")


def test_a_manifest_that_is_no_toml_says_where(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "[project]\nname = \n"})

    assert refused(tmp_path) == ("`pyproject.toml` cannot be read", ("line 2, column 8: invalid value",), ())


def test_a_merge_conflict_is_named_as_one(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "[project]\n<<<<<<< HEAD\nname = 'a'\n"})

    assert refused(tmp_path)[2] == ("Resolve the merge conflict at line 2, or write the lockfile anew",)


def test_a_manifest_that_is_no_text_says_where(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"[project]\nname = '\xff'\n")

    assert refused(tmp_path) == ("`pyproject.toml` cannot be read", ("line 2: the byte 0xff is not UTF-8",), ())


def test_a_manifest_with_wrong_types_says_all_of_them(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": dedent("""
                [project]
                name = 1
                dependencies = ["a", 2, "b c"]
                scripts = { a = 3 }
                [project.optional-dependencies]
                all = "six"
                some = ["six", "s ix"]
                good = ["six >= 1 ; python_version > '3'"]
                [dependency-groups]
                dev = "six"
                [tool]
                tare = 4
            """)
        },
    )

    assert refused(tmp_path) == (
        "`pyproject.toml` is not understood",
        (
            "`project.dependencies[1]`: expected a requirement, got `2`",
            '`project.dependencies[2]`: expected a requirement, got `"b c"`',
            '`dependency-groups.dev`: expected an array, got `"six"`',
            "`project.name`: expected a name, got `1`",
            "`project.scripts.a`: expected an entry point, got `3`",
            '`project.optional-dependencies.all`: expected an array, got `"six"`',
            '`project.optional-dependencies.some[1]`: expected a requirement, got `"s ix"`',
            "`tool.tare`: expected a table, got `4`",
        ),
        (),
    )


def test_what_is_not_there_or_not_known_is_said(tmp_path: Path) -> None:
    write(tmp_path, {"package.json": "{}"})

    assert refused(tmp_path, "nowhere")[0] == f"there is no `{tmp_path / 'nowhere'}`"
    assert refused(tmp_path, "package.json")[0] == "`package.json` is no lockfile that tare knows"


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="permissions mean nothing to root, or on Windows")
def test_a_manifest_that_may_not_be_read_is_the_machines_trouble(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": MINIMAL})
    (tmp_path / "pyproject.toml").chmod(0)

    with pytest.raises(MachineError, match="cannot read"):
        read(tmp_path)


def test_a_project_is_remembered_by_its_content(tmp_path: Path) -> None:
    root, memo = tmp_path / "project", str(tmp_path / "memo")
    write(root, {"pyproject.toml": MINIMAL})

    first = read(root, memo_directory=memo)
    kept = sorted((tmp_path / "memo").iterdir())
    second = read(root, memo_directory=memo)
    write(root, {"pyproject.toml": '[project]\nname = "other"\n'})
    third = read(root, memo_directory=memo)

    assert (first, third) == (second, msgspec.structs.replace(first, name="other"))
    assert len(kept) == 1
    assert len(list((tmp_path / "memo").iterdir())) == 2


def test_a_lock_that_appears_is_seen_in_spite_of_the_memo(tmp_path: Path) -> None:
    root, memo = tmp_path / "project", str(tmp_path / "memo")
    write(root, {"pyproject.toml": MINIMAL})
    read(root, memo_directory=memo)

    write(root, {"uv.lock": ""})

    assert read(root, memo_directory=memo).lock == Lock(kind="uv", path=str(root / "uv.lock"))


@pytest.mark.parametrize(
    ("names", "warnings"),
    [
        (
            ["requirements-prod.txt"],
            ("`requirements-prod.txt` is not taken: name the one that is meant with `--lock`",),
        ),
        (
            ["requirements_web.txt", "pylock.worker.toml", "requirements-dev.txt", "requirements-test.in"],
            (
                "`pylock.worker.toml` and `requirements_web.txt` are not taken: name the one that is meant with `--lock`",
            ),
        ),
        (["requirements-dev.txt", "constraints.txt"], ()),
        (["requirements-prod.txt", "requirements.txt"], ()),
    ],
)
def test_a_lock_of_another_name_is_not_passed_over_in_silence(
    tmp_path: Path, names: list[str], warnings: tuple[str, ...]
) -> None:
    assert read(write(tmp_path, dict.fromkeys(names, ""))).warnings == warnings


SETUP = "from setuptools import setup\nsetup(name='x', version='1')\n"


@pytest.mark.parametrize(
    ("files", "built", "lock"),
    [
        ({"setup.py": SETUP}, True, "setup.py"),
        ({"setup.py": SETUP, "requirements.txt": ""}, True, "requirements.txt"),
        ({"setup.py": SETUP, "pyproject.toml": "[tool.x]\n"}, True, "pyproject.toml"),
        ({"setup.py": SETUP, "pyproject.toml": "[tool.uv]\npackage = false\n"}, False, "pyproject.toml"),
        ({"setup.py": "import app\napp.create_tables()\n"}, False, None),
    ],
)
def test_a_setup_py_alone_is_a_project_of_setuptools(
    tmp_path: Path, files: dict[str, str], lock: str | None, *, built: bool
) -> None:
    found = read(write(tmp_path, files))

    assert (found.has_build_system, found.lock and found.lock.name) == (built, lock)
    assert found.has_dependencies == (built and lock != "requirements.txt"), "only its backend knows"


def test_a_script_with_metadata_may_have_any_name(tmp_path: Path) -> None:
    block = '#!/usr/bin/env python\n# /// script\n# dependencies = ["a"]\n# ///\n'
    root = write(tmp_path, {"job": block, "other": "#!/bin/sh\n"})

    found = read(root / "job")
    assert (found.name, found.script, found.dependencies) == ("job", str(root / "job"), ("a",))
    with pytest.raises(ProjectError, match="`other` is no lockfile"):
        read(root / "other")
