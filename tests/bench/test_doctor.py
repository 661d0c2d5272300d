"""What a machine is not fit for is said before anything runs."""

from __future__ import annotations

import pytest

from tare.bench.doctor import Finding, Vitals, examine, refuse
from tare.bench.profiles import profiles
from tare.errors import MachineError

FINE = Vitals(
    cores=8,
    memory=64_000_000_000,
    swap=0,
    disk=500_000_000_000,
    load=0.1,
    steal=0.0,
    governor="performance",
    cgroup="v2",
)


def found(**options: str | None) -> list[Finding]:
    return [each for each in examine(FINE, profiles()["full"], engine="docker", **options) if each.kind != "good"]


def test_a_machine_that_is_fit_has_nothing_to_be_told() -> None:
    assert found() == []


def test_an_engine_and_a_database_that_are_not_there_are_both_named() -> None:
    assert [(each.kind, each.what, each.text) for each in found(unavailable="no daemon", without="no PostgreSQL")] == [
        ("impossible", "engine", "docker cannot be used: no daemon"),
        ("impossible", "database", "no PostgreSQL"),
    ]


def test_what_is_impossible_is_refused_with_all_its_causes() -> None:
    with pytest.raises(MachineError) as caught:
        refuse(found(unavailable="no daemon", without="no PostgreSQL"), "full")

    assert caught.value.message == "the profile `full` cannot be measured here"
    assert caught.value.causes == ("engine: docker cannot be used: no daemon", "database: no PostgreSQL")
