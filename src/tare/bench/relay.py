"""A run's results as lines of text, sent as they are measured: what machines tell the one that gathers.

Each line is `tare.bench/1 WHAT JSON`, where WHAT is `run`, `sample` or `end`. Anything else that comes the same way, such
as warnings in the log of a pod, is no line of ours. A machine that dies has lost what it had not sent: one turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from tare.bench.journal import Journal, check_same
from tare.bench.result import SCHEMA, Run, Sample
from tare.errors import UsageError
from tare.oci.structs import decoder

_FAMILY = SCHEMA.rpartition("/")[0] + "/"


class Relay(Journal):
    """A journal on this machine whose lines are also sent."""

    def __init__(self, directory: Path, send: Callable[[str], object]) -> None:
        super().__init__(directory)
        self._send = send

    def begin(self, run: Run) -> None:
        """Write the head, and send it with all that is there: a run that goes on is told from its beginning."""
        super().begin(run)
        self._send(_line("run", run))
        for sample in self.read().samples:
            self._send(_line("sample", sample))

    def append(self, samples: Iterable[Sample]) -> None:
        there = tuple(samples)
        super().append(there)
        for sample in there:
            self._send(_line("sample", sample))

    def end(self) -> None:
        """Say that all was measured."""
        self._send(f"{SCHEMA} end {{}}\n")


def _line(what: str, value: Run | Sample) -> str:
    return f"{SCHEMA} {what} {msgspec.json.encode(value).decode()}\n"


class Receiver:
    """Takes lines of one machine, and keeps what they say in *journal*."""

    def __init__(self, journal: Journal, block: str) -> None:
        self._journal = journal
        self._block = block
        self.run: Run | None = None
        self.samples: dict[tuple[str, str, str, str, int], Sample] = {}
        if journal.exists:
            self.samples = {each.key: each for each in journal.read().samples}
        self.ended = False
        self.said: list[str] = []
        """The last lines that were none of ours: what a machine says when something goes wrong."""

    @property
    def turns(self) -> int:
        """How many turns have samples."""
        return len({(each.round, each.workload, each.candidate) for each in self.samples.values()})

    def take(self, line: str) -> None:
        """Keep what *line* says. One that came before, as when a log is read again, says nothing new."""
        schema, _, rest = line.partition(" ")
        what, _, text = rest.partition(" ")
        if not schema.startswith(_FAMILY) or what not in {"run", "sample", "end"}:
            if line.strip():
                self.said = [*self.said[-9:], line.strip()[:500]]
            return
        if schema != SCHEMA:
            raise UsageError(
                f"`{self._block}` has another version of tare",
                causes=(f"it sends `{schema}`, this one reads `{SCHEMA}`",),
            )
        try:
            self._keep(what, text)
        except msgspec.DecodeError as error:
            raise UsageError(f"`{self._block}` sends what is no result", causes=(str(error),)) from None

    def _keep(self, what: str, text: str) -> None:
        if what == "end":
            self.ended = True
        elif what == "run":
            self.run = decoder(Run).decode(text)
            if self._journal.exists:
                check_same(self._journal.read().run, self.run)
            self._journal.begin(self.run)
        else:
            self._sample(decoder(Sample).decode(text))

    def _sample(self, sample: Sample) -> None:
        if self.run is None:
            raise UsageError(f"`{self._block}` sends samples of no run")
        if sample.block != self._block:
            raise UsageError(
                f"`{self._block}` sends samples of another machine", causes=(f"they are of the block `{sample.block}`",)
            )
        if sample.key not in self.samples:
            self.samples[sample.key] = sample
            self._journal.append((sample,))
