"""`tare build --base auto`, whole: the base that is taken, what is said of it, and what is said when none can be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from command import Place, Ran
from fixture_registry import Registry
from layouts import read_layout
from make.base_images import base_image, debian, python
from make.bases import Layer, library, write_layer
from make.elves import make_elf
from make.images import image, raw_layer
from make.wheelhouse import pylock
from samples import a_registry, seed
from suites import a_suite, variables

from tare.oci.image import Image

LIBRARIES = "usr/lib/x86_64-linux-gnu"


@pytest.fixture
def registry(place: Place) -> Iterator[Registry]:
    """What Docker Hub is for this place. Names of other registries are not known here, and nothing else is asked."""
    with a_registry() as found:
        others = " ".join(f"{name}={found.name}" for name in ("gcr.io", "registry.access.redhat.com", "cgr.dev"))
        place.environment |= {"TARE_MIRROR": f"{found.name} {others}", "UV_OFFLINE": "0", "HTTPS_PROXY": found.name}
        yield found


def official(registry: Registry, tag: str, image: Image) -> None:
    seed(registry, image, "library/python", tag)


def slim(version: str, **libraries: bytes) -> Image:
    """Return an image of Debian with Python and more *libraries*."""
    more: Layer = {f"{LIBRARIES}/{name.replace('_', '.')}": data for name, data in libraries.items()}
    layer = {**debian(), **python(version=version), **more}
    return image(raw_layer(write_layer(layer), compressed=False), env=("PATH=/usr/bin",))


def suites(place: Place) -> None:
    """Let there be a mirror of Debian whose only suite is trixie."""
    place.environment |= variables(a_suite(place.root))


def auto(place: Place, *options: str) -> Ran:
    return place("build", "--base", "auto", "--platform", "linux/amd64", *options)


def base_of(place: Place) -> str:
    """Return what the image that was built says of its base."""
    name: str = read_layout(place.app / "dist").manifest["annotations"]["org.opencontainers.image.base.name"]
    return name


REASONS = (
    "Its one distribution has a wheel. Its interpreter is built without profile-guided optimisation, so pure Python runs "
    "slower. {}There is no shell and no package manager in it: less to attack, and nothing to look around with."
)


def test_an_assembled_base_is_taken_where_it_is_the_smallest(place: Place, registry: Registry) -> None:
    suites(place)
    official(registry, "3.13-slim-trixie", base_image())
    place.write({"main.py": "print(1)\n", "pylock.toml": pylock(place.wheels.add("sample").locked())})

    ran = auto(place, "--python", "3.13")

    size = "It is the smallest to pull of those whose size is known. "
    assert ran == Ran(
        0,
        "oci:dist sha256:DIGEST\n",
        f"note: the base is `deb:trixie`: {REASONS.format(size)}\n"
        "linux/amd64 on deb:trixie (CPython 3.13.5, glibc 2.41): SIZE to pull, 6.8 kB unpacked, 2 new layers of which 1 were "
        "known; runs `python main.py`; TIME\n",
    )
    assert base_of(place) == "deb:trixie"


def test_an_official_image_is_taken_where_no_suite_has_the_series(place: Place, registry: Registry) -> None:
    suites(place)
    official(registry, "3.12-slim-trixie", slim("3.12.14"))
    place.write({"main.py": "print(1)\n", "pylock.toml": pylock(place.wheels.add("sample").locked())})

    ran = auto(place, "--python", "3.12")

    assert ran == Ran(
        0,
        "oci:dist sha256:DIGEST\n",
        f"note: the base is `python:3.12-slim-trixie`: {REASONS.format('')}\n"
        "linux/amd64 on python:3.12-slim-trixie (CPython 3.12.14, glibc 2.41): SIZE to pull, 2.1 kB unpacked, 2 new layers "
        "of which 1 were known; runs `python main.py`; TIME\n",
    )
    assert base_of(place) == "python:3.12-slim-trixie"


def test_a_base_is_read_before_it_is_taken(place: Place, registry: Registry) -> None:
    official(registry, "3.12-slim-trixie", slim("3.12.14"))
    official(registry, "3.12-trixie", slim("3.12.14", libGL_so_1=library("libGL.so.1")))
    module = make_elf(needed=["libGL.so.1", "libc.so.6"])
    wheel = place.wheels.add("draw", tag="cp312-cp312-manylinux_2_28_x86_64", files={"draw/_gl.so": module})
    place.write({"main.py": "print(1)\n", "pylock.toml": pylock(wheel.locked())})

    ran = auto(place, "--python", "3.12")

    assert ran == Ran(
        0,
        "oci:dist sha256:DIGEST\n",
        f"note: the base is `python:3.12-trixie`: {REASONS.format('')}\n"
        "linux/amd64 on python:3.12-trixie (CPython 3.12.14, glibc 2.41): SIZE to pull, 2.7 kB unpacked, 2 new layers of "
        "which 1 were known; runs `python main.py`; TIME\n",
    )


def test_a_base_that_cannot_be_read_is_not_taken(place: Place, registry: Registry) -> None:
    official(registry, "3.12-trixie", slim("3.12.14"))
    broken = slim("3.12.14", libGL_so_1=library("libGL.so.1"))
    official(registry, "3.12-slim-trixie", broken)
    registry.repository("library/python").blobs -= {layer.digest for layer in broken.manifest.layers}
    place.write({"main.py": "print(1)\n", "pylock.toml": pylock(place.wheels.add("sample").locked())})

    ran = auto(place, "--python", "3.12")

    assert (ran.code, base_of(place)) == (0, "python:3.12-trixie")


def test_where_nothing_suits_every_base_says_why(place: Place, registry: Registry) -> None:
    official(registry, "3.12-slim-trixie", slim("3.12.14"))
    wheel = place.wheels.add("quick", tag="cp312-cp312-macosx_11_0_arm64")
    place.write({"main.py": "print(1)\n", "pylock.toml": pylock(wheel.locked())})

    ran = auto(place, "--python", "3.12")

    assert ran == Ran(
        3,
        "",
        "error: no base that can be reached suits the project\n"
        "  caused by: `python:3.12-alpine3.24`: It cannot be pulled: the registry does not have it (manifest unknown).\n"
        "  caused by: `python:3.12-slim-trixie`: quick 1.0 has no wheel for it and no source.\n"
        "  caused by: `python:3.12-trixie`: It cannot be pulled: the registry does not have it (manifest unknown).\n"
        "  caused by: `registry.access.redhat.com/ubi9/python-312-minimal`: It cannot be pulled: the registry does not have it "
        "(repository name not known to registry).\n"
        "\n"
        "hint: `tare choose` has the whole story; name a base with `--base`\n",
    )


def test_a_registry_that_lacks_one_tag_is_asked_for_the_next(place: Place, registry: Registry) -> None:
    official(registry, "3.12-trixie", slim("3.12.14"))
    place.write({"main.py": "print(1)\n", "pylock.toml": pylock(place.wheels.add("sample").locked())})

    found = place.document("choose", "--python", "3.12", "--platform", "linux/amd64")

    origins = {each["base"]: (each["facts"]["origin"], each["facts"]["why"]) for each in found["candidates"]}
    assert origins == {
        "python:3.12-alpine3.24": ("catalogue", "the registry does not have it (manifest unknown)"),
        "python:3.12-slim-trixie": ("catalogue", "the registry does not have it (manifest unknown)"),
        "python:3.12-trixie": ("manifest", "its layers were not read"),
        "registry.access.redhat.com/ubi9/python-312-minimal": (
            "catalogue",
            "the registry does not have it (repository name not known to registry)",
        ),
    }


def test_a_registry_that_was_out_of_reach_is_asked_at_once_by_another_mirror(place: Place, registry: Registry) -> None:
    official(registry, "3.12-slim-trixie", slim("3.12.14"))
    place.write({"main.py": "print(1)\n", "pylock.toml": pylock(place.wheels.add("sample").locked())})
    mirror = place.environment["TARE_MIRROR"]

    silent = place("choose", "--base", "python:3.12-slim-trixie", env={"TARE_MIRROR": "127.0.0.1:1"})
    found = place("choose", "--base", "python:3.12-slim-trixie", env={"TARE_MIRROR": mirror})

    assert "? is unknown: the image could not be read." in silent.out
    assert "unknown" not in found.out


def test_a_dockerfile_keeps_the_slim_base_where_it_can_install_what_that_lacks(
    place: Place, registry: Registry
) -> None:
    official(registry, "3.12-slim-trixie", slim("3.12.14"))
    official(registry, "3.12-trixie", slim("3.12.14", libGL_so_1=library("libGL.so.1")))
    module = make_elf(needed=["libGL.so.1", "libc.so.6"], symbols=("PyInit_core",))
    wheel = place.wheels.add("draw", tag="cp312-cp312-manylinux_2_28_x86_64", files={"draw/core.abi3.so": module})
    place.write({"main.py": "print(1)\n", "pylock.toml": pylock(wheel.locked()), ".python-version": "3.12\n"})
    bases = ("--base", "python:3.12-slim-trixie", "--base", "python:3.12-trixie")
    judged = place("choose", "--python", "3.12", *bases)

    place("dockerfile")

    assert "Take python:3.12-trixie:" in judged.out
    text = (place.app / "Dockerfile").read_text()
    assert "FROM python:3.12-slim-trixie@sha256:" in text
    assert "install -y --no-install-recommends libgl1\n" in text
