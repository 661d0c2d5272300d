"""An image for another processor, built without emulation: nothing in it is for this one, and it runs where it can."""

from __future__ import annotations

import io
import struct
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import containers
import pytest
from containers import Subject
from lab import needs_root
from layouts import index_of, read_image
from real import EXAMPLES, Tare

from tare.engines.emulation import Emulator
from tare.errors import MachineError
from tare.oci import platform as platforms
from tare.stores.platforms import host

pytestmark = pytest.mark.e2e

AARCH64 = 183
ARM64 = platforms.parse("linux/arm64")


@pytest.fixture(scope="module")
def both(tare_command: Tare, open_place: Path) -> tuple[Path, Any]:
    """The API for both processors, in one layout."""
    layout = open_place / "both"
    document = tare_command.build(
        str(EXAMPLES / "api"),
        "--base",
        "deb:trixie",
        "--platform",
        "linux/amd64,linux/arm64",
        "-o",
        f"oci:{layout}:api",
    )
    return layout, document


def machines(layer: bytes) -> Counter[int]:
    """Return how many ELF files of a layer are for which machine."""
    found: Counter[int] = Counter()
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for info in archive:
            stream = archive.extractfile(info) if info.isreg() else None
            head = stream.read(20) if stream else b""
            if head[:4] == b"\x7fELF":
                found[struct.unpack("<H", head[18:20])[0]] += 1
    return found


def test_every_program_and_library_is_for_the_platform(both: tuple[Path, Any]) -> None:
    layout, document = both

    digests = {each["image"]["platform"]: each["image"]["digest"] for each in document["images"]}
    counted = {
        name: sum((machines(layer) for layer in read_image(layout, digest).layers), Counter())
        for name, digest in digests.items()
    }
    assert {name: set(found) for name, found in counted.items()} == {"linux/amd64": {62}, "linux/arm64": {AARCH64}}
    assert counted["linux/arm64"][AARCH64] > 30


def test_the_index_says_which_image_is_for_which_platform(both: tuple[Path, Any]) -> None:
    layout, document = both

    [entry] = index_of(layout)["manifests"]
    assert entry["digest"] == document["image"]["digest"]
    for each in document["images"]:
        config = read_image(layout, each["image"]["digest"]).config
        assert f"{config['os']}/{config['architecture']}" == each["image"]["platform"]


def test_layers_without_anything_compiled_are_shared(both: tuple[Path, Any]) -> None:
    amd64, arm64 = (each["layers"] for each in both[1]["images"])

    assert amd64[-1]["digest"] == arm64[-1]["digest"]
    assert amd64[0]["digest"] != arm64[0]["digest"]


def emulated() -> None:
    """Skip unless programs for arm64 run here."""
    import shutil

    try:
        Emulator(machine=host(), which=shutil.which).find(ARM64)
    except MachineError as error:
        pytest.skip(f"{error.message}: {'; '.join(error.causes)}")


def test_hello_runs_on_arm64(tare_command: Tare, tmp_path: Path) -> None:
    emulated()
    needs_root("an emulator in a container")
    place = f"oci:{tmp_path}/hello"
    tare_command.build(str(EXAMPLES / "hello"), "--base", "deb:trixie", "--platform", "linux/arm64", "-o", place)

    locked = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "none")  # noqa: S108  # the container's
    ran = tare_command("run", "--engine", "chroot", "--platform", "linux/arm64", "--quiet", *locked, place)
    assert (ran.code, ran.out) == (0, "Hello from Python!\n"), ran.err
    script = "import platform, ssl, ctypes, zlib; print(platform.machine())"
    ran = tare_command("run", "--engine", "chroot", "--quiet", "--entrypoint", "python", place, "-c", script)
    assert (ran.code, ran.out) == (0, "aarch64\n"), ran.err


def test_compiled_modules_are_loaded_on_arm64(tare_command: Tare, both: tuple[Path, Any]) -> None:
    emulated()
    needs_root("an emulator in a container")
    script = "import pydantic_core; print(pydantic_core._pydantic_core.__file__.rpartition('.cpython-')[2])"
    options = ("--engine", "chroot", "--platform", "linux/arm64", "--quiet", "--entrypoint", "python")
    ran = tare_command("run", *options, f"oci:{both[0]}", "-c", script)

    assert (ran.code, ran.out) == (0, "313-aarch64-linux-gnu.so\n"), ran.err


@pytest.mark.slow
def test_api_serves_on_arm64(both: tuple[Path, Any], tmp_path: Path) -> None:
    """Its imports alone take an emulator a minute."""
    emulated()
    needs_root("a network namespace that is looked into")
    runtime = containers.Chroot(tmp_path, options=("--platform=linux/arm64",))

    with runtime.serving(Subject("api", both[0], both[0])) as serving:
        assert serving.get("http://127.0.0.1:8000/healthz", patience=400) == '{"status":"ok"}'
        code, _ = serving.stop()
    assert code == 0
