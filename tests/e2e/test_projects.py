"""Projects of every kind, locked and built with the real uv, from the real index."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from layouts import contents, read_layout
from real import EXAMPLES, Tare
from trees import write

from tare.projects.uv import find_program

pytestmark = pytest.mark.e2e

TRIXIE = ("--base", "deb:trixie", "--platform", "linux/amd64")
SITE = "opt/venv/lib/python3.13/site-packages"


def uv(tare_command: Tare, *argv: str, cwd: Path) -> str:
    """Run uv as tare runs it; what it cannot do here is a reason to skip."""
    certificates = {"UV_SYSTEM_CERTS": "1"} if "SSL_CERT_FILE" in tare_command.environment else {}
    done = subprocess.run(
        [find_program(sys.executable, None), *argv],
        cwd=cwd,
        env={**tare_command.environment, **certificates, "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"`uv {argv[0]}` fails here: {done.stderr.strip()[-300:]}")
    return done.stdout


def dependencies(document: Any) -> list[tuple[str, list[str]]]:  # a document
    """Return digests and distributions of the layers between the base and the project's own."""
    return [
        (layer["digest"], layer["distributions"])
        for layer in document["layers"]
        if layer["kind"] in {"wheel", "wheels"}
    ]


def test_a_lock_of_uv_gives_the_layers_of_the_same_requirements(tare_command: Tare, tmp_path: Path) -> None:
    """What the example pins, locked by uv: another lock, the same wheels, and so the same layers."""
    shutil.copytree(EXAMPLES / "api", tmp_path / "pinned")
    shutil.copytree(EXAMPLES / "api", tmp_path / "uv", ignore=shutil.ignore_patterns("requirements.txt"))
    pins = [
        line.split()[0]
        for line in (EXAMPLES / "api" / "requirements.txt").read_text().splitlines()
        if line[:1].isalpha()
    ]
    manifest = tmp_path / "uv" / "pyproject.toml"
    manifest.write_text(f"{manifest.read_text()}\n[tool.uv]\nconstraint-dependencies = {pins!r}\n")
    uv(tare_command, "lock", cwd=tmp_path / "uv")

    pinned, locked = (
        tare_command.build(str(tmp_path / name), *TRIXIE, "-o", f"oci:{tmp_path}/out-{name}")
        for name in ("pinned", "uv")
    )

    assert dependencies(locked) == dependencies(pinned)
    assert locked["warnings"] == []


def test_a_member_of_a_workspace_has_its_own_dependencies_and_those_it_shares(
    tare_command: Tare, tmp_path: Path
) -> None:
    library = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    write(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname = "root"\nversion = "0"\nrequires-python = ">=3.11"\n'
            '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
            "packages/service/pyproject.toml": '[project]\nname = "service"\nversion = "1"\nrequires-python = ">=3.11"\n'
            'dependencies = ["shared", "idna"]\n[tool.uv.sources]\nshared = { workspace = true }\n',
            "packages/service/main.py": "import idna, shared\nprint(shared.NAME)\n",
            "packages/shared/pyproject.toml": '[project]\nname = "shared"\nversion = "2.0"\n'
            f'requires-python = ">=3.11"\ndependencies = ["certifi"]\n{library}',
            "packages/shared/shared/__init__.py": "NAME = 'shared'\n",
            "packages/other/pyproject.toml": '[project]\nname = "other"\nversion = "1"\nrequires-python = ">=3.11"\n'
            'dependencies = ["six"]\n',
        },
    )
    uv(tare_command, "lock", cwd=tmp_path)

    document = tare_command.build("packages/service", *TRIXIE, "-o", "oci:out", cwd=tmp_path)

    names = sorted(name.partition(" ")[0] for _, names in dependencies(document) for name in names)
    assert names == ["certifi", "idna", "shared"]
    files = contents(*read_layout(tmp_path / "out").layers)
    assert files[f"{SITE}/shared/__init__.py"] == b"NAME = 'shared'\n"
    assert files[f"{SITE}/shared-2.0.dist-info/direct_url.json"] == b'{"dir_info":{},"url":"file:///"}'
    assert "app/main.py" in files
    assert f"{SITE}/six.py" not in files
    ran = tare_command("run", "--engine", "chroot", "--quiet", "oci:out", cwd=tmp_path)
    assert (ran.code, ran.out) in {(0, "shared\n"), (2, "")}, ran.err


def test_a_script_with_metadata_is_resolved_and_runs(tare_command: Tare, tmp_path: Path) -> None:
    script = '# /// script\n# requires-python = ">=3.11"\n# dependencies = ["idna==3.10"]\n# ///\nimport idna\nprint(idna.__version__)\n'
    write(tmp_path, {"job.py": script})

    document = tare_command.build("job.py", *TRIXIE, "-o", "oci:out", cwd=tmp_path)

    assert [names for _, names in dependencies(document)] == [["idna 3.10"]]
    assert document["entrypoint"]["command"] == ["python", "job.py"]
    assert document["warnings"] == ["the build is not pinned: there is no lockfile for `job.py`"]

    uv(tare_command, "lock", "--script", "job.py", cwd=tmp_path)
    again = tare_command.build("job.py", *TRIXIE, "-o", "oci:out", cwd=tmp_path)
    assert (again["image"]["digest"], again["warnings"]) == (document["image"]["digest"], [])


def test_a_source_distribution_that_is_pure_is_built(tare_command: Tare, tmp_path: Path) -> None:
    """Docopt has no wheel on the index."""
    write(tmp_path, {"requirements.in": "docopt==0.6.2\n"})
    pinned = uv(
        tare_command, "pip", "compile", "-q", "--generate-hashes", "--no-header", "requirements.in", cwd=tmp_path
    )
    write(tmp_path, {"main.py": "import docopt\nprint(docopt.__version__)\n", "requirements.txt": pinned})

    first = tare_command.build(str(tmp_path), *TRIXIE, "-o", f"oci:{tmp_path}/out")
    fresh = {"TARE_CACHE_DIR": str(tmp_path / "cache")}
    second = tare_command.build(str(tmp_path), *TRIXIE, "-o", f"oci:{tmp_path}/again", env=fresh)

    assert [names for _, names in dependencies(first)] == [["docopt 0.6.2"]]
    assert first["image"]["digest"] == second["image"]["digest"], "a wheel that is built twice is the same layer"


def test_a_source_distribution_that_compiles_is_refused(tare_command: Tare, tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("there is no compiler")
    write(
        tmp_path / "native",
        {
            "pyproject.toml": '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n'
            '[project]\nname = "native"\nversion = "1.0"\n',
            "setup.py": "from setuptools import Extension, setup\n"
            'setup(py_modules=[], ext_modules=[Extension("core", ["core.c"])])\n',
            "core.c": "#include <Python.h>\n"
            'static struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "core", 0, -1, 0};\n'
            "PyMODINIT_FUNC PyInit_core(void) { return PyModule_Create(&d); }\n",
        },
    )
    uv(tare_command, "build", "--sdist", "--out-dir", "sdists", "native", cwd=tmp_path)
    [sdist] = (tmp_path / "sdists").glob("*.tar.gz")
    import hashlib

    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    lock = (
        f'lock-version = "1.0"\ncreated-by = "tests"\n[[packages]]\nname = "native"\nversion = "1.0"\n'
        f'[packages.sdist]\nname = "{sdist.name}"\npath = "sdists/{sdist.name}"\nhashes = {{ sha256 = "{digest}" }}\n'
    )
    write(tmp_path, {"main.py": "", "pylock.toml": lock})

    ran = tare_command("build", str(tmp_path), *TRIXIE, "-o", f"oci:{tmp_path}/out")

    if ran.code == 4:
        pytest.skip(f"setuptools cannot be had: {ran.err.strip()[:300]}")
    message, cause, *_ = ran.err.splitlines()
    assert (ran.code, message) == (3, "error: `native` has no wheel for the target, and is not pure Python")
    assert cause.startswith("  caused by: its source compiles to `native-1.0-cp3")
    assert not (tmp_path / "out").exists()


IN_MEMORY = "/tmp"  # noqa: S108  # in the image

LOOK = """\
import os
for path in ("/tmp", "/bin", "/var/run", "/run/lock", "/var/tmp", "/opt"):
    status = os.lstat(path)
    print(path, oct(status.st_mode), status.st_uid, os.readlink(path) if os.path.islink(path) else "")
print(os.path.exists("/usr/bin/python3"), os.path.realpath(__file__))
"""
"""What of the base a badly placed layer would change."""


@pytest.mark.parametrize(
    ("workdir", "place"),
    [("/app", "/app"), (IN_MEMORY, IN_MEMORY), ("/bin/x", "/usr/bin/x"), ("/var/run/lock", "/run/lock")],
)
def test_the_bases_directories_stay_as_they_are_wherever_the_sources_go(
    tare_command: Tare, tmp_path: Path, workdir: str, place: str
) -> None:
    manifest = (
        f'[project]\nname = "look"\nversion = "1"\nrequires-python = ">=3.11"\n[tool.tare]\nworkdir = "{workdir}"\n'
    )
    write(tmp_path / "app", {"pyproject.toml": manifest, "main.py": LOOK})
    tare_command.build(str(tmp_path / "app"), *TRIXIE, "-o", f"oci:{tmp_path}/out")

    ran = tare_command("run", "--quiet", f"oci:{tmp_path}/out")

    assert ran.out.splitlines() == [
        f"{IN_MEMORY} 0o41777 0 ",
        "/bin 0o120777 0 usr/bin",
        "/var/run 0o120777 0 /run",
        "/run/lock 0o41777 0 ",
        f"/var{IN_MEMORY} 0o41777 0 ",
        "/opt 0o40755 0 ",
        f"True {place}/main.py",
    ]


def test_a_project_with_setup_py_alone_is_built_and_runs(tare_command: Tare, tmp_path: Path) -> None:
    setup = (
        "from setuptools import setup\nsetup(name='legacy', version='1.2', packages=['pkg'], install_requires=['six'],\n"
        "      entry_points={'console_scripts': ['legacy=pkg:main']})\n"
    )
    code = "def main():\n    import six\n    print('six', six.PY3)\n"
    write(tmp_path / "app", {"setup.py": setup, "pkg/__init__.py": code})

    tare_command.build(str(tmp_path / "app"), *TRIXIE, "-o", f"oci:{tmp_path}/out")

    assert tare_command("run", "--quiet", f"oci:{tmp_path}/out").out == "six True\n"
