"""`tare bench`: measure which image is better for which work, and say how sure that is."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tare.cli.arguments import Arguments
from tare.cli.bench_options import BenchArguments, configure
from tare.cli.progress import Terminal
from tare.cli.settings import world as make_world
from tare.errors import UsageError

if TYPE_CHECKING:
    from tare.bench.result import Results
    from tare.flow.world import World

__all__ = ("configure", "execute")

_WITHOUT_RESULTS = ("run", "explain", "doctor")
_WITH_REPORT = ("run", "explain", "report")


def execute(arguments: Arguments) -> int:
    """Do what was asked for."""
    arguments = cast("BenchArguments", arguments)
    if arguments.results and arguments.action in _WITHOUT_RESULTS:
        raise UsageError(
            f"`tare bench {arguments.action}` takes no `{arguments.results[0]}`",
            hints=("Name images with `--image`, and with `--output` where results go",),
        )
    if arguments.fail_on and arguments.action != "compare":
        raise UsageError(
            f"`tare bench {arguments.action}` has no limits that it could fail on",
            hints=("Measure first, and then write `tare bench compare DIR --fail-on …`",),
        )
    if arguments.action not in _WITH_REPORT and (arguments.markdown or arguments.html is not None):
        raise UsageError(
            f"`tare bench {arguments.action}` makes no page and no Markdown",
            hints=("Write `tare bench report DIR` for what one run showed",),
        )
    if arguments.html is not None:
        _check_page(arguments.html, arguments.language)
    actions = {
        "run": _run,
        "report": _report,
        "doctor": _doctor,
        "compare": _compare,
        "explain": _run,
        "worker": _worker,
    }
    return actions[arguments.action](arguments)


def _check_page(name: str, language: str) -> None:
    """Raise if a page could not be written: not after an hour of measuring."""
    from tare.report.page.html import check
    from tare.report.page.words import words

    words(language)
    check()
    if not os.path.isdir(directory := os.path.dirname(name) or "."):
        raise UsageError(f"there is no directory `{directory}`", hints=("Make it, or name another `--html`",))


def _run(arguments: BenchArguments) -> int:
    from tare.flow.bench.candidates import default_results

    reporter = Terminal()
    world = make_world(arguments, reporter)
    directory = Path(arguments.output or default_results(world.now()))
    try:
        if arguments.executor != "local":
            return _elsewhere(arguments, reporter, directory, world.now())
        results = _here(arguments, reporter, directory, world)
    except KeyboardInterrupt:
        reporter.close()
        sys.stderr.write(_kept(directory, arguments))
        raise
    finally:
        world.close()
        reporter.close()
    if not arguments.stream:
        _write(arguments, results)
    sys.stderr.write(f"{len(results.samples)} samples are in {directory}\n")
    if sys.stderr.isatty():
        sys.stderr.write(f"a page of them: tare report {shlex.quote(str(directory))} --html report.html\n")
    return 0


def _kept(directory: Path, arguments: BenchArguments) -> str:
    """Return what is left of a run that is interrupted, and how it goes on; nothing if it had not measured anything."""
    from tare.bench.executors import BLOCKS
    from tare.bench.journal import SAMPLES

    files = (directory / SAMPLES,) if arguments.executor == "local" else (directory / BLOCKS).glob(f"*/{SAMPLES}")
    count = sum(each.read_bytes().count(b"\n") for each in files if each.exists())
    if not count:
        return ""
    kept = f"{count} samples are kept in {directory}"
    if arguments.executor.startswith("kubernetes:"):
        return f"{kept}\n"  # Each run is a Job of its own.
    command = "the same command" + (" without `--more`" if arguments.more else "")
    where = "" if arguments.output else f" with `--output {shlex.quote(str(directory))}`"
    return f"{kept}; {command}{where} goes on from there\n"


def _here(arguments: BenchArguments, reporter: Terminal, directory: Path, world: World) -> Results:
    from tare.bench.journal import Journal
    from tare.bench.profiles import profiles
    from tare.bench.relay import Relay
    from tare.cli.bench_run import measure

    relay = Relay(directory, _send) if arguments.stream else None
    with world.cache.in_use():
        journal = relay or Journal(directory)
        profile = profiles()[arguments.profile or "smoke"].lasting(arguments.load_seconds)
        results = measure(arguments, world, reporter, journal, profile)
    if relay is not None:
        relay.end()
    return results


def _send(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _elsewhere(arguments: BenchArguments, reporter: Terminal, directory: Path, now: float) -> int:
    from tare.cli.bench_executors import distributed, incomplete

    found = distributed(arguments, directory, reporter, now)
    if found is None:
        return 0
    results, lost = found
    reporter.close()
    _write(arguments, results)
    sys.stderr.write(f"{len(results.samples)} samples of {len(results.run.machines)} machines are in {directory}\n")
    if lost:
        raise incomplete(lost, directory)
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
    if arguments.html is not None:
        from tare.report.bench_page import document
        from tare.report.page.html import to_html
        from tare.report.page.words import words

        page = to_html(document(results, found, words(arguments.language)))
        Path(arguments.html).write_text(page, encoding="utf-8")
    if arguments.json:
        sys.stdout.write(bench_json(results, found))
    elif arguments.markdown:
        sys.stdout.write(bench_markdown(results, found))
    else:
        sys.stdout.write(bench_text(results, found))


def _doctor(arguments: BenchArguments) -> int:
    from tare.cli.bench_doctor import doctor

    return doctor(arguments)


def _worker(arguments: BenchArguments) -> int:
    """Make load for a benchmark of another machine, again and again, until it is interrupted."""
    from tare.bench.locust_load import address_of, missing, work

    if len(arguments.results) != 1:
        raise UsageError("`tare bench worker` needs one address", hints=("Write `tare bench worker ADDRESS:PORT`",))
    host, port = address_of(arguments.results[0])
    if (error := missing()) is not None:
        raise error
    sys.stderr.write(f"making load for {host}:{port}, until this is interrupted\n")
    work(sys.executable, host, port)
    return 0


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
