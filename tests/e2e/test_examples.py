"""The examples, as a newcomer meets them: built from the machine's mirror and index, and run by every engine."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import containers
import pytest
from containers import Runtime
from lab import needs_root
from real import EXAMPLES, Build, Tare

from tare.stores import platforms

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(platforms.host().architecture not in {"amd64", "arm64"}, reason="Debian's wheels are for these"),
]

SUITES = ("trixie", "bookworm")
MB = 1_000_000

LIMITS = {"hello": (55, 20), "api": (78, 28), "science": (230, 73)}
"""Decimal megabytes, unpacked and to pull, that an example may have on trixie."""


@pytest.mark.parametrize("name", LIMITS)
def test_an_example_is_as_small_as_it_was_promised(example: Build, name: str) -> None:
    document = example(name, "trixie").document

    unpacked, pull = LIMITS[name]
    sizes = document["sizes"]
    assert (sizes["unpacked"] <= unpacked * MB, sizes["pull"] <= pull * MB) == (True, True), sizes
    assert sizes["pull"] == sum(layer["size"] for layer in document["layers"])
    assert sizes["unpacked"] == sum(layer["unpacked"] for layer in document["layers"])


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("name", LIMITS)
def test_an_example_is_built_on_every_suite_without_a_warning(example: Build, name: str, suite: str) -> None:
    document = example(name, suite).document

    assert (document["notes"], document["warnings"]) == ([], [])
    assert document["base"]["reference"] == f"deb:{suite}"
    assert document["base"]["facts"]["python"].startswith({"trixie": "3.13.", "bookworm": "3.11."}[suite])


@pytest.fixture(scope="module", params=["docker", "podman", "chroot", "chroot as somebody else"])
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    if request.param == "docker":
        yield containers.docker(request.getfixturevalue("dockerd"))
    elif request.param == "podman":
        yield containers.podman(request.getfixturevalue("podman"))
    else:
        needs_root("a network namespace that is looked into")
        user = 65534 if "somebody" in request.param else None
        place = Path(tempfile.mkdtemp(prefix="tare-chroot-"))
        place.chmod(0o777)
        try:
            yield containers.Chroot(place, user=user)
        finally:
            shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def shared_tmp() -> Iterator[Path]:
    """What is `/tmp` in a container: everybody may write there, as its image's user must."""
    place = Path(tempfile.mkdtemp(prefix="tare-tmp-"))
    place.chmod(0o1777)
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.parametrize("suite", SUITES)
def test_hello_says_hello(runtime: Runtime, example: Build, shared_tmp: Path, suite: str) -> None:
    ran = runtime.run(example("hello", suite).subject, tmp=shared_tmp)

    assert (ran.code, ran.out) == (0, "Hello from Python!\n"), ran.err


@pytest.mark.parametrize("suite", SUITES)
def test_science_draws_its_picture_and_prints_its_summary(
    runtime: Runtime, example: Build, shared_tmp: Path, suite: str
) -> None:
    ran = runtime.run(example("science", suite).subject, tmp=shared_tmp)

    lines = ran.out.splitlines()
    assert ran.code == 0, ran.err
    assert lines[0].startswith("pandas ")
    assert lines[0].endswith(", 20,000 parcels")
    assert [line.split()[:2] for line in lines[4:7]] == [["paper", "13987"], ["wood", "4007"], ["steel", "2006"]]
    assert lines[-1] == "Drawn to /tmp/parcels.png"
    assert (shared_tmp / "parcels.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("suite", SUITES)
def test_api_serves_and_ends_when_it_is_told_to(runtime: Runtime, example: Build, suite: str) -> None:
    with runtime.serving(example("api", suite).subject) as serving:
        healthy = json.loads(serving.get("http://127.0.0.1:8000/healthz"))
        about = json.loads(serving.get("http://127.0.0.1:8000/"))
        code, seconds = serving.stop()

    assert healthy == {"status": "ok"}
    assert about == {"service": "notes", "python": example("api", suite).document["base"]["facts"]["python"]}
    assert code == 0
    assert seconds < 2


def test_the_default_base_is_the_newest_suite_that_the_project_accepts(
    example: Build, tare_command: Tare, tmp_path: Path
) -> None:
    document = tare_command.build(str(EXAMPLES / "hello"), "-o", f"oci:{tmp_path}/hello")

    expected = example("hello", "trixie").document
    assert (document["base"], document["image"]["digest"]) == (expected["base"], expected["image"]["digest"])
