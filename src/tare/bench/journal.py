"""The directory of a run: its head, and samples that are appended as they come, so that a kill loses one at most."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

import msgspec

from tare.bench.result import SCHEMA, Candidate, Results, Run, Sample
from tare.errors import MachineError, UsageError
from tare.oci.structs import decoder

HEAD: Final = "run.json"
SAMPLES: Final = "samples.jsonl"
LOCK: Final = "lock"


class Journal:
    """Results in *directory*."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._whole = False
        """Whether what was there is known to end with a whole line."""

    @property
    def exists(self) -> bool:
        return (self.directory / HEAD).exists()

    def begin(self, run: Run) -> None:
        """Write the head, whole or not at all."""
        self.directory.mkdir(parents=True, exist_ok=True)
        part = self.directory / f"{HEAD}.part"
        part.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")
        part.replace(self.directory / HEAD)

    def append(self, samples: Iterable[Sample]) -> None:
        """Add *samples*, and see to it that they are on the disk."""
        if not self._whole:
            self._mend()
            self._whole = True
        lines = b"".join(msgspec.json.encode(sample) + b"\n" for sample in samples)
        with (self.directory / SAMPLES).open("ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())

    def write(self, results: Results) -> None:
        """Write *results* in the place of what is there, each file whole or not at all."""
        self.begin(results.run)
        part = self.directory / f"{SAMPLES}.part"
        part.write_bytes(b"".join(msgspec.json.encode(sample) + b"\n" for sample in results.samples))
        part.replace(self.directory / SAMPLES)

    def read(self) -> Results:
        """Return everything that is there; a last line that a kill cut off, or that is being written, is left out."""
        return Results(run=read_run(self.directory / HEAD), samples=tuple(self._samples()))

    def _samples(self) -> Iterator[Sample]:
        path = self.directory / SAMPLES
        if not path.exists():
            return
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        seen = set()
        for number, line in enumerate(data[:whole].splitlines(), start=1):
            sample = _sample(line, path, number)
            if sample.key not in seen:
                seen.add(sample.key)
                yield sample

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from adding to the same results at the same time."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / LOCK).open("w") as file:
            # Who was killed has children that hold it, too, until they have noticed.
            for _ in range(_ATTEMPTS):
                if _locked(file):
                    break
                time.sleep(_PAUSE)
            else:
                raise MachineError(
                    f"`{self.directory}` is being written to", causes=("another `tare bench run` has it open",)
                )
            yield

    def _mend(self) -> None:
        """Remove a last line that a kill cut off: the next one would be added to it. Only who adds lines may."""
        path = self.directory / SAMPLES
        if path.exists():
            data = path.read_bytes()
            whole = data.rfind(b"\n") + 1
            if whole < len(data):
                os.truncate(path, whole)


_ATTEMPTS: Final = 20
_PAUSE: Final = 0.1
"""Seconds between them."""


def _locked(file: IO[str]) -> bool:
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def read_run(path: Path) -> Run:
    """Return the head of a run, or say which version wrote it."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            f"`{path.parent}` has no results", hints=(f"Measure with `tare bench run -o {path.parent}`",)
        ) from None
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.schema != SCHEMA:
            raise _foreign(path, head)
        return decoder(Run).decode(data)
    except msgspec.DecodeError as error:
        raise UsageError(f"`{path}` is not the head of a benchmark", causes=(str(error),)) from None


class _Head(msgspec.Struct):
    schema: str
    tare: str = "a version that is not named"


def _foreign(path: Path, head: _Head) -> UsageError:
    """Return the error for results of another format: the older one is measured again, the newer one waits for its tare."""
    ours, theirs = (text.removeprefix("tare.bench/") for text in (SCHEMA, head.schema))
    if not theirs.isdecimal():
        return UsageError(f"`{path}` is not the head of a benchmark", causes=(f"its schema is `{head.schema}`",))
    newer = int(theirs) > int(ours)
    advice = "Read it with that version, or a newer one" if newer else "Read it with that version, or measure again"
    return UsageError(
        f"`{path}` was written by {'a newer' if newer else 'an older'} version of tare",
        causes=(f"`{head.schema}`, by {head.tare}; this version reads `{SCHEMA}`",),
        hints=(advice,),
    )


def _sample(line: bytes, path: Path, number: int) -> Sample:
    try:
        return decoder(Sample).decode(line)
    except msgspec.DecodeError as error:
        raise UsageError(f"line {number} of `{path}` is not a sample", causes=(str(error),)) from None


def merge(parts: Iterable[Results]) -> Results:
    """Put blocks of one plan together: nothing is averaged, samples are only put beside each other."""
    found = list(parts)
    if not found:
        raise UsageError("there is nothing to merge")
    first = found[0].run
    samples: dict[tuple[str, str, str, str, int], Sample] = {}
    machines = dict(first.machines)
    for part in found:
        check_same(first, part.run)
        machines |= part.run.machines
        for sample in part.samples:
            if samples.setdefault(sample.key, sample) != sample:
                raise UsageError(
                    "two results say different things of one sample",
                    causes=(f"{sample.workload}/{sample.case} of `{sample.candidate}`, round {sample.round}",),
                    hints=("Give each machine a block of its own with `--block`",),
                )
    # By time: whichever block is named first, the result is the same.
    ordered = tuple(sorted(samples.values(), key=lambda each: (each.round, each.started, each.block)))
    return Results(run=msgspec.structs.replace(first, machines=machines), samples=ordered)


def check_same(one: Run, other: Run) -> None:
    """Refuse to put samples of other work, or of other images, beside each other."""
    if one.plan.compat != other.plan.compat:
        raise UsageError(
            "results of different work cannot be put together",
            hints=("Name another directory with `--output`, or measure both with the same tare and options",),
            causes=(f"one is of {one.plan.compat[:16]}, the other of {other.plan.compat[:16]}",),
        )
    for block in one.machines.keys() & other.machines.keys():
        engines = [each.machines[block].engine for each in (one, other)]
        if engines[0] != engines[1]:
            raise UsageError(
                "results of different engines cannot be put together",
                causes=(f"one is of {engines[0]}, the other of {engines[1]}",),
                hints=("Name another directory with `--output`, or the same `--engine`",),
            )
    ours, theirs = ({each.name: _what(each) for each in run.candidates} for run in (one, other))
    if ours != theirs:
        raise UsageError(
            "results of different images cannot be put together",
            causes=tuple(_differences(ours, theirs)),
            hints=("Name images by digest, so that every machine and every day measures the same",),
        )


def _what(candidate: Candidate) -> str:
    """Return what a candidate is, whatever it is called: an image's digest, or an interpreter's version."""
    return candidate.digest or (candidate.facts.python if candidate.facts else "an interpreter")


def _differences(ours: dict[str, str], theirs: dict[str, str]) -> Iterator[str]:
    """Yield for each name what it is in one and in the other."""
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours or name not in theirs:
            yield f"only {'one' if name in ours else 'the other'} has `{name}`"
        elif ours[name] != theirs[name]:
            yield f"`{name}` is {ours[name]} in one, {theirs[name]} in the other"
