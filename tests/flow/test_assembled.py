"""Bases that are assembled: once, from what the suite was when it was looked up, with what the wheels need besides."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from command import Place, locked
from counted import CountedWorld, ask, made
from make.elves import make_elf
from mirror import NOW, Mirror, Package
from rootfs_trees import merged
from suites import LIBRARIES, a_suite, variables

from tare.errors import IntegrityError, TareError, TargetError
from tare.flow.build.build import Built
from tare.oci.compression import open_decompressed

MISSING = "libmissing.so.7"


def library(name: str, soname: str) -> Package:
    return Package(name=name, files={f"{LIBRARIES}/{soname}": make_elf(soname=soname)})


class Suite:
    """A mirror, and builds of a project on it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.mirror: Mirror = a_suite(
            place.root, library("libmissing7", MISSING), library("libother1", "libother.so.1")
        )
        self.mirror.contents = f"{LIBRARIES}/{MISSING}    libs/libmissing7\n"
        self.mirror.publish()
        self.at = NOW.timestamp()

    def world(self, **options: Any) -> CountedWorld:
        environment = {**self.place.environment, **variables(self.mirror), "UV_NO_INDEX": "1"}
        world = CountedWorld(self.place.cache, environment, **{"offline": False, **options})
        world.clock = self.at
        world.started = self.at
        return world

    def build(self, world: CountedWorld | None = None, **changes: object) -> tuple[Built, CountedWorld]:
        world = world or self.world()
        return made(world, self.place.app, ask("deb:trixie", **changes)), world


@pytest.fixture
def suite(place: Place) -> Suite:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})
    return Suite(place)


def needs_library(place: Place, soname: str = MISSING) -> None:
    core = make_elf(needed=[soname], symbols=("PyInit_core",))
    native = place.wheels.add("native", tag="cp313-cp313-manylinux_2_17_x86_64", files={"native/core.so": core})
    place.write({"requirements.txt": locked([native])})


def files(built: Built) -> set[str]:
    def opened(number: int) -> Any:
        return io.BytesIO(
            open_decompressed(built.image.layers[number].open(), "gzip", what="a layer", owned=True).read()
        )

    return set(merged(opened(number) for number in range(len(built.image.layers))))


def test_a_base_is_assembled_once_and_then_found(suite: Suite) -> None:
    first, world = suite.build()
    assert world.uses["fetch"] > 5

    second, world = suite.build()
    assert dict(world.uses) == {}
    assert second.image.digest == first.image.digest
    assert second.prepared.base.resolved == suite.at


def test_the_image_has_the_interpreter_the_library_and_no_package_manager(suite: Suite) -> None:
    built, _ = suite.build()

    found = files(built)
    assert {"usr/bin/python3.13", f"{LIBRARIES}/libc.so.6", "app/main.py"} <= found
    programs = {path.rpartition("/")[2] for path in found if "/bin/" in path or "/sbin/" in path}
    assert programs & {"dpkg", "apt", "sh", "bash", "update-ca-certificates", "ldconfig"} == set()
    config = built.image.config.config
    assert (config.user, config.working_dir) == ("65532:65532", "/app")
    assert (config.labels or {})["org.opencontainers.image.base.name"] == "deb:trixie"


def test_a_library_that_a_wheel_needs_comes_with_its_package(suite: Suite) -> None:
    needs_library(suite.place)

    built, world = suite.build()
    assert f"{LIBRARIES}/{MISSING}" in files(built)
    assert world.heard.warnings == []

    again, world = suite.build()
    assert (again.image.digest, dict(world.uses)) == (built.image.digest, {})


def test_the_plan_has_the_base_with_the_library(suite: Suite) -> None:
    needs_library(suite.place)
    built, _ = suite.build()

    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables(suite.mirror).items():
            patch.setitem(suite.place.environment, name, value)
        [plan] = suite.place.document("plan", "--base", "deb:trixie", "--platform", "linux/amd64")["plans"]
    assert plan["base"]["digest"] == built.prepared.base.digest


def test_a_library_that_no_package_has_is_refused(suite: Suite) -> None:
    needs_library(suite.place, "libnowhere.so.1")

    with pytest.raises(TargetError) as caught:
        suite.build()
    assert "libnowhere.so.1" in caught.value.causes[0]


def test_system_packages_are_added_with_what_they_need(suite: Suite) -> None:
    plain, _ = suite.build()
    more, _ = suite.build(system_packages=("libother1",))

    assert files(more) - files(plain) >= {f"{LIBRARIES}/libother.so.1"}
    assert more.prepared.base.digest != plain.prepared.base.digest


def test_a_suite_that_moved_on_is_seen_only_with_pull(suite: Suite) -> None:
    first, _ = suite.build()
    suite.mirror.add(
        Package(name="tzdata", version="2.0-1", architecture="all", files={"usr/share/zoneinfo/New": b"TZif2"})
    )
    suite.mirror.publish()
    suite.at += 3600

    kept, world = suite.build()
    assert (kept.image.digest, dict(world.uses)) == (first.image.digest, {})
    pulled, _ = suite.build(pull=True)
    assert "usr/share/zoneinfo/New" in files(pulled)
    assert pulled.prepared.base.resolved == suite.at
    after, world = suite.build()
    assert (after.image.digest, dict(world.uses)) == (pulled.image.digest, {})


def test_a_base_for_another_project_is_the_same_layer(suite: Suite) -> None:
    first, _ = suite.build()
    suite.place.write({"requirements.txt": locked([suite.place.wheels.add("other")])})
    second, world = suite.build()

    assert second.layers[0] == first.layers[0]
    assert world.uses["remember base-layers"] == 0


def _another_key(suite: Suite) -> None:
    suite.mirror.key = "somebody else"
    suite.mirror.publish()
    suite.mirror.key = "archive"


def _stale(suite: Suite) -> None:
    suite.at += 30 * 86400


def _spoiled(suite: Suite) -> None:
    [deb] = (suite.mirror.root / "archive" / "pool").rglob("tzdata_*.deb")
    deb.write_bytes(deb.read_bytes()[:-1] + b"x")


@pytest.mark.parametrize("spoil", [_another_key, _stale, _spoiled])
def test_an_archive_that_cannot_be_trusted_is_refused(suite: Suite, spoil: Any) -> None:
    spoil(suite)

    with pytest.raises(TareError) as caught:
        suite.build()
    assert isinstance(caught.value, IntegrityError), caught.value
    assert not list(suite.place.cache.glob("memo/assembled/*"))


def test_offline_a_base_is_what_is_known_of_it(suite: Suite) -> None:
    first, _ = suite.build()

    offline, world = suite.build(suite.world(offline=True))
    assert offline.image.digest == first.image.digest
    assert (world.uses["fetch"], world.uses["blobs"]) == (0, 0)


def test_another_mirror_that_a_person_names_is_another_base(suite: Suite) -> None:
    first, _ = suite.build()
    other = a_suite(suite.place.root / "other", Package(name="base-files", version="99", files={"etc/other": b"1"}))
    other.publish()
    world = suite.world()
    world.environment |= variables(other)
    second, world = suite.build(world)

    assert world.uses["fetch"] > 0
    assert ("etc/other" in files(second), "etc/other" in files(first)) == (True, False)
    third, world = suite.build()
    assert (third.image.digest, dict(world.uses)) == (first.image.digest, {})


def test_keys_that_a_person_names_count_by_what_they_are(suite: Suite) -> None:
    first, _ = suite.build()
    keyring = suite.place.root / "copy.gpg"
    named = variables(suite.mirror)["TARE_DEBIAN_KEYRING"]
    keyring.write_bytes(Path(named).read_bytes())
    world = suite.world()
    world.environment["TARE_DEBIAN_KEYRING"] = str(keyring)
    second, world = suite.build(world)
    assert (second.image.digest, dict(world.uses)) == (first.image.digest, {})

    keyring.write_bytes(b"no keys")
    world = suite.world()
    world.environment["TARE_DEBIAN_KEYRING"] = str(keyring)
    with pytest.raises(TareError):
        suite.build(world)
