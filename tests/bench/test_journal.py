"""Results on disk: appended, resumed after a kill, merged exactly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from bench_runs import MACHINE, FakeWorkload, bench, head, simulated

from tare.bench.analysis import analyse
from tare.bench.journal import Journal, check_same, merge
from tare.bench.result import Candidate, Facts, Results
from tare.bench.workload import Measured
from tare.errors import MachineError, UsageError

ONE = FakeWorkload(lambda _: Measured(case="loops", value=1.0))


def test_rounds_are_written_turn_by_turn_and_read_back(tmp_path: Path) -> None:
    taken = bench(tmp_path, ONE, ("slim", "alpine")).run(3)
    samples = Journal(tmp_path).read().samples

    assert taken == 6
    assert {(each.round, each.candidate, each.value) for each in samples} == {
        (number, name, 1.0) for number in range(3) for name in ("slim", "alpine")
    }


def test_more_rounds_are_added_and_none_is_measured_twice(tmp_path: Path) -> None:
    assert bench(tmp_path, ONE, ("slim",)).run(3) == 3
    assert bench(tmp_path, ONE, ("slim",)).run(3) == 0
    assert bench(tmp_path, ONE, ("slim",)).run(5) == 2


def test_a_line_that_a_kill_cut_off_is_measured_again(tmp_path: Path) -> None:
    bench(tmp_path, ONE, ("slim",)).run(3)
    path = tmp_path / "samples.jsonl"
    path.write_bytes(path.read_bytes()[:-20])

    assert len(Journal(tmp_path).read().samples) == 2
    assert bench(tmp_path, ONE, ("slim",)).run(3) == 1
    assert len(Journal(tmp_path).read().samples) == 3
    assert len(path.read_bytes().splitlines()) == 3


def test_who_reads_changes_nothing(tmp_path: Path) -> None:
    """A report may be made while the run goes on, and of results that cannot be written to."""
    bench(tmp_path, ONE, ("slim",)).run(3)
    path = tmp_path / "samples.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    before = path.read_bytes()
    Journal(tmp_path).read()

    assert path.read_bytes() == before


PROGRAM = """
import sys, time
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from bench_runs import FakeWorkload, bench
from tare.bench.workload import Measured

def slowly(candidate):
    time.sleep(0.02)
    return Measured(case="loops", value=1.0)

bench(Path(sys.argv[1]), FakeWorkload(slowly), ("slim", "alpine")).run(200)
"""


def test_a_run_that_is_killed_goes_on_without_a_sample_twice(tmp_path: Path) -> None:
    results = tmp_path / "results"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(results), *sys.path])
    give_up = time.monotonic() + 30
    while not (results / "samples.jsonl").exists() or (results / "samples.jsonl").stat().st_size < 1000:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = len(Journal(results).read().samples)

    assert 0 < before < 400
    assert bench(results, ONE, ("slim", "alpine")).run(200) == 400 - before
    samples = Journal(results).read().samples
    assert len(samples) == len({each.key for each in samples}) == 400
    lines = (results / "samples.jsonl").read_bytes().splitlines()
    assert len(lines) == 400


def test_two_runs_do_not_write_the_same_results_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path).held(), pytest.raises(MachineError) as caught, Journal(tmp_path).held():
        pass

    assert caught.value.causes == ("another `tare bench run` has it open",)


def test_a_candidate_that_fails_has_a_sample_that_says_so(tmp_path: Path) -> None:
    def broken(candidate: str) -> Measured:
        raise MachineError("a container cannot be run", causes=("no such image",))

    bench(tmp_path, FakeWorkload(broken), ("slim",)).run(1)

    (sample,) = Journal(tmp_path).read().samples
    assert (sample.status, sample.note) == ("failed", "a container cannot be run; no such image")


def test_the_remaining_time_is_shown_once_something_is_known(tmp_path: Path) -> None:
    said: list[str] = []
    bench(tmp_path, ONE, ("slim",), said).run(3)

    assert said == [
        "round 1 of 3: cpu on slim",
        "round 2 of 3: cpu on slim, about 2 s left",
        "round 3 of 3: cpu on slim, about 1 s left",
    ]


def test_in_the_first_round_what_nobody_knows_yet_is_left_out_of_the_remaining_time(tmp_path: Path) -> None:
    said: list[str] = []
    both = bench(tmp_path, ONE, ("slim",), said)
    other = FakeWorkload(lambda _: Measured(case="loops", value=1.0), name="io")
    msgspec.structs.replace(both, workloads=(*both.workloads, other)).run(2)

    assert said[1:3] == [
        "round 1 of 2: io on slim, about 1 s left without io",
        "round 2 of 2: cpu on slim, about 2 s left",
    ]


def test_blocks_of_two_machines_merge_exactly_in_either_order() -> None:
    one, two = (simulated({"slim": 0.0, "alpine": 0.2}, block=block) for block in ("a", "b"))
    whole = merge([one, two])

    assert whole == merge([two, one])
    assert sorted(map(str, whole.samples)) == sorted(map(str, (*one.samples, *two.samples)))


def test_results_of_other_work_or_other_images_do_not_merge() -> None:
    one = simulated({"slim": 0.0})
    other_work = msgspec.structs.replace(one, run=head("slim", compat="d" * 64))
    other_images = msgspec.structs.replace(one, run=head("slim", "alpine"))

    for other in (other_work, other_images):
        with pytest.raises(UsageError):
            merge([one, other])


def test_results_of_another_engine_are_not_added_to_those_of_the_same_block() -> None:
    here = head("slim")
    docker = {"local": msgspec.structs.replace(MACHINE, engine="docker")}
    other = msgspec.structs.replace(here, machines=docker)
    elsewhere = msgspec.structs.replace(here, machines={"b": docker["local"]})
    check_same(here, elsewhere)

    with pytest.raises(UsageError) as caught:
        check_same(here, other)
    assert caught.value.causes == ("one is of host, the other of docker",)
    merged = merge([simulated({"slim": 0.0}), Results(run=elsewhere, samples=())])
    assert (
        analyse(merged).warnings[-1]
        == "blocks were measured with different engines (docker, host): medians are of both"
    )


def test_interpreters_of_two_versions_are_not_one_candidate() -> None:
    one, other = (head("here", facts=Facts(python=python)) for python in ("CPython 3.11.7", "CPython 3.13.5"))

    with pytest.raises(UsageError) as caught:
        check_same(one, other)
    assert caught.value.causes[0] == "`here` is CPython 3.11.7 in one, CPython 3.13.5 in the other"


def test_images_that_differ_are_named_with_what_they_are() -> None:
    one, other = (
        msgspec.structs.replace(head("slim"), candidates=candidates)
        for candidates in (
            (Candidate(name="slim", reference="x", digest="sha256:1"), Candidate(name="full", reference="y")),
            (Candidate(name="slim", reference="x", digest="sha256:2"),),
        )
    )
    with pytest.raises(UsageError) as caught:
        check_same(one, other)
    assert caught.value.causes == (
        "only one has `full`",
        "`slim` is sha256:1 in one, sha256:2 in the other",
    )


def test_two_machines_that_both_call_themselves_local_are_told_apart() -> None:
    one, two = simulated({"slim": 0.0}, seed=1), simulated({"slim": 0.0}, seed=1, noise=0.5)

    with pytest.raises(UsageError) as caught:
        merge([one, two])
    assert caught.value.hints == ("Give each machine a block of its own with `--block`",)


def test_results_of_another_version_are_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema": "tare.bench/9", "else": 1}')

    with pytest.raises(UsageError) as caught:
        Journal(tmp_path).read()
    assert caught.value.causes == ("`tare.bench/9`, by a version that is not named; this version reads `tare.bench/1`",)


def test_no_results_are_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Journal(tmp_path).read()
    assert caught.value.message == f"`{tmp_path}` has no results"


def test_a_sample_that_is_none_is_named_by_its_line(tmp_path: Path) -> None:
    Journal(tmp_path).begin(head("slim"))
    (tmp_path / "samples.jsonl").write_bytes(b'{"workload": 5}\n')

    with pytest.raises(UsageError) as caught:
        Journal(tmp_path).read()
    assert caught.value.message == f"line 1 of `{tmp_path / 'samples.jsonl'}` is not a sample"


def test_results_survive_being_written_and_read(tmp_path: Path) -> None:
    results = simulated({"slim": 0.0, "alpine": 0.1})
    journal = Journal(tmp_path)
    journal.begin(results.run)
    journal.append(results.samples)

    assert journal.read() == Results(run=results.run, samples=results.samples)
