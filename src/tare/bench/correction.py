"""Verdicts of a whole table: the more cases there are, the surer each has to be. Pure.

Of forty equal cases two leave out "equal" from a 95 % interval by chance. Holm's procedure goes through them from the
surest on, and asks of each as much as there are cases left; the first that is not sure enough ends it.
https://en.wikipedia.org/wiki/Holm%E2%80%93Bonferroni_method
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import msgspec

from tare.bench.statistics import MOST_ROUNDS, UNBOUNDED, Comparison

_LEVEL: Final = 0.05
_NORMAL: Final = NormalDist()
_Z: Final = _NORMAL.inv_cdf(1 - _LEVEL / 2)
"""Standard errors that a 95 % interval has on each side."""


def corrected(table: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons of *table*, in their order; those that are not sure enough for it are undecided.

    Intervals stay those of each case alone.
    """
    found = list(table)
    sure = [place for place, each in enumerate(found) if each.verdict in {"faster", "slower"}]
    for taken, place in enumerate(sorted(sure, key=lambda each: -_errors(found[each]))):
        wanted = _NORMAL.inv_cdf(1 - _LEVEL / 2 / (len(found) - taken))
        if _errors(found[place]) < wanted:
            for each in sorted(sure, key=lambda each: -_errors(found[each]))[taken:]:
                found[each] = _undecided(found[each], wanted)
            break
    return found


def _errors(comparison: Comparison) -> float:
    """Return how many standard errors lie between a ratio and 1, by the side of its interval that looks there."""
    away = math.log(comparison.ratio)
    bound = comparison.low if away > 0 else comparison.high
    if bound <= 0 or bound >= UNBOUNDED:
        return 0.0
    side = abs(away - math.log(bound))
    return _Z * abs(away) / side if side else math.inf


def _undecided(comparison: Comparison, wanted: float) -> Comparison:
    """Return *comparison* without its verdict, and with about how many rounds more would be enough."""
    errors = _errors(comparison)
    needed = math.ceil(comparison.rounds * (wanted / errors) ** 2) if errors else MOST_ROUNDS * 10 + 1
    more = None if needed > MOST_ROUNDS * 10 else max(1, needed - comparison.rounds)
    return msgspec.structs.replace(comparison, verdict="undecided", more=more)
