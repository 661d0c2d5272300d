"""`tare choose`, whole: bases by the names that people have for them, on one platform and on several."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from command import Place, Ran, locked
from fixture_registry import Registry
from make.base_images import base_image
from make.elves import make_elf
from make.wheelhouse import pylock
from samples import a_registry, seed

OFFLINE = ("--offline", "--platform", "linux/amd64")


@pytest.fixture
def registry(place: Place) -> Iterator[Registry]:
    """What Docker Hub is for this place."""
    with a_registry() as found:
        place.environment |= {"TARE_MIRROR": found.name, "UV_OFFLINE": "0", "HTTPS_PROXY": found.name}
        yield found


def answered(ran: Ran) -> Ran:
    """Return *ran* without sizes, which depend on the zlib that made the wheel."""
    return Ran(ran.code, re.sub(r" +[0-9.]+ [kM]?B", "  SIZE", ran.out), ran.err)


@pytest.mark.parametrize(
    "name", ["python:3.13-slim", "docker://python:3.13-slim", "docker.io/library/python:3.13-slim"]
)
def test_a_tag_that_leaves_the_suite_open_is_judged_from_the_catalogue(place: Place, name: str) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    (found,) = place.document("choose", "--base", name, *OFFLINE)["candidates"]

    assert (found["base"], found["kind"], found["python"]) == (name, "slim", "3.13.15")
    assert (found["libc"], found["suitable"]) == ({"family": "glibc", "version": "2.41"}, True)
    assert (found["facts"]["origin"], found["facts"]["os_eol"]) == ("catalogue", "2030-06-30")


def test_a_base_that_a_person_names_is_read(place: Place, registry: Registry) -> None:
    seed(registry, base_image(), "library/python", "3.13-slim")
    place.write({"main.py": "", "pylock.toml": pylock(place.wheels.add("sample").locked())})
    options = ("--base", "python:3.13-slim", "--platform", "linux/amd64")

    (found,) = place.document("choose", *options)["candidates"]
    built = place.document("build", *options)

    assert (found["facts"]["origin"], found["facts"]["libraries"] is None) == ("image", False)
    assert (found["pull"], found["unpacked"]) == (built["sizes"]["pull"], built["sizes"]["unpacked"])


def test_a_base_whose_layers_are_gone_is_judged_by_its_manifest(place: Place, registry: Registry) -> None:
    base = base_image()
    seed(registry, base, "library/python", "3.13-slim")
    registry.repository("library/python").blobs -= {layer.digest for layer in base.manifest.layers}
    place.write({"main.py": "", "pylock.toml": pylock(place.wheels.add("sample").locked())})

    (found,) = place.document("choose", "--base", "python:3.13-slim", "--platform", "linux/amd64")["candidates"]

    assert (found["suitable"], found["unpacked"], found["facts"]["origin"]) == (True, None, "manifest")
    assert found["base_sizes"]["pull"] == sum(layer.size for layer in base.manifest.layers)


def test_a_base_to_explain_is_named_too(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    ran = place("choose", "--base", place.base(), "--explain", "registry.example/odd:1", *OFFLINE)

    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("error: cannot reach a registry while offline\n")


def test_a_gate_is_not_met_by_libraries_that_nobody_knows(place: Place) -> None:
    wheel = place.wheels.add("quick", tag="cp313-cp313-manylinux_2_28_x86_64", files={"quick/_c.so": make_elf()})
    place.write({"main.py": "", "requirements.txt": locked([wheel])})

    ran = place("choose", "--base", "python:3.13-slim", "--require", "libraries", *OFFLINE)

    assert ran.code == 1
    assert ran.err == (
        "failed: libraries: `python:3.13-slim` (linux/amd64): nobody knows which it has, since its image was not read\n"
    )


def test_each_platform_has_its_own_table_and_its_own_ranks(place: Place) -> None:
    wheels = [
        place.wheels.add("quick", tag=f"cp313-cp313-{tag}")
        for tag in ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "musllinux_1_2_x86_64")
    ]
    package = wheels[0].locked() + "".join(
        part for wheel in wheels[1:] for part in wheel.locked().partition("[[packages.wheels]]")[1:]
    )
    place.write({"main.py": "", "pylock.toml": pylock(package)})

    ran = place("choose", "--base", "python:3.13-slim", "--base", "python:3.13-alpine", "--offline",
                "--platform", "linux/arm64,linux/amd64")  # fmt: skip

    assert answered(ran) == Ran(
        0,
        """\
the project: 1 distribution on 2 bases for linux/arm64, linux/amd64

linux/arm64:
   base                python   libc        pull  unpacked  packages
1  python:3.13-slim    3.13.15  glibc 2.41     ?         ?  SIZE
–  python:3.13-alpine  3.13.15  musl 1.2    no wheel of quick

linux/amd64:
   base                python   libc        pull  unpacked  packages
1  python:3.13-slim    3.13.15  glibc 2.41     ?         ?  SIZE
2  python:3.13-alpine  3.13.15  musl 1.2       ?         ?  SIZE  no PGO

Take python:3.13-slim:
  - Its one distribution has a wheel.
  - Its interpreter is built with profile-guided and link-time optimisation.
  - It was judged from the catalogue, since the image cannot be read: cannot reach a registry while offline.

Unbeaten, too, in size, speed and trouble together: python:3.13-alpine.

`quick` 1.0 alone keeps the project from `python:3.13-alpine` on linux/arm64.

? is unknown: the image could not be read.
""",
        "",
    )


def test_the_whole_catalogue_is_what_linux_can_run(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    found = place.document("choose", "--all", "--python", "3.13", *OFFLINE)["candidates"]

    assert {each["kind"] for each in found if not each["base"].startswith("deb:")} == {
        "full", "slim", "alpine", "distroless", "chainguard", "ubuntu",
    }  # fmt: skip


def test_a_table_for_a_pull_request_has_what_the_gate_found(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    ran = place("choose", "--base", "python:3.13-slim", "--max-pull", "80MB", "--format", "markdown", *OFFLINE)

    assert ran.code == 1
    assert ran.out.splitlines()[-1] == (
        "- **failed**: max-pull: `python:3.13-slim` (linux/amd64): unknown; the limit is 80,000,000"
    )


def test_that_a_build_is_not_pinned_is_said_once(place: Place) -> None:
    place.wheels.add("sample")
    place.write({"main.py": "", "requirements.txt": "sample\n"})

    ran = place("choose", "--base", "python:3.13-slim", "--base", "python:3.12-alpine", *OFFLINE)

    assert ran.err == "note: the build is not pinned: `requirements.txt` leaves open which version of `sample`\n"


def test_what_a_build_would_refuse_is_not_suitable(place: Place) -> None:
    manifest = '[project]\nname = "p"\nversion = "1"\n\n[tool.tare]\nsystem-packages = ["ffmpeg"]\n'
    place.write({"main.py": "", "pyproject.toml": manifest, "pylock.toml": pylock()})

    ran = place("choose", "--base", "python:3.13-slim", *OFFLINE)

    assert ran.code == 1
    assert ran.out.splitlines()[-1] == "  - python:3.13-slim: `system-packages` needs an assembled base."


def test_bytecode_is_not_counted_and_that_is_said(place: Place) -> None:
    manifest = '[project]\nname = "p"\nversion = "1"\n\n[tool.tare]\nbytecode = "all"\n'
    place.write({"main.py": "", "pyproject.toml": manifest, "pylock.toml": pylock()})

    ran = place("choose", *place.target, "--json")

    assert ran.err == "note: the bytecode that [tool.tare] asks for is not counted\n"
    assert [each["exact"] for each in json.loads(ran.out)["candidates"]] == [False]
