"""Verdicts of a whole table: Holm's procedure over intervals."""

from __future__ import annotations

import math

import msgspec
from bench_runs import simulated

from tare.bench.analysis import analyse
from tare.bench.correction import corrected
from tare.bench.statistics import Comparison, Verdict

SEEDS = 20


def of(median: float, half: float, verdict: Verdict = "slower") -> Comparison:
    """Return a comparison whose log ratio is *median* ± *half*."""
    return Comparison(
        ratio=math.exp(median), low=math.exp(median - half), high=math.exp(median + half), rounds=10,
        verdict=verdict, threshold=1.03,
    )  # fmt: skip


BARELY, SURELY, EQUAL = of(0.05, 0.045), of(0.2, 0.01), of(0.0, 0.01, "no practical difference")


def verdicts(*table: Comparison) -> list[str]:
    return [each.verdict for each in corrected(table)]


def test_one_case_alone_is_as_it_was() -> None:
    assert corrected([BARELY]) == [BARELY]
    assert corrected([]) == []


def test_among_many_a_case_has_to_be_surer() -> None:
    [found, *others] = corrected([BARELY, *[EQUAL] * 7])

    assert (found.verdict, found.more) == ("undecided", 6)
    assert (found.low, found.high) == (BARELY.low, BARELY.high)
    assert others == [EQUAL] * 7


def test_what_is_sure_leaves_less_to_ask_of_the_others() -> None:
    """With seven cases that surely differ, the eighth is judged as if it were alone."""
    assert verdicts(*[SURELY] * 7, BARELY) == ["slower"] * 8
    assert verdicts(*[SURELY] * 5, BARELY, EQUAL, EQUAL)[:6] == ["slower"] * 5 + ["undecided"]


def test_a_faster_case_is_judged_by_the_other_side_of_its_interval() -> None:
    assert verdicts(of(-0.05, 0.045, "faster"), *[EQUAL] * 7)[0] == "undecided"
    assert verdicts(of(-0.2, 0.01, "faster"), *[EQUAL] * 7)[0] == "faster"


def test_of_runs_of_eight_equal_cases_on_a_noisy_machine_few_have_a_verdict_anywhere() -> None:
    wrong = 0
    for seed in range(SEEDS):
        runs = [simulated({"slim": 0.0, "other": 0.0}, seed=seed, noise=0.05, case=f"case {each}") for each in range(8)]
        whole = msgspec.structs.replace(runs[0], samples=tuple(each for run in runs for each in run.samples))
        cells = [each.comparison for each in analyse(whole).cells if each.candidate == "other"]
        wrong += any(each is not None and each.verdict in {"faster", "slower"} for each in cells)

    assert wrong <= SEEDS * 0.05
