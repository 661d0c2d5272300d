"""Several layers read at once. Reading needs no order; what they do to the tree does.

A layer whose turn has not come keeps its members, and waits when it has too many. The lowest one that is not done is
always being read, so there is somebody who does not wait.
"""

from __future__ import annotations

import threading
from typing import Final

from tare import threads
from tare.oci.validate import layers as reading
from tare.oci.validate.archive import Member
from tare.oci.validate.changes import Changes
from tare.oci.validate.layers import Layer, Outcome, Read

_KEPT: Final = 10_000
"""Members that a layer keeps; each takes some 300 bytes."""


class _Turns:
    """Whose turn it is."""

    def __init__(self) -> None:
        self.current = 0
        self._changed = threading.Condition()

    def wait(self, position: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.current == position)

    def next(self) -> None:
        with self._changed:
            self.current += 1
            self._changed.notify_all()


class _Applicant:
    """The sink of one layer."""

    def __init__(self, position: int, layer: Layer, changes: Changes, turns: _Turns) -> None:
        self._position = position
        self._layer = layer
        self._changes = changes
        self._turns = turns
        self._kept: list[Member] = []
        self._begun = False
        self._more = True

    def apply(self, member: Member) -> bool:
        if self._begun:
            return self._changes.apply(member)
        self._kept.append(member)
        if self._turns.current == self._position or len(self._kept) >= _KEPT:
            self._begin()
        return self._more

    def _begin(self) -> None:
        self._turns.wait(self._position)
        self._begun = True
        self._changes.begin(self._layer.number, self._layer.changes)
        for member in self._kept:
            self._more = self._changes.apply(member)
        self._kept.clear()

    def end(self, *, whole: bool) -> None:
        """Let the next layer have its turn, however this one ended."""
        try:
            if not self._begun:
                self._begin()
            self._changes.end(whole=whole)
        finally:
            self._turns.next()


def check(layers: list[Layer], changes: Changes, how: Read) -> int:
    """Read *layers* with `how.workers` threads; return the number of bytes that they have uncompressed."""
    turns = _Turns()

    def one(position: int) -> int:
        applicant = _Applicant(position, layers[position], changes, turns)
        outcome = Outcome()
        try:
            outcome = reading.read(layers[position], applicant.apply, how)
        finally:
            applicant.end(whole=outcome.whole)
        return outcome.unpacked

    with threads.pool(how.workers) as pool:
        return sum(pool.map(one, range(len(layers))))
