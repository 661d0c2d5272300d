"""The client of uv: what it tells uv, what it makes of uv's errors, what it remembers, and what it builds."""

from __future__ import annotations

import sys
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
from make.errors import told
from trees import write

from tare.errors import IntegrityError, MachineError, NetworkError, ProjectError, TareError, TargetError
from tare.projects import uv_errors
from tare.projects.process import Finished, run
from tare.projects.uv import Uv, find_program


class Recorder:
    """Runs nothing, and keeps what it was told."""

    def __init__(self, done: Finished | None = None) -> None:
        self.calls: list[tuple[tuple[str, ...], dict[str, str], str, bytes]] = []
        self._done = done or Finished(status=0, stdout=b"answer", stderr="")

    def __call__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, stdin: bytes = b"") -> Finished:
        self.calls.append((tuple(argv), dict(env), cwd, stdin))
        return self._done


@pytest.fixture
def program(tmp_path: Path) -> str:
    return str(write(tmp_path, {"bin/uv": "not run"}) / "bin" / "uv")


def make(program: str, **fields: object) -> tuple[Uv, Recorder]:
    recorder = Recorder()
    default = Uv(python="/usr/bin/python3", env={}, program=program)
    return msgspec.structs.replace(default, **{"runner": recorder, **fields}), recorder


def compile_with(uv: Uv, stdin: str = "a==1\n", *args: str) -> bytes:
    return uv.compile(
        what="cannot resolve", directory="/app", python="3.13", stdin=stdin, args=("--no-deps", *args, "-")
    )


def test_requirements_reach_uv_on_standard_input(program: str) -> None:
    uv, recorder = make(program, offline=True, find_links=("wheels",), env={"PATH": "/bin"})

    assert compile_with(uv) == b"answer"
    assert recorder.calls == [(
        (program, "--quiet", "pip", "compile", "--universal", "--format", "pylock.toml", "--no-header",
         "--python-version", "3.13", "--python", "/usr/bin/python3", "--offline", "--find-links", "wheels",
         "--no-deps", "-"),
        {"PATH": "/bin", "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"},
        "/app",
        b"a==1\n",
    )]  # fmt: skip


def test_variables_for_another_use_of_uv_are_dropped_and_downloads_stay_off(program: str) -> None:
    env = {
        "UV_FROZEN": "1",
        "UV_PYTHON": "3.9",
        "VIRTUAL_ENV": "/x",
        "UV_PYTHON_DOWNLOADS": "auto",
        "UV_INDEX": "u",
        "A": "b",
    }
    uv, recorder = make(program, env=env)

    compile_with(uv)

    assert recorder.calls[0][1] == {
        "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1", "UV_INDEX": "u", "A": "b",
    }  # fmt: skip


def test_an_answer_is_remembered_and_asked_for_again_only_to_refresh_it(program: str, tmp_path: Path) -> None:
    uv, recorder = make(program, memo=str(tmp_path / "memo"))

    answers = [compile_with(uv), compile_with(uv)]
    assert len(recorder.calls) == 1

    answers.append(compile_with(msgspec.structs.replace(uv, refresh=True)))
    assert (answers, len(recorder.calls)) == ([b"answer"] * 3, 2)


def test_a_failure_is_not_remembered(program: str, tmp_path: Path) -> None:
    uv, _ = make(program, memo=str(tmp_path / "memo"))
    failing = Recorder(Finished(status=1, stdout=b"", stderr="error: no"))

    with pytest.raises(ProjectError):
        compile_with(msgspec.structs.replace(uv, runner=failing))

    assert compile_with(uv) == b"answer"


def test_every_input_of_an_answer_is_a_part_of_its_key(program: str, tmp_path: Path) -> None:
    """Each change alone must ask again."""
    (tmp_path / "links").mkdir()
    config = tmp_path / "config" / "uv" / "uv.toml"
    write(tmp_path, {"config/uv/uv.toml": ""})
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    uv, recorder = make(program, memo=str(tmp_path / "memo"), env=env, find_links=(str(tmp_path / "links"),))

    def ask(uv: Uv, **changes: object) -> int:
        values = {
            "what": "",
            "directory": str(tmp_path),
            "python": "3.13",
            "stdin": "a",
            "args": ("-",),
            "inputs": (b"x",),
        }
        uv.compile(**{**values, **changes})  # type: ignore[arg-type]
        return len(recorder.calls)

    assert [ask(uv), ask(uv)] == [1, 1]
    asked = [
        ask(uv, python="3.12"),
        ask(uv, stdin="b"),
        ask(uv, args=("--no-deps", "-")),
        ask(uv, inputs=(b"y",)),
        ask(uv, inputs=(b"x", b"")),
        ask(uv, directory=str(tmp_path / "links")),
        ask(msgspec.structs.replace(uv, offline=True)),
        ask(msgspec.structs.replace(uv, find_links=())),
        ask(msgspec.structs.replace(uv, python="/usr/bin/python3.12")),
        ask(msgspec.structs.replace(uv, env={**env, "UV_INDEX": "https://a.example"})),
    ]
    write(tmp_path, {"links/a-1-py3-none-any.whl": ""})
    asked.append(ask(uv))
    config.write_text("index-url = 'https://b.example'\n")
    asked.append(ask(uv))
    for name in ("uv.toml", "pyproject.toml"):
        write(tmp_path, {name: "# settings\n"})
        asked.append(ask(uv))
    Path(program).write_text("another version")
    asked.append(ask(uv))
    assert asked == list(range(2, 2 + len(asked)))


def test_what_changes_no_answer_is_no_part_of_its_key_and_no_secret_is(program: str, tmp_path: Path) -> None:
    uv, recorder = make(program, memo=str(tmp_path / "memo"), env={"UV_INDEX": "https://a.example"})
    compile_with(uv)
    other = {"UV_INDEX": "https://me:secret@a.example", "UV_INDEX_A_PASSWORD": "x", "UV_CACHE_DIR": "/y", "LANG": "C"}

    compile_with(msgspec.structs.replace(uv, env=other))

    assert len(recorder.calls) == 1
    assert "secret" not in repr(msgspec.structs.replace(uv, env=other).settings("/"))


UNRESOLVED = """\
warning: The requested Python version 3.13 is not available
error: No solution found when resolving dependencies for split (markers: python_full_version == '3.12.*')
  cause: Because there is no version of alpha==2 and you require alpha==2, we can conclude that your
         requirements are unsatisfiable.

hint: While the active Python version is 3.11, the resolution failed for other Python versions.
"""


@pytest.mark.parametrize(
    ("stderr", "kind", "causes", "hints"),
    [
        (
            UNRESOLVED,
            ProjectError,
            (
                "No solution found when resolving dependencies for split (markers: python_full_version == '3.12.*')",
                "Because there is no version of alpha==2 and you require alpha==2, we can conclude that your",
                "requirements are unsatisfiable.",
            ),
            (),
        ),
        (
            "error: Request failed after 3 retries\n  Caused by: Failed to fetch: `https://me:pw@a.example/simple/x/?token=t0k`\n  Caused by: dns error\n",
            NetworkError,
            ("Request failed after 3 retries", "Failed to fetch: `https://a.example/simple/x/?token=***`", "dns error"),
            (),
        ),
        (
            "error: No solution found\n  cause: Because x was not found in the cache\n\nhint: Packages were unavailable because the network was disabled.\n",
            NetworkError,
            (
                "No solution found",
                "Because x was not found in the cache",
                "Packages were unavailable because the network was disabled.",
            ),
            ("Run once without `--offline`, or name a directory with the wheels with `--find-links`",),
        ),
        (
            "error: No solution found\n  cause: Because the requested Python version (>=3.11) does not satisfy Python>=3.14\n",
            TargetError,
            ("No solution found", "Because the requested Python version (>=3.11) does not satisfy Python>=3.14"),
            (),
        ),
        ("error: Failed to read `x`\n  cause: Hash mismatch for `x`\n", IntegrityError, ("Failed to read `x`", "Hash mismatch for `x`"), ()),
        ("", ProjectError, ("uv gave no reason",), ()),
    ],
)  # fmt: skip
def test_errors_of_uv_are_errors_of_ours(
    stderr: str, kind: type[TareError], causes: tuple[str, ...], hints: tuple[str, ...]
) -> None:
    assert told(uv_errors.from_failure("cannot resolve", stderr)) == (kind, "cannot resolve", causes, hints)


def test_a_long_reason_is_shortened_in_the_middle() -> None:
    stderr = "error: first\n" + "".join(f"  line {number}\n" for number in range(100))

    causes = uv_errors.from_failure("", stderr).causes

    assert len(causes) == 13
    assert (causes[0], causes[3], causes[-1]) == ("first", "… 89 more lines", "line 99")


def test_a_program_that_cannot_be_run_is_the_machines_trouble(tmp_path: Path) -> None:
    uv = Uv(python=sys.executable, env={}, program=str(tmp_path / "uv"))

    with pytest.raises(MachineError) as caught:
        uv.build_wheel(str(tmp_path), str(tmp_path / "out"))

    assert told(caught.value)[:3] == (MachineError, f"cannot run `{tmp_path / 'uv'}`", ("no such file or directory",))


def test_uv_is_the_one_beside_the_interpreter_that_runs_tare(tmp_path: Path, program: str) -> None:
    assert find_program(str(Path(program).parent / "python"), None) == program
    assert Path(find_program(str(tmp_path / "python"), "/nowhere")).is_file()  # the one of the `uv` distribution


BACKEND = """
    import base64, hashlib, os, zipfile

    def get_requires_for_build_wheel(config_settings=None):
        return []

    def build_wheel(directory, config_settings=None, metadata_directory=None):
        if (config_settings or {}).get("fail"):
            raise SystemExit("the backend failed at https://me:pw@a.example/x")
        name = "own-1.0-py3-none-any.whl"
        files = {
            "own.py": os.environ.get("SOURCE_DATE_EPOCH", "none") + (config_settings or {}).get("say", ""),
            "own-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: own\\nVersion: 1.0\\n",
            "own-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
            "own-1.0.dist-info/RECORD": "",
        }
        with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
        return name
    """
OWN = {
    "pyproject.toml": """
        [project]
        name = "own"
        version = "1.0"
        [build-system]
        requires = []
        build-backend = "backend"
        backend-path = ["."]
        """,
    "backend.py": BACKEND,
}


def test_a_source_tree_is_built_in_isolation(tmp_path: Path, uv: Uv) -> None:
    write(tmp_path / "own", OWN)

    path = uv.build_wheel(str(tmp_path / "own"), str(tmp_path / "out"), epoch=315532800, settings={"say": "!"})

    assert path == str(tmp_path / "out" / "own-1.0-py3-none-any.whl")
    assert zipfile.ZipFile(path).read("own.py") == b"315532800!"
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["own-1.0-py3-none-any.whl"]


def test_a_backend_that_fails_is_an_error_with_its_own_words(tmp_path: Path, uv: Uv) -> None:
    write(tmp_path / "own", OWN)

    with pytest.raises(ProjectError) as caught:
        uv.build_wheel(str(tmp_path / "own"), str(tmp_path / "out"), settings={"fail": "1"})

    assert caught.value.message == "cannot build `own`"
    assert "the backend failed at https://a.example/x" in caught.value.causes
    assert list((tmp_path / "out").iterdir()) == []


def test_the_lock_of_a_project_is_exported_by_the_real_uv(tmp_path: Path, uv: Uv) -> None:
    write(tmp_path, {
        "pyproject.toml": '[project]\nname = "own"\nversion = "1"\nrequires-python = ">=3.11"\n',
        "uv.lock": 'version = 1\nrequires-python = ">=3.11"\n[[package]]\nname = "own"\nversion = "1"\nsource = { virtual = "." }\n',
    })  # fmt: skip

    answer = uv.export(what="", directory=str(tmp_path), args=("--frozen", "--no-emit-project"), inputs=())

    assert tomllib.loads(answer.decode()) == {
        "lock-version": "1.0",
        "created-by": "uv",
        "requires-python": ">=3.11",
    } | ({"packages": []} if b"packages" in answer else {})


def test_a_finished_program_gives_its_status_and_words() -> None:
    code = "import sys; sys.stdout.write(sys.stdin.read()); sys.stderr.write('e'); sys.exit(3)"

    done = run((sys.executable, "-c", code), env={}, cwd=".", stdin=b"in")

    assert done == Finished(status=3, stdout=b"in", stderr="e")
