"""Every engine measures: what images are, how they start and compute, work of one's own, and a service with PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import Dockerd, PodmanStorage
from real import Tare
from schemas import faults, published

from tare.bench.postgres import Database, database, missing

pytestmark = pytest.mark.e2e

OWN = """
[workload.hello]
command = ["python3", "-c", "print('took 0.5 s, done: 1')"]
verify = "done: \\\\d"
value = "took ([0-9.]+) s"
"""
OPTIONS = ("--image", "base=deb:trixie", "--rounds", "1", "--json")


@pytest.fixture(params=["docker", "podman", "chroot"])
def engine(request: pytest.FixtureRequest, open_place: Path) -> tuple[str, dict[str, str]]:
    """An engine's name, and the environment in which it is the one that these tests started."""
    if request.param == "docker":
        dockerd: Dockerd = request.getfixturevalue("dockerd")
        return "docker", {"DOCKER_HOST": dockerd.host}
    if request.param == "podman":
        podman: PodmanStorage = request.getfixturevalue("podman")
        told = dict(option.removeprefix("--").split("=", 1) for option in podman.options)
        file = open_place / "storage.conf"
        file.write_text(
            f'[storage]\ndriver = "{told["storage-driver"]}"\n'
            f'graphroot = "{told["root"]}"\nrunroot = "{told["runroot"]}"\n'
        )
        return "podman", {"CONTAINERS_STORAGE_CONF": str(file)}
    return "chroot", {}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Database]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    place = Path(tempfile.mkdtemp(prefix="tare-postgres-"))
    place.chmod(0o755)  # the server is another user
    try:
        with database(None, place / "data") as server:
            yield server
    finally:
        shutil.rmtree(place, ignore_errors=True)


def measured(tare_command: Tare, engine: tuple[str, dict[str, str]], results: Path, *options: str) -> Any:  # a document
    name, environment = engine
    ran = tare_command("bench", "run", "--engine", name, *OPTIONS, "--output", str(results), *options, env=environment)
    if ran.code == 4:
        pytest.skip(f"no mirror or index can be used here: {ran.err.strip()[:400]}")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert faults(published("tare.bench.1"), document) == []
    return document


def test_an_image_is_weighed_started_and_set_to_work(
    tare_command: Tare, engine: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    own = tmp_path / "bench.toml"
    own.write_text(OWN)
    document = measured(
        tare_command, engine, tmp_path / "results", "--workloads", "size,start,cpu", "--define", str(own)
    )

    samples = document["samples"]
    assert document["run"]["plan"]["engine"] == engine[0]
    assert document["run"]["candidates"][0]["sizes"]["pull"] > 0
    assert {each["workload"] for each in samples} == {"start", "cpu", "hello"}
    assert {each["candidate"] for each in samples} == {"base", "base (A/A)"}
    assert {(each.get("status", "ok"), each.get("note")) for each in samples} == {("ok", None)}
    assert {each["value"] for each in samples if each["workload"] == "hello"} == {0.5}


@pytest.mark.slow
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
def test_a_table_and_a_service_are_asked_through_every_engine_and_driver(
    tare_command: Tare, engine: tuple[str, dict[str, str]], postgres: Database, driver: str, tmp_path: Path
) -> None:
    options = ("--workloads", "io", "--database", postgres.url, "--driver", driver, "--load-seconds", "0.5")
    document = measured(tare_command, engine, tmp_path / "results", *options)

    samples = document["samples"]
    # A machine that is busy with something else has a generator that is late; nothing else may be wrong.
    others = {(each["case"], each["status"], each.get("note")) for each in samples if each.get("status", "ok") != "ok"}
    assert {each for each in others if each[1] not in {"invalid", "timeout"}} == set()
    assert {each["workload"] for each in samples} == {"io", "service", "service, open loop"}
    assert all(each["value"] > 0 for each in samples if each["workload"] == "service")
    facts = [each["facts"]["driver"] for each in document["run"]["candidates"]]
    assert all(each.startswith(f"{driver} ") and ", in C" in each for each in facts)


@pytest.mark.slow
def test_locust_makes_the_load_on_a_real_image_with_postgres(
    tare_command: Tare, postgres: Database, tmp_path: Path
) -> None:
    options = ("--workloads", "io", "--database", postgres.url, "--load", "locust:2", "--load-seconds", "1")
    page = tmp_path / "page.html"
    document = measured(tare_command, ("chroot", {}), tmp_path / "results", *options, "--html", str(page))

    service = [each for each in document["samples"] if each["workload"] == "service" and each["unit"] == "requests/s"]
    assert {(each.get("status", "ok"), each["extra"]["errors"]) for each in service} == {("ok", 0.0)}
    assert all(each["histogram"] and each["extra"]["requests"] > 0 for each in service)
    assert os.path.getsize(page) > 10_000
