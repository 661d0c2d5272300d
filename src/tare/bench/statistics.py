"""Paired ratios with an interval, and the word for what they show. Pure; the same samples give the same words.

The unit is a fresh container. Candidate and baseline of one round ran right after each other, so a machine that gets
slower does so for both: what is compared is the logarithm of their ratio, round by round. Its median has a bootstrap
interval. A difference counts when the interval leaves out "equal" and the median is beyond a *practical threshold*: three
percent, or the noise that the A/A control shows, whichever is more.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

RESAMPLES: Final = 2_000
THRESHOLD: Final = math.log(1.03)
WIDEST: Final = math.log(1.10)
"""What is noisier than this is undecided, and never *no practical difference*."""
MOST_ROUNDS: Final = 30
UNBOUNDED: Final = 1e9
"""Stands for a ratio that nothing bounds from above; JSON has no infinity."""
FEWEST: Final = 5
"""Rounds below which nothing is called faster or slower: a median of fewer has no interval worth the name."""

Verdict = Literal["faster", "slower", "no practical difference", "undecided", "not measured"]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How much more one candidate takes than the baseline."""

    ratio: float
    """Above 1: it takes more, of time as of memory; a rate is turned around before."""
    low: float
    high: float
    """A 95 % interval of the ratio; from 0 to `UNBOUNDED` when one round says nothing of it."""
    rounds: int
    verdict: Verdict
    threshold: float
    """A ratio between 1/threshold and threshold makes no practical difference."""
    more: int | None = None
    """About how many rounds more would decide, if it is undecided."""

    @property
    def words(self) -> str:
        """The verdict, as it is printed."""
        if self.verdict != "undecided":
            return self.verdict
        if self.more is None:
            return "undecided (more rounds would not help)"
        return f"undecided (needs about {self.more} more round{'s' if self.more > 1 else ''})"


def log_ratios(subject: Mapping[object, float], baseline: Mapping[object, float]) -> list[float]:
    """Return the paired logarithms of the ratio, over the rounds that both have."""
    rounds = sorted((key for key in subject if key in baseline), key=repr)
    return [math.log(subject[each] / baseline[each]) for each in rounds if subject[each] > 0 and baseline[each] > 0]


def interval(values: Sequence[float], *, seed: int = 0) -> tuple[float, float, float]:
    """Return the median of *values* and a 95 % bootstrap interval of it, widened for small samples.

    The percentile bootstrap of a median is too narrow for few values; it is stretched by t/z for their number.
    """
    if not values:
        raise ValueError("no values")
    median = statistics.median(values)
    if len(values) == 1:
        return median, -math.inf, math.inf
    dice = random.Random(f"{seed}:{len(values)}")
    found = sorted(statistics.median(dice.choices(values, k=len(values))) for _ in range(RESAMPLES))
    low, high = found[int(0.025 * RESAMPLES)], found[int(0.975 * RESAMPLES) - 1]
    stretch = _stretch(len(values))
    return median, median - (median - low) * stretch, median + (high - median) * stretch


_T: Final = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 1.96}
"""Student's t for 95 % by the number of values; from ten on simulated A/A runs need no stretching."""


def _stretch(count: int) -> float:
    return _T[max(each for each in _T if each <= count)] / 1.96


def noise(control: Sequence[float]) -> float:
    """Return the noise floor that an A/A control shows: half of the width of its interval, as a log ratio."""
    if len(control) < FEWEST:
        return 0.0
    _, low, high = interval(control)
    return (high - low) / 2 / _stretch(len(control))


def compare(values: Sequence[float], *, floor: float = 0.0) -> Comparison:
    """Return what paired log ratios show, given the noise *floor* of the A/A control (a log ratio)."""
    threshold = max(THRESHOLD, floor)
    if not values:
        return Comparison(
            ratio=1.0, low=0.0, high=UNBOUNDED, rounds=0, verdict="not measured", threshold=math.exp(threshold)
        )
    median, low, high = interval(values)
    verdict = _verdict(median, low, high, threshold, len(values))
    return Comparison(
        ratio=math.exp(median),
        low=math.exp(low),
        high=min(math.exp(min(high, 100.0)), UNBOUNDED),
        rounds=len(values),
        verdict=verdict,
        threshold=math.exp(threshold),
        more=_more(values, median, (low, high), threshold) if verdict == "undecided" else None,
    )


def _verdict(median: float, low: float, high: float, threshold: float, rounds: int) -> Verdict:
    """Return the word. A difference has to be sure (its interval leaves out 1), and its middle beyond the threshold."""
    if rounds >= FEWEST:
        if low > 0 and median > threshold:
            return "slower"
        if high < 0 and median < -threshold:
            return "faster"
    band = min(threshold, WIDEST)
    if -band < low and high < band:
        return "no practical difference"
    return "undecided"


def _more(values: Sequence[float], median: float, bounds: tuple[float, float], threshold: float) -> int | None:
    """Return about how many rounds more would decide: an interval narrows with the root of their number."""
    count = len(values)
    if count < FEWEST:
        return FEWEST - count
    half = (bounds[1] - bounds[0]) / 2
    away = abs(median) if abs(median) > threshold else threshold - abs(median)
    if away <= 0:
        return None
    needed = math.ceil(count * (half / away) ** 2)
    return None if needed > MOST_ROUNDS * 10 else max(1, needed - count)


def compare_apart(new: Sequence[float], old: Sequence[float], *, seed: int = 0) -> Comparison:
    """Return how two runs differ whose rounds were not interleaved; *new* and *old* are log ratios to each run's baseline.

    Both were taken relative to a baseline of their own run, so that another machine or another day does not matter much.
    """
    if not new or not old:
        return compare(())
    dice = random.Random(f"{seed}:{len(new)}:{len(old)}")
    median = statistics.median(new) - statistics.median(old)
    found = sorted(
        statistics.median(dice.choices(new, k=len(new))) - statistics.median(dice.choices(old, k=len(old)))
        for _ in range(RESAMPLES)
    )
    count = min(len(new), len(old))
    stretch = _stretch(count) if count > 1 else math.inf
    low = median - (median - found[int(0.025 * RESAMPLES)]) * stretch if count > 1 else -math.inf
    high = median + (found[int(0.975 * RESAMPLES) - 1] - median) * stretch if count > 1 else math.inf
    return Comparison(
        ratio=math.exp(median),
        low=math.exp(low),
        high=min(math.exp(min(high, 100.0)), UNBOUNDED),
        rounds=count,
        verdict=_verdict(median, low, high, THRESHOLD, count),
        threshold=math.exp(THRESHOLD),
        more=FEWEST - count if count < FEWEST else None,
    )


def geometric_mean(ratios: Iterable[float]) -> float:
    """Return the geometric mean of the ratios of one family of cases."""
    logs = [math.log(each) for each in ratios if each > 0]
    return math.exp(statistics.fmean(logs)) if logs else math.nan


def order_effect(values_by_order: Mapping[int, Sequence[float]], *, drift: float = 0.05) -> bool:
    """Tell whether what ran later in a round took more, by more than *drift*: then the order decides, not the image."""
    if len(values_by_order) < 2:
        return False
    medians = {order: statistics.median(values) for order, values in values_by_order.items() if len(values) >= 3}
    if len(medians) < 2:
        return False
    first, last = medians[min(medians)], medians[max(medians)]
    return first > 0 and abs(math.log(last / first)) > drift


def pareto(points: Mapping[str, tuple[float, float]]) -> set[str]:
    """Return the names of those that no other beats in one measure without losing in the other; less is better."""
    return {
        name
        for name, (x, y) in points.items()
        if not any(
            (other_x <= x and other_y <= y) and (other_x < x or other_y < y)
            for other, (other_x, other_y) in points.items()
            if other != name
        )
    }
