"""All cases of a workload together: surer than each of them, and no verdict by chance."""

from __future__ import annotations

import math

import msgspec
import pytest
from bench_runs import simulated

from tare.bench.analysis import analyse
from tare.bench.families import Family, front
from tare.bench.io import LOAD_CASES
from tare.bench.result import LIMITED, SERVER, Results
from tare.bench.statistics import Comparison, compare
from tare.measure.sizes import ImageSizes
from tare.report.bench import bench_text
from tare.report.bench_page import document
from tare.report.page.markdown import to_markdown
from tare.report.page.words import words

SEEDS = 24


def together(effects: dict[str, float], *, cases: int = 4, workload: str = "cpu", **told: float) -> Results:
    """Return a run of several cases, in each of which the images differ alike."""
    runs = [simulated(effects, case=f"case {number}", **told) for number in range(cases)]  # type: ignore[arg-type]
    samples = (msgspec.structs.replace(each, workload=workload) for run in runs for each in run.samples)
    return msgspec.structs.replace(runs[0], samples=tuple(samples))


def whole(effect: float, seed: int, *, noise: float) -> Comparison:
    run = together({"slim": 0.0, "other": math.log(1 + effect)}, seed=seed, noise=noise, drift=0.02)
    [found] = analyse(run).families
    assert found.comparison is not None
    return found.comparison


@pytest.mark.parametrize("noise", [0.02, 0.05])
def test_of_equal_images_at_most_one_in_twenty_has_a_verdict_over_all_cases(noise: float) -> None:
    verdicts = [whole(0.0, seed, noise=noise).verdict for seed in range(SEEDS)]

    assert sum(each in {"faster", "slower"} for each in verdicts) <= SEEDS * 0.05


def test_five_percent_over_all_cases_are_found_where_each_case_alone_is_too_noisy() -> None:
    found = [whole(0.05, seed, noise=0.04).verdict for seed in range(SEEDS)]

    assert found.count("slower") >= SEEDS * 0.9


def test_one_case_of_eight_that_is_slower_does_not_make_the_whole_slower() -> None:
    run = together({"slim": 0.0, "other": 0.0}, cases=8, noise=0.002, drift=0.0)
    samples = tuple(
        msgspec.structs.replace(each, value=(each.value or 0) * 1.1)
        if (each.case, each.candidate) == ("case 3", "other")
        else each
        for each in run.samples
    )
    [found] = analyse(msgspec.structs.replace(run, samples=samples)).families

    assert (found.cases, found.slower, found.mixed) == (8, 1, False)
    assert found.comparison is not None
    assert found.comparison.verdict == "no practical difference"


def test_the_servers_own_work_is_not_the_images() -> None:
    run = together({"slim": 0.0, "other": 0.1}, cases=2, noise=0.002, drift=0.0)
    own = simulated({"slim": 0.0, "other": 0.0}, case="postgres: index (server)", noise=0.002, drift=0.0)
    [found] = analyse(msgspec.structs.replace(run, samples=(*run.samples, *own.samples))).families

    assert found.cases == 2
    assert found.ratio == pytest.approx(math.exp(0.1), rel=0.01)


def test_the_cases_of_the_server_are_called_so() -> None:
    assert sum(each.endswith(SERVER) for each in LOAD_CASES) == 3


def test_only_rounds_with_every_case_count() -> None:
    run = together({"slim": 0.0, "other": 0.1}, cases=2)
    samples = tuple(each for each in run.samples if not (each.case == "case 1" and each.round in {2, 3}))
    [found] = analyse(msgspec.structs.replace(run, samples=samples)).families

    assert found.comparison is not None
    assert found.comparison.rounds == 8


def test_the_noise_is_that_of_the_noisiest_case() -> None:
    run = together({"slim": 0.0}, noise=0.001, drift=0.0)
    loud = simulated({"slim": 0.0}, case="loud", noise=0.2, drift=0.0)
    alone = analyse(loud).noise["cpu"]
    found = analyse(msgspec.structs.replace(run, samples=(*run.samples, *loud.samples))).noise["cpu"]

    assert found == alone > 1.05


def of(candidate: str, effect: float) -> Family:
    values = [effect + wobble / 1000 for wobble in range(6)]
    return Family(
        workload="cpu", candidate=candidate, ratio=math.exp(effect), cases=1, faster=0, slower=0, undecided=0,
        comparison=compare(values),
    )  # fmt: skip


def test_what_noise_alone_makes_faster_is_not_on_the_front() -> None:
    sizes = {"full": 414, "slim": 43, "alpine": 17}
    families = [of("full", -0.01), of("alpine", 0.2)]

    assert front(sizes, families, workload="cpu", baseline="slim") == {"slim", "alpine"}


def test_the_front_is_about_one_kind_of_work_that_is_named() -> None:
    sizes = ImageSizes(pull=1, unpacked=2, rootfs=2, waste=0, store=3)
    run = together({"slim": 0.0, "alpine": 0.2}, workload="start")
    candidates = tuple(
        msgspec.structs.replace(each, sizes=msgspec.structs.replace(sizes, pull=2 if each.name == "slim" else 1))
        for each in run.run.candidates
    )
    found = analyse(msgspec.structs.replace(run, run=msgspec.structs.replace(run.run, candidates=candidates)))

    assert (found.front, found.front_of) == (("slim", "alpine"), "start")


@pytest.mark.parametrize("rounds", [1, 10])
def test_a_front_that_rests_on_what_is_undecided_says_so(rounds: int) -> None:
    """One round decides nothing: that the smaller image is as fast is then no more than an assumption."""
    sizes = ImageSizes(pull=2, unpacked=2, rootfs=2, waste=0, store=4)
    run = together({"slim": 0.0, "alpine": 0.2}, rounds=rounds)
    candidates = tuple(
        msgspec.structs.replace(each, sizes=msgspec.structs.replace(sizes, pull=2 if each.name == "slim" else 1))
        for each in run.run.candidates
    )
    run = msgspec.structs.replace(run, run=msgspec.structs.replace(run.run, candidates=candidates))
    found = analyse(run)
    said = "the time of alpine is undecided, and counts as that of slim"

    assert found.front == (("alpine",) if rounds == 1 else ("slim", "alpine"))
    assert (said in bench_text(run, found)) is (rounds == 1)
    assert (said.capitalize() in to_markdown(document(run, found, words("en")))) is (rounds == 1)


def test_what_the_generator_limited_is_shown_and_not_compared() -> None:
    run = simulated({"slim": 0.0, "other": 0.0})
    samples = tuple(msgspec.structs.replace(each, extra={LIMITED: 1.0}, note="busy") for each in run.samples)
    found = analyse(msgspec.structs.replace(run, samples=samples))
    cell = next(each for each in found.cells if each.candidate == "other")

    assert (cell.status, cell.comparison, cell.note, cell.median is not None) == ("ok", None, "busy", True)
    assert found.families == ()
