"""`tare plan`: what people read."""

from __future__ import annotations

import pytest
from command import Place, locked
from make.elves import make_elf


@pytest.fixture
def project(place: Place) -> Place:
    """A project with a module, a link, and two dependencies."""
    releases = [place.wheels.add("sample"), place.wheels.add("other", "2.0", files={"other/__init__.py": b""})]
    place.write({"main.py": "print(1)\n", "run.sh": "#!/bin/sh\n", "requirements.txt": locked(releases)})
    (place.app / "run.sh").chmod(0o750)
    (place.app / "again.py").symlink_to("main.py")
    return place


def test_each_layer_is_a_line_with_the_reason(project: Place) -> None:
    assert project("plan", *project.target) == (
        0,
        """\
linux/amd64 on oci:TMP/base

layer    unpacked  files  what and why
base        815 B         oci:TMP/base (sha256:DIGEST…)
base        684 B         oci:TMP/base (sha256:DIGEST…)
wheels     1.0 kB     14  other 2.0, sample 1.0: distributions too small for a layer each
project      19 B      3  the project's own files, which change most often

runs     python main.py   (there is a `main.py`)
as       65532:65532 in /app
fetches  2 files, SIZE, unless the cache has them
""",
        "",
    )


def test_every_file_is_listed_with_where_it_comes_from(project: Place) -> None:
    code, out, err = project("plan", *project.target, "--files")

    site = "/opt/venv/lib/python3.13/site-packages"
    assert (code, err) == (0, "")
    assert out.partition("\n\nmode")[2] == (
        "  bytes  path                                                                   from\n"
        f" 644      5  {site}/other-2.0.dist-info/INSTALLER   written by tare\n"
        f" 644     47  {site}/other-2.0.dist-info/METADATA    other-2.0-py3-none-any.whl\n"
        f" 644    346  {site}/other-2.0.dist-info/RECORD      written by tare\n"
        f" 644     76  {site}/other-2.0.dist-info/WHEEL       other-2.0-py3-none-any.whl\n"
        f" 644      0  {site}/other/__init__.py               other-2.0-py3-none-any.whl\n"
        f" 644      5  {site}/sample-1.0.dist-info/INSTALLER  written by tare\n"
        f" 644     48  {site}/sample-1.0.dist-info/METADATA   sample-1.0-py3-none-any.whl\n"
        f" 644    343  {site}/sample-1.0.dist-info/RECORD     written by tare\n"
        f" 644     76  {site}/sample-1.0.dist-info/WHEEL      sample-1.0-py3-none-any.whl\n"
        f" 644     16  {site}/sample.py                       sample-1.0-py3-none-any.whl\n"
        " 777      0  /opt/venv/bin/python                                                   -> /usr/bin/python3.13\n"
        " 777      0  /opt/venv/bin/python3                                                  -> python\n"
        " 777      0  /opt/venv/bin/python3.13                                               -> python\n"
        " 644     70  /opt/venv/pyvenv.cfg                                                   written by tare\n"
        " 777      0  /app/again.py                                                          -> main.py\n"
        " 644      9  /app/main.py                                                           TMP/app/main.py\n"
        " 755     10  /app/run.sh                                                            TMP/app/run.sh\n"
    )


def test_a_plan_writes_no_image(project: Place) -> None:
    project("plan", *project.target)

    assert not (project.app / "dist").exists()
    assert not list(project.cache.glob("memo/layers/*"))


def test_what_is_noted_and_what_is_warned_of_is_in_the_plan(place: Place) -> None:
    place.write({"a.py": "", "b.py": "", "requirements.txt": "sample\n"})
    place.wheels.add("sample")

    code, out, err = place("plan", *place.target)

    assert (code, err) == (0, "")
    assert out.partition("runs")[2] == (
        "     nothing   (nothing says what to run)\n"
        "as       65532:65532 in /app\n"
        "fetches  1 file, SIZE, unless the cache has them\n"
        "note: the build is not pinned: `requirements.txt` leaves open which version of `sample`\n"
        "note: nothing says what to run: set `entrypoint` in [tool.tare], or pass `--entrypoint`\n"
    )


def test_a_name_that_would_move_the_cursor_stays_on_its_line(project: Place) -> None:
    (project.app / "a  \x1b[31mred\nx").touch()

    rows = [line.split(maxsplit=2)[2] for line in project("plan", *project.target, "--files").out.splitlines()[13:]]
    assert [row.split("    ")[0] for row in rows if "red" in row] == ["/app/a  ?[31mred?x"]


def test_a_dry_run_lists_files_too(project: Place) -> None:
    assert (
        project("build", *project.target, "--dry-run", "--files").out == project("plan", *project.target, "--files").out
    )
    refused = project("build", *project.target, "--files")
    assert (refused.code, refused.err.splitlines()[0]) == (2, "error: `--files` is for `--dry-run`")


def test_two_platforms_are_two_plans(place: Place) -> None:
    from make.base_images import base_image

    both = place.base(base_image("amd64"), base_image("arm64"))
    place.write({"main.py": ""})

    ran = place("plan", "--base", both, "--platform", "linux/amd64,linux/arm64")

    assert [line for line in ran.out.splitlines() if " on " in line] == [
        "linux/amd64 on oci:TMP/base",
        "linux/arm64 on oci:TMP/base",
    ]


def test_what_opens_a_library_by_name_is_told(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("python-magic")])})

    ran = place("plan", "--base", place.base())

    assert ran.out.splitlines()[-1] == (
        "note: `python-magic` wants `libmagic1t64` of the system when it runs, which no file of a wheel shows: the base "
        "must have it"
    )


def test_the_package_of_a_library_that_a_named_base_lacks_is_in_the_hint(place: Place) -> None:
    module = make_elf(needed=["libGL.so.1", "libc.so.6"], symbols=("PyInit_core",))
    wheel = place.wheels.add("views", tag="cp313-cp313-manylinux_2_28_x86_64", files={"views/core.abi3.so": module})
    place.write({"main.py": "", "requirements.txt": locked([wheel])})

    refused = place("plan", "--base", place.base())
    judged = place("choose", "--base", place.base())

    assert refused.code == 3
    assert refused.err.endswith(
        "hint: Choose a base that has what is needed, or add its packages: `libgl1`\n"
        "hint: If a library is not needed at run time, say so: `--allow-missing libGL.so.1`\n"
    )
    assert "It lacks libGL.so.1 (of libgl1), which wheels need." in judged.out
