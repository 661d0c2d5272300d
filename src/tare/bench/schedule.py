"""In which order what is measured: rounds of all candidates, shuffled within, the same for the same seed.

A *block* is some rounds of all candidates on one machine. Blocks are what several machines share: never candidates.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate doing one workload in one fresh container."""

    block: str
    round: int
    order: int
    workload: str
    candidate: str


def turns(
    candidates: Sequence[str], workloads: Sequence[str], *, rounds: range, seed: int, block: str = "local"
) -> list[Turn]:
    """Return all turns of *rounds*, in the order in which they are to be taken."""
    found: list[Turn] = []
    for number in rounds:
        for workload in workloads:
            found += [
                Turn(block=block, round=number, order=order, workload=workload, candidate=candidate)
                for order, candidate in enumerate(_shuffled(candidates, f"{seed}:{block}:{number}:{workload}"))
            ]
    return found


def _shuffled(candidates: Sequence[str], seed: str) -> list[str]:
    order = sorted(candidates)
    random.Random(seed).shuffle(order)
    return order


def hash_seed(seed: int, number: int) -> str:
    """Return `PYTHONHASHSEED` of a round: another one each round, the same for all candidates of it."""
    return str(random.Random(f"{seed}:hash:{number}").randrange(1, 2**32))
