"""What samples show: wrong answers are marked, and gates fail for what is sure."""

from __future__ import annotations

import msgspec
import pytest
from bench_runs import head, simulated

from tare.bench.analysis import analyse
from tare.bench.answers import checked, same_answer
from tare.bench.gate import between, failures, parse_limit, within
from tare.bench.result import LIMITED, Results, Sample
from tare.errors import UsageError
from tare.report.bench_changes import changes_text


def answers(**by_candidate: str) -> Results:
    samples = (
        Sample(workload="cpu", case="sum", candidate=name, round=0, order=0, block="local", value=1.0, check=check)
        for name, check in by_candidate.items()
    )
    return Results(run=head(*by_candidate), samples=tuple(samples))


def test_an_image_with_another_answer_is_a_mismatch_and_never_faster() -> None:
    results = answers(slim="[1.0, 2]", alpine="[1.0, 3]")

    assert [each.status for each in checked(results)] == ["ok", "mismatch"]
    cell = next(each for each in analyse(results).cells if each.candidate == "alpine")
    assert (cell.status, cell.comparison) == ("mismatch", None)
    assert "1 case of alpine marked mismatch" in analyse(results).warnings


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("[1.0, 2.0]", "[1.0000000000001, 2.0]", True),
        ("[1.0, 2.0]", "[1.00001, 2.0]", False),
        ("5", "6", False),
        ('{"a": 1.5}', '{"a": 1.5000000000000002}', True),
        ('{"a": 1.5}', '{"b": 1.5}', False),
        ("sha256:1", "sha256:2", False),
        ("[1]", "[1, 2]", False),
        ("1", "1.0", True),
    ],
)
def test_numbers_of_an_answer_may_differ_by_rounding_and_nothing_else(one: str, other: str, same: bool) -> None:
    assert same_answer(one, other) is same


def test_a_rate_that_is_higher_is_faster() -> None:
    slow = simulated({"slim": 0.0, "alpine": 0.2})
    rates = tuple(msgspec.structs.replace(each, lower_is_better=False) for each in slow.samples)
    found = analyse(msgspec.structs.replace(slow, samples=rates))
    cell = next(each for each in found.cells if each.candidate == "alpine")

    assert cell.comparison is not None
    assert cell.comparison.verdict == "faster"


def test_there_is_no_score_over_different_kinds_of_work() -> None:
    found = analyse(simulated({"slim": 0.0, "alpine": 0.2}))

    assert {each.workload for each in found.families} == {"cpu"}


def test_a_gate_fails_on_the_lower_bound_only() -> None:
    changes = list(within(simulated({"slim": 0.0, "alpine": 0.2})))
    limit = parse_limit("cpu>1.05")

    assert [each.candidate for each in failures(changes, [limit])] == ["alpine"]
    assert failures(changes, [parse_limit("cpu>1.3")]) == []


def test_a_gate_does_not_hold_for_what_has_no_figures() -> None:
    """Neither a wrong answer nor an image that failed is within a limit."""
    wrong = answers(slim="[1.0]", alpine="[2.0]")
    [change] = within(wrong)

    assert (change.status, change.comparison.verdict) == ("mismatch", "not measured")
    assert failures([change], [parse_limit("cpu>1.05")]) == [change]
    assert failures([change], []) == []
    assert changes_text([change], [change]) == (
        "FAIL  cpu  sum  alpine beside slim    mismatch: its answer is [2.0], the baseline's [1.0]\n"
    )


def test_a_gate_says_why_a_peak_cannot_be_judged() -> None:
    run = simulated({"slim": 0.0, "app": 0.0})
    samples = tuple(msgspec.structs.replace(each, extra={LIMITED: 1.0}, note="busy") for each in run.samples)
    changes = list(within(msgspec.structs.replace(run, samples=samples)))
    failed = failures(changes, [parse_limit("cpu>1.05")])

    assert changes_text(changes, failed) == "FAIL  cpu  loops  app beside slim    not measured: busy\n"


def test_what_an_older_run_has_and_a_newer_one_could_not_measure_does_not_pass() -> None:
    old = simulated({"slim": 0.0, "app": 0.0})
    broken = tuple(
        msgspec.structs.replace(each, status="oom", value=None) if each.candidate == "app" else each
        for each in old.samples
    )
    [change] = between(old, msgspec.structs.replace(old, samples=broken))

    assert change.status == "oom"
    assert failures([change], [parse_limit("cpu>1.05")]) == [change]


def test_a_gate_of_work_that_nobody_measured_is_refused() -> None:
    changes = list(within(simulated({"slim": 0.0, "alpine": 0.2})))

    with pytest.raises(UsageError) as caught:
        failures(changes, [parse_limit("cpus>1.05")])
    assert (caught.value.message, caught.value.hints) == (
        "`--fail-on` names `cpus`, of which there is nothing to compare",
        ("There is cpu",),
    )


def test_a_newer_run_is_compared_by_its_ratio_to_its_own_baseline() -> None:
    old, new = simulated({"slim": 0.0, "app": 0.0}, seed=1), simulated({"slim": 0.0, "app": 0.15}, seed=2)
    # Another machine, twice as slow.
    slower = tuple(msgspec.structs.replace(each, value=2 * (each.value or 0)) for each in new.samples)
    (change,) = between(old, msgspec.structs.replace(new, samples=slower))

    assert change.comparison.verdict == "slower"
    assert change.comparison.low < 1.1618 < change.comparison.high


def test_a_limit_that_is_no_limit_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        parse_limit("cpu=1")
    assert caught.value.hints == ("Write it as `--fail-on 'cpu>1.05'`",)


def test_runs_of_other_work_are_not_compared() -> None:
    one = simulated({"slim": 0.0})

    with pytest.raises(UsageError):
        list(between(one, msgspec.structs.replace(one, run=head("slim", compat="d" * 64))))
