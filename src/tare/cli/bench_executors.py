"""`tare bench run --executor`: a run that other machines measure."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tare.bench.executors import Lost, Node, SshNode, gather, hosts
from tare.bench.kubernetes import Kubectl, PodNode, indexed_job
from tare.cli.bench_options import BenchArguments, workloads
from tare.errors import MachineError, UsageError

if TYPE_CHECKING:
    from tare.bench.result import Results
    from tare.cli.progress import Terminal

LOCAL = "local"
_THERE = "tare-bench"
"""Where results are on other machines, below the home directory of the one who logs in."""


def distributed(
    arguments: BenchArguments, directory: Path, reporter: Terminal, now: float
) -> tuple[Results, list[Lost]] | None:
    """Let other machines measure; None if it was only to be shown what they would be told."""
    kind, _, where = arguments.executor.partition(":")
    if arguments.block or arguments.stream:
        raise UsageError("`--block` and `--stream` are for a machine that measures", hints=("Leave them out",))
    if kind == "ssh":
        return _ssh(arguments, directory, reporter, where)
    if kind == "kubernetes":
        return _kubernetes(arguments, directory, reporter, image=where, now=now)
    raise UsageError(
        f"there is no executor `{arguments.executor}`",
        hints=("Write `local`, `ssh:HOST,HOST` or `kubernetes:IMAGE`, where IMAGE has tare",),
    )


def _ssh(
    arguments: BenchArguments, directory: Path, reporter: Terminal, where: str
) -> tuple[Results, list[Lost]] | None:
    client = shlex.split(arguments.client or "ssh")
    there = f"{_THERE}/{directory.absolute().name}"
    command = (*shlex.split(arguments.remote), "bench", *options(arguments), "--stream")
    nodes = [SshNode(host, client, command, there) for host in hosts(where)]
    if arguments.dry_run:
        sys.stdout.write("".join(f"{node.command}\n" for node in nodes))
        return None
    return gather(nodes, directory, reporter.step)


def _kubernetes(
    arguments: BenchArguments, directory: Path, reporter: Terminal, *, image: str, now: float
) -> tuple[Results, list[Lost]] | None:
    if not image:
        raise UsageError("no image was named that has tare", hints=("Write `--executor kubernetes:IMAGE`",))
    if arguments.more:
        raise UsageError(
            "pods keep no results that rounds could be added to",
            hints=("Leave `--more` out: each run adds blocks to those in `--output`",),
        )
    name = f"tare-bench-{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}"
    job = indexed_job(
        name, image=image, arguments=options(arguments), blocks=arguments.blocks, cores=arguments.cores,
        memory=arguments.memory,
    )  # fmt: skip
    if arguments.dry_run:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(job), indent=2).decode() + "\n")
        return None
    kubectl = Kubectl(shlex.split(arguments.client or "kubectl"))
    kubectl.apply(job)
    reporter.note(
        f"the Job `{name}` measures, also when this ends; `{shlex.join(kubectl.client)} delete job {name}` ends it"
    )
    nodes: list[Node] = [PodNode(kubectl, name, index) for index in range(arguments.blocks)]
    return gather(nodes, directory, reporter.step)


def options(arguments: BenchArguments) -> list[str]:
    """Return what another machine is told: everything but where results go, and whose block it is."""
    named: tuple[tuple[str, object], ...] = (
        ("--profile", arguments.profile), ("--workloads", workloads(arguments)), ("--baseline", arguments.baseline),
        ("--engine", arguments.engine), ("--rounds", arguments.rounds), ("--more", arguments.more),
        ("--seed", arguments.seed), ("--database", arguments.database), ("--define", arguments.define),
        ("--threads", arguments.threads), ("--load-seconds", arguments.load_seconds), ("--project", arguments.project),
        ("--load", arguments.load if arguments.load != "tare" else None),
        ("--driver", arguments.driver if arguments.driver != "asyncpg" else None),
    )  # fmt: skip
    several: tuple[tuple[str, Sequence[str]], ...] = (
        ("--image", arguments.image), ("--find-links", arguments.find_links), ("--mirror", arguments.mirror),
        ("--insecure-registry", arguments.insecure_registry), ("--builder", arguments.builder),
    )  # fmt: skip
    return [
        arguments.action,
        *(word for name, value in named if value is not None for word in (name, str(value))),
        *(word for name, values in several for value in values for word in (name, value)),
        *(("--offline",) if arguments.offline else ()),
    ]


def incomplete(lost: Sequence[Lost], directory: Path) -> MachineError:
    """Return the error that says which machines did not measure everything, and that nothing was thrown away."""
    return MachineError(
        f"{len(lost)} of the machines did not measure everything",
        causes=tuple(f"{each.block}: {each.why}; {each.samples} samples of it are kept" for each in lost),
        hints=(f"Results are in `{directory}`; the same command goes on where each machine was",),
    )
