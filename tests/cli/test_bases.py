"""`tare bases`: what is known, and who says so."""

from __future__ import annotations

import json

from command import Place
from schemas import faults, published


def test_a_line_for_each_base_of_a_series(place: Place) -> None:
    ran = place("bases", "--python", "3.13", "--platform", "linux/amd64")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "base                                python   libc        PGO  shell    support ends  pull  unpacked\n"
        "python:3.13-trixie                  3.13.15  glibc 2.41  yes  /bin/sh  2029-10          ?         ?\n"
        "python:3.13-slim-trixie             3.13.15  glibc 2.41  yes  /bin/sh  2029-10          ?         ?\n"
        "python:3.13-bookworm                3.13.15  glibc 2.36  yes  /bin/sh  2028-06-30       ?         ?\n"
        "python:3.13-slim-bookworm           3.13.15  glibc 2.36  yes  /bin/sh  2028-06-30       ?         ?\n"
        "python:3.13-alpine3.24              3.13.15  musl 1.2    no   /bin/sh  ≤ 2029-10        ?         ?\n"
        "python:3.13-alpine3.23              3.13.15  musl 1.2    no   /bin/sh  2027-11-01       ?         ?\n"
        "gcr.io/distroless/python3-debian13  3.13     glibc 2.41  ?    none     2029-10          ?         ?\n"
        "deb:trixie                          3.13     glibc 2.41  ?    none     2029-10          ?         ?\n"
        "\n"
        "? is unknown: 8 of 8 images were never read here. `tare bases --refresh` reads those that can be reached.\n"
    )


def test_everything_of_one_base_with_its_sources(place: Place) -> None:
    ran = place("bases", "python:3.13-alpine3.24", "--platform", "linux/amd64")

    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[:5] == [
        "base         python:3.13-alpine3.24",
        "kind         alpine",
        "CPython      3.13.15, fixed until 2029-10",
        "interpreter  /usr/local/bin/python3.13",
        "optimised    PGO no, LTO yes",
    ]
    assert lines[-1].startswith("source       https://")


def test_the_document_is_as_its_schema_has_it(place: Place) -> None:
    document = place.document("bases", "--platform", "linux/s390x")

    assert faults(published("tare.bases.1"), document) == []
    unfit = {each["base"]: each["unfit"] for each in document["bases"]}
    assert unfit["gcr.io/distroless/python3-debian13"] == (
        "there is no image for linux/s390x: it is built for linux/amd64, linux/arm64, linux/riscv64"
    )


def test_what_cannot_be_reached_stays_as_it_is_recorded(place: Place) -> None:
    ran = place("bases", "python:3.13-slim-trixie", "--refresh", "--offline", "--platform", "linux/amd64", "--json")

    (found,) = json.loads(ran.out)["bases"]
    assert (ran.code, found["read"], found["pull"]) == (0, None, None)
    assert found["failed"] == "`docker.io` cannot be reached"
    assert ran.err == "warning: `docker.io` cannot be reached: its images stay as the catalogue has them\n"


def test_a_base_that_is_not_in_the_catalogue_is_an_error(place: Place) -> None:
    ran = place("bases", "registry.example/odd:1")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error: the catalogue has no base `registry.example/odd:1`\n\nhint: `tare bases` lists those that it has\n"
    )
