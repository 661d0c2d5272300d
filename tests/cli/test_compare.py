"""`tare compare` and `tare report`: whole commands, without an engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Place, locked

SOURCE = {"PYTHONPATH": Place.source}


@pytest.fixture
def project(place: Place) -> Place:
    place.write({"main.py": "import sample\n", "requirements.txt": locked([place.wheels.add("sample")])})
    return place


BUILD = ("--base", "oci:nothing", "--platform", "linux/amd64", "--build-only", "--cold-only")


def compare(place: Place, *argv: str) -> tuple[int, str, str]:
    return place("compare", *place.target, "--build-only", *argv, env=SOURCE)


def test_each_build_is_timed_and_the_image_is_weighed(project: Place) -> None:
    code, out, err = compare(project, "--json")
    [found] = json.loads(out)["candidates"]

    assert (code, err, found["status"]) == (0, "", "ok")
    assert [build["change"] for build in found["builds"]] == ["cold", "dependency", "line"]
    assert all(build["seconds"] > 0 and build["steps"] for build in found["builds"])
    sizes = found["sizes"]
    assert sizes["waste"] == sizes["unpacked"] - sizes["rootfs"] == 0
    assert sizes["store"] == sizes["pull"] + sizes["unpacked"]
    assert found["start"] is None


def test_the_project_itself_is_left_as_it_was(project: Place) -> None:
    before = {path: path.read_bytes() for path in project.app.rglob("*") if path.is_file()}

    compare(project)

    assert {path: path.read_bytes() for path in project.app.rglob("*") if path.is_file()} == before


def test_a_dependency_is_added_where_an_index_has_one(project: Place) -> None:
    project.wheels.add("iniconfig")
    (project.app / "requirements.txt").write_text("sample\n", encoding="utf-8")

    [found] = json.loads(compare(project, "--json")[1])["candidates"]

    assert found["why"] == ""
    assert found["builds"][1]["note"] == ""


def test_where_none_can_be_added_that_is_said(project: Place) -> None:
    [found] = json.loads(compare(project, "--json")[1])["candidates"]

    assert found["builds"][1]["note"].startswith("the lockfile was touched, and says what it said: iniconfig could not")


def test_a_base_that_is_not_there_is_a_row_and_no_end(project: Place) -> None:
    code, out, err = compare(project, "--base", "oci:TMP/nothing", "--cold-only")

    assert (code, err) == (0, "")
    assert "oci:TMP/nothing, tare: `tare build` failed: " in out


def test_when_no_image_could_be_made_the_exit_code_says_so(project: Place) -> None:
    code, out, _ = project("compare", *BUILD, env=SOURCE)

    assert code == 1
    assert "No image could be measured." in out


def test_an_assembled_base_has_no_dockerfile(project: Place) -> None:
    code, out, err = project(
        "compare", "--base", "deb:trixie", "--builder", "docker", "--build-only", "--json", env=SOURCE
    )
    [found] = json.loads(out)["candidates"]

    assert (code, err, found["status"]) == (1, "", "skipped")
    assert found["why"] == "`deb:trixie` is assembled by tare: there is no image that a Dockerfile could begin with"


def test_without_an_engine_a_comparison_is_of_tare_alone_and_says_so(project: Place) -> None:
    base = "127.0.0.1:1/library/python:3.13"
    document = json.loads(
        project("compare", "--base", base, "--build-only", "--cold-only", "--json", env={**SOURCE, "PATH": "/nothing"})[
            1
        ]
    )

    assert [each["builder"] for each in document["candidates"]] == ["tare"]
    assert document["notes"] == ["No Dockerfile was built: there is nothing here that builds Dockerfiles"]


def test_a_dockerfile_that_is_not_there_is_said_before_anything_is_built(project: Place) -> None:
    code, _, err = compare(project, "--dockerfile", "nothing/Dockerfile")

    assert code == 2
    assert err.startswith("error: there is no Dockerfile `nothing/Dockerfile`")


def test_a_builder_that_there_is_not_is_said(project: Place) -> None:
    [found] = json.loads(compare(project, "--builder", "kaniko", "--json")[1])["candidates"]

    assert (found["status"], found["why"]) == ("failed", "there is no builder `kaniko`")


def test_a_page_can_be_made_at_once_or_later(project: Place, tmp_path: Path) -> None:
    at_once, later, results = (str(tmp_path / name) for name in ("a.html", "b.html", "results.json"))
    command = ("compare", *project.target, "--build-only", "--cold-only")
    Path(results).write_bytes(json.dumps(project.document(*command, env=SOURCE)).encode())
    project("report", results, "--html", at_once)

    assert project("report", results, "--html", later) == (0, "", "")
    assert Path(later).read_bytes() == Path(at_once).read_bytes()


def test_a_report_is_markdown_by_default(project: Place, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    results.write_text(compare(project, "--json")[1], encoding="utf-8")

    code, out, _ = project("report", str(results), "--language", "ko")

    assert code == 0
    assert out.startswith("# ")
    assert "## 결론" in out


@pytest.mark.parametrize(
    ("content", "causes"),
    [
        ("", "Input data was truncated"),
        ("{}", "expected the schema `tare.compare/1`, found `none`"),
        ('{"schema": "tare.compare/9"}', "expected the schema `tare.compare/1`, found `tare.compare/9`"),
        ('{"schema": "tare.compare/1"}', "Object missing required field `project`"),
    ],
)
def test_what_is_no_result_is_one_error(place: Place, content: str, causes: str) -> None:
    path = place.app / "results.json"
    path.write_text(content, encoding="utf-8")

    code, out, err = place("report", "results.json")

    assert (code, out) == (2, "")
    assert err.splitlines()[1] == f"  caused by: {causes}"
