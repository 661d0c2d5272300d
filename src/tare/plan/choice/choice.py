"""All candidates, compared, and the one to take."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tare.plan.choice.candidate import Candidate, Distribution
from tare.plan.choice.ranking import Prefer
from tare.plan.choice.reasons import MAX_REASONS


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """All candidates, platform by platform and the best first, and the base to take."""

    project: str
    candidates: tuple[Candidate, ...]
    recommended: str | None
    prefer: Prefer
    fetched: int
    """Bytes that came over the network."""

    wheels: int
    """Bytes of all wheels that were looked at: what downloading them would take."""

    downloaded: tuple[str, ...] = ()
    """Wheels that had to be downloaded, since their server has no ranges."""

    obstacles: tuple[str, ...] = ()
    """The distributions that alone keep the project from a smaller base."""

    notes: tuple[str, ...] = ()

    @property
    def best(self) -> tuple[Candidate, ...]:
        """The recommended base on each platform; nothing where none suits."""
        return tuple(each for each in self.candidates if each.base == self.recommended)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why that one: what was said of it on any platform."""
        return tuple(dict.fromkeys(text for each in self.best for text in each.reasons))[:MAX_REASONS]


def recommended(candidates: Sequence[Candidate]) -> str | None:
    """Return the base that is best on the platform where it is worst, of those that suit every platform."""
    bad = {each.base for each in candidates if not each.suitable}
    ranks: dict[str, list[int]] = {}
    for each in candidates:
        if each.base not in bad and each.rank is not None:
            ranks.setdefault(each.base, []).append(each.rank)
    return min(ranks, key=lambda base: (max(ranks[base]), sum(ranks[base]), base), default=None)


def lone_obstacles(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Return a sentence for each distribution that rules bases out, and is all that does."""
    several = len({each.platform for each in candidates}) > 1
    found: dict[tuple[str, str], list[str]] = {}
    for each in candidates:
        bad = [item for item in each.distributions if _is_obstacle(item)]
        if not each.suitable and len(bad) == 1 and len(each.obstacles) < 2 and each.python:
            what = f"`{bad[0].name}` {bad[0].version}"
            rest = (f" on {each.platform}" if several else "") + (f"; {bad[0].remedy}" if bad[0].remedy else "")
            found.setdefault((what, rest), []).append(f"`{each.base}`")
    return tuple(
        f"{what} alone keeps the project from {', '.join(dict.fromkeys(bases))}{rest}"
        for (what, rest), bases in found.items()
    )


def _is_obstacle(item: Distribution) -> bool:
    return item.kind == "impossible" or (item.kind == "sdist" and bool(item.native))
