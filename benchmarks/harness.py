"""Cases measured side by side: every round runs all of them, in random order, so that what drifts drifts for all.

A ratio is the median over rounds of one case's figure to another's in the *same* round, with a bootstrap interval. Each
group has an A/A control, one case under two names: what its ratio differs from 1 by is noise, and is printed.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

RESAMPLES = 5_000
SEED = 1980

Case = Callable[[], float]
"""Does the work once and returns what it took: seconds, or bytes."""


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How much more one case takes than another."""

    median: float
    low: float
    high: float
    """A 95 % interval of the median."""

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"

    @property
    def half_width(self) -> float:
        """How far from 1 the interval reaches; of an A/A control, the noise floor."""
        return max(abs(self.low - 1), abs(self.high - 1))


@dataclass(kw_only=True)
class Rounds:
    """What each case took, round by round."""

    figures: dict[str, list[float]] = field(default_factory=dict)

    def median(self, name: str) -> float:
        return statistics.median(self.figures[name])

    def least(self, name: str) -> float:
        return min(self.figures[name])

    def count(self, name: str) -> int:
        return len(self.figures.get(name, []))

    def ratio(self, name: str, to: str) -> Ratio:
        """Return the paired ratio of *name* to *to*, over the rounds that have both."""
        pairs = [(one, other) for one, other in zip(self.figures[name], self.figures[to], strict=False)]
        return paired_ratio(pairs)


def paired_ratio(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Return the median of the ratios, taken as logarithms so that a/b and b/a are treated alike."""
    logs = [math.log(one / other) for one, other in pairs]
    dice = random.Random(SEED)
    medians = sorted(statistics.median(dice.choices(logs, k=len(logs))) for _ in range(RESAMPLES))
    low, high = medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]
    return Ratio(median=math.exp(statistics.median(logs)), low=math.exp(low), high=math.exp(high))


def interleave(
    cases: Mapping[str, Case], *, rounds: int, seconds: float, only_first: Mapping[str, int] | None = None
) -> Rounds:
    """Run every case once a round, for *rounds* rounds or until *seconds* are used up; at least once.

    *only_first* says of costly cases in how many of the first rounds they take part.
    """
    result = Rounds(figures={name: [] for name in cases})
    order = random.Random(SEED)
    give_up = time.monotonic() + seconds
    for number in range(rounds):
        names = [name for name in cases if number < (only_first or {}).get(name, rounds)]
        for name in order.sample(names, len(names)):
            result.figures[name].append(cases[name]())
        if time.monotonic() > give_up:
            break
    return result


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that *work* takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
