"""`tare tags` and `tare outdated` as they are typed: mistakes, and where there is no network."""

from __future__ import annotations

import pytest
from command import Place
from make.base_images import base_image
from schemas import faults, published

LOCAL = "127.0.0.1:1/team/app"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ("python:3.13", "--all"),
            "error: `--all` is for a repository\n\nhint: Write it with `tare tags python`\n",
        ),
        (
            (f"{LOCAL}:1", "--series", "3.13"),
            f"error: `--series` is for a repository\n\nhint: Write it with `tare tags {LOCAL}`\n",
        ),
        (
            ("python", "--facts"),
            "error: `--facts` is for a tag\n\nhint: Write it with `tare tags python:TAG`\n",
        ),
        (
            ("oci:dist",),
            "error: `oci:dist` is not in a registry\n\nhint: Tags are names in registries, such as `python:3.13`\n",
        ),
        (
            ("redis", "--recorded"),
            "error: nothing is recorded of `redis`\n"
            "  caused by: the catalogue has the tags of `docker.io/library/python`\n\n"
            "hint: Ask its registry, without `--recorded`\n",
        ),
    ],
)
def test_a_mistake_is_explained(place: Place, argv: tuple[str, ...], message: str) -> None:
    assert place("tags", *argv) == (2, "", message)


@pytest.mark.parametrize("name", ["python", "python:slim"])
def test_without_a_network_there_is_the_catalogue(place: Place, name: str) -> None:
    assert place("tags", name, "--offline") == (
        4,
        "",
        "error: cannot reach a registry while offline\n\n"
        "hint: Run the command again without `--offline`\n"
        "hint: `tare tags python --recorded` says what was known on 2026-08-21\n",
    )


def test_what_is_recorded_needs_no_network(place: Place) -> None:
    document = place.document("tags", "python", "--recorded", "--all", "--offline")
    assert faults(published("tare.tags.1"), document) == []
    assert (document["recorded"], document["origin"], document["read"]) == (True, None, "2026-08-21")
    assert [series["label"] for series in document["series"]] == ["3.15-rc", "3.14", "3.13", "3.12", "3.11", "3.10"]


def test_an_image_about_which_nothing_can_be_said_is_not_called_up_to_date(place: Place) -> None:
    assert place("outdated", place.base(), "--platform", "linux/amd64") == (
        0,
        "nothing newer was found for oci:TMP/base (linux/amd64); not everything was checked\n"
        "\n"
        "base      unknown: not checked\n"
        "packages  none compared\n"
        "\n"
        "Not checked:\n"
        "  base: the image does not say what it was built on (`--base` names it)\n"
        "  packages: the image has no database of packages\n",
        "",
    )


def test_a_base_that_moved_is_exit_code_1(place: Place) -> None:
    place.write({"main.py": "print(1)\n"})
    built = place.build("--entrypoint", "python3 main.py")
    assert built.code == 0, built.err
    name = place.base()
    assert place("outdated", "oci:dist", "--base", name).code == 0

    place.base(base_image(version="3.13.6"), name="new")
    (place.root / "base").rename(place.root / "old")
    (place.root / "new").rename(place.root / "base")

    ran = place("outdated", "oci:dist", "--base", name)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.splitlines()[:4] == [
        "OUTDATED: oci:dist (linux/amd64): its base has moved",
        "",
        "base      oci:TMP/base: moved, its tag has moved",
        "          it was sha256:DIGEST…, and is sha256:DIGEST…",
    ]


def test_a_platform_that_is_not_there_is_an_error(place: Place) -> None:
    ran = place("outdated", place.base(), "--platform", "linux/s390x")
    assert (ran.code, ran.out) == (3, "")
