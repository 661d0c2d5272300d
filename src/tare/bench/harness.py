"""Rounds of turns, each turn's samples written down before the next begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from tare.bench.journal import Journal
from tare.bench.places import Place
from tare.bench.result import Sample
from tare.bench.schedule import Turn, hash_seed, turns
from tare.bench.workload import Measured, Workload
from tare.errors import MachineError

Say = Callable[[str], None]


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """All that rounds need."""

    places: Mapping[str, Place]
    """By candidate."""
    workloads: Sequence[Workload]
    journal: Journal
    seed: int
    block: str
    now: Callable[[], float]
    """Seconds since 1970."""
    say: Say
    """Shows what is being done, and how long it will take."""

    def run(self, rounds: int) -> int:
        """Measure until there are *rounds* rounds, and return how many turns were taken.

        Turns whose samples are there already are not taken again, so a run that was killed goes on where it was.
        """
        with self.journal.held():
            done = {(each.block, each.round, each.workload, each.candidate) for each in self.journal.read().samples}
            by_name = {each.name: each for each in self.workloads}
            plan = turns(list(self.places), list(by_name), rounds=range(rounds), seed=self.seed, block=self.block)
            left = [turn for turn in plan if (turn.block, turn.round, turn.workload, turn.candidate) not in done]
            clock = _Remaining(left)
            for turn in left:
                self.say(f"round {turn.round + 1} of {rounds}: {turn.workload} on {turn.candidate}{clock.words}")
                started = self.now()
                measured = self._measured(by_name[turn.workload], turn)
                # One line for a turn that measured nothing, or it would be taken again each time.
                self.journal.append(_sample(each, turn, started) for each in measured or (_NOTHING,))
                clock.took(turn, self.now() - started)
        return len(left)

    def _measured(self, workload: Workload, turn: Turn) -> Sequence[Measured]:
        place = self.places[turn.candidate]
        try:
            return workload.measure(turn.candidate, place, round_seed=hash_seed(self.seed, turn.round))
        except MachineError as error:
            return (Measured(case="*", status="failed", note="; ".join((error.message, *error.causes))[:500]),)


_NOTHING = Measured(case="*", status="failed", note="nothing was measured")


def _sample(measured: Measured, turn: Turn, started: float) -> Sample:
    fields = {name: getattr(measured, name) for name in measured.__struct_fields__}
    return Sample(
        workload=turn.workload,
        candidate=turn.candidate,
        round=turn.round,
        order=turn.order,
        block=turn.block,
        started=started,
        **fields,
    )


class _Remaining:
    """Guesses how long the turns that are left will take, from those of the same workload that were taken."""

    def __init__(self, left: Sequence[Turn]) -> None:
        self._left = list(left)
        self._taken: dict[str, list[float]] = {}

    def took(self, turn: Turn, seconds: float) -> None:
        self._left.remove(turn)
        self._taken.setdefault(turn.workload, []).append(seconds)

    @property
    def words(self) -> str:
        if not self._taken:
            return ""
        means = {name: sum(taken) / len(taken) for name, taken in self._taken.items()}
        seconds = sum(means[turn.workload] for turn in self._left if turn.workload in means)
        # In the first round nobody knows yet how long some workloads take: what is known is said, and what is not.
        unknown = dict.fromkeys(turn.workload for turn in self._left if turn.workload not in means)
        return f", {rough(seconds)} left" + (f" without {', '.join(unknown)}" if unknown else "")


def rough(seconds: float) -> str:
    """Return a duration as a person would say it.

    >>> rough(600)
    'about 10 min'
    """
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
