"""A project with a build system: its backend runs when it must, and what it made is installed as wheels are."""

from __future__ import annotations

import base64
import csv
import hashlib
import io

import pytest
from command import Place
from layouts import contents, entries, read_layout
from make.backends import BACKEND, MANIFEST, PROJECT

PACKAGES = "opt/venv/lib/python3.13/site-packages"
INFO = f"{PACKAGES}/demo-1.0.dist-info"


@pytest.fixture
def project(place: Place) -> Place:
    place.write(PROJECT)
    return place


def runs(place: Place) -> int:
    """Return how often the backend ran."""
    file = place.root / "runs"
    return len(file.read_text().splitlines()) if file.exists() else 0


def own(place: Place) -> dict[str, bytes]:
    """Return the files of the project's layer."""
    return contents(read_layout(place.app / "dist").layers[3])


def test_the_wheel_is_installed_with_its_script_and_where_it_came_from(project: Place) -> None:
    assert project.build() == (
        0,
        "oci:dist sha256:DIGEST\n",
        "linux/amd64 on oci:TMP/base (CPython 3.13.5, glibc 2.41): SIZE to pull, 2.6 kB unpacked, "
        "2 new layers of which 0 were known; runs `demo`; TIME\n",
    )
    files = own(project)
    assert sorted(files) == sorted(
        [
            "opt/venv/bin/demo",
            *(
                f"{INFO}/{name}"
                for name in (
                    "INSTALLER",
                    "METADATA",
                    "RECORD",
                    "REQUESTED",
                    "WHEEL",
                    "direct_url.json",
                    "entry_points.txt",
                )
            ),
            f"{PACKAGES}/demo/__init__.py",
            f"{PACKAGES}/demo/other.py",
        ]
    )
    assert files["opt/venv/bin/demo"].startswith(b"#!/opt/venv/bin/python\n")
    assert entries(read_layout(project.app / "dist").layers[3])["opt/venv/bin/demo"].mode == 0o755
    assert files[f"{INFO}/direct_url.json"] == b'{"dir_info":{},"url":"file:///"}'
    assert files[f"{INFO}/INSTALLER"] == b"tare\n"


def test_record_is_right_for_every_file_of_the_project(project: Place) -> None:
    project.build()
    project.write({"src/demo/other.py": "VALUE = 'another length'\n"})
    project.build()

    files = own(project)
    rows = {row[0]: tuple(row[1:]) for row in csv.reader(io.StringIO(files[f"{INFO}/RECORD"].decode()))}
    expected = {}
    for path, data in files.items():
        name = (
            path.removeprefix(f"{PACKAGES}/") if path.startswith(PACKAGES) else f"../../../{path[len('opt/venv/') :]}"
        )
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        expected[name] = ("", "") if name.endswith("/RECORD") else (f"sha256={digest}", str(len(data)))
    assert rows == expected


def test_a_build_of_what_did_not_change_does_not_run_the_backend(project: Place) -> None:
    assert [project.build().code for _ in range(3)] == [0, 0, 0]
    assert runs(project) == 1


def test_a_changed_line_replaces_the_module_in_the_last_wheel_and_says_so(project: Place) -> None:
    project.build()
    project.write({"src/demo/__init__.py": "def main():\n    print('two')\n"})

    ran = project.build()

    assert (ran.code, ran.err.splitlines()[0]) == (
        0,
        "note: the build backend was not run: only the contents of `src/demo/__init__.py` changed since the last wheel",
    )
    assert runs(project) == 1
    assert own(project)[f"{PACKAGES}/demo/__init__.py"] == b"def main():\n    print('two')\n"
    assert "1 were known" in ran.err


def test_what_a_changed_line_makes_is_what_the_backend_would_have_made(project: Place) -> None:
    project.build()
    project.write({"src/demo/__init__.py": "def main():\n    print('two')\n"})
    patched = project.build().out and read_layout(project.app / "dist").digest

    project.build("--cache-dir", "../fresh", "-o", "oci:again")

    assert runs(project) == 2
    assert read_layout(project.app / "again").digest == patched


CHANGES = {
    "a module more": {"src/demo/more.py": ""},
    "its configuration": {"pyproject.toml": f"{MANIFEST}\n[tool.other]\na = 1\n"},
    "its backend": {"backend.py": BACKEND + "\n# changed\n"},
    "a file that is no module": {"src/demo/data.txt": "data"},
}


@pytest.mark.parametrize("files", CHANGES.values(), ids=CHANGES)
def test_the_backend_runs_again_when_more_than_contents_changed(project: Place, files: dict[str, str]) -> None:
    project.build()
    project.write(files)

    assert project.build().code == 0
    assert runs(project) == 2


def test_a_module_that_went_away_is_not_in_the_image(project: Place) -> None:
    project.build()
    (project.app / "src" / "demo" / "other.py").unlink()
    project.build()

    assert runs(project) == 2
    assert f"{PACKAGES}/demo/other.py" not in own(project)


def test_a_backend_that_makes_another_file_of_a_module_runs_when_that_changes(project: Place) -> None:
    """A module whose copy in the wheel is not the same bytes cannot be replaced there."""
    project.write({"backend.py": BACKEND.replace("path.read_bytes()", "path.read_bytes() + b'# generated\\n'")})
    project.build()
    project.write({"src/demo/other.py": "VALUE = 2\n"})

    assert project.build().code == 0
    assert runs(project) == 2
    assert own(project)[f"{PACKAGES}/demo/other.py"] == b"VALUE = 2\n# generated\n"


@pytest.mark.parametrize("cache", [".cache/tare", "kept/here"])
def test_a_cache_and_an_image_that_lie_in_the_project_are_no_part_of_it(project: Place, cache: str) -> None:
    outputs = ("-o", "oci:images/one", "-o", "oci:dist")

    assert [project.build("--cache-dir", cache, *outputs).code for _ in range(3)] == [0, 0, 0]
    assert runs(project) == 1


def test_a_backend_that_fails_is_an_error_with_the_end_of_its_log(project: Place) -> None:
    project.write({"backend.py": BACKEND.replace("FAILS = ", "FAILS = True or ").replace(", False\n", ", True\n")})

    ran = project.build()

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: cannot build `app`\n")
    assert "  caused by: demo: there is no compiler\n" in ran.err
    assert "Traceback" not in ran.err
    assert project.leftovers() == []


def test_a_project_that_compiles_is_refused(project: Place) -> None:
    project.write({"backend.py": BACKEND.replace('"py3-none-any"', '"cp313-cp313-linux_x86_64"')})

    ran = project.build()

    assert (ran.code, ran.out) == (3, "")
    assert ran.err == (
        "error: `demo` has no wheel for the target, and is not pure Python\n"
        "  caused by: its source compiles to `demo-1.0-cp313-cp313-linux_x86_64.whl` on this machine; "
        "the target is cp313, linux/amd64, glibc 2.41\n\n"
        "hint: Choose a base that it has a wheel for, or publish a wheel of it and name its directory with `--find-links`\n"
    )


def test_the_plan_of_a_project_that_is_built_has_its_wheel(project: Place) -> None:
    code, out, err = project("plan", *project.target)

    assert (code, err) == (0, "")
    assert "demo 1.0: the project itself, which changes most often\n" in out
    assert "runs     demo   (`demo` is the only script of the project)\n" in out
