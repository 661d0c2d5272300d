"""`tare dockerfile`: whole files, what stays of a person's own, and what no longer fits."""

from __future__ import annotations

import pytest
from command import Place, locked
from schemas import faults, published

from tare.dockerfile.generate.needs import system_packages, unseen_packages
from tare.dockerfile.generate.tables import system_needs, tool_for, tools, version_variables
from tare.errors import TargetError, UsageError
from tare.flow.dockerfiles.base import for_a_base
from tare.projects.locked import LockedSdist, LockedVcs, LockedWheel
from tare.projects.names import normalize

BASE = "python:3.13-slim-trixie"
DIGEST = f"sha256:{'0' * 64}"
OPTIONS = ("--offline", "--base", f"{BASE}@{DIGEST}")

MADE = """\
# tare: begin made
# app: made from {files} by
#     tare dockerfile{options}
# What stands between `tare: begin` and `tare: end` is written again by that command, and checked by
#     tare dockerfile{options} --check
# Everything else is yours, and stays.
# tare: end made
"""


@pytest.fixture
def project(place: Place) -> Place:
    releases = [place.wheels.add("sample")]
    place.write({"main.py": "print(1)\n", "requirements.txt": locked(releases)})
    return place


def dockerfile(place: Place) -> str:
    return (place.app / "Dockerfile").read_text()


def test_hashed_requirements_are_installed_in_one_step_by_a_tool_that_stays_out(project: Place) -> None:
    ran = project("dockerfile", *OPTIONS)

    assert (ran.code, ran.err) == (0, "")
    assert (
        dockerfile(project)
        == MADE.format(files="requirements.txt", options="")
        + f"""
# tare: begin build
# {BASE}
FROM {BASE}@{DIGEST} AS tool
RUN python -m venv /opt/tool
# tare: end build

# tare: begin run
# {BASE}
FROM {BASE}@{DIGEST}
ENV PATH=/opt/venv/bin:$PATH \\
    PYTHONUNBUFFERED=1
WORKDIR /app
# pip is only mounted, and stays out of the image.
# Bytecode is made once, here, but for tests: no start needs theirs.
RUN --mount=type=bind,from=tool,source=/opt/tool,target=/opt/tool \\
    --mount=type=cache,target=/var/cache/pip \\
    --mount=type=bind,source=requirements.txt,target=/app/requirements.txt \\
    export PIP_CACHE_DIR=/var/cache/pip \\
    && python -m venv --without-pip /opt/venv \\
    && /opt/tool/bin/pip --python /opt/venv/bin/python install --no-compile --require-hashes -r requirements.txt \\
    && (/opt/venv/bin/python -m compileall -qq -j 0 -x /tests/ /opt/venv/lib || true)
# A user that is only a number has no home but `/`, where it cannot write; gunicorn and matplotlib want to.
ENV HOME=/tmp
COPY --chown=65532:65532 . .
# tare: end run

# tare: begin start
USER 65532:65532
# There is a `main.py`.
ENTRYPOINT ["python", "main.py"]
# tare: end start
"""
    )


def test_nothing_to_install_is_one_stage(place: Place) -> None:
    place.write({"main.py": ""})

    place("dockerfile", *OPTIONS)

    assert [line for line in dockerfile(place).splitlines() if line.startswith(("FROM", "COPY", "RUN"))] == [
        f"FROM {BASE}@{DIGEST}",
        "COPY --chown=65532:65532 . .",
    ]


def test_everything_that_can_be_asked_for_is_in_it(project: Place) -> None:
    project.write(
        {
            "pyproject.toml": '[project]\nname = "app"\n[tool.tare]\nports = [8000]\nsystem-packages = ["ffmpeg"]\n'
            'user = "1001"\nlabels = { note = "it costs $5" }\nvolumes = ["/data"]\nstop-signal = "SIGINT"\n'
            'env = { GREETING = "good day" }\nentrypoint = ["python", "main.py"]\ncmd = ["--now"]\n'
        }
    )

    ran = project("dockerfile", *OPTIONS, "--certificates", "--entrypoint", "--tool", "uv")

    text = dockerfile(project)
    assert (ran.code, ran.err) == (0, "")
    assert text.startswith(
        MADE.format(
            files="pyproject.toml, requirements.txt", options=" --tool uv --certificates --entrypoint"
        ).partition("\n# What")[0]
    )
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    assert (
        text.partition("# tare: begin run\n")[2]
        == f"""\
# {BASE}
FROM {BASE}@{DIGEST}
# What the distributions need of the system to run, and what the project names.
# tare: ignore[DL3008] because the suite's security updates are wanted, and old versions leave its archive
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \\
    --mount=type=cache,target=/var/lib/apt,sharing=locked \\
    --mount=type=secret,id=certificates,target={bundle} \\
    rm -f /etc/apt/apt.conf.d/docker-clean \\
    && apt-get update \\
    && apt-get install -y --no-install-recommends ffmpeg
ENV PATH=/opt/venv/bin:$PATH \\
    PYTHONUNBUFFERED=1
WORKDIR /app
# uv is only mounted, and stays out of the image.
# Bytecode is made once, here, but for tests: no start needs theirs.
RUN --mount=type=bind,from=ghcr.io/astral-sh/uv:0.13.9,target=/opt/tool \\
    --mount=type=cache,target=/var/cache/uv \\
    --mount=type=bind,source=requirements.txt,target=/app/requirements.txt \\
    --mount=type=secret,id=certificates,target={bundle} \\
    export PATH="/opt/tool:$PATH" UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never \\
      REQUESTS_CA_BUNDLE={bundle} SSL_CERT_FILE={bundle} \\
    && python -m venv --without-pip /opt/venv \\
    && uv pip sync --python /opt/venv/bin/python --require-hashes requirements.txt \\
    && (/opt/venv/bin/python -m compileall -qq -j 0 -x /tests/ /opt/venv/lib || true)
# A user that is only a number has no home but `/`, where it cannot write; gunicorn and matplotlib want to.
ENV HOME=/tmp \\
    GREETING="good day"
# A volume begins as the directory that the image has there: the user's own.
RUN mkdir -p /data \\
    && chown 1001 /data
COPY --chown=1001 . .
# tare: end run

# tare: begin start
LABEL note="it costs \\$5"
USER 1001
EXPOSE 8000/tcp
VOLUME ["/data"]
STOPSIGNAL SIGINT
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \\
    CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8000), 3).close()"]
ENTRYPOINT ["sh", "/app/entrypoint.sh"]
CMD ["python", "main.py", "--now"]
# tare: end start
"""
    )
    assert (project.app / "entrypoint.sh").stat().st_mode & 0o777 == 0o755


def test_what_the_project_says_is_taken_as_it_is(project: Place) -> None:
    """`tare build` puts these values into the image as they are written, so an instruction must not replace variables."""
    project.write(
        {
            "pyproject.toml": '[project]\nname = "app"\n[tool.tare]\nlabels = { "two words" = "$5" }\n'
            'healthcheck = { test = ["CMD-SHELL", "set -e\\ntrue $HOST"] }\n'
            '[tool.tare.env]\nPRICE = "$5"\nQUOTED = \'a "b" \\ c\'\n'
        }
    )

    assert project("dockerfile", *OPTIONS).code == 0

    text = dockerfile(project)
    assert 'ENV HOME=/tmp \\\n    PRICE="\\$5" \\\n    QUOTED="a \\"b\\" \\\\ c"\n' in text
    assert 'LABEL "two words"="\\$5"\n' in text
    assert 'HEALTHCHECK CMD ["/bin/sh", "-c", "set -e\\ntrue $HOST"]\n' in text


@pytest.mark.parametrize(
    ("table", "message", "cause"),
    [
        (
            'env = { TEXT = "a\\nb" }',
            "a Dockerfile cannot have the line break in `TEXT`, of `env` in [tool.tare]",
            "an instruction ends with its line",
        ),
        (
            'labels = { about = "a\\r\\nb" }',
            "a Dockerfile cannot have the line break in `about`, of `labels` in [tool.tare]",
            "an instruction ends with its line",
        ),
        (
            'workdir = "/my app"',
            "a Dockerfile cannot name `/my app`",
            "a mount and a `COPY` have only letters, digits and `. / _ - + @ % = :` in a path",
        ),
    ],
)
def test_what_no_instruction_can_say_is_refused(project: Place, table: str, message: str, cause: str) -> None:
    project.write({"pyproject.toml": f'[project]\nname = "app"\n[tool.tare]\n{table}\n'})

    ran = project("dockerfile", *OPTIONS)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.partition("\n\nhint: ")[0] == f"error: {message}\n  caused by: {cause}"
    assert "`tare build`, which needs no Dockerfile, takes it as it is\n" in ran.err


def test_a_project_with_a_build_system_is_built_after_its_dependencies(project: Place) -> None:
    project.write(
        {
            "pyproject.toml": '[project]\nname = "app"\nversion = "1"\n[project.scripts]\nserve = "app:run"\n[build-system]\nrequires = []\n'
        }
    )

    project("dockerfile", *OPTIONS)

    words = [line.split()[0] for line in dockerfile(project).splitlines() if line[:1].isupper()]
    assert words == [
        "FROM",
        "ENV",
        "RUN",
        "WORKDIR",
        "RUN",
        "COPY",
        "RUN",
        "FROM",
        "ENV",
        "WORKDIR",
        "COPY",
        "ENV",
        "USER",
        "ENTRYPOINT",
    ]
    assert 'ENTRYPOINT ["serve"]' in dockerfile(project)


def test_what_is_a_person_s_own_stays(project: Place) -> None:
    project("dockerfile", *OPTIONS)
    path = project.app / "Dockerfile"
    mine = path.read_text().replace("# tare: end build\n", "# tare: end build\nRUN echo mine\n") + "LABEL own=1\n"
    path.write_text(mine.replace("WORKDIR /app", "WORKDIR /elsewhere"))
    ignore = project.app / ".dockerignore"
    ignore.write_text("data\n" + ignore.read_text())

    assert project("dockerfile", "--offline").code == 0

    assert path.read_text() == mine
    assert ignore.read_text().startswith("data\n# tare: begin ignored\n")


def test_what_is_left_without_a_stage_is_told(project: Place) -> None:
    """With uv's image there is no stage for the tool, so what a person wrote in that one stands before all."""
    project("dockerfile", *OPTIONS)
    path = project.app / "Dockerfile"
    path.write_text(path.read_text().replace("# tare: end build\n", "# tare: end build\nRUN echo mine\n"))

    ran = project("dockerfile", *OPTIONS, "--tool", "uv")

    assert ran.err == (
        "note: a build will refuse line 10 of `Dockerfile`, which is yours: RUN stands before the first FROM\n"
    )
    assert dockerfile(project).splitlines()[9] == "RUN echo mine"


def test_line_ends_of_windows_are_no_change_and_stay(project: Place) -> None:
    project("dockerfile", *OPTIONS)
    for name in ("Dockerfile", ".dockerignore"):
        text = (project.app / name).read_text()
        (project.app / name).write_text(text + "# mine:\x0cstill one line\n", newline="\r\n")

    assert project("dockerfile", "--check") == (0, "", "")
    assert project("dockerfile", *OPTIONS, "--entrypoint").code == 0

    data = (project.app / "Dockerfile").read_bytes()
    assert b'ENTRYPOINT ["sh", "/app/entrypoint.sh"]\r\n' in data
    assert data.count(b"\n") == data.count(b"\r\n")
    assert data.endswith(b"# mine:\x0cstill one line\r\n")


def test_check_tells_what_no_longer_fits_and_writes_nothing(project: Place) -> None:
    project("dockerfile", *OPTIONS)
    before = dockerfile(project)

    assert project("dockerfile", "--check") == (0, "", "")
    project.write({"pyproject.toml": '[project]\nname = "app"\n[tool.tare]\nuser = "1001"\n'})
    ran = project("dockerfile", "--check")

    assert ran.code == 1
    assert ran.out.splitlines()[:9] == [
        "--- Dockerfile",
        "+++ Dockerfile",
        "@@ -1,5 +1,5 @@",
        " # tare: begin made",
        "-# app: made from requirements.txt by",
        "+# app: made from pyproject.toml, requirements.txt by",
        " #     tare dockerfile",
        " # What stands between `tare: begin` and `tare: end` is written again by that command, and checked by",
        " #     tare dockerfile --check",
    ]
    assert dockerfile(project) == before


ONE_PLATFORM = f"""\
lock-version = "1.0"
created-by = "hand"
[[packages]]
name = "psycopg2"
version = "2.9.10"
sdist = {{ name = "psycopg2-2.9.10.tar.gz", url = "https://files.example/a.tar.gz", hashes = {{ sha256 = "{"0" * 64}" }} }}
[[packages.wheels]]
name = "psycopg2-2.9.10-cp313-cp313-manylinux_2_17_x86_64.whl"
url = "https://files.example/psycopg2-2.9.10-cp313-cp313-manylinux_2_17_x86_64.whl"
hashes = {{ sha256 = "{"1" * 64}" }}
"""


def test_what_one_of_several_platforms_has_no_wheel_for_is_built(place: Place) -> None:
    place.write({"main.py": "print(1)\n", "pylock.toml": ONE_PLATFORM})

    place("dockerfile", *OPTIONS)
    alone = dockerfile(place)
    place("dockerfile", *OPTIONS, "--platform", "linux/amd64,linux/arm64")
    both = dockerfile(place)

    assert "apt-get" not in alone
    assert "# There is no wheel for psycopg2.\n" in both
    assert "    && apt-get install -y --no-install-recommends build-essential libpq-dev\n" in both
    assert "    && apt-get install -y --no-install-recommends libpq5\n" in both
    assert "--mount=type=cache,target=/var/cache/uv " in alone
    assert "--mount=type=cache,id=uv-trixie,target=/var/cache/uv " in both
    assert "#     tare dockerfile --platform linux/amd64,linux/arm64 --check\n" in both
    assert place("dockerfile", "--check") == (0, "", "")


def test_the_platforms_of_the_project_are_those_of_the_dockerfile(place: Place) -> None:
    platforms = '[tool.tare]\nplatforms = ["linux/arm64"]\n'
    place.write({"main.py": "print(1)\n", "pylock.toml": ONE_PLATFORM})
    place.write({"pyproject.toml": f'[project]\nname = "app"\nversion = "1"\ndependencies = ["psycopg2"]\n{platforms}'})

    place("dockerfile", *OPTIONS)

    assert "libpq-dev" in dockerfile(place)
    assert place("dockerfile", "--check") == (0, "", "")


def test_a_check_needs_no_option_that_the_file_was_made_with(project: Place) -> None:
    project("dockerfile", *OPTIONS, "--certificates", "--entrypoint", "--tool", "uv")
    before = dockerfile(project)

    assert "#     tare dockerfile --tool uv --certificates --entrypoint\n" in before
    assert project("dockerfile", "--check") == (0, "", "")
    assert project("dockerfile", "--check", "--tool", "pip").code == 1
    (project.app / "entrypoint.sh").unlink()
    assert project("dockerfile", "--check").code == 1


def test_a_header_that_was_changed_by_hand_is_no_command(project: Place) -> None:
    project("dockerfile", *OPTIONS, "--certificates")
    file = project.app / "Dockerfile"
    file.write_text(file.read_text().replace("tare dockerfile --certificates", "tare dockerfile --tool 'uv"))

    assert project("dockerfile", "--check").code == 1


def test_a_base_that_the_project_does_not_accept_is_refused_with_one_that_it_does(project: Place) -> None:
    project.write({"pyproject.toml": '[project]\nname = "app"\nrequires-python = ">=3.11,<3.14"\n'})

    assert project("dockerfile", "--offline", "--base", "python:9.9") == (
        3,
        "",
        "error: `python:9.9` has CPython 9.9, and `app` is not for it\n"
        '  caused by: `requires-python = ">=3.11,<3.14"`\n\n'
        "hint: Name another one, such as `--base python:3.13-slim-trixie`\n",
    )


def test_no_wheel_for_the_base_is_told_with_a_base_that_has_one() -> None:
    error = TargetError("no wheel", hints=("Use one: `--python 3.12`", "Use a musl base"))

    assert for_a_base(error).hints == ("Use one: `--base python:3.12-slim-trixie`", "Use a musl base")


def test_a_base_that_the_project_no_longer_accepts_is_replaced(project: Place) -> None:
    project("dockerfile", "--offline", "--base", f"python:3.11-slim-trixie@{DIGEST}")
    project.write({"pyproject.toml": '[project]\nname = "app"\nrequires-python = ">=3.12,<3.14"\n'})

    project("dockerfile", "--offline")

    assert f"FROM {BASE} AS tool\n" in dockerfile(project)
    assert "No registry has said the digest of python:3.13-slim-trixie" in dockerfile(project)


def test_a_dockerfile_of_someone_else_is_not_touched(project: Place) -> None:
    project.write({"Dockerfile": "FROM scratch\n"})

    assert project("dockerfile", *OPTIONS) == (
        2,
        "",
        "error: `Dockerfile` is there, and `tare dockerfile` did not make it\n\n"
        "hint: Write another one with `--output NAME`, or `--stdout`\n"
        "hint: `tare lint Dockerfile` checks it\n",
    )
    assert project("dockerfile", *OPTIONS, "-o", "app.dockerfile").code == 0
    ignored = (project.app / "app.dockerfile.dockerignore").read_text()
    assert "# Of this project.\napp.dockerfile\napp.dockerfile.dockerignore\n" in ignored
    assert dockerfile(project) == "FROM scratch\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--tool", "poetry"), "error: `poetry` does not read this project's lock\n  caused by: it is one for `uv` or `pip`\n"),
        (
            ("--tool", "conda"),
            "error: there is no tool `conda`\n\nhint: Choose one of uv, poetry, pdm, pipenv, pip\n",
        ),
        (
            ("--base", "deb:trixie"),
            "error: `deb:trixie` cannot stand in a Dockerfile\n  caused by: an assembled base is in no registry\n\n"
            "hint: `tare build` needs no Dockerfile; or name an image with `--base`\n",
        ),
        (
            ("--base", "example/thing:1"),
            "error: the name `example/thing:1` does not say which wheels it takes\n"
            "  caused by: it names no series of CPython, or no suite\n\n"
            "hint: Name a tag like `python:3.13-slim-trixie`, or a copy of it with the same name\n",
        ),
        (
            ("-o", "../Dockerfile"),
            "error: `--output ../Dockerfile` leads out of the project\n  caused by: it is a path in the project\n",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused(project: Place, argv: tuple[str, ...], message: str) -> None:
    assert project("dockerfile", "--offline", *argv) == (2, "", message)


@pytest.mark.parametrize(
    ("table", "command"), [("", "uv lock"), ("[tool.pdm]\n", "pdm lock"), ("[tool.poetry]\n", "poetry lock")]
)
def test_a_project_with_dependencies_and_no_lock_is_refused(place: Place, table: str, command: str) -> None:
    place.write({"pyproject.toml": f'[project]\nname = "app"\ndependencies = ["sample"]\n{table}'})

    assert place("dockerfile", *OPTIONS) == (
        2,
        "",
        "error: the project has no lock\n  caused by: what is not locked is another image tomorrow\n\n"
        f"hint: Run `{command}`\n",
    )


def test_the_context_is_told_in_bytes(project: Place) -> None:
    project.write({".venv/pyvenv.cfg": "x" * 5000, "env3/pyvenv.cfg": "y" * 300, "data.bin": "z" * 700})

    code, out, err = project("dockerfile", "--offline", "--context")

    assert (code, err) == (0, "")
    assert out.splitlines()[1:4] == [
        "`.dockerignore` saves 5.3 kB each time.",
        "Without this command's changes it would be 6.1 kB.",
        "",
    ]
    assert [line.split() for line in out.splitlines()[4:9]] == [
        ["path", "size", "sent"],
        [".venv", "5.0", "kB", "nothing"],
        ["data.bin", "700", "B", "all"],
        ["env3", "300", "B", "nothing"],
        ["requirements.txt", "91", "B", "all"],
    ]


def test_the_document_fits_its_schema(project: Place) -> None:
    document = project.document("dockerfile", *OPTIONS, "--context")

    assert faults(published("tare.dockerfile.1"), document) == []
    assert (document["fits"], document["tool"], document["base"]["digest"]) == (False, "pip", DIGEST)


def test_what_is_built_from_source_needs_packages() -> None:
    def sdist(name: str, *offered: str) -> LockedSdist:
        return LockedSdist(name=name, version="1", filename="x", hashes={}, offered=offered)

    wheel = LockedWheel(name="lxml", version="1", filename="x", hashes={})
    vcs = LockedVcs(name="own", kind="git", commit="1")
    locked = (wheel, sdist("psycopg2", "win_amd64"), sdist("odd", "win_amd64"), sdist("plain"), vcs)

    needs = system_packages(locked, "debian", "trixie")

    assert needs.build == ("build-essential", "git", "libpq-dev")
    assert needs.run == ("libpq5",)
    assert needs.built == ("psycopg2", "odd", "own")
    assert needs.unknown == ("odd", "plain")
    psycopg, binary = (
        LockedWheel(name=name, version="1", filename="x", hashes={}) for name in ("psycopg", "psycopg-binary")
    )
    assert system_packages([psycopg], "debian", "trixie").run == ("libpq5",)
    assert system_packages([psycopg, binary], "debian", "trixie").run == ()
    assert system_packages([sdist("pycurl")], "debian", "bookworm").run == ("libcurl4",)
    assert system_packages([sdist("pycurl")], "alpine", "alpine3.23").build == ("build-base", "curl-dev", "openssl-dev")


def test_every_lock_has_its_tool_and_every_row_its_source() -> None:
    found = {(tool.name, tool.lock) for tool in tools()}

    assert {tool_for(lock).name for lock in ("uv", "poetry", "pdm", "pipfile", "requirements", "pylock")} == {
        "uv", "poetry", "pdm", "pipenv", "pip",
    }  # fmt: skip
    assert len(found) == len(tools())
    assert all(tool.source.startswith("http") for tool in tools())
    assert all(row.source.startswith("http") for row in system_needs().values())
    assert all(name == normalize(name) for name in (*version_variables(), *system_needs()))
    with pytest.raises(UsageError):
        tool_for("uv", "pip")


def test_what_opens_a_library_by_name_needs_it_though_it_has_a_wheel() -> None:
    def wheel(name: str) -> LockedWheel:
        return LockedWheel(name=name, version="1", filename="x", hashes={})

    assert system_packages([wheel("python-magic"), wheel("lxml")], "debian", "trixie").run == ("libmagic1t64",)
    assert unseen_packages(["python-magic", "lxml", "pyvips"], "alpine", "") == {
        "python-magic": ("libmagic",),
        "pyvips": ("vips",),
    }
    assert unseen_packages(["pyvips", "pyvips-binary"], "debian", "bookworm") == {}


@pytest.mark.parametrize(
    ("settings", "home"),
    [("", ["HOME=/tmp"]), ('user = "app"\n', []), ('user = "0"\n', []), ('env = { HOME = "/data" }\n', ["HOME=/data"])],
)
def test_a_user_without_a_name_has_a_home_to_write_to(settings: str, home: list[str], place: Place) -> None:
    manifest = f'[project]\nname = "app"\nversion = "1"\n[tool.tare]\n{settings}'
    place.write({"main.py": "", "pyproject.toml": manifest})

    place("dockerfile", *OPTIONS)

    lines = [line.strip(" \\").removeprefix("ENV ") for line in (place.app / "Dockerfile").read_text().splitlines()]
    assert [line for line in lines if line.startswith("HOME=")] == home
