"""Answers of workloads: whether every candidate computed the same."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from typing import Final

import msgspec

from tare.bench.result import Results, Sample

TOLERANCE: Final = 1e-9
"""How much numbers of an answer may differ, relatively: sums in another order are still the same sums."""


def checked(results: Results) -> tuple[Sample, ...]:
    """Return the samples; those with another answer than the baseline's are `mismatch`."""
    right: dict[tuple[str, str], str] = {}
    for name in (results.run.plan.baseline, None):
        answers: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for sample in results.samples:
            if sample.check is not None and sample.status == "ok" and name in {None, sample.candidate}:
                answers[sample.workload, sample.case][sample.check] += 1
        for key, found in answers.items():
            right.setdefault(key, found.most_common(1)[0][0])
    return tuple(_judged(each, right.get((each.workload, each.case))) for each in results.samples)


def _judged(sample: Sample, right: str | None) -> Sample:
    if sample.check is None or right is None or same_answer(sample.check, right):
        return sample
    note = f"its answer is {sample.check[:80]}, the baseline's {right[:80]}"
    return msgspec.structs.replace(sample, status="mismatch", note=note)


def same_answer(one: str, other: str) -> bool:
    """Tell whether two answers are the same: numbers within a tolerance, everything else exactly."""
    if one == other:
        return True
    try:
        return _same(json.loads(one), json.loads(other))
    except ValueError:
        return False


def _same(one: object, other: object) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if (isinstance(one, float) and isinstance(other, float | int)) or (
        isinstance(other, float) and isinstance(one, int)
    ):
        return math.isclose(one, other, rel_tol=TOLERANCE)
    return one == other
