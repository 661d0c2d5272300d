"""What `tare choose` makes of bad input: whole commands with all that they say."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from command import Place, Ran, locked
from loopback import Handler, Server, not_found, running_server
from make.base_images import debian
from make.bases import stdlib, write_layer
from make.elves import make_elf
from make.images import image, raw_layer
from make.wheelhouse import Release, pylock

NOISE = bytes(range(256)) * 4_000
BASE = ("--base", "oci:../base", "--platform", "linux/amd64")
"""A short name, which is whole in the table."""

ANSWER = """\
the project: 1 distribution on 1 base for linux/amd64

   base         python  libc           pull  unpacked  packages
1  oci:../base  3.13.5  glibc 2.41  SIZE  SIZE  SIZE  no PGO

Take oci:../base:
  - Its one distribution has a wheel.
  - Its interpreter is built without profile-guided optimisation, so pure Python runs slower.
  - There is no shell and no package manager in it: less to attack, and nothing to look around with.

Of  SIZE of wheels,  SIZE were fetched to look at them.
"""


@pytest.fixture
def server(place: Place) -> Iterator[Server]:
    place.environment["UV_OFFLINE"] = "0"
    place.base()
    with running_server() as server:
        yield server


@pytest.fixture
def release(place: Place) -> Release:
    return place.wheels.add("big", files={"big/data.bin": NOISE, "big/__init__.py": b""})


def lock(place: Place, server: Server, release: Release, *, ranges: bool = True, size: int | None = None) -> str:
    """Let *server* have a wheel, and write a lock that names it there and states *size*."""
    server.serve(f"/{release.path.name}", release.path.read_bytes(), ranges=ranges)
    text = release.locked().replace(f'path = "{release.path}"', f'url = "{server.url}/{release.path.name}"')
    written = pylock(text + (f"size = {size}\n" if size is not None else ""))
    place.write({"main.py": "", "pylock.toml": written})
    return written


def answered(ran: Ran) -> Ran:
    """Return *ran* without sizes, which depend on the zlib that made the wheel."""
    return Ran(ran.code, re.sub(r" +[0-9.]+ [kM]?B", "  SIZE", ran.out), ran.err)


def test_a_server_without_ranges_costs_a_download_and_a_note(place: Place, server: Server, release: Release) -> None:
    lock(place, server, release, ranges=False)

    note = "note: the server of `big-1.0-py3-none-any.whl` has no ranges, so 1 wheel was downloaded whole\n"
    assert answered(place("choose", *BASE)) == Ran(0, ANSWER, note)


def test_a_lock_without_sizes_is_no_obstacle(place: Place, server: Server, release: Release) -> None:
    lock(place, server, release)

    assert answered(place("choose", *BASE)) == Ran(0, ANSWER, "")
    found = place.document("choose", *BASE)["candidates"][0]["distributions"]
    assert [each["size"] for each in found] == [release.path.stat().st_size]


def test_a_server_with_neither_ranges_nor_sizes_is_no_obstacle(place: Place, server: Server, release: Release) -> None:
    lock(place, server, release, ranges=False)
    data = release.path.read_bytes()

    def chunked(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n")

    server.routes[f"/{release.path.name}"] = chunked

    note = "note: the server of `big-1.0-py3-none-any.whl` has no ranges, so 1 wheel was downloaded whole\n"
    assert answered(place("choose", *BASE)) == Ran(0, ANSWER, note)


def test_a_yanked_file_is_taken_as_long_as_it_is_there(place: Place, server: Server, release: Release) -> None:
    """https://peps.python.org/pep-0592/: whoever pinned it gets it."""
    server.serve(f"/{release.path.name}", release.path.read_bytes())
    link = f'<a href="/{release.path.name}#sha256={release.digest}" data-yanked="bad">{release.path.name}</a>'

    def html(handler: Handler) -> None:
        handler.reply(
            f"<!DOCTYPE html><html><body>{link}</body></html>".encode(), headers={"Content-Type": "text/html"}
        )

    server.routes["/simple/big/"] = html
    place.environment |= {"UV_DEFAULT_INDEX": f"{server.url}/simple", "UV_FIND_LINKS": ""}
    place.write({"main.py": "", "requirements.txt": locked([release])})

    assert answered(place("choose", *BASE)) == Ran(0, ANSWER, "")


def test_a_file_that_vanished_is_named(place: Place, server: Server, release: Release) -> None:
    lock(place, server, release)
    server.routes[f"/{release.path.name}"] = not_found

    assert place("choose", *BASE) == Ran(
        4,
        "",
        f"error: cannot fetch `{server.url}/big-1.0-py3-none-any.whl`\n  caused by: the server answered 404 Not Found\n",
    )


def test_an_index_that_lies_about_a_size_is_found_out(place: Place, server: Server, release: Release) -> None:
    lock(place, server, release, size=77)

    assert place("choose", *BASE) == Ran(
        5,
        "",
        "error: `big-1.0-py3-none-any.whl` is not what was promised\n"
        f"  caused by: the lockfile says 77 bytes, its server has {release.path.stat().st_size:,}\n",
    )


def test_a_lock_without_hashes_is_refused(place: Place, server: Server, release: Release) -> None:
    text = lock(place, server, release)
    place.write({"pylock.toml": text.replace(f'sha256 = "{release.digest}"', 'md5 = "d41d"')})

    assert place("choose", *BASE) == Ran(
        2,
        "",
        "error: `pylock.toml` has hashes that prove nothing\n"
        "  caused by: `big-1.0-py3-none-any.whl` has md5; expected sha256\n",
    )


def test_a_base_without_python_is_not_suitable(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})
    place.base(image(raw_layer(write_layer(debian()), compressed=False)))

    assert place("choose", *BASE) == Ran(
        1,
        """\
the project: 1 base for linux/amd64

   base         python  libc  pull  unpacked  packages
–  oci:../base                The base has no Python; neither `python3` nor `python` on its PATH is…

No base suits the project:
  - oci:../base: The base has no Python; neither `python3` nor `python` on its PATH is an interpreter.
""",
        "",
    )


def test_a_base_with_an_unknown_libc_is_not_suitable(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})
    layer = {"usr/bin/python3": make_elf(content=b"\0003.13.5\0"), **stdlib("usr/lib/python3.13")}
    place.base(image(raw_layer(write_layer(layer), compressed=False), env=("PATH=/usr/bin",)))

    assert place("choose", *BASE) == Ran(
        1,
        """\
the project: 1 base for linux/amd64

   base         python  libc  pull  unpacked  packages
–  oci:../base                The base has no C library that tare knows; its loader's directories h…

No base suits the project:
  - oci:../base: The base has no C library that tare knows; its loader's directories have neither glibc's `libc.so.6` nor \
musl's loader.
""",
        "",
    )


def test_a_platform_that_nobody_builds_for_is_an_answer(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    ran = place("choose", "--platform", "linux/mips64le", "--offline", "--python", "3.13", "--base", "python:3.13-trixie",
                "--base", "python:3.13-slim-trixie")  # fmt: skip

    assert ran == Ran(
        1,
        """\
the project: 2 bases for linux/mips64le

   base                     python  libc  pull  unpacked  packages
–  python:3.13-slim-trixie                There is no image for linux/mips64le: it is built for lin…
–  python:3.13-trixie                     There is no image for linux/mips64le: it is built for lin…

No base suits the project:
  - python:3.13-slim-trixie, python:3.13-trixie: There is no image for linux/mips64le: it is built for linux/amd64, linux/arm/v5, \
linux/arm/v7, linux/arm64, linux/386, linux/ppc64le, linux/riscv64, linux/s390x.
""",
        "",
    )


def test_a_series_that_the_project_refuses_has_no_base(place: Place) -> None:
    place.write({"main.py": "", "pyproject.toml": '[project]\nname = "p"\nversion = "1"\nrequires-python = "<3.13"\n'})

    assert place("choose", "--python", "3.13", "--offline") == Ran(
        3,
        "",
        "error: no base that tare knows has an interpreter for the project\n"
        '  caused by: `--python 3.13` and `requires-python = "<3.13"`; the catalogue has CPython 3.10, 3.11, 3.12, 3.13, '
        "3.14, 3.15\n"
        "\n"
        "hint: Name a base with `--base`\n",
    )
