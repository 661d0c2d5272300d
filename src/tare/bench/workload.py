"""What is measured: a workload turns one place into figures, once a round."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from typing import Protocol

import msgspec

from tare.bench.places import Job, Outcome, Place
from tare.bench.result import Counters, Status
from tare.errors import UsageError
from tare.oci.structs import decoder


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One case of one turn; a `Sample` without its circumstances."""

    case: str
    status: Status = "ok"
    value: float | None = None
    unit: str = "s"
    values: tuple[float, ...] = ()
    first: float | None = None
    lower_is_better: bool = True
    counters: Counters = Counters()
    check: str | None = None
    histogram: str | None = None
    note: str | None = None
    extra: dict[str, float] = {}


class Workload(Protocol):
    """Something to do with every candidate, once a round."""

    @property
    def name(self) -> str: ...

    def measure(self, candidate: str, place: Place, *, round_seed: str) -> Sequence[Measured]:
        """Do it in fresh containers of *place*. What goes wrong with the candidate is a status, not an exception."""
        ...


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One of our programs, and the cases that it reports."""

    command: tuple[str, ...]
    """Its file and arguments."""
    cases: tuple[str, ...]
    timeout: float = 600.0
    memory: int | None = None
    environment: dict[str, str] = {}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What a program says of one case."""

    case: str
    status: Status = "ok"
    values: tuple[float, ...] = ()
    first: float | None = None
    unit: str = "s"
    cpu: float | None = None
    rss: int | None = None
    check: str | None = None
    note: str | None = None
    lower_is_better: bool = True
    extra: dict[str, float] = {}


class ProgramWorkload(msgspec.Struct, frozen=True, kw_only=True):
    """Programs of ours, each in a fresh container."""

    name: str
    programs: tuple[Program, ...]

    def measure(self, candidate: str, place: Place, *, round_seed: str) -> list[Measured]:
        found: list[Measured] = []
        for program in self.programs:
            outcome = place.run(
                Job(
                    command=program.command,
                    environment={"PYTHONHASHSEED": round_seed, **program.environment},
                    timeout=program.timeout,
                    memory=program.memory,
                )
            )
            found += reported(outcome, program.cases)
        return found


def reported(outcome: Outcome, cases: Sequence[str]) -> list[Measured]:
    """Return what a program reported, and for each of *cases* that it did not get to, why."""
    lines = {line.case: line for line in _lines(outcome.stdout)}
    found = [_measured(line) for line in lines.values()]
    missing = [case for case in cases if case not in lines]
    if missing:
        status, note = failure(outcome)
        found += [Measured(case=case, status=status, note=note) for case in missing]
    if found and cases:
        found[-1 if missing else 0] = msgspec.structs.replace(
            found[-1 if missing else 0], counters=_with_rss(outcome.counters, found[-1 if missing else 0].counters)
        )
    return found


def _with_rss(group: Counters, own: Counters) -> Counters:
    return msgspec.structs.replace(group, rss_peak=own.rss_peak, cpu_seconds=own.cpu_seconds or group.cpu_seconds)


def failure(outcome: Outcome) -> tuple[Status, str]:
    """Return how a program ended that did not do all of its work."""
    if outcome.timed_out:
        return "timeout", "it took too long"
    if outcome.killed or "MemoryError" in outcome.stderr:
        return "oom", "its memory was used up"
    if "ModuleNotFoundError" in outcome.stderr:
        return "unsupported", _last(outcome.stderr)
    if outcome.code in {126, 127}:
        return "unsupported", "the image has no `python3`"
    return "failed", _last(outcome.stderr) or f"exit code {outcome.code}"


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _lines(data: bytes) -> list[Line]:
    """Return the lines that are reports; a program's libraries may print others."""
    found = []
    for line in data.splitlines():
        if line.startswith(b'{"case"'):
            try:
                found.append(decoder(Line).decode(line))
            except msgspec.DecodeError:
                continue
    return found


def _measured(line: Line) -> Measured:
    return Measured(
        case=line.case,
        status=line.status,
        value=statistics.median(line.values) if line.values else None,
        unit=line.unit,
        values=line.values,
        first=line.first,
        lower_is_better=line.lower_is_better,
        counters=Counters(cpu_seconds=line.cpu, rss_peak=line.rss),
        check=line.check,
        note=line.note,
        extra=line.extra,
    )


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workload of the user's own: a table `[workload.NAME]` of `bench.toml`."""

    command: tuple[str, ...]
    """A whole command, run in the image."""
    verify: str | None = None
    """A regular expression that its output has to match; otherwise the answer was wrong."""
    value: str | None = None
    """A regular expression whose first group is the figure; without one the figure is how long the command took."""
    unit: str = "s"
    lower_is_better: bool = True
    timeout: float = 600.0


class CommandWorkload(msgspec.Struct, frozen=True, kw_only=True):
    """A command of the user's, in a fresh container."""

    name: str
    command: Command

    def measure(self, candidate: str, place: Place, *, round_seed: str) -> list[Measured]:
        job = Job(
            command=self.command.command,
            environment={"PYTHONHASHSEED": round_seed},
            timeout=self.command.timeout,
            whole=True,
        )
        outcome = place.run(job)
        return [self._judged(outcome)]

    def _judged(self, outcome: Outcome) -> Measured:
        text = outcome.stdout.decode("utf-8", "replace")
        common = Measured(
            case=self.name,
            unit=self.command.unit,
            counters=outcome.counters,
            lower_is_better=self.command.lower_is_better,
        )
        if outcome.code:
            status, note = failure(outcome)
            return msgspec.structs.replace(common, status=status, note=note)
        if self.command.verify is not None and not re.search(self.command.verify, text):
            note = f"its output does not match `{self.command.verify}`"
            return msgspec.structs.replace(common, status="mismatch", note=note)
        value = outcome.seconds if self.command.value is None else _figure(self.command.value, text)
        if value is None:
            return msgspec.structs.replace(common, status="failed", note=f"no figure matches `{self.command.value}`")
        return msgspec.structs.replace(common, value=value, values=(value,))


def _figure(pattern: str, text: str) -> float | None:
    match = re.search(pattern, text)
    try:
        return float(match[1]) if match else None
    except (ValueError, IndexError):
        return None


def read_commands(data: bytes, name: str) -> dict[str, Command]:
    """Return the workloads of a `bench.toml`."""

    class Document(msgspec.Struct, forbid_unknown_fields=True):
        workload: dict[str, Command]

    try:
        return msgspec.toml.decode(data, type=Document).workload
    except msgspec.DecodeError as error:
        raise UsageError(f"`{name}` does not describe workloads", causes=(str(error),)) from None
