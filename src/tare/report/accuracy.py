"""How long past builds took, beside what had been estimated of them (`docs/choose.md`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tare.flow.build.estimate import Build, Speeds, compared, speeds, within
from tare.report.text import age, duration, megabytes, table

SCHEMA: Final = "tare.choose-accuracy/1"

_SHOWN: Final = 20
_NAME: Final = 34
_NOTHING: Final = "No build was recorded on this machine yet; the first one has no estimate, the second one has.\n"


def accuracy_text(builds: Sequence[Build], *, now: float) -> str:
    """Return what was estimated of the last builds, what they took, and what follows for the next estimate."""
    known = speeds(builds)
    if known is None:
        return _NOTHING
    rows: list[tuple[str, ...]] = [("when", "project", "base", "fetched", "hashed", "estimate", "interval", "took", "")]
    rows += [_row(each, now=now) for each in builds[-_SHOWN:]]
    lines = [table(rows, right=frozenset(range(3, 8))), "", *_verdict(builds, known)]
    return "\n".join(lines) + "\n"


def _row(build: Build, *, now: float) -> tuple[str, ...]:
    estimate, interval, verdict = "–", "–", ""
    if build.predicted is not None:
        about, low, high = build.predicted
        estimate, interval = duration(about), f"{duration(low)} – {duration(high)}"
        verdict = "" if within(build) else "shorter" if build.seconds < low else "longer"
    base = build.base if len(build.base) <= _NAME else f"…{build.base[-_NAME + 1 :]}"
    sizes = (megabytes(build.fetched), megabytes(build.hashed))
    return (
        age(now - build.at),
        build.project or "–",
        base,
        *sizes,
        estimate,
        interval,
        duration(build.seconds),
        verdict,
    )


def _verdict(builds: Sequence[Build], known: Speeds) -> list[str]:
    """Return how many estimates held, and the interval of the next one."""
    past = compared(builds)
    held = sum(map(within, past))
    lines = [f"{held} of {len(past)} estimates had the time in their interval."] if past else []
    measured = "measured here" if known.calibrated else "assumed until five builds can be compared"
    lines.append(f"The next interval reaches from {known.low:.2f} to {known.high:.2f} times the estimate ({measured}).")
    return lines


def accuracy_json(builds: Sequence[Build]) -> str:
    """Return the same as a document."""
    known = speeds(builds)
    past = compared(builds)
    document = {
        "schema": SCHEMA,
        "builds": [_build(each) for each in builds],
        "compared": len(past),
        "within": sum(map(within, past)),
        "speeds": None
        if known is None
        else {
            "fetch": known.fetch,
            "hash": known.hash,
            "source": known.source,
            "rest": known.rest,
        },
        "interval": None
        if known is None
        else {
            "low": known.low,
            "high": known.high,
            "less": known.less,
            "more": known.more,
            "calibrated": known.calibrated,
        },
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _build(build: Build) -> dict[str, object]:
    return {
        **msgspec.to_builtins(build),
        "predicted": list(build.predicted) if build.predicted else None,
        "within": within(build) if build.predicted else None,
    }
