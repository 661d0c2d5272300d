"""Requirements become a PEP 751 lock: with the real uv, and an index on loopback."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from loopback import Server
from make.errors import told
from make.index import Index
from targets import target
from trees import write

from tare.errors import IntegrityError, NetworkError, ProjectError, TareError, TargetError, UsageError
from tare.projects import project
from tare.projects.locked import LockedArchive, LockedDirectory, LockedVcs, LockedWheel
from tare.projects.locks import requirements
from tare.projects.locks.interface import Request, Resolution
from tare.projects.process import Finished, run
from tare.projects.selection import select
from tare.projects.uv import Uv

COMMIT = "1" * 40
WRONG = "0" * 64


def resolve(root: Path, uv: Uv, text: str, *, python: str = "3.13", name: str = "requirements.txt") -> Resolution:
    write(root, {name: text})
    found = project.read(root / name)
    assert found.lock is not None
    return requirements.resolve(found.lock, found, Request(python=python), uv)


def refused(root: Path, uv: Uv, text: str, *, python: str = "3.13") -> TareError:
    with pytest.raises(TareError) as caught:
        resolve(root, uv, text, python=python)
    return caught.value


def files(found: Resolution) -> dict[str, list[str]]:
    """Return the names of the files that the lock has for each package."""
    return {
        str(package.name): [
            *(wheel.filename for wheel in package.wheels or ()),
            *([package.sdist.filename] if package.sdist else []),
        ]
        for package in found.pylock.packages
    }


def test_the_hashes_of_the_input_decide_which_files_there_are(tmp_path: Path, uv: Uv, index: Index) -> None:
    index.add("alpha", "1.0", ("cp313-cp313-manylinux_2_17_x86_64", "cp313-cp313-win_amd64"))
    index.add("beta", "2.0")
    allowed = index.hashes["alpha-1.0-cp313-cp313-manylinux_2_17_x86_64.whl"]

    found = resolve(tmp_path, uv, f"""
        alpha==1.0 --hash=sha256:{allowed.upper()} --hash=sha256:{WRONG}
        beta==2.0 --hash=sha256:{index.hashes["beta-2.0.tar.gz"]}
        """)  # fmt: skip

    assert files(found) == {"alpha": ["alpha-1.0-cp313-cp313-manylinux_2_17_x86_64.whl"], "beta": ["beta-2.0.tar.gz"]}
    assert (found.pinned, found.hashed, found.warnings) == (True, True, ())
    (wheel, _) = select(found, target())
    assert isinstance(wheel, LockedWheel)
    assert wheel.hashes == {"sha256": allowed}


def test_uv_itself_drops_a_wrong_hash_and_succeeds(tmp_path: Path, uv: Uv, index: Index) -> None:
    """The reason why its answer is not believed: when this fails, uv has learned to check."""
    index.add("alpha", "1.0")
    text = f"alpha==1.0 --hash=sha256:{WRONG}\n"

    answer = uv.compile(what="", directory=str(tmp_path), python="3.13", stdin=text, args=("--no-deps", "-"))

    assert WRONG not in answer.decode()
    assert index.hashes["alpha-1.0-py3-none-any.whl"] in answer.decode()


def test_a_wrong_hash_is_an_integrity_error(tmp_path: Path, uv: Uv, index: Index) -> None:
    index.add("alpha", "1.0")
    index.add("beta", "1.0")
    names = ("alpha-1.0-py3-none-any.whl", "alpha-1.0.tar.gz")
    offered = ", ".join(f"sha256:{index.hashes[name][:12]}… ({name})" for name in names)

    error = refused(tmp_path, uv, f"""
        alpha==1.0 --hash=sha256:{WRONG}
        beta==1.0 --hash=sha256:{index.hashes["beta-1.0-py3-none-any.whl"]}
        """)  # fmt: skip

    assert told(error) == (
        IntegrityError,
        "the files that `requirements.txt` names are not the ones that are offered",
        (f"`alpha==1.0`: expected sha256:000000000000…, got {offered}",),
        ("If that is expected, write the lockfile anew",),
    )


def test_hashes_of_files_for_another_interpreter_are_not_wrong(tmp_path: Path, uv: Uv, index: Index) -> None:
    index.add("alpha", "1.0", ("cp311-cp311-manylinux_2_17_x86_64", "cp313-cp313-manylinux_2_17_x86_64"))
    only = index.hashes["alpha-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"]

    error = refused(tmp_path, uv, f"alpha==1.0 --hash=sha256:{only}\n")

    assert told(error) == (
        TargetError,
        "`requirements.txt` names no file for CPython 3.13",
        ("`alpha==1.0`: the hashes are of files for CPython 3.11",),
        (),
    )


def test_a_release_that_is_not_offered_is_said_in_uvs_words(tmp_path: Path, uv: Uv, index: Index) -> None:
    index.add("alpha", "1.0")

    error = refused(tmp_path, uv, f"alpha==2.0 --hash=sha256:{WRONG}\n")

    assert told(error) == (
        ProjectError,
        "cannot find what `requirements.txt` names",
        (
            "No solution found when resolving dependencies",
            "Because there is no version of alpha==2.0 and you require alpha==2.0, we can conclude that your requirements are unsatisfiable.",
        ),
        (),
    )  # fmt: skip


def test_one_requirement_with_a_hash_makes_every_other_need_one(tmp_path: Path, idle_uv: Uv) -> None:
    error = refused(tmp_path, idle_uv, f"""
        alpha==1.0 --hash=sha256:{WRONG}
        beta==1.0
        gamma>=1 --hash=sha256:{WRONG}
        delta==1.0 --hash=sha512:{WRONG}{WRONG}
        """)  # fmt: skip

    assert told(error) == (
        ProjectError,
        "`requirements.txt` has hashes, and requirements that are not pinned by one",
        (
            "requirements.txt:3: `beta==1.0` has no sha256 hash",
            "requirements.txt:4: `gamma>=1` names no exact version",
            "requirements.txt:5: `delta==1.0` has no sha256 hash, only sha512",
        ),
        ("Write it anew with hashes for all, or for none",),
    )


def test_markers_are_kept_as_they_are(tmp_path: Path, uv: Uv, index: Index) -> None:
    for version in ("1.0", "2.0"):
        index.add("alpha", version)
    index.add("beta", "1.0")

    found = resolve(tmp_path, uv, f"""
        alpha==1.0 ; platform_machine == "aarch64" --hash=sha256:{index.hashes["alpha-1.0-py3-none-any.whl"]}
        alpha==2.0 ; platform_machine != "aarch64" --hash=sha256:{index.hashes["alpha-2.0-py3-none-any.whl"]}
        beta==1.0 ; python_full_version < "3.13.2" --hash=sha256:{index.hashes["beta-1.0-py3-none-any.whl"]}
        """)  # fmt: skip

    def taken(version: str, architecture: str) -> list[str]:
        return [getattr(each, "filename", "") for each in select(found, target(version, architecture))]

    assert taken("3.13.5", "amd64") == ["alpha-2.0-py3-none-any.whl"]
    assert taken("3.13.1", "amd64") == ["alpha-2.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl"]
    assert taken("3.13.5", "arm64") == ["alpha-1.0-py3-none-any.whl"]


def test_what_cannot_be_needed_on_linux_is_not_asked_about(tmp_path: Path, uv: Uv, index: Index) -> None:
    """The index has neither: asking about them would fail."""
    index.add("alpha", "1.0")

    found = resolve(tmp_path, uv, f"""
        alpha==1.0 --hash=sha256:{index.hashes["alpha-1.0-py3-none-any.whl"]}
        colorama==0.4.6 ; sys_platform == "win32" --hash=sha256:{WRONG}
        tomli==2.0 ; python_version < "3.11" --hash=sha256:{WRONG}
        """)  # fmt: skip

    assert list(files(found)) == ["alpha"]


def test_paths_and_repositories_need_no_hash_and_are_not_asked_about(tmp_path: Path, idle_uv: Uv) -> None:
    write(tmp_path, {"libs/inner/pyproject.toml": '[project]\nname = "Inner"\n'})

    found = resolve(tmp_path, idle_uv, f"""
        --require-hashes
        -e ./libs/inner
        pkg @ git+https://git.example/pkg.git@{COMMIT}#subdirectory=python
        """)  # fmt: skip

    assert select(found, target()) == (
        LockedDirectory(name="inner", path=str(tmp_path / "libs" / "inner"), editable=True),
        LockedVcs(name="pkg", kind="git", commit=COMMIT, url="https://git.example/pkg.git", subdirectory="python"),
    )
    assert found.inputs == (str(tmp_path / "requirements.txt"), str(tmp_path / "libs" / "inner" / "pyproject.toml"))


def test_an_archive_with_its_hash_is_not_asked_about(tmp_path: Path, idle_uv: Uv) -> None:
    found = resolve(tmp_path, idle_uv, f"https://files.example/alpha-1.0-py3-none-any.whl --hash=sha256:{WRONG}\n")

    assert select(found, target()) == (
        LockedWheel(
            name="alpha",
            version="1.0",
            filename="alpha-1.0-py3-none-any.whl",
            hashes={"sha256": WRONG},
            url="https://files.example/alpha-1.0-py3-none-any.whl",
            direct=True,
        ),
    )


def test_a_part_of_a_directory_or_of_an_archive_is_kept(tmp_path: Path, idle_uv: Uv) -> None:
    write(tmp_path, {"mono/python/x.py": ""})

    found = resolve(tmp_path, idle_uv, f"""
        one @ {(tmp_path / "mono").as_uri()}#subdirectory=python
        two @ {(tmp_path / "two.tar.gz").as_uri()}#subdirectory=python --hash=sha256:{WRONG}
        """)  # fmt: skip

    assert select(found, target()) == (
        LockedDirectory(name="one", path=str(tmp_path / "mono"), subdirectory="python"),
        LockedArchive(
            name="two",
            filename="two.tar.gz",
            hashes={"sha256": WRONG},
            path=str(tmp_path / "two.tar.gz"),
            subdirectory="python",
        ),
    )


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("-e ./gone", "nothing says the name of `./gone`"),
        ("git+https://git.example/pkg.git", "nothing says the name of `git+https://git.example/pkg.git`"),
        ("pkg @ ./gone", "there is no `./gone`"),
    ],
)
def test_a_reference_that_leads_nowhere_says_where_it_stands(
    tmp_path: Path, idle_uv: Uv, line: str, cause: str
) -> None:
    error = refused(tmp_path, idle_uv, f"--require-hashes\n{line}\n")

    assert told(error)[:3] == (ProjectError, "`requirements.txt:2` cannot be read", (cause,))


def test_exact_versions_without_hashes_are_pinned_with_a_warning(tmp_path: Path, uv: Uv, index: Index) -> None:
    index.add("alpha", "1.0", needs=("beta",))
    index.add("beta", "1.0")
    index.add("beta", "2.0")

    found = resolve(tmp_path, uv, "alpha==1.0\nbeta==1.0\n")

    assert (found.pinned, found.hashed) == (True, False)
    assert found.warnings == ("the build is not pinned by hash: `requirements.txt` has none",)
    assert [str(package.version) for package in found.pylock.packages] == ["1.0", "1.0"]


def test_what_a_file_of_exact_versions_does_not_name_is_installed_too(tmp_path: Path, uv: Uv, index: Index) -> None:
    """Most requirements files that people write name what they import, and no more."""
    index.add("alpha", "1.0", needs=("beta", "gamma ; sys_platform == 'win32'"))
    index.add("beta", "1.0")
    index.add("gamma", "1.0")

    found = resolve(tmp_path, uv, "alpha==1.0\n")

    assert not found.pinned
    assert found.warnings == (
        "the build is not pinned: `requirements.txt` does not name `beta`, `gamma`, which it needs",
    )
    assert [each.name for each in select(found, target())] == ["alpha", "beta"]


def test_loose_requirements_are_resolved_for_the_targets_interpreter(tmp_path: Path, uv: Uv, index: Index) -> None:
    index.add("alpha", "1.0")
    index.add("alpha", "2.0", requires_python=">=3.12")

    def chosen(python: str) -> str:
        found = resolve(
            tmp_path, uv, "alpha\nbeta>1 ; sys_platform == 'win32'\n", python=python, name="requirements.in"
        )
        assert (found.pinned, found.hashed) == (False, False)
        assert found.warnings == ("the build is not pinned: `requirements.in` leaves open which version of `alpha`",)
        (wheel,) = select(found, target(f"{python}.1"))
        return getattr(wheel, "version", "")

    index.add("beta", "2.0")
    assert (chosen("3.11"), chosen("3.13")) == ("1.0", "2.0")


def test_constraints_hold(tmp_path: Path, uv: Uv, index: Index) -> None:
    index.add("alpha", "1.0")
    index.add("alpha", "2.0")
    write(tmp_path, {"constraints.txt": "alpha<2\n"})

    found = resolve(tmp_path, uv, "-c constraints.txt\nalpha\n")

    assert [str(package.version) for package in found.pylock.packages] == ["1.0"]
    assert str(tmp_path / "constraints.txt") in found.inputs


class Watched:
    """Runs uv, and keeps what it was told and what it said."""

    def __init__(self) -> None:
        self.argv: list[str] = []
        self.said = ""

    def __call__(self, argv: object, *, env: Mapping[str, str], cwd: str, stdin: bytes = b"") -> Finished:
        assert isinstance(argv, tuple)
        self.argv += argv
        done = run(argv, env=env, cwd=cwd, stdin=stdin)
        self.said += done.stderr + done.stdout.decode()
        return done


@pytest.mark.parametrize("hashed", [True, False])
def test_credentials_of_an_index_reach_uv_and_nothing_else(
    tmp_path: Path, uv: Uv, server: Server, hashed: bool  # noqa: FBT001
) -> None:  # fmt: skip
    private = Index(server, user="me", password="s3cret")
    private.add("alpha", "1.0")
    watched = Watched()
    uv = msgspec.structs.replace(uv, runner=watched, env={**uv.env, "TOKEN": "s3cret"})
    option = f" --hash=sha256:{private.hashes['alpha-1.0-py3-none-any.whl']}" if hashed else ""
    address = private.url.replace("://", "://me:${TOKEN}@")

    found = resolve(tmp_path, uv, f"--index-url {address}\nalpha==1.0{option}\n")

    assert [str(package.name) for package in found.pylock.packages] == ["alpha"]
    assert not any("s3cret" in part for part in watched.argv)
    assert "s3cret" not in watched.said
    assert "s3cret" not in repr(select(found, target()))


def test_an_index_that_refuses_is_an_error_of_the_network_without_the_password(
    tmp_path: Path, uv: Uv, server: Server
) -> None:
    private = Index(server, user="me", password="right")
    private.add("alpha", "1.0")
    address = private.url.replace("://", "://me:wr0ng@")

    error = refused(tmp_path, uv, f"--index-url {address}\nalpha==1.0 --hash=sha256:{WRONG}\n")

    assert isinstance(error, NetworkError)
    assert "wr0ng" not in repr(told(error))
    assert any("401 Unauthorized" in cause for cause in error.causes)
    assert error.hints == (
        "Credentials are read from netrc, `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`, and keyring, as uv does",
    )


def test_an_index_that_is_away_is_an_error_of_the_network(tmp_path: Path, uv: Uv) -> None:
    uv = msgspec.structs.replace(uv, env={**uv.env, "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple/"})

    error = refused(tmp_path, uv, "alpha-that-nobody-has==1.0\n")

    assert told(error)[:2] == (NetworkError, "cannot resolve `requirements.txt`")


def test_offline_what_is_not_cached_is_an_error_of_the_network_with_the_way_out(tmp_path: Path, uv: Uv) -> None:
    uv = msgspec.structs.replace(uv, offline=True)

    error = refused(tmp_path, uv, f"alpha-that-nobody-has==1.0 --hash=sha256:{WRONG}\n")

    assert isinstance(error, NetworkError)
    assert error.hints == ("Run once without `--offline`, or name a directory with the wheels with `--find-links`",)


def test_a_directory_of_wheels_is_an_index_too(tmp_path: Path, uv: Uv, index: Index) -> None:
    index.add("alpha", "1.0", sdist=False)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    name = "alpha-1.0-py3-none-any.whl"
    (wheels / name).write_bytes(index.files[name])
    uv = msgspec.structs.replace(uv, offline=True, find_links=(str(wheels),))

    (found,) = select(resolve(tmp_path, uv, f"alpha==1.0 --hash=sha256:{index.hashes[name]}\n"), target())

    assert isinstance(found, LockedWheel)
    assert (found.path, found.url) == (str(wheels / name), None)


@pytest.mark.parametrize("asked", [{"extras": ("pg",)}, {"groups": ("dev",)}])
def test_requirements_have_no_extras_or_groups(tmp_path: Path, idle_uv: Uv, asked: dict[str, tuple[str, ...]]) -> None:
    write(tmp_path, {"requirements.txt": ""})
    found = project.read(tmp_path)
    assert found.lock is not None

    with pytest.raises(UsageError, match=r"`requirements\.txt` has no (extra|group)"):
        requirements.resolve(found.lock, found, Request(python="3.13", **asked), idle_uv)
