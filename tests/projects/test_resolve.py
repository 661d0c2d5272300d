"""From a project to what a target takes, and what of it is remembered."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
from make.errors import told
from make.index import Index
from make.wheelhouse import Wheelhouse
from targets import target
from trees import write

from tare.errors import ProjectError, TargetError, UsageError
from tare.projects import project
from tare.projects.locked import LockedWheel
from tare.projects.process import Finished, run
from tare.projects.resolve import Selection, locked, locked_each
from tare.projects.uv import Uv
from tare.stores.cache import hash_file

HASH = "0" * 64
LOCK = f"""
    lock-version = "1.0"
    created-by = "tests"
    [[packages]]
    name = "alpha"
    version = "1"
    wheels = [{{ url = "https://files.example/alpha-1-py3-none-any.whl", hashes = {{ sha256 = "{HASH}" }} }}]
    """


class Counting:
    """Runs uv, and counts."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, stdin: bytes = b"") -> Finished:
        self.runs += 1
        return run(argv, env=env, cwd=cwd, stdin=stdin)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def memo_uv(uv: Uv, counting: Counting, tmp_path: Path) -> Uv:
    return msgspec.structs.replace(uv, memo=str(tmp_path / "memo"), runner=counting)


def test_a_pipfile_without_its_lock_is_refused(tmp_path: Path, idle_uv: Uv) -> None:
    root = write(tmp_path / "api", {"Pipfile": '[packages]\nsix = "*"\n', "main.py": "import six\n"})

    with pytest.raises(ProjectError) as caught:
        locked(project.read(root), target(), idle_uv)

    assert told(caught.value)[1:] == (
        "`Pipfile` has no lock",
        ("it asks for packages, and nothing says which versions of them",),
        ("Run `pipenv lock`",),
    )


def test_a_selection_says_where_it_comes_from(tmp_path: Path, idle_uv: Uv) -> None:
    root = write(tmp_path / "api", {"pylock.toml": LOCK, "uv.lock": "", "pyproject.toml": '[project]\nname = "api"\n'})

    assert locked(project.read(root), target(), idle_uv) == Selection(
        locked=(
            LockedWheel(
                name="alpha",
                version="1",
                filename="alpha-1-py3-none-any.whl",
                hashes={"sha256": HASH},
                url="https://files.example/alpha-1-py3-none-any.whl",
            ),
        ),
        origin="pylock.toml",
        pinned=True,
        hashed=True,
        warnings=("`pylock.toml` is taken, and `uv.lock` not",),
    )


@pytest.mark.parametrize(
    "files", [{"main.py": ""}, {"pyproject.toml": '[project]\nname = "api"\n'}, {"requirements.txt": "# nothing\n"}]
)
def test_a_project_that_needs_nothing_asks_nothing(tmp_path: Path, idle_uv: Uv, files: dict[str, str]) -> None:
    found = locked(project.read(write(tmp_path / "api", files)), target(), idle_uv)

    assert (found.locked, found.pinned, found.hashed, found.warnings) == ((), True, True, ())


def test_the_second_time_no_process_is_started(tmp_path: Path, memo_uv: Uv, counting: Counting, index: Index) -> None:
    index.add("alpha", "1.0")
    root = write(tmp_path / "api", {"requirements.in": "alpha\n"})
    first = locked(project.read(root), target(), memo_uv)
    runs = counting.runs

    second = locked(project.read(root), target(), memo_uv)
    other = locked(project.read(root), target(architecture="arm64"), memo_uv)

    assert (first, first, runs, counting.runs) == (second, other, 1, 1)


def test_targets_with_one_interpreter_share_a_resolution(
    tmp_path: Path, uv: Uv, counting: Counting, index: Index
) -> None:
    index.add("alpha", "1.0", ("cp313-cp313-manylinux_2_17_x86_64", "cp313-cp313-manylinux_2_17_aarch64"))
    root = write(tmp_path / "api", {"requirements.in": "alpha\n"})
    uv = msgspec.structs.replace(uv, runner=counting)

    found = locked_each(project.read(root), (target(), target(architecture="arm64")), uv)

    assert [[getattr(each, "filename", "") for each in one.locked] for one in found] == [
        ["alpha-1.0-cp313-cp313-manylinux_2_17_x86_64.whl"],
        ["alpha-1.0-cp313-cp313-manylinux_2_17_aarch64.whl"],
    ]
    assert counting.runs == 1


def test_a_change_of_any_file_that_was_read_is_seen(tmp_path: Path, memo_uv: Uv, index: Index) -> None:
    index.add("alpha", "1.0")
    index.add("beta", "1.0")
    root = write(tmp_path / "api", {"requirements.in": "-r more.in\n", "more.in": "alpha\n"})
    first = locked(project.read(root), target(), memo_uv)

    write(root, {"more.in": "beta\n"})
    second = locked(project.read(root), target(), memo_uv)

    assert [[each.name for each in found.locked] for found in (first, second)] == [["alpha"], ["beta"]]


LIBRARY = '[project]\nname = "library"\nversion = "1"\ndependencies = ["{}"]\n'


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[project]\nname = "api"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["library"]\n'
         '[tool.uv.sources]\nlibrary = { path = "../library" }\n'},
        {"requirements.in": "library @ ../library\n"},
        {"requirements.in": "../library\n"},
    ],
)  # fmt: skip
def test_what_a_directory_needs_is_asked_again_when_its_manifest_changed(
    tmp_path: Path, memo_uv: Uv, counting: Counting, index: Index, files: dict[str, str]
) -> None:
    index.add("alpha", "1.0")
    index.add("beta", "1.0")
    write(tmp_path, {"library/pyproject.toml": LIBRARY.format("alpha")})
    root = write(tmp_path / "api", files)

    def names() -> list[str]:
        return [each.name for each in locked(project.read(root), target(), memo_uv).locked]

    before, again, runs = names(), names(), counting.runs
    write(tmp_path, {"library/pyproject.toml": LIBRARY.format("beta")})

    assert (before, again, names()) == (["alpha", "library"], ["alpha", "library"], ["beta", "library"])
    assert (runs, counting.runs) == (1, 2)


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[project]\nname = "api"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["alpha"]\n'
         '[tool.uv]\nfind-links = ["../wheels"]\n'},
        {"requirements.in": "-f ../wheels\nalpha\n"},
        {"requirements.in": "alpha\n"},
    ],
)  # fmt: skip
def test_a_wheel_that_another_of_its_name_and_size_replaced_is_seen(
    tmp_path: Path, memo_uv: Uv, files: dict[str, str]
) -> None:
    root = write(tmp_path / "api", files)
    house = Wheelhouse(tmp_path / "wheels")
    by_option = not any("wheels" in text for text in files.values())
    found = []
    for content in (b"1", b"2"):
        wheel = house.add("alpha", files={"alpha.py": content}).path
        os.utime(wheel, (10**9, 10**9))
        uv = msgspec.structs.replace(memo_uv, find_links=(str(house.directory),) if by_option else ())
        [alpha] = locked(project.read(root), target(), uv).locked
        assert isinstance(alpha, LockedWheel)
        found.append((alpha.hashes["sha256"], alpha.size))
        assert found[-1][0] == hash_file(wheel).removeprefix("sha256:")

    assert found[0][0] != found[1][0]


def test_what_uv_chose_stays_until_it_is_to_be_refreshed(tmp_path: Path, memo_uv: Uv, index: Index) -> None:
    index.add("alpha", "1.0")
    root = write(tmp_path / "api", {"requirements.in": "alpha\n"})

    def version(uv: Uv) -> str:
        return getattr(locked(project.read(root), target(), uv).locked[0], "version", "")

    before = version(memo_uv)
    index.add("alpha", "2.0")
    refreshed = msgspec.structs.replace(memo_uv, refresh=True)  # uv's own answers are fresh for ten minutes
    assert [before, version(memo_uv), version(refreshed), version(memo_uv)] == ["1.0", "1.0", "2.0", "2.0"]


def test_every_part_of_a_target_and_of_what_is_asked_for_counts(tmp_path: Path, idle_uv: Uv) -> None:
    """A lock that answers differently to each of them."""
    tags = (
        "cp313-cp313-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_28_aarch64", "cp313-cp313-musllinux_1_2_x86_64",
        "cp313-cp313t-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_17_x86_64",
    )  # fmt: skip
    wheels = ", ".join(
        f'{{ url = "https://f.example/a-1-{tag}.whl", hashes = {{ sha256 = "{HASH}" }} }}' for tag in tags
    )
    extra = f'wheels = [{{ url = "https://f.example/b-1-py3-none-any.whl", hashes = {{ sha256 = "{HASH}" }} }}]'
    root = write(tmp_path / "api", {"pylock.toml": f"""
        lock-version = "1.0"
        created-by = "tests"
        extras = ["x"]
        dependency-groups = ["y"]
        [[packages]]
        name = "a"
        version = "1"
        wheels = [{wheels}]
        [[packages]]
        name = "b"
        version = "1"
        marker = "'x' in extras or 'y' in dependency_groups or python_full_version == '3.13.0'"
        {extra}
        """})  # fmt: skip
    uv = msgspec.structs.replace(idle_uv, memo=str(tmp_path / "memo"))
    plain = target()
    asked = [
        (plain, (), ()),
        (target(architecture="arm64"), (), ()),
        (target(libc="musl 1.2"), (), ()),
        (target(libc="glibc 2.17"), (), ()),
        (msgspec.structs.replace(plain, free_threaded=True), (), ()),
        (target("3.12.1"), (), ()),
        (target("3.13.0"), (), ()),
        (plain, ("x",), ()),
        (plain, (), ("y",)),
    ]

    found = [locked(project.read(root), where, uv, extras=extras, groups=groups) for where, extras, groups in asked]

    assert len({repr(each.locked) for each in found}) == len(asked) - 2  # the last three take `a` and `b`, all alike
    assert len(list((tmp_path / "memo").iterdir())) == len(asked)
    again = [locked(project.read(root), where, uv, extras=extras, groups=groups) for where, extras, groups in asked]
    assert again == found


@pytest.mark.parametrize(
    "wish",
    [
        "alpha",
        "Alpha[tls]>=1",
        "alpha @ https://index.example/alpha.zip",
        "beta ; sys_platform == 'win32'",
        "beta ; platform_machine == 'aarch64'",
        "beta ; python_version < '3.13'",
        "api[tls]",
    ],
)
def test_a_lock_that_does_not_know_its_manifest_may_have_all_that_it_asks_for(
    tmp_path: Path, idle_uv: Uv, wish: str
) -> None:
    manifest = f'[project]\nname = "api"\ndependencies = ["{wish}"]\n'
    root = write(tmp_path / "api", {"pylock.toml": LOCK, "pyproject.toml": manifest})

    assert locked(project.read(root), target(), idle_uv).warnings == ()


@pytest.mark.parametrize(
    ("wish", "cause"),
    [
        ("alpha>=2", "`pyproject.toml` asks for `alpha>=2`; `pylock.toml` has 1"),
        ("beta", "`pyproject.toml` asks for `beta`, which `pylock.toml` does not have"),
        (
            "beta ; platform_machine == 'x86_64'",
            '`pyproject.toml` asks for `beta ; platform_machine == "x86_64"`, which `pylock.toml` does not have',
        ),
    ],
)
def test_a_lock_that_contradicts_its_manifest_is_refused(tmp_path: Path, idle_uv: Uv, wish: str, cause: str) -> None:
    manifest = f'[project]\nname = "api"\ndependencies = ["{wish}"]\n'
    root = write(tmp_path / "api", {"pylock.toml": LOCK, "pyproject.toml": manifest})

    with pytest.raises(ProjectError) as caught:
        locked(project.read(root), target(), idle_uv)

    assert told(caught.value) == (
        ProjectError,
        "`pylock.toml` contradicts `pyproject.toml`",
        (cause,),
        ("Lock the project anew, or change what `pyproject.toml` asks for",),
    )


@pytest.mark.parametrize("key", ["override-dependencies", "exclude-dependencies"])
def test_what_uv_was_told_to_overrule_is_no_contradiction(tmp_path: Path, idle_uv: Uv, key: str) -> None:
    manifest = f'[project]\nname = "api"\ndependencies = ["alpha>=2"]\n[tool.uv]\n{key} = ["alpha"]\n'
    root = write(tmp_path / "api", {"pylock.toml": LOCK, "pyproject.toml": manifest})

    assert locked(project.read(root), target(), idle_uv).warnings == ()


def test_a_project_for_another_interpreter_is_refused_before_anything_is_asked(tmp_path: Path, idle_uv: Uv) -> None:
    manifest = '[project]\nname = "api"\nrequires-python = ">=3.14"\ndependencies = ["alpha"]\n'
    root = write(tmp_path / "api", {"pyproject.toml": manifest})

    with pytest.raises(TargetError, match=r"`api` is not for CPython 3\.13\.5"):
        locked(project.read(root), target(), idle_uv)


def test_a_bare_manifest_is_resolved_with_its_extras_and_groups(tmp_path: Path, uv: Uv, index: Index) -> None:
    for name in ("alpha", "beta", "gamma", "delta"):
        index.add(name, "1.0")
    root = write(tmp_path / "api", {"pyproject.toml": """
        [project]
        name = "api"
        version = "1"
        dependencies = ["alpha"]
        optional-dependencies = { B_x = ["beta"] }
        [dependency-groups]
        Work = ["gamma"]
        dev = ["delta"]
        """})  # fmt: skip

    found = locked(project.read(root), target(), uv, extras=("b-x",), groups=("work",))

    assert [each.name for each in found.locked] == ["alpha", "beta", "gamma"]
    assert (found.origin, found.pinned, found.hashed) == ("pyproject.toml", False, False)
    assert found.warnings == ("the build is not pinned: there is no lockfile for `pyproject.toml`",)


def test_a_bare_manifest_of_poetry_is_resolved_too(tmp_path: Path, uv: Uv, index: Index) -> None:
    for version in ("1.0", "2.0"):
        index.add("alpha", version)
    for name in ("beta", "gamma", "delta"):
        index.add(name, "1.0")
    root = write(tmp_path / "api", {"pyproject.toml": """
        [tool.poetry]
        name = "api"
        extras = { pg = ["beta"] }
        [tool.poetry.dependencies]
        python = "^3.11"
        alpha = "^1.0"
        beta = { version = "*", optional = true }
        [tool.poetry.group.work.dependencies]
        gamma = "*"
        [tool.poetry.group.dev.dependencies]
        delta = "*"
        """})  # fmt: skip

    def names(**asked: tuple[str, ...]) -> list[str]:
        found = locked(project.read(root), target(), uv, **asked)
        return [f"{each.name} {getattr(each, 'version', '')}" for each in found.locked]

    assert names() == ["alpha 1.0"]
    assert names(extras=("pg",), groups=("work",)) == ["alpha 1.0", "beta 1.0", "gamma 1.0"]


def test_a_script_is_resolved_with_its_own_sources(tmp_path: Path, uv: Uv, index: Index) -> None:
    """`uv pip compile` would take `near` from the index: somebody else's."""
    index.add("alpha", "1.0")
    index.add("near", "9.9")
    root = write(tmp_path / "jobs", {
        "job.py": """
            # /// script
            # requires-python = ">=3.11"
            # dependencies = ["alpha", "near"]
            # [tool.uv.sources]
            # near = { path = "near" }
            # ///
            """,
        "near/pyproject.toml": '[project]\nname = "near"\nversion = "1.0"\n',
    })  # fmt: skip

    found = locked(project.read(root / "job.py"), target(), uv)

    assert [(each.name, type(each).__name__) for each in found.locked] == [
        ("alpha", "LockedWheel"),
        ("near", "LockedDirectory"),
    ]
    assert found.warnings == ("the build is not pinned: there is no lockfile for `job.py`",)
    assert sorted(path.name for path in root.iterdir()) == ["job.py", "near"]


def test_sources_alone_have_no_extras(tmp_path: Path, idle_uv: Uv) -> None:
    with pytest.raises(UsageError, match="`the project` has no extra `x`"):
        locked(project.read(write(tmp_path / "api", {"main.py": ""})), target(), idle_uv, extras=("x",))


def test_what_is_remembered_is_found_without_what_takes_long_to_load(tmp_path: Path, idle_uv: Uv) -> None:
    root = write(tmp_path / "api", {"pylock.toml": LOCK, "pyproject.toml": '[project]\nname = "api"\n'})
    memo = str(tmp_path / "memo")
    locked(project.read(root, memo_directory=memo), target(), msgspec.structs.replace(idle_uv, memo=memo))
    code = f"""
import sys
sys.path[:0] = {[str(Path(each).resolve()) for each in ("src", "tests/support")]!r}
from targets import target
from tare.projects import project
from tare.projects.resolve import locked
from tare.projects.uv import Uv
found = locked(project.read({str(root)!r}, memo_directory={memo!r}), target(), Uv(python={sys.executable!r}, env={{}}, memo={memo!r}))
slow = {{"packaging", "tomllib", "pathlib", "subprocess", "tempfile", "difflib", "shlex"}}
print(len(found.locked), sorted(slow & set(sys.modules)))
"""
    done = subprocess.run((sys.executable, "-I", "-c", code), capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("1 []\n", "")


BACKEND = """
import pathlib

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    needs = pathlib.Path(FILE).read_text().split()
    info = pathlib.Path(directory, "demo-1.0.dist-info")
    info.mkdir()
    lines = ["Metadata-Version: 2.1", "Name: demo", "Version: 1.0", *(f"Requires-Dist: {need}" for need in needs)]
    (info / "METADATA").write_text("\\n".join(lines) + "\\n")
    return info.name
"""
BUILT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@pytest.mark.parametrize(
    ("manifest", "file"),
    [
        (BUILT, "setup.cfg"),
        (f'{BUILT}[project]\nname = "demo"\nversion = "1.0"\ndynamic = ["dependencies"]\n', "setup.cfg"),
        (
            f'{BUILT}[project]\nname = "demo"\nversion = "1.0"\ndynamic = ["dependencies"]\n'
            '[tool.setuptools.dynamic]\ndependencies = { file = ["deps.txt"] }\n',
            "deps.txt",
        ),
    ],
    ids=["no table of the project", "dynamic", "a file of its own"],
)
def test_what_only_a_backend_knows_is_asked_of_it_and_again_when_it_changed(
    tmp_path: Path, memo_uv: Uv, counting: Counting, index: Index, *, manifest: str, file: str
) -> None:
    index.add("alpha", "1.0")
    index.add("beta", "1.0")
    root = write(
        tmp_path / "app",
        {"pyproject.toml": manifest, "backend.py": BACKEND.replace("FILE", repr(file)), file: "alpha\n"},
    )

    def names() -> list[str]:
        return [each.name for each in locked(project.read(root), target(), memo_uv).locked]

    assert (names(), names(), counting.runs) == (["alpha"], ["alpha"], 1)
    write(root, {file: "alpha\nbeta\n"})
    assert (names(), counting.runs) == (["alpha", "beta"], 2)


def test_extras_that_only_a_backend_knows_can_be_asked_for(tmp_path: Path, uv: Uv, index: Index) -> None:
    index.add("alpha", "1.0")
    backend = BACKEND.replace("FILE", "'needs'").replace("*(f", "'Provides-Extra: more', *(f")
    needs = "alpha;extra=='more'\n"
    root = write(tmp_path / "app", {"pyproject.toml": BUILT, "backend.py": backend, "needs": needs})
    found = project.read(root)

    assert [each.name for each in locked(found, target(), uv).locked] == []
    assert [each.name for each in locked(found, target(), uv, extras=("more",)).locked] == ["alpha"]
    with pytest.raises(ProjectError) as caught:
        locked(found, target(), uv, extras=("less",))
    assert told(caught.value)[1:3] == ("cannot resolve `pyproject.toml`", ("Requested extra not found: less",))
