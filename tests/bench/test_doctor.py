"""What a machine is not fit for is said before anything runs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tare.bench.doctor import Finding, Vitals, disk_of, examine, memory_of, refuse, vitals
from tare.bench.profiles import profiles
from tare.cli.render import render_error
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
    return [
        each
        for each in examine(FINE, profiles()["full"], engine="docker", workloads=("io",), **options)
        if each.kind != "good"
    ]


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


@pytest.mark.parametrize(
    ("profile", "workloads", "disk", "memory"),
    [
        ("full", ("io",), 30_000_000_000, 16_000_000_000),
        ("full", ("cpu", "frames"), 4_000_000_000, 2_500_000_000),
        ("standard", ("frames",), 4_000_000_000, 2_500_000_000),
        ("smoke", ("frames",), 500_000_000, 520_000_000),
        ("full", ("cpu",), 4_000_000_000, 500_000_000),
    ],
)
def test_what_is_asked_for_is_what_the_workloads_need(
    profile: str, workloads: tuple[str, ...], disk: int, memory: int
) -> None:
    wanted = profiles()[profile]

    assert (disk_of(wanted, workloads), memory_of(wanted, workloads)) == (disk, memory)


def test_a_hundred_million_rows_are_said_to_be_asked_in_chunks() -> None:
    said = [each.text for each in examine(FINE, profiles()["full"], engine="docker", workloads=("frames",))]

    assert said[-1] == (
        "100,000,000 rows are made and asked in chunks of 10,000,000, for all images: "
        "group-bys that add up over all of them, other questions of the first"
    )
    assert not any(
        each.what == "frames" for each in examine(FINE, profiles()["standard"], engine="docker", workloads=("frames",))
    )


def test_the_disk_is_that_of_the_database_where_there_is_to_be_one(tmp_path: Path) -> None:
    data = tmp_path / "there" / "data"

    assert vitals(tmp_path / "results").place == str(tmp_path)
    (tmp_path / "there").mkdir()
    assert vitals(tmp_path / "results", data).place == str(tmp_path / "there")


def test_too_little_disk_is_said_with_where_it_is_and_what_can_be_done() -> None:
    small = msgspec.structs.replace(FINE, disk=1_000_000_000, place="/tmp")  # noqa: S108  # where databases are
    with pytest.raises(MachineError) as caught:
        refuse(list(examine(small, profiles()["full"], engine="chroot", workloads=("io",))), "full")

    assert render_error(caught.value) == (
        "error: the profile `full` cannot be measured here\n"
        "  caused by: disk: 1.0 GB free in `/tmp`, 30.0 GB wanted\n\n"
        "hint: Choose a smaller one with `--profile`\n"
        "hint: `tare bench doctor` says what this machine is fit for\n"
    )
