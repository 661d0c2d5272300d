"""What a benchmark leaves behind: every sample as it was measured, and what is known of images and machines.

A directory of results holds `run.json` (a `Run`) and `samples.jsonl` (one `Sample` a line, only ever appended to).
Medians, percentiles and verdicts are worked out of these, and are never the only thing that is kept.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from tare.measure.sizes import ImageSizes

SCHEMA: Final = "tare.bench/1"

Status = Literal["ok", "oom", "timeout", "mismatch", "failed", "unsupported", "invalid"]
"""`mismatch`: another answer than the baseline's; `unsupported`: the image lacks what the work needs; `invalid`: the
measurement itself was at fault, such as a load generator that could not keep up."""


LIMITED: Final = "limited"
"""In `Sample.extra`: the load generator, and not the service, was the limit of a rate."""


SERVER: Final = " (server)"
"""How a case's name ends in which the server alone works: it is shown, and no image is judged by it."""


class Counters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the kernel counted for one sample; None where nobody counted."""

    cpu_seconds: float | None = None
    """User and system time."""
    memory_peak: int | None = None
    """Bytes, page cache included; of the control group."""
    rss_peak: int | None = None
    """Bytes, of the largest process."""
    throttled_seconds: float | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None


class Sample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One case, measured in one fresh container."""

    workload: str
    case: str
    candidate: str
    """The name of a `Candidate`."""
    round: int
    """From 0; all candidates of a round ran right after each other."""
    order: int
    """Place within the round, from 0."""
    block: str
    """Where it ran: every block has all candidates on one machine."""
    status: Status = "ok"
    value: float | None = None
    """The figure of the sample: the median of `values`, or the work's own; None without one."""
    unit: str = "s"
    values: tuple[float, ...] = ()
    """Repetitions within the container, in order; the first of them may be a cold one."""
    first: float | None = None
    """The very first repetition, kept apart: caches were cold and lazy imports undone."""
    lower_is_better: bool = True
    counters: Counters = Counters()
    check: str | None = None
    """What identifies the answer; equal for all images, or the sample is a `mismatch`."""
    histogram: str | None = None
    """Latencies in µs, as an HdrHistogram V2, compressed and in base64."""
    started: float = 0.0
    """Seconds since 1970."""
    note: str | None = None
    extra: dict[str, float] = {}
    """Figures beside the main one, such as the server's share of the time, or the seconds of a build's `step (KIND): NAME`."""

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What there is one sample of."""
        return (self.workload, self.case, self.candidate, self.block, self.round)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What explains an image's figures; read inside of it."""

    python: str
    config_args: str = ""
    """Of the interpreter's own `configure`."""
    pgo: bool | None = None
    lto: bool | None = None
    shared: bool | None = None
    """Whether the interpreter is in a shared library."""
    libc: str = ""
    allocator: str = ""
    thread_stack: int | None = None
    """Bytes that a new thread's stack has by default."""
    bytecode: bool | None = None
    """Whether the standard library has its bytecode."""
    wheels: dict[str, str] = {}
    """Name of a distribution and the tags of the wheel that it came from."""
    built: tuple[str, ...] = ()
    """Distributions that were built from source for this image."""
    http_parser: str = ""
    event_loop: str = ""
    driver: str = ""
    """Of the database, its version, and whether it is in C; empty where none is asked."""
    seccomp: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a build."""

    name: str
    kind: str
    start: float
    """Seconds from the beginning of the build."""
    end: float
    cached: bool = False


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An image, or an interpreter of this machine, that takes part."""

    name: str
    reference: str
    digest: str | None = None
    """Of the image's manifest; None of an interpreter of this machine."""
    platform: str = ""
    replica: str | None = None
    """What a stand-in for an official image says that it is."""
    control: str | None = None
    """The candidate that this one is a second name of: what differs between the two is noise."""
    environment: dict[str, str] = {}
    """Set for this candidate alone, as an ablation does."""
    ablation_of: str | None = None
    """The candidate of which this is the same image with one thing changed, and which it is compared with."""
    facts: Facts | None = None
    sizes: ImageSizes | None = None
    steps: tuple[Step, ...] = ()
    """Empty: the workload `build` builds in every round, and each of its samples has the steps in `extra`."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where a block ran."""

    name: str
    system: str
    processor: str
    cores: int
    memory: int
    """Bytes."""
    engine: str
    cgroup: Literal["v1", "v2", "none"] = "none"
    load: float = 0.0
    """Runnable processes when the run began."""
    warnings: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for. Two runs can be merged and compared when their `compat` is the same."""

    profile: str
    workloads: tuple[str, ...]
    rounds: int
    seed: int
    baseline: str
    rows: int
    engine: str
    database: str
    """`sqlite`, or the server's version."""
    compat: str
    """SHA-256 of the programs that ran and their parameters."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a directory of results."""

    schema: str = SCHEMA
    tare: str
    plan: Plan
    candidates: tuple[Candidate, ...]
    machines: dict[str, Machine]
    """By block."""
    command: str
    """What repeats it."""
    started: float = 0.0


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """A run with all its samples: what is analysed and rendered."""

    run: Run
    samples: tuple[Sample, ...]
