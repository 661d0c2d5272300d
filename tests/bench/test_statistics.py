"""The words for ratios: seldom wrong of equal things, and found for different ones."""

from __future__ import annotations

import math
import random

import pytest
from bench_runs import CONTROL, simulated

from tare.bench.analysis import analyse
from tare.bench.statistics import Comparison, compare, geometric_mean, interval, order_effect, pareto

SEEDS = 200


def verdict(effect: float, seed: int, *, rounds: int = 10, noise: float = 0.02, drift: float = 0.03) -> Comparison:
    true = {"slim": 0.0, "other": math.log(1 + effect)}
    found = analyse(simulated(true, rounds=rounds, seed=seed, noise=noise, drift=drift))
    cell = next(each for each in found.cells if each.candidate == "other")
    assert cell.comparison is not None
    return cell.comparison


@pytest.mark.parametrize("rounds", [5, 10])
def test_of_200_runs_of_equal_images_at_most_one_in_twenty_has_a_verdict(rounds: int) -> None:
    found = [verdict(0.0, seed, rounds=rounds).verdict for seed in range(SEEDS)]

    assert sum(word in {"faster", "slower"} for word in found) <= SEEDS * 0.05


def test_five_percent_are_found_in_ten_rounds_four_times_of_five() -> None:
    found = [verdict(0.05, seed).verdict for seed in range(SEEDS)]

    assert found.count("slower") >= SEEDS * 0.8
    assert "faster" not in found


def test_five_percent_are_found_four_times_of_five_where_runs_differ_by_three() -> None:
    """The baseline's second self takes part in what is compared with: without, it is found seven times of ten.

    The machine drifts by 3 % a round, which has three turns.
    """
    found = [verdict(0.05, seed, noise=0.03, drift=0.03 / math.sqrt(3)).verdict for seed in range(SEEDS)]

    assert found.count("slower") >= SEEDS * 0.8


def test_ten_percent_are_slower_and_within_the_interval() -> None:
    found = [verdict(0.10, seed) for seed in range(40)]

    assert [each.verdict for each in found] == ["slower"] * 40
    assert sum(each.low <= 1.10 <= each.high for each in found) >= 34


def test_a_control_is_never_faster_or_slower_than_itself() -> None:
    found = analyse(simulated({"slim": 0.0}, seed=3))
    words = {each.comparison.verdict for each in found.cells if each.candidate == CONTROL and each.comparison}

    assert words <= {"no practical difference", "undecided"}


def test_without_interleaving_the_order_decides_and_is_warned_of() -> None:
    found = [analyse(simulated({"slim": 0.0, "b": 0.0}, seed=seed, interleaved=False)) for seed in range(40)]
    verdicts = [
        each.comparison.verdict for run in found for each in run.cells if each.candidate == "b" and each.comparison
    ]

    assert sum(word in {"faster", "slower"} for word in verdicts) > 8
    assert all(
        "order effect in cpu: b ran before or after slim, not between its rounds" in run.warnings for run in found
    )


def test_interleaved_rounds_of_a_drifting_machine_are_not_warned_of() -> None:
    warned = sum(
        any(text.startswith("order effect") for text in analyse(simulated({"slim": 0.0, "b": 0.0}, seed=seed)).warnings)
        for seed in range(40)
    )

    assert warned <= 4


def test_few_rounds_are_undecided_however_large_the_difference() -> None:
    found = compare([0.5, 0.52, 0.51])

    assert found.words == "undecided (needs about 2 more rounds)"


def test_more_rounds_are_estimated_from_the_width_of_the_interval() -> None:
    dice = random.Random(1)
    found = compare([dice.gauss(0.045, 0.08) for _ in range(10)])

    assert found.verdict == "undecided"
    assert found.more is not None
    assert 5 <= found.more <= 290


def test_what_is_noisier_than_ten_percent_is_not_called_equal() -> None:
    dice = random.Random(2)
    found = compare([dice.gauss(0, 0.4) for _ in range(12)], floor=1.0)

    assert found.verdict == "undecided"


def test_equal_values_make_no_practical_difference() -> None:
    found = compare([0.001, -0.002, 0.0, 0.003, -0.001, 0.0])

    assert (found.words, found.rounds) == ("no practical difference", 6)


def test_nothing_in_common_is_not_measured() -> None:
    assert compare(()).verdict == "not measured"


def test_the_same_values_have_the_same_interval() -> None:
    values = [0.1, 0.3, 0.2, 0.15, 0.22, 0.18]

    assert interval(values) == interval(list(values))


def test_a_single_value_has_no_bounds() -> None:
    assert interval([0.2]) == (0.2, -math.inf, math.inf)


def test_a_geometric_mean_treats_twice_and_half_alike() -> None:
    assert geometric_mean([2.0, 0.5]) == pytest.approx(1.0)


def test_an_order_effect_needs_values_of_two_places() -> None:
    assert not order_effect({0: [1.0, 1.0, 1.0]})
    assert order_effect({0: [1.0, 1.0, 1.0], 3: [1.2, 1.2, 1.2]})


def test_the_front_has_what_nothing_beats_in_both_measures() -> None:
    points = {"full": (414.0, 1.0), "slim": (43.0, 1.0), "alpine": (17.0, 1.2), "worse": (50.0, 1.3)}

    assert pareto(points) == {"slim", "alpine"}
