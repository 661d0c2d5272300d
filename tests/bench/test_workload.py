"""From what a program printed, or did not, to samples: nothing is dropped."""

from __future__ import annotations

import pytest
from bench_runs import FakePlace

from tare.bench.workload import Command, CommandWorkload, Measured, Program, ProgramWorkload, read_commands
from tare.errors import UsageError

ONE = b'{"case": "a", "values": [3.0, 1.0, 2.0], "first": 9.0, "cpu": 1.5, "rss": 4096, "check": "7"}\n'


def measured(place: FakePlace) -> dict[str, Measured]:
    workload = ProgramWorkload(name="cpu", programs=(Program(command=("work_x.py",), cases=("a", "b")),))
    return {each.case: each for each in workload.measure("slim", place, round_seed="5")}


def test_a_case_is_the_median_of_its_repetitions_and_its_first_stands_apart() -> None:
    found = measured(FakePlace(stdout=b"a library says hello\n" + ONE))["a"]

    assert (found.value, found.values, found.first, found.check) == (2.0, (3.0, 1.0, 2.0), 9.0, "7")
    assert (found.counters.cpu_seconds, found.counters.rss_peak) == (1.5, 4096)


@pytest.mark.parametrize(
    ("code", "stderr", "status", "note"),
    [
        (124, "", "timeout", "it took too long"),
        (137, "", "oom", "its memory was used up"),
        (1, "Traceback\nMemoryError\n", "oom", "its memory was used up"),
        (
            1,
            "Traceback\nModuleNotFoundError: No module named 'numpy'\n",
            "unsupported",
            "ModuleNotFoundError: No module named 'numpy'",
        ),
        (127, "", "unsupported", "the image has no `python3`"),
        (3, "Traceback\nValueError: x\n", "failed", "ValueError: x"),
        (0, "", "failed", "exit code 0"),
    ],
)
def test_what_a_program_did_not_get_to_is_marked_as_what_happened(
    code: int, stderr: str, status: str, note: str
) -> None:
    found = measured(FakePlace(code=code, stdout=ONE, stderr=stderr))

    assert found["a"].status == "ok"
    assert (found["b"].status, found["b"].note, found["b"].value) == (status, note, None)


def test_all_images_of_a_round_have_the_same_hash_seed() -> None:
    place = FakePlace()
    measured(place)

    assert place.jobs[0].environment == {"PYTHONHASHSEED": "5"}


TOML = b"""
[workload.report]
command = ["app", "--report"]
verify = "done: \\\\d+"
value = "took ([0-9.]+) s"
unit = "s"
"""


def test_a_workload_of_ones_own_is_verified_and_read() -> None:
    workload = CommandWorkload(name="report", command=read_commands(TOML, "bench.toml")["report"])

    (right,) = workload.measure("slim", FakePlace(stdout=b"done: 5\ntook 1.25 s\n"), round_seed="1")
    (wrong,) = workload.measure("slim", FakePlace(stdout=b"nothing\n"), round_seed="1")
    assert (right.status, right.value) == ("ok", 1.25)
    assert (wrong.status, wrong.note) == ("mismatch", "its output does not match `done: \\d+`")


def test_a_command_without_a_figure_takes_as_long_as_it_takes() -> None:
    workload = CommandWorkload(name="x", command=Command(command=("app",)))

    assert workload.measure("slim", FakePlace(seconds=2.5), round_seed="1")[0].value == 2.5


def test_a_figure_that_is_not_there_is_a_failure() -> None:
    workload = CommandWorkload(name="x", command=Command(command=("app",), value="took (.*) s"))
    found = workload.measure("slim", FakePlace(stdout=b"took ages s"), round_seed="1")[0]

    assert (found.status, found.note) == ("failed", "no figure matches `took (.*) s`")


def test_a_key_that_is_misspelt_is_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        read_commands(b'[workload.a]\ncommand = ["x"]\nverfiy = "y"\n', "bench.toml")
    assert caught.value.message == "`bench.toml` does not describe workloads"
