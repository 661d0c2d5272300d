"""`tare dockerfile` and how projects are made: what they are worked on with, what lies in them, where their version is."""

from __future__ import annotations

import pytest
from command import Place, locked

from tare.dockerfile.generate.tables import tool_for
from tare.flow.dockerfiles.install import is_apart
from tare.projects.locked import LockedDirectory, LockedWheel

BASE = "python:3.13-slim-trixie"
OPTIONS = ("--offline", "--base", f"{BASE}@sha256:{'0' * 64}")


def dockerfile(place: Place) -> str:
    return (place.app / "Dockerfile").read_text()


UV_LOCK = f"""\
version = 1
revision = 3
requires-python = ">=3.11, <3.14"

[[package]]
name = "sample"
version = "1.0"
source = {{ registry = "https://index.example/simple" }}
wheels = [{{ url = "https://files.example/sample-1.0-py3-none-any.whl", hash = "sha256:{"1" * 64}", size = 100 }}]
"""

OWN = """
[[package]]
name = "app"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "sample" }]
[package.metadata]
requires-dist = [{ name = "sample" }]
"""


@pytest.mark.parametrize(
    ("text", "series"),
    [("3.12\n", "3.12"), ("# of pyenv\ncpython-3.12.7\n3.11\n", "3.12"), ("pypy3.11\n", "3.13"), ("3.10\n", "3.13")],
)
def test_the_series_that_the_project_is_worked_on_with_is_the_base_s(place: Place, text: str, series: str) -> None:
    """`uv init` writes the file, and uv refuses to sync with another series: so the build does not see it."""
    place.write({"main.py": "print(1)\n", "uv.lock": UV_LOCK + OWN, ".python-version": text})
    place.write(
        {
            "pyproject.toml": '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11,<3.14"\ndependencies = ["sample"]\n'
        }
    )

    assert place("dockerfile", "--offline").code == 0

    assert f"FROM python:{series}-slim-trixie AS build\n" in dockerfile(place)
    assert "source=.python-version" not in dockerfile(place)


MEMBER = (
    UV_LOCK.replace("[[package]]", '[manifest]\nmembers = ["app", "own"]\n\n[[package]]', 1)
    + """
[[package]]
name = "app"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "own" }, { name = "sample" }]
[package.metadata]
requires-dist = [{ name = "own", editable = "own" }, { name = "sample" }]

[[package]]
name = "own"
version = "1"
source = { editable = "own" }
"""
)


def test_what_lies_in_the_project_is_installed_after_what_does_not(place: Place) -> None:
    built = "[build-system]\nrequires = []\n"
    place.write(
        {
            "main.py": "print(1)\n",
            "uv.lock": MEMBER,
            "pyproject.toml": '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11,<3.14"\n'
            'dependencies = ["own", "sample"]\n[tool.uv.sources]\nown = { workspace = true }\n'
            '[tool.uv.workspace]\nmembers = ["own"]\n',
            "own/pyproject.toml": f'[project]\nname = "own"\nversion = "1"\nrequires-python = ">=3.11,<3.14"\n{built}',
        }
    )

    assert place("dockerfile", *OPTIONS)[::2] == (0, "")

    assert [line.strip(" \\") for line in dockerfile(place).splitlines() if "uv sync" in line or "COPY" in line] == [
        "uv sync --frozen --no-default-groups --no-install-local",
        "COPY . .",
        "uv sync --locked --no-default-groups --no-editable",
        "COPY --from=build /opt/venv /opt/venv",
        "COPY --chown=65532:65532 . .",
    ]
    assert place("lint", "--no-hadolint").out == "no findings in 1 file\n"


def test_a_version_that_version_control_knows_is_an_argument_of_the_build(place: Place) -> None:
    manifest = '[project]\nname = "app"\ndynamic = ["version"]\n[build-system]\nrequires = ["Setuptools_SCM>=8"]\n'
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")]), "pyproject.toml": manifest})

    ran = place("dockerfile", *OPTIONS)

    argument = "SETUPTOOLS_SCM_PRETEND_VERSION"
    assert f"note: the version comes from version control: build with `--build-arg {argument}=VERSION`\n" in ran.err
    lines = dockerfile(place).splitlines()
    assert lines[lines.index("COPY . .") :][2] == f"ARG {argument}"
    place.write({"pyproject.toml": manifest.replace('dynamic = ["version"]', 'version = "1"')})
    place("dockerfile", *OPTIONS)
    assert "ARG" not in dockerfile(place)


WITH_EXTRA = (
    UV_LOCK
    + """
[[package]]
name = "app"
version = "1"
source = { virtual = "." }
[package.optional-dependencies]
pg = [{ name = "sample" }]
[package.dev-dependencies]
docs = [{ name = "sample" }]
[package.metadata]
requires-dist = [{ name = "sample", marker = "extra == 'pg'" }]
provides-extras = ["pg"]
[package.metadata.requires-dev]
docs = [{ name = "sample" }]
"""
)


@pytest.mark.parametrize("option", ["--extra pg", "--group docs"])
def test_an_extra_or_a_group_is_installed_when_it_is_asked_for(place: Place, option: str) -> None:
    place.write(
        {
            "main.py": "",
            "uv.lock": WITH_EXTRA,
            "pyproject.toml": '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11,<3.14"\ndependencies = []\n'
            '[project.optional-dependencies]\npg = ["sample"]\n[dependency-groups]\ndocs = ["sample"]\n',
        }
    )

    assert place("dockerfile", *OPTIONS).code == 0
    assert "uv sync" not in dockerfile(place)
    assert place("dockerfile", *OPTIONS, *option.split()).code == 0

    assert f"    uv sync --locked --no-default-groups --no-install-project {option} \\\n" in dockerfile(place)
    assert f"#     tare dockerfile {option} --check\n" in dockerfile(place)
    assert place("dockerfile", "--check") == (0, "", "")


PYLOCK = f"""\
lock-version = "1.0"
created-by = "hand"
extras = ["pg"]
[[packages]]
name = "sample"
version = "1.0"
marker = "'pg' in extras"
wheels = [{{ url = "https://files.example/sample-1.0-py3-none-any.whl", hashes = {{ sha256 = "{"1" * 64}" }} }}]
"""


def test_an_extra_that_the_tool_cannot_add_is_refused(place: Place) -> None:
    place.write({"main.py": "", "pylock.toml": PYLOCK})

    assert place("dockerfile", *OPTIONS, "--extra", "pg") == (
        2,
        "",
        "error: `uv` cannot add `--extra pg` to what it installs from `pylock.toml`\n\n"
        "hint: Make a lock that has it, and leave out `--extra`\n",
    )


LINKED = """\
lock-version = "1.0"
created-by = "hand"
[[packages]]
name = "own"
directory = { path = "own", editable = true }
"""


def test_what_the_environment_refers_to_is_in_the_image(place: Place) -> None:
    built = "[build-system]\nrequires = []\n"
    manifest = '[project]\nname = "{}"\nversion = "1"\nrequires-python = ">=3.11"\n'
    place.write(
        {
            "pylock.toml": LINKED,
            "app/__main__.py": "print(1)\n",
            "pyproject.toml": manifest.format("app") + 'dependencies = ["own"]\n' + built,
            "own/pyproject.toml": manifest.format("own") + built,
        }
    )

    assert place("dockerfile", *OPTIONS)[::2] == (0, "")

    assert [line for line in dockerfile(place).splitlines() if line.startswith("COPY")] == [
        "COPY . .",
        "COPY --from=build /opt/venv /opt/venv",
        "COPY --from=build /app/own /app/own",
    ]
    assert place("lint", "--no-hadolint").out == "no findings in 1 file; 1 ignored\n"


def test_what_a_step_reads_is_sent(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})
    place("dockerfile", *OPTIONS)
    of_pip = (place.app / ".dockerignore").read_text().splitlines()
    place.write({"pylock.toml": PYLOCK.replace("marker", "# marker")})
    place("dockerfile", *OPTIONS)
    of_pylock = (place.app / ".dockerignore").read_text().splitlines()

    at = of_pip.index("requirements*.txt")
    assert (of_pip[at + 1], "pylock.toml" in of_pip) == ("!requirements.txt", True)
    assert ("pylock.toml" in of_pylock, "!requirements.txt" in of_pylock) == (False, False)


def test_poetry_passes_over_directories_and_not_archives() -> None:
    poetry, uv, pdm = tool_for("poetry"), tool_for("uv"), tool_for("pdm")
    directory = LockedDirectory(name="a", path="/app/a")
    wheel = LockedWheel(
        name="b", version="1", filename="b-1-py3-none-any.whl", hashes={}, path="/app/b-1-py3-none-any.whl"
    )

    assert [is_apart(tool, [directory]) for tool in (poetry, uv, pdm)] == [True, True, False]
    assert [is_apart(tool, [directory, wheel]) for tool in (poetry, uv, pdm)] == [False, True, False]
    assert all(is_apart(tool, []) for tool in (poetry, uv, pdm))


def test_requirements_that_name_the_project_itself_need_its_sources(place: Place) -> None:
    sample = locked([place.wheels.add("sample")]).partition(" ")[0]
    place.write(
        {"requirements.txt": f"-r base.txt\n-e .[fast]\n{sample}\n", "base.txt": f"{sample}\n", "app/__main__.py": ""}
    )
    place.write({"pyproject.toml": '[project]\nname = "app"\nversion = "1"\n[build-system]\nrequires = []\n'})

    assert place("dockerfile", *OPTIONS).code == 0

    lines = [line.strip(" \\&") for line in dockerfile(place).splitlines()]
    assert [line for line in lines if line.startswith("COPY") or "/opt/tool/bin/pip --python" in line] == [
        "COPY . .",
        "/opt/tool/bin/pip --python /opt/venv/bin/python install --no-compile -r requirements.txt",
        "/opt/tool/bin/pip --python /opt/venv/bin/python install --no-compile --no-deps .",
        "COPY --from=build /opt/venv /opt/venv",
    ]
    ignored = (place.app / ".dockerignore").read_text()
    assert "!requirements.txt\n" in ignored
    assert place("lint", "--no-hadolint").out == "no findings in 1 file; 1 ignored\n"


def test_a_package_without_dependencies_needs_no_lock(place: Place) -> None:
    place.write({"app/__main__.py": ""})
    place.write({"pyproject.toml": '[project]\nname = "app"\nversion = "1"\n[build-system]\nrequires = []\n'})

    ran = place("dockerfile", *OPTIONS)

    assert (ran.code, ran.err, ran.out.splitlines()[3:]) == (
        0,
        "",
        ["installs with  pip", "runs           python -m app, as 65532:65532"],
    )
    assert "RUN python -m venv --without-pip /opt/venv\nCOPY . .\n" in dockerfile(place)
    assert place("lint", "--no-hadolint").out == "no findings in 1 file\n"
    assert place("dockerfile", "--check") == (0, "", "")
