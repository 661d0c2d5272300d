"""`tare tags` and `tare outdated` with Debian's `docker-registry`, and with Debian's own archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Place
from make import official
from real_registry import RealRegistry, docker_registry
from samples import client, close_clients
from schemas import faults, published

from tare.oci.reference import parse
from tare.stores.registry.destination import RegistryDestination

pytestmark = pytest.mark.e2e

ONLINE = {"UV_OFFLINE": "0"}
SERIES = official.Release("3.14.7", ("trixie", "slim-trixie", "alpine3.24", "windowsservercore-ltsc2025"), newest=True)


@pytest.fixture(scope="module")
def hub() -> Iterator[RealRegistry]:
    """A registry that has `library/python`, pushed as anybody would push it."""
    with docker_registry() as found:
        tags = official.repository(SERIES, official.Release("3.13.15", ("slim-trixie",)))
        tags["3.14-attested"] = official.index("3.14.7", "slim-trixie", attested=True)
        by_digest: dict[str, list[str]] = {}
        for name, index in tags.items():
            by_digest.setdefault(index.digest, []).append(name)
        try:
            for first, *others in by_digest.values():
                reference = parse(f"{found.name}/library/python:{first}")
                RegistryDestination(client(), reference, tags=tuple(others)).write(tags[first])
        finally:
            close_clients()
        yield found


def test_official_names_work_unchanged_through_a_mirror(hub: RealRegistry, place: Place) -> None:
    ran = place("tags", "python", "--mirror", hub.name, "--series", "3.14", env=ONLINE)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"python: 37 tags at {hub.name}, ")
    assert lines[2:8] == [
        "                            3.14",
        "trixie                      3.14.7",
        "slim-trixie                 3.14.7",
        "alpine3.24                  3.14.7",
        "windowsservercore-ltsc2025  3.14.7",
        "end of life                 2030-10",
    ]
    assert "3.14                    shared  3.14.7-trixie and 1 of Windows  patch, OS" in lines
    assert "3.14-slim               simple  3.14.7-slim-trixie              patch, OS" in lines


def test_a_tag_is_told(hub: RealRegistry, place: Place) -> None:
    ran = place("tags", "python:slim", "--mirror", hub.name, "--platform", "linux/arm64", env=ONLINE)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == f"python:slim is an OCI index at {hub.name}"
    assert "tag       simple; now 3.14.7-slim-trixie; moves with series, patch, OS" in lines
    assert "  linux/arm64   sha256:DIGEST…  what linux/arm64 pulls" in lines


def test_attestations_come_through(hub: RealRegistry, place: Place) -> None:
    name = f"{hub.name}/library/python:3.14-attested"
    document = place.document("tags", name, "--platform", "linux/amd64", env=ONLINE)
    assert faults(published("tare.tags.1"), document) == []
    assert document["image"]["attestation"]["predicates"] == [
        "https://spdx.dev/Document",
        "https://slsa.dev/provenance/v1",
    ]


def test_an_image_on_the_suite_of_today_is_up_to_date(place: Place) -> None:
    """A real base from the machine's own mirror: nothing can be newer than what was just looked up."""
    if not Path("/etc/apt").is_dir() or not list(Path("/usr/share/keyrings").glob("debian-archive-*")):
        pytest.skip("this machine has no sources of Debian")
    place.write({"main.py": "print(1)\n"})
    built = place("build", "--base", "deb:trixie", "--platform", "linux/amd64", "-o", "oci:dist", env=ONLINE)
    assert built.code == 0, built.err

    document = place.document("outdated", "oci:dist", "--platform", "linux/amd64", env=ONLINE)
    assert faults(published("tare.outdated.1"), document) == []
    assert (document["outdated"], document["complete"], document["packages"]["updates"]) == (False, True, [])
    assert (document["base"]["name"], document["base"]["status"]) == ("deb:trixie", "current")
    assert document["packages"]["compared"] == document["packages"]["installed"] > 20
