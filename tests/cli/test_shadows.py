"""Files of the project that stand in front of a dependency's, said by name."""

from __future__ import annotations

import pytest
from command import Place, locked
from make.backends import BACKEND, PROJECT


@pytest.fixture
def project(place: Place) -> Place:
    releases = [
        place.wheels.add("requests", files={"requests/__init__.py": b"#", "requests/api.py": b"#"}),
        place.wheels.add("six"),
        place.wheels.add(
            "spaced", files={"space/part/__init__.py": b"#", "empty/__init__.py": b"", "tests/__init__.py": b"#"}
        ),
    ]
    place.write({"main.py": "print(1)\n", "requirements.txt": locked(releases)})
    return place


def warnings(place: Place) -> list[str]:
    built = place.build()
    assert built.code == 0, built.err
    said = [line for line in built.err.splitlines() if line.startswith("warning")]
    assert said == [
        line.replace("note: ", "warning: ")
        for line in place("plan", *place.target).out.splitlines()
        if "hides" in line or "both have" in line
    ]
    return said


def test_modules_beside_the_program_that_hide_a_dependencys_are_named(project: Place) -> None:
    project.write({
        "requests.py": "x", "six/__init__.py": "", "space/part.py": "", "space/other.py": "", "lib/six.py": "",
        "empty/__init__.py": "", "tests/__init__.py": "x",
    })  # fmt: skip

    assert warnings(project) == [
        "warning: `/app/requests.py` hides the module `requests` of `requests 1.0`",
        "warning: `/app/six/__init__.py` hides the module `six` of `six 1.0`",
        "warning: `/app/space/part.py` hides the module `space.part` of `spaced 1.0`",
    ]


def test_nothing_is_said_of_modules_that_hide_none(project: Place) -> None:
    project.write({"app/six.py": "", "sixes.py": "", "space/other.py": "", "requests.txt": ""})

    assert warnings(project) == []


def test_a_wheel_of_the_project_that_replaces_a_dependencys_files_says_so(place: Place) -> None:
    same = "def main():\n    print('one')\n"
    releases = [
        place.wheels.add("older", files={"demo/__init__.py": b"#", "space/other.py": b"#"}),
        place.wheels.add("alike", files={"same.py": same.encode()}),
    ]
    place.write({**PROJECT, "backend.py": BACKEND, "src/same.py": same, "requirements.txt": locked(releases)})
    place.write({"src/space/mine.py": ""})

    assert warnings(place) == [
        "warning: `demo-1.0-py3-none-any.whl` and `older 1.0` both have "
        "`/opt/venv/lib/python3.13/site-packages/demo/__init__.py`; the project's is in the image"
    ]
