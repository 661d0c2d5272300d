"""`tare choose`, whole: what it says, what it fetches, and what it makes of bad input."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from command import Place, locked
from loopback import Server, running_server
from make.bases import MUSL, library, stdlib, sysconfig_data, write_layer
from make.elves import make_elf
from make.images import image, raw_layer
from make.wheelhouse import Release, pylock
from schemas import faults, published

ONLINE = {"UV_OFFLINE": "0"}
NOISE = random.Random(1).randbytes(1_000_000)  # noqa: S311  # the same in each run
"""What no compressor makes smaller."""


@pytest.fixture
def server(place: Place) -> Iterator[Server]:
    place.environment |= ONLINE
    with running_server() as server:
        yield server


def musl_base(place: Place) -> str:
    """Return a base that is Alpine's, as far as tare reads it."""
    layer = {
        "lib/ld-musl-x86_64.so.1": library("libc.musl-x86_64.so.1", content=MUSL),
        "lib/libc.musl-x86_64.so.1": "ld-musl-x86_64.so.1",
        "etc/os-release": b'ID=alpine\nVERSION_ID="3.23"\n',
        "usr/bin/python3": make_elf(
            needed=["libc.musl-x86_64.so.1"], interpreter="/lib/ld-musl-x86_64.so.1", content=b"\0003.13.5\0"
        ),
        **stdlib("usr/lib/python3.13"),
        "usr/lib/python3.13/_sysconfigdata__linux_x86_64-linux-musl.py": sysconfig_data(
            "cpython-313-x86_64-linux-musl", "'x'", shared=0
        ),
    }
    base = image(raw_layer(write_layer(layer), compressed=False), env=("PATH=/usr/bin",))
    return place.base(base, name="musl")


def served(server: Server, *releases: Release, ranges: bool = True, size: int | None = None) -> str:
    """Let *server* have the wheels, and return a `pylock.toml` that names them there."""
    packages = []
    for release in releases:
        data = release.path.read_bytes()
        server.serve(f"/{release.path.name}", data, ranges=ranges)
        text = release.locked().replace(f'path = "{release.path}"', f'url = "{server.url}/{release.path.name}"')
        packages.append(text + f"size = {len(data) if size is None else size}\n")
    return pylock(*packages)


def big(place: Place, name: str = "big", tag: str = "py3-none-any") -> Release:
    return place.wheels.add(name, tag=tag, files={f"{name}/data.bin": NOISE, f"{name}/__init__.py": b""})


def test_the_prediction_is_what_the_build_makes(place: Place) -> None:
    releases = [place.wheels.add("sample"), big(place)]
    place.write({"main.py": "print(1)\n", "requirements.txt": locked(releases)})

    chosen = place.document("choose", *place.target)
    built = place.document("build", *place.target)

    (found,) = chosen["candidates"]
    assert (found["pull"], found["unpacked"]) == (built["sizes"]["pull"], built["sizes"]["unpacked"])
    assert [layer["pull"] for layer in found["layers"]] == [
        layer["size"] for layer in built["layers"] if layer["kind"].startswith("wheel")
    ]
    assert (found["exact"], found["rank"], chosen["recommended"]) == (True, 1, place.base())


def test_a_table_says_which_to_take_and_why(place: Place) -> None:
    native = [
        place.wheels.add("quick", tag=f"cp313-cp313-{platform}_x86_64")
        for platform in ("manylinux_2_28", "musllinux_1_2")
    ]
    glibc_only = place.wheels.add("learn", tag="cp313-cp313-manylinux_2_17_x86_64")
    packages = "".join((
        native[0].locked(), *native[1].locked().partition("[[packages.wheels]]")[1:], glibc_only.locked(),
    ))  # fmt: skip
    place.write({"main.py": "", "pylock.toml": pylock(packages)})

    place.base()
    musl_base(place)

    ran = place("choose", "--base", "oci:../base", "--base", "oci:../musl", "--platform", "linux/amd64")

    assert (ran.code, ran.err) == (0, "")
    assert re.sub(r" +[0-9.]+ k?B", "  SIZE", ran.out) == (
        "the project: 2 distributions on 2 bases for linux/amd64\n"
        "\n"
        "   base         python  libc           pull  unpacked  packages\n"
        "1  oci:../base  3.13.5  glibc 2.41  SIZE  SIZE  SIZE  no PGO\n"
        "–  oci:../musl  3.13.5  musl 1.2    no wheel of learn\n"
        "\n"
        "Take oci:../base:\n"
        "  - Every one of 2 distributions has a wheel.\n"
        "  - Its interpreter is built without profile-guided optimisation, so pure Python runs slower.\n"
        "  - There is no shell and no package manager in it: less to attack, and nothing to look around with.\n"
        "\n"
        "`learn` 1.0 alone keeps the project from `oci:../musl`.\n"
    )


def test_what_else_nothing_beats_is_said(place: Place) -> None:
    place.write({"main.py": "", "pylock.toml": pylock(place.wheels.add("sample").locked())})

    ran = place("choose", "--base", place.base(), "--base", musl_base(place), "--platform", "linux/amd64")

    assert ran.code == 0
    assert ran.out.splitlines()[6] == "Take oci:TMP/base:"
    assert ran.out.splitlines()[-1] == "Unbeaten, too, in size, speed and trouble together: oci:TMP/musl."


def test_each_base_takes_its_own_wheel(place: Place) -> None:
    glibc = place.wheels.add("quick", tag="cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64")
    musl = place.wheels.add("quick", tag="cp313-cp313-musllinux_1_2_x86_64")
    package = glibc.locked() + "".join(musl.locked().partition("[[packages.wheels]]")[1:])
    place.write({"main.py": "", "pylock.toml": pylock(package)})

    found = place.document("choose", "--base", place.base(), "--base", musl_base(place), "--platform", "linux/amd64")

    taken = {each["libc"]["family"]: each["distributions"][0] for each in found["candidates"]}
    assert {family: (each["file"], each["tag"], each["native"]) for family, each in taken.items()} == {
        "glibc": (glibc.path.name, "cp313-cp313-manylinux_2_28_x86_64", True),
        "musl": (musl.path.name, "cp313-cp313-musllinux_1_2_x86_64", True),
    }


def test_the_nearest_version_is_asked_of_the_index_that_the_lock_does_not_name(place: Place, server: Server) -> None:
    old = place.wheels.add("learn", tag="cp313-cp313-manylinux_2_17_x86_64")
    server.serve(f"/{old.path.name}", old.path.read_bytes())
    links = f'<a href="/{old.path.name}#sha256={old.digest}">old</a> <a href="/learn-2.0-cp313-cp313-musllinux_1_2_x86_64.whl">new</a>'
    server.routes["/simple/learn/"] = lambda handler: handler.reply(
        f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), headers={"Content-Type": "text/html"}
    )
    musl_base(place)
    place.environment |= {"UV_DEFAULT_INDEX": f"{server.url}/simple", "UV_FIND_LINKS": ""}
    place.write({"main.py": "", "requirements.txt": locked([old])})

    ran = place("choose", "--base", "oci:../musl", "--platform", "linux/amd64", "--json")

    assert json.loads(ran.out)["obstacles"] == [
        "`learn` 1.0 alone keeps the project from `oci:../musl`; learn 2.0 has a wheel"
    ]


def test_no_wheel_is_downloaded_and_nothing_is_fetched_twice(place: Place, server: Server) -> None:
    place.write({"main.py": "", "pylock.toml": served(server, big(place), place.wheels.add("sample"))})

    first = place.document("choose", *place.target)
    asked = len(server.requests)
    again = place.document("choose", *place.target)

    assert 0 < first["fetched"] < first["wheels"] / 10
    assert (first["downloaded"], again["fetched"], len(server.requests)) == ([], 0, asked)
    assert all("Range" in headers for _, headers in server.requests)
    assert again["candidates"] == first["candidates"]


def test_a_project_that_changed_is_weighed_anew(place: Place) -> None:
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([place.wheels.add("sample")])})
    (before,) = place.document("choose", *place.target)["candidates"]
    place.write({"data.txt": "x" * 50_000})

    (after,) = place.document("choose", *place.target)["candidates"]
    built = place.document("build", *place.target)

    assert after["project"]["unpacked"] == before["project"]["unpacked"] + 50_000
    assert (after["pull"], after["unpacked"]) == (built["sizes"]["pull"], built["sizes"]["unpacked"])


def test_what_a_build_fetched_need_not_be_fetched_again(place: Place, server: Server) -> None:
    place.write({"main.py": "", "pylock.toml": served(server, big(place))})
    (before,) = place.document("choose", *place.target)["candidates"]
    place.document("build", *place.target)

    (after,) = place.document("choose", *place.target)["candidates"]

    assert (before["work"]["fetch"], after["work"]["fetch"]) == (before["distributions"][0]["size"], 0)


def test_bases_that_cannot_be_reached_are_judged_from_the_catalogue(place: Place) -> None:
    release = place.wheels.add("sample")
    place.write({"main.py": "", "requirements.txt": locked([release])})

    ran = place("choose", "--python", "3.13", "--platform", "linux/amd64", "--offline", "--json")

    assert ran.code == 0
    found = {each["base"]: each for each in json.loads(ran.out)["candidates"]}
    slim = found["python:3.13-slim-trixie"]
    assert (slim["suitable"], slim["pull"], slim["unpacked"], slim["exact"]) == (True, None, None, True)
    assert slim["libc"] == {"family": "glibc", "version": "2.41"}
    assert slim["site_packages"]["pull"] > 0
    assert (slim["facts"]["origin"], slim["facts"]["pgo"]) == ("catalogue", True)
    assert found["python:3.13-alpine3.24"]["facts"]["pgo"] is False
    assert all(each["python"].startswith("3.13") for each in found.values() if each["python"])


def test_a_named_base_that_nothing_is_known_of_is_an_error(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    ran = place("choose", "--base", "registry.example/odd:1", "--offline")

    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("error: cannot reach a registry while offline\n")


def test_a_gate_that_fails_exits_1_with_the_whole_answer(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    ran = place("choose", *place.target, "--max-pull", "1kB", "--require", "no-sdist,libraries")

    assert ran.code == 1
    assert ran.out.startswith("the project: 1 distribution on 1 base for linux/amd64\n")
    assert ran.err.startswith("failed: max-pull: `oci:TMP/base` (linux/amd64): ")


def test_the_whole_story_of_one_base(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    ran = place("choose", *place.target, "--explain", place.base())

    assert (ran.code, ran.err) == (0, "")
    head, _, rest = ran.out.partition("\n\n")
    assert re.sub(r"\d{4}-\d\d-\d\d$", "TODAY", head, count=1, flags=re.MULTILINE) == (
        "base         oci:TMP/base for linux/amd64\n"
        "known from   image, read on TODAY\n"
        "CPython      3.13.5, fixed until 2029-10\n"
        "interpreter  /usr/bin/python3.13\n"
        "C library    glibc 2.41\n"
        "optimised    PGO no, LTO no\n"
        "packages     none\n"
        "shell        none\n"
        "user         root\n"
        "libraries    2 shared libraries\n"
        "platforms    unknown\n"
        "supported    until 2030-06-30\n"
        "suitable     yes"
    )
    assert "sample 1.0    wheel" in rest
    assert "py3-none-any" in rest


def test_a_table_for_a_pull_request(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    ran = place("choose", *place.target, "--format", "markdown")

    lines = ran.out.splitlines()
    assert lines[:5] == [
        "### Base image: `oci:TMP/base`",
        "",
        "| | base | platform | python | libc | pull | unpacked | packages | |",
        "|--:|---|---|---|---|--:|--:|--:|---|",
        lines[4],
    ]
    assert lines[4].startswith("| 1 | `oci:TMP/base` | linux/amd64 | 3.13.5 | glibc 2.41 | ")


def test_a_build_that_is_offline_has_no_official_image_to_take(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    ran = place("build", "--base", "auto", "--platform", "linux/amd64", "--offline", "--python", "3.12")

    names = ("python:3.12-alpine3.24", "python:3.12-slim-trixie", "python:3.12-trixie",
             "registry.access.redhat.com/ubi9/python-312-minimal")  # fmt: skip
    why = "It cannot be pulled: cannot reach a registry while offline."
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == (
        "error: no base that can be reached suits the project\n"
        + "".join(f"  caused by: `{name}`: {why}\n" for name in names)
        + "\nhint: `tare choose` has the whole story; name a base with `--base`\n"
    )


def test_the_document_is_as_its_schema_has_it(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})
    ran: Any = place("choose", "--python", "3.13", "--platform", "linux/amd64,linux/arm64", "--offline", "--json")

    assert faults(published("tare.choose.1"), json.loads(ran.out)) == []
