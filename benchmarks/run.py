"""Measure tare against its budgets and its peers: `make bench`, or `make bench ARGS=--quick`.

    python benchmarks/run.py [--quick] [--only NAME]... [--again] [--realtime] [--output FILE]

The page has the tables; `RESULTS.json` beside it has every figure of every round. Everything is kept below `.cache/bench`, so
a second run starts with the downloads of the first. With `--again`, what `--only` names takes the place of the same sections
of the page that is there, each of which then says when and how it was measured. What cannot be measured on this machine has a row that says so, and the run ends well; exit code 1 means that a goal was missed with `--strict`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import again
import build_and_push
import bytecode
import choosing
import lint
import memory
import push
import sizes
import slim
import startup
import transmux
import weigh
from fixture import Tare
from machine import description
from peers import ROOT, SCIENCE, NotMeasuredError, Peers, start
from results import Section, document, page, text_of

import dockerfile as dockerfiles

HOME = ROOT / ".cache" / "bench"
NAMES = (
    "push",
    "again",
    "copies",
    "layers",
    "startup",
    "memory",
    "sizes",
    "slim",
    "choosing",
    "weigh",
    "bytecode",
    "lint",
    "dockerfile",
)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure tare against its budgets and its peers.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: under four minutes")
    parser.add_argument("--only", action="append", choices=NAMES, help="measure this alone; may be repeated")
    parser.add_argument("--again", action="store_true", help="put what --only names into the page that is there")
    parser.add_argument("--realtime", action="store_true", help="run what is timed before all other processes (root)")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    parser.add_argument("--output", type=Path, help="where to write the page (default: benchmarks/RESULTS.md)")
    arguments = parser.parse_args()
    started = time.monotonic()
    machine = description()
    sections = measure(arguments)
    head = preface(machine, time.monotonic() - started)
    found = page(sections, preface=head)
    target = arguments.output or Path(__file__).with_name("RESULTS.md")
    if arguments.again:
        measured_again(target, sections, machine)
    elif arguments.only and not arguments.output:
        print(found)
    else:
        target.write_text(found, encoding="utf-8")
        kept = document(sections, command=command(), date=f"{datetime.now(UTC):%Y-%m-%d}", machine=machine)
        target.with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        say(f"written to {target}")
    return 1 if arguments.strict and "**no**" in found else 0


def measured_again(target: Path, sections: list[Section], machine: list[str]) -> None:
    """Put *sections* in the place of those of the page *target* that have the same titles."""
    place = target.with_suffix(".json")
    kept = json.loads(place.read_text(encoding="utf-8"))
    load = next((line for line in machine if "load" in line), "").rpartition("load ")[2]
    for section in sections:
        section.notes.insert(
            0, f"Measured by `{command()}` on {datetime.now(UTC):%Y-%m-%d}, apart from the rest; load {load}."
        )
    new = {section.title: section for section in sections}
    head, *parts = target.read_text(encoding="utf-8").split("\n\n## ")
    titles = [part.partition("\n")[0] for part in parts]
    texts = [
        text_of(new[title]) if title in new else f"## {part.rstrip()}"
        for title, part in zip(titles, parts, strict=True)
    ]
    target.write_text("\n\n".join((head, *texts)) + "\n", encoding="utf-8")
    kept["sections"] = [asdict(new[each["title"]]) if each["title"] in new else each for each in kept["sections"]]
    place.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def measure(arguments: argparse.Namespace) -> list[Section]:
    """Measure what is asked for."""
    names = arguments.only or NAMES
    HOME.mkdir(parents=True, exist_ok=True)
    tare = Tare(cache=HOME / "tare")
    say("fill the cache")
    tare.run("build", str(SCIENCE), "-o", f"oci:{HOME / 'first'}")
    shutil.rmtree(HOME / "first")
    few = arguments.quick
    with (
        tempfile.TemporaryDirectory(dir=HOME) as scratch,
        services(wanted={"push", "again", "dockerfile"} & set(names)) as found,
    ):
        steps: dict[str, Callable[[Path], Section]] = {
            "sizes": lambda place: sizes.measure(tare, place),
            "slim": lambda place: slim.measure(tare, place),
            "choosing": lambda place: first_in_line(
                lambda: choosing.measure(tare, place, rounds=5 if few else 15), wanted=arguments.realtime
            ),
            "startup": lambda place: first_in_line(
                lambda: startup.measure(tare, place, rounds=8 if few else 30, budget=90), wanted=arguments.realtime
            ),
            "layers": lambda place: first_in_line(
                lambda: transmux.measure(tare.cache, place, rounds=5 if few else 15, budget=120),
                wanted=arguments.realtime,
            ),
            "memory": lambda place: memory.measure(tare, place),
            "weigh": lambda place: weigh.measure(tare, place, rounds=2 if few else 7, budget=60 if few else 240),
            "copies": lambda place: push.alone(
                tare, place, rounds=3 if few else 10, budget=30 if few else 150, large=1 << 28 if few else 1 << 30
            ),
            "bytecode": lambda place: bytecode.measure(tare, place, rounds=3 if few else 10, budget=60 if few else 240),
            "push": lambda _: beside_docker(
                tare, found, rounds=2 if few else 7, costly=1 if few else 3, budget=60 if few else 400
            ),
            "again": lambda place: beside_docker_again(
                tare, found, place, rounds=5 if few else 20, budget=60 if few else 120
            ),
            "lint": lambda place: lint.measure(tare, place, rounds=8 if few else 30, budget=60),
            "dockerfile": lambda _: beside_the_post(found, rounds=1 if few else 3),
        }
        sections = {}
        for name, step in steps.items():
            if name in names:
                say(name)
                place = Path(scratch, name)  # its own, so that no section finds what another one made
                place.mkdir()
                sections[name] = step(place)
    return [sections[name] for name in NAMES if name in sections]


def beside_docker(tare: Tare, found: Peers | str, *, rounds: int, costly: int, budget: float) -> Section:
    """Measure a first build, or say why not."""
    if isinstance(found, str):
        return build_and_push.missing(found)
    return build_and_push.measure(tare, found, rounds=rounds, costly=costly, budget=budget)


def beside_docker_again(tare: Tare, found: Peers | str, scratch: Path, *, rounds: int, budget: float) -> Section:
    """Measure further builds, or say why not."""
    if isinstance(found, str):
        return again.missing(found)
    return again.measure(tare, found, scratch, rounds=rounds, budget=budget)


def beside_the_post(found: Peers | str, *, rounds: int) -> Section:
    """Measure generated Dockerfiles, or say why not."""
    return dockerfiles.missing(found) if isinstance(found, str) else dockerfiles.measure(found, rounds=rounds)


@contextlib.contextmanager
def services(*, wanted: object) -> Iterator[Peers | str]:
    """Start Docker and a registry if they are *wanted*, or tell why they are not there."""
    if not wanted:
        yield "not asked for"
        return
    say("start Docker and a registry")
    try:
        peers = start(HOME)
    except NotMeasuredError as error:
        yield str(error)
        return
    try:
        yield peers
    finally:
        peers.close()


def command() -> str:
    """Return what was typed."""
    return " ".join(["make bench", f'ARGS="{" ".join(sys.argv[1:])}"' if sys.argv[1:] else ""]).strip()


def preface(lines: list[str], took: float) -> str:
    """Return the head of the page."""
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return "\n".join(
        [
            "# What was measured",
            "",
            f"`{command()}`, {datetime.now(UTC):%Y-%m-%d}, {took / 60:.1f} minutes; this page is written by it.",
            "",
            *lines,
            f"* load {load} at the end",
            "",
            "Rounds run every case once, in random order. A ratio is the median over rounds of the ratios within a round, with",
            "its 95 % interval (bootstrap); *noise* is one case measured twice, so what its ratio differs from 1 by means",
            "nothing. `benchmarks/README.md` says how to repeat this and what the terms mean.",
        ]
    )


def first_in_line(step: Callable[[], Section], *, wanted: bool) -> Section:
    """Measure before all other processes of the machine, if that is *wanted*."""
    if not wanted:
        return step()
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        section = step()
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    section.notes.append("All cases ran at real-time priority (`--realtime`), since others used the machine too.")
    return section


def say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NotMeasuredError as error:
        print(f"error: nothing can be measured\n  caused by: {error}", file=sys.stderr)
        sys.exit(2)
