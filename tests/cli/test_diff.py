"""`tare diff`: whole outputs, documents and exit codes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from command import Place, locked
from make.images import image as make
from schemas import faults, published
from weighing import distribution, plain

from tare.stores.layout_writer import LayoutDestination


@pytest.fixture
def names(place: Place) -> tuple[str, str]:
    """Two images of one layer in common."""
    base = plain({"etc/os-release": b"ID=test\n", "etc/motd": b"hello\n"})
    old = plain({**distribution("p", "1.0", {"p.py": b"1" * 500, "p_old/x.py": b"2" * 300}), "app/main.py": b"1\n"})
    new = plain({**distribution("p", "1.1", {"p.py": b"1" * 700, "p_new/x.py": b"2" * 900}), "app/main.py": b"2\n"})
    LayoutDestination(place.root / "old").write(make(base, old, user="1000"))
    LayoutDestination(place.root / "new").write(make(base, new, user="65532"))
    return f"oci:{place.root / 'old'}", f"oci:{place.root / 'new'}"


def compare(name: str, text: str) -> None:
    path = Path(__file__).parent / "golden" / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("form", "golden"), [((), "diff-sample.txt"), (("--markdown",), "diff-sample.md.txt")])
def test_people_read_what_is_other(place: Place, names: tuple[str, str], form: tuple[str, ...], golden: str) -> None:
    code, out, err = place("diff", *names, *form)

    assert (code, err) == (1, "")
    compare(golden, out)


def test_a_document_has_all_of_it(place: Place, names: tuple[str, str]) -> None:
    code, out, _ = place("diff", *names, "--json")

    document = json.loads(out.replace("sha256:DIGEST", "sha256:" + "0" * 64))
    assert (code, document["equal"]) == (1, False)
    assert faults(published("tare.diff.1"), document) == []
    assert [each["how"] for each in document["layers"]] == ["shared", "removed", "added"]
    assert [(each["before"], each["after"]) for each in document["distributions"]] == [("1.0", "1.1")]


@pytest.mark.parametrize("form", [(), ("--semantic",)])
def test_what_is_the_same_is_said_to_be(place: Place, names: tuple[str, str], form: tuple[str, ...]) -> None:
    code, out, _ = place("diff", names[0], names[0], *form)

    assert (code, out) == (0, "the same image, to the byte: sha256:DIGEST\n")


def test_an_image_is_compared_with_what_its_project_would_make_now(place: Place) -> None:
    release = place.wheels.add("sample")
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([release])})
    place.build("-o", f"oci:{place.root / 'image'}")
    options = ("--base", place.base())

    assert place("diff", f"oci:{place.root / 'image'}", ".", *options).code == 0
    place.write({"main.py": "print(12)\n"})
    code, out, err = place("diff", f"oci:{place.root / 'image'}", "--plan", ".", *options)

    assert (code, err) == (1, "")
    assert "files: 1 changed\n+1 B  ~  /app/main.py  content\n" in out


def test_the_projects_image_is_the_one_that_the_same_options_build(place: Place) -> None:
    release = place.wheels.add("sample", files={"sample/__init__.py": b"", "sample/tests/test_a.py": b"1" * 9})
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([release])})
    image = f"oci:{place.root / 'image'}"
    place.build("--slim=more", "--entrypoint", "python main.py", "-o", image)
    options = ("--base", place.base(), "--entrypoint", "python main.py")

    assert place("diff", image, ".", "--slim=more", *options) == (0, "the same image, to the byte: sha256:DIGEST\n", "")
    code, out, _ = place("diff", image, ".", *options, "--semantic")
    assert (code, "sample/tests/" in out) == (1, True)


def test_a_projects_base_may_be_left_to_tare(place: Place) -> None:
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([place.wheels.add("sample")])})
    place.build("-o", f"oci:{place.root / 'image'}")

    assert (
        "no base that can be reached suits the project"
        in place("diff", f"oci:{place.root / 'image'}", ".", "--base", "auto", "--offline").err
    )


def test_directories_are_compared(place: Place) -> None:
    place.write({"one/x": "1", "two/x": "12", "one/y": "", "two/y": ""})
    code, out, err = place("diff", "./one", "./two", "--semantic")

    assert (code, err) == (1, "")
    assert "files: 1 changed\n+1 B  ~  /x  content\n" in out


@pytest.mark.parametrize("words", [("oci:x",), ("oci:x", "oci:y", "--plan", ".")])
def test_two_things_are_compared(place: Place, words: tuple[str, ...]) -> None:
    assert place("diff", *words) == (
        2,
        "",
        "error: `tare diff` compares two things\n"
        "  caused by: expected A and B, or A and `--plan PROJECT`\n\n"
        "hint: `tare diff --help` has examples\n",
    )


def test_a_base_is_of_a_project(place: Place, names: tuple[str, str]) -> None:
    assert place("diff", *names, "--base", "deb:trixie").code == 2
