"""`tare dockerfile` and how projects are made: what they are worked on with, what lies in them, where their version is."""

from __future__ import annotations

import pytest
from command import Place, locked
from trees import write

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

    assert f"FROM python:{series}-slim-trixie\n" in dockerfile(place)
    assert "source=.python-version" not in dockerfile(place)


OF_UV = "COPY --from=ghcr.io/astral-sh/uv:0.13.9 /uv /opt/tool/bin/"

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
        OF_UV,
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

    assert f"    && uv sync --locked --no-default-groups --no-install-project {option} \\\n" in dockerfile(place)
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
        OF_UV,
        "COPY . .",
        "COPY --from=build /opt/venv /opt/venv",
        "COPY --from=build /app/own /app/own",
    ]
    assert place("lint", "--no-hadolint").out == "no findings in 1 file; 1 ignored\n"


def test_what_is_installed_from_outside_the_context_is_refused(place: Place) -> None:
    manifest = '[project]\nname = "own"\nversion = "1"\n[build-system]\nrequires = []\n'
    write(place.root / "own", {"pyproject.toml": manifest})
    place.write({"pylock.toml": LINKED.replace('path = "own"', 'path = "../own"'), "main.py": ""})

    assert place("dockerfile", *OPTIONS) == (
        2,
        "",
        "error: `own` lies outside the project\n  caused by: `../own` cannot be in the build's context\n\n"
        "hint: Make both members of a workspace of uv, and name this one with `--package`\n"
        "hint: `tare build`, which needs no context, takes it from where it is\n",
    )


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


def manifest(name: str, *dependencies: str, more: str = "") -> str:
    asked = ", ".join(f'"{each}"' for each in dependencies)
    head = f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11,<3.14"\n'
    return f"{head}dependencies = [{asked}]\n{more}"


def entry(name: str, *dependencies: str) -> str:
    listed = ", ".join(f'{{ name = "{each}" }}' for each in dependencies)
    head = f'\n[[package]]\nname = "{name}"\nversion = "1"\nsource = {{ editable = "packages/{name}" }}\n'
    return f"{head}dependencies = [{listed}]\n[package.metadata]\nrequires-dist = [{listed}]\n"


BUILT = '[build-system]\nrequires = []\n[project.scripts]\nserve = "api:main"\n'
WORKSPACE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
    "uv.lock": UV_LOCK.replace("[[package]]", '[manifest]\nmembers = ["api", "lib", "worker"]\n\n[[package]]', 1)
    + entry("api", "lib", "sample")
    + entry("lib")
    + entry("worker", "lib"),
    "packages/api/pyproject.toml": manifest(
        "api", "lib", "sample", more=BUILT + "[tool.uv.sources]\nlib = { workspace = true }\n"
    ),
    "packages/api/api/__init__.py": "",
    "packages/lib/pyproject.toml": manifest("lib", more="[build-system]\nrequires = []\n"),
    "packages/worker/pyproject.toml": manifest("worker", "lib"),
    "packages/worker/main.py": "print(1)\n",
}


def test_one_member_of_a_workspace_has_the_workspace_as_its_context(place: Place) -> None:
    place.write(WORKSPACE)

    assert place("dockerfile", *OPTIONS, "--package", "API", "--entrypoint")[::2] == (0, "")

    lines = [line.strip(" \\&") for line in dockerfile(place).splitlines()]
    assert lines[1:3] == [
        "# api: made from packages/api/pyproject.toml, uv.lock by",
        "#     tare dockerfile --package API --entrypoint",
    ]
    assert [line for line in lines if line.startswith(("uv sync", "COPY", "ENTRYPOINT"))] == [
        OF_UV,
        "uv sync --frozen --no-default-groups --no-install-local --package API",
        "COPY . .",
        "uv sync --locked --no-default-groups --no-editable --package API",
        "COPY --from=build /opt/venv /opt/venv",
        "COPY --chown=65532:65532 packages/api/entrypoint.sh /app/",
        'ENTRYPOINT ["sh", "/app/entrypoint.sh"]',
    ]
    assert (place.app / "packages/api/entrypoint.sh").is_file()
    assert place("lint", "--no-hadolint").out == "no findings in 1 file\n"
    assert place("dockerfile", "--check") == (0, "", "")


def ignored(place: Place, name: str = ".dockerignore") -> list[str]:
    return [
        line for line in (place.app / name).read_text().splitlines() if line.startswith(("packages/", "!packages/"))
    ]


OTHERS = ["packages/worker/**", "!packages/worker/pyproject.toml"]


def test_of_members_that_it_does_not_need_only_the_manifests_are_sent(place: Place) -> None:
    place.write(WORKSPACE)

    place("dockerfile", *OPTIONS, "--package", "api")

    assert ignored(place) == OTHERS


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("packages/worker/Dockerfile", "FROM scratch\n"),
        ("worker.Dockerfile", "FROM scratch\n"),
        ("packages/worker/pyproject.toml", manifest("worker", "lib").replace('version = "1"', 'dynamic = ["version"]')),
    ],
)
def test_what_something_else_may_want_is_sent(path: str, text: str, place: Place) -> None:
    """Another Dockerfile may build that member, or uv has to build it to know its version."""
    place.write({**WORKSPACE, path: text})

    place("dockerfile", *OPTIONS, "--package", "api")

    assert ignored(place) == []


def test_a_dockerfile_of_another_name_has_a_dockerignore_of_its_own(place: Place) -> None:
    place.write({**WORKSPACE, "worker.Dockerfile": "FROM scratch\n"})

    place("dockerfile", *OPTIONS, "--package", "api", "--output", "packages/api/Dockerfile")

    assert ignored(place, "packages/api/Dockerfile.dockerignore") == [
        "packages/api/Dockerfile",
        "packages/api/Dockerfile.dockerignore",
        *OTHERS,
    ]
    assert place("dockerfile", "--check", "--output", "packages/api/Dockerfile") == (0, "", "")


def test_sources_of_a_member_that_is_not_built_are_all_that_is_copied(place: Place) -> None:
    exclude = '[tool.tare]\nexclude = ["data", "!data/kept.csv"]\n'
    place.write({**WORKSPACE, "packages/worker/pyproject.toml": manifest("worker", "lib", more=exclude)})

    assert place("dockerfile", *OPTIONS, "--package", "worker")[::2] == (0, "")

    assert "COPY --chown=65532:65532 packages/worker .\n" in dockerfile(place)
    assert 'ENTRYPOINT ["python", "main.py"]\n' in dockerfile(place)
    assert ignored(place) == [
        "packages/worker/data",
        "!packages/worker/data/kept.csv",
        "packages/api/**",
        "!packages/api/pyproject.toml",
    ]


def test_which_member_is_meant_has_to_be_said(place: Place) -> None:
    place.write(WORKSPACE)

    assert place("dockerfile", *OPTIONS) == (
        2,
        "",
        "error: `app` is a workspace, and no project itself\n"
        "  caused by: its members are `api`, `lib`, `worker`\n\n"
        "hint: Name the one that is meant with `--package NAME`\n",
    )
    assert place("dockerfile", *OPTIONS, "packages/api") == (
        2,
        "",
        "error: the lock lies outside the project\n"
        "  caused by: `../../uv.lock` cannot be in the build's context\n\n"
        "hint: Name the workspace's directory as the project, and this project with `--package api`\n",
    )


@pytest.mark.parametrize("command", ["build", "plan", "choose", "dockerfile"])
def test_a_member_that_there_is_not(command: str, place: Place) -> None:
    place.write(WORKSPACE)

    assert place(command, "--offline", "--package", "works") == (
        2,
        "",
        "error: the workspace has no member `works`\n"
        "  caused by: `uv.lock` has `api`, `lib`, `worker`\n\n"
        "hint: Did you mean `--package worker`?\n",
    )


def test_a_member_of_what_is_no_workspace(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": ""})

    assert place("dockerfile", *OPTIONS, "--package", "api") == (
        2,
        "",
        "error: `app` is no workspace\n"
        "  caused by: `--package api` names a member of one, and there is no `uv.lock`\n\n"
        "hint: Leave it out, or run `uv lock`\n",
    )


def test_a_lock_that_is_held_against_members_is_not_asked_before_they_are_there(place: Place) -> None:
    """The root needs none of its members, but uv reads all manifests to tell whether the lock is fresh."""
    root = manifest("root", "sample", more='[tool.uv.workspace]\nmembers = ["packages/*"]\n')
    own = entry("root", "sample").replace('editable = "packages/root"', 'virtual = "."')
    lock = WORKSPACE["uv.lock"].replace('members = ["api"', 'members = ["root", "api"') + own
    place.write({**WORKSPACE, "pyproject.toml": root, "uv.lock": lock, "main.py": "print(1)\n"})

    assert place("dockerfile", *OPTIONS)[::2] == (0, "")

    assert [line.strip(" \\") for line in dockerfile(place).splitlines() if "uv sync" in line] == [
        "uv sync --frozen --no-default-groups --no-install-local",
        "uv sync --locked --no-default-groups --no-editable",
    ]
