"""`tare bench`: measure which image is better for which work, and say how sure that is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.settings import WorldArguments, add_world_options
from tare.cli.settings import world as make_world
from tare.errors import UsageError

if TYPE_CHECKING:
    from tare.bench.result import Results

ACTIONS = ("run", "report", "compare", "explain", "doctor")
PROFILES = ("smoke", "standard", "full")


class BenchArguments(WorldArguments):
    """What `tare bench` is given."""

    action: str
    results: list[str]
    image: list[str]
    profile: str | None
    workloads: str
    engine: str | None
    rounds: int | None
    more: int | None
    seed: int
    baseline: str | None
    block: str | None
    output: str | None
    database: str | None
    define: str | None
    fail_on: list[str]
    markdown: bool
    json: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "action", choices=ACTIONS, help="measure, show, compare two runs, explain, or look at the machine"
    )
    parser.add_argument("results", nargs="*", metavar="DIR", help="directories of results, for all but `run`")
    what = parser.add_argument_group("what is measured")
    what.add_argument(
        "--image", action="append", default=[], metavar="[NAME=]IMAGE",
        help="a base or an image: deb:SUITE, a tag, oci:DIR, …; with `--engine host`, an interpreter",
    )  # fmt: skip
    what.add_argument("--baseline", metavar="NAME", help="what the others are compared with (default: the first)")
    what.add_argument("--profile", choices=PROFILES, help="how much work (default: smoke)")
    what.add_argument(
        "--workloads",
        default="size,start,cpu",
        metavar="LIST",
        help="of size, build, start, io, cpu (default: size,start,cpu)",
    )
    what.add_argument("--define", metavar="FILE", help="a bench.toml with workloads of your own")
    how = parser.add_argument_group("how")
    how.add_argument("--engine", choices=("docker", "podman", "chroot", "host"), help="what runs the images")
    how.add_argument("--rounds", type=int, metavar="N", help="how many rounds (default: the profile's)")
    how.add_argument("--more", type=int, metavar="N", help="add rounds to results that are there")
    how.add_argument("--seed", type=int, default=108, metavar="N", help="of the order and of the data")
    how.add_argument("--block", metavar="NAME", help="the name of this machine's share (default: local)")
    how.add_argument("--database", metavar="URL", help="a PostgreSQL for io, in the place of one that is started")
    how.add_argument("-o", "--output", metavar="DIR", help="where results go")
    how.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="WORKLOAD>RATIO",
        help="compare: exit 1 when surely slower than that",
    )
    add_world_options(parser)
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--json", action="store_true", help="print a document that machines read, with every sample")


def execute(arguments: Arguments) -> int:
    """Do what was asked for."""
    arguments = cast("BenchArguments", arguments)
    actions = {"run": _run, "report": _report, "doctor": _doctor, "compare": _compare, "explain": _run}
    return actions[arguments.action](arguments)


def _run(arguments: BenchArguments) -> int:
    from tare.bench.profiles import profiles
    from tare.flow.bench import default_results

    reporter = Terminal()
    world = make_world(arguments, reporter)
    directory = Path(arguments.output or default_results(world.now()))
    profile = profiles()[arguments.profile or "smoke"]
    try:
        with world.cache.in_use():
            from tare.cli.bench_run import measure

            results = measure(arguments, world, reporter, directory, profile)
    finally:
        world.close()
        reporter.close()
    _write(arguments, results)
    sys.stderr.write(f"{len(results.samples)} samples are in {directory}\n")
    return 0


def _report(arguments: BenchArguments) -> int:
    from tare.bench.journal import Journal, merge

    if not arguments.results:
        raise UsageError("`tare bench report` needs results", hints=("Name the directory that `tare bench run` made",))
    _write(arguments, merge(Journal(Path(each)).read() for each in arguments.results))
    return 0


def _write(arguments: BenchArguments, results: Results) -> None:
    from tare.bench.analysis import analyse
    from tare.report.bench import bench_json, bench_markdown, bench_text

    found = analyse(results)
    if arguments.json:
        sys.stdout.write(bench_json(results, found))
    elif arguments.markdown:
        sys.stdout.write(bench_markdown(results, found))
    else:
        sys.stdout.write(bench_text(results, found))


def _doctor(arguments: BenchArguments) -> int:
    from tare.bench.doctor import examine, vitals
    from tare.bench.profiles import profiles
    from tare.report.bench import doctor_text

    directory = Path(arguments.output or ".")
    name = arguments.profile or "smoke"
    findings = list(examine(vitals(directory), profiles()[name], engine=arguments.engine or "the default engine"))
    if arguments.json:
        import msgspec

        document = {"schema": "tare.bench-doctor/1", "profile": name, "findings": findings}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
    else:
        sys.stdout.write(doctor_text(findings))
    return 1 if any(each.kind == "impossible" for each in findings) else 0


def _compare(arguments: BenchArguments) -> int:
    """Compare the candidates of one run, or two runs; exit 1 when a limit is surely passed."""
    from tare.bench.gate import between, failures, parse_limit, within
    from tare.bench.journal import Journal
    from tare.report.bench_changes import changes_json, changes_text

    limits = [parse_limit(text) for text in arguments.fail_on]
    found = [Journal(Path(each)).read() for each in arguments.results]
    if len(found) not in {1, 2}:
        raise UsageError("`tare bench compare` needs one or two results", hints=("Write `tare bench compare OLD NEW`",))
    changes = list(within(found[0]) if len(found) == 1 else between(*found))
    failed = failures(changes, limits)
    sys.stdout.write(changes_json(changes, failed) if arguments.json else changes_text(changes, failed))
    return 1 if failed else 0
