"""`tare build --slim`: what of wheels is never written, what RECORD says then, and that `tare slim` takes the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Place, locked
from schemas import faults, published
from slim_wheels import P, Q

from tare.flow.slim.image import read
from tare.flow.slim.reading import Seen
from tare.stores.layout import LayoutSource

SITE = "opt/venv/lib/python3.13/site-packages"


@pytest.fixture
def project(place: Place) -> Place:
    p, q = place.wheels.add("p", files=P), place.wheels.add("q", files=Q)
    place.write({"main.py": "import p\n", "requirements.txt": locked([p, q])})
    return place


def live(layout: Path) -> dict[str, Seen]:
    found = read(LayoutSource(layout).read()).live
    return {path.removeprefix(f"{SITE}/"): seen for path, seen in found.items() if path.startswith(f"{SITE}/")}


def modules(layout: Path) -> list[str]:
    return [path for path in live(layout) if ".dist-info/" not in path]


def test_what_no_container_needs_is_never_written_and_said(project: Place) -> None:
    layout = project.root / "slim"
    ran = project.build("--slim", "-o", f"oci:{layout}")

    assert ran.code == 0, ran.err
    assert ran.err.splitlines()[1] == "slim: 469 B left out (TS102 400 B, TS101 69 B)"
    assert modules(layout) == [
        "p/__init__.py",
        "p/docs/p.rst",
        "p/tests/__init__.py",
        "p/tests/data.py",
        "p/tests/helper.py",
        "q/__init__.py",
    ]


def test_record_lists_what_is_there(project: Place) -> None:
    layout = project.root / "slim"
    project.build("--slim=more", "-o", f"oci:{layout}")
    found = live(layout)
    listed = []
    for path, seen in found.items():
        if path.endswith("/RECORD"):
            assert seen.record is not None
            listed += [line.rpartition(",")[0].rpartition(",")[0] for line in seen.record.decode().splitlines()]

    assert sorted(listed) == sorted(found)
    assert "p/docs/p.rst" not in found


def test_slimming_what_was_built_takes_the_same(project: Place) -> None:
    for level in ("safe", "more"):
        built, whole, slim = (project.root / f"{name}-{level}" for name in ("built", "whole", "slim"))
        project.build(f"--slim={level}", "-o", f"oci:{built}")
        project.build("-o", f"oci:{whole}")
        project.document("slim", f"oci:{whole}", "--level", level, "-o", f"oci:{slim}")

        assert {path: (seen.size, seen.record) for path, seen in live(built).items()} == {
            path: (seen.size, seen.record) for path, seen in live(slim).items()
        }


def test_what_the_project_itself_imports_stays(project: Place) -> None:
    project.write({"main.py": "import p\n"})
    before = project.document("build", *project.target, "--slim", "-o", f"oci:{project.root / 'before'}")
    project.write({"main.py": "def main():\n    import q.tests.test_q\n"})
    after = project.document("build", *project.target, "--slim", "-o", f"oci:{project.root / 'after'}")

    assert "q/tests/test_q.py" not in modules(project.root / "before")
    assert "q/tests/test_q.py" in modules(project.root / "after")
    assert before["image"]["digest"] != after["image"]["digest"]


def test_a_link_that_leads_nowhere_imports_nothing(project: Place) -> None:
    (project.app / "gone.py").symlink_to("nowhere.py")

    assert project.build("--slim").code == project.build().code


def test_the_plan_tells_what_would_go(project: Place) -> None:
    code, out, _ = project("plan", *project.target, "--slim=more")

    assert code == 0
    assert out[out.index("left out") :] == (
        "left out (--slim=more)\n"
        "   400 B  TS102 safe  C, Cython and Fortran sources: 1 file left out\n"
        f"            /{SITE}/p/\n"
        "    69 B  TS101 safe  Tests of distributions: 2 files left out\n"
        f"            /{SITE}/q/\n"
        f"            /{SITE}/p/\n"
        "    30 B  TS105 more  Documentation beside modules: 1 file left out\n"
        f"            /{SITE}/p/\n"
        "\n"
    )


def test_the_plan_and_the_document_name_every_file_by_its_rule(project: Place) -> None:
    document = project.document("build", *project.target, "--slim", "--keep", f"/{SITE}/q")
    plan = project.document("plan", *project.target, "--slim", "--keep", f"/{SITE}/q")

    assert faults(published("tare.build.1"), document) == []
    assert [(rule["code"], rule["bytes"], rule["paths"]) for rule in document["slim"]["rules"]] == [
        ("TS102", 400, [f"/{SITE}/p/_c.pyx"]),
        ("TS101", 19, [f"/{SITE}/p/tests/test_p.py"]),
    ]
    assert plan["plans"][0]["slim"]["rules"] == document["slim"]["rules"]
